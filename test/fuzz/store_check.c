/* SPDX-License-Identifier: BSD-2-Clause */
#include "store_check.h"
#include "wire/clients.h"

#include <string.h>

static struct baton_session session;

/* What was seen of a record before: it may rise, not fall. */
static struct seen {
	uint64_t spi_i, spi_r, version;
	struct baton_id owner;
	uint32_t epoch, msgid_in, msgid_out;
	bool deleted;
	unsigned count;
	struct {
		uint32_t spi_in, spi_out;
		struct baton_counters c;
	} marks[BATON_CHILDREN_MAX];
} seen[4 * STORE_CHECK_MAX];
static unsigned seen_count;

static struct seen *seen_of(const struct baton_record *r)
{
	for (unsigned i = 0; i < seen_count; i++)
		if (seen[i].spi_i == r->spi_i && seen[i].spi_r == r->spi_r)
			return &seen[i];
	if (seen_count == sizeof(seen) / sizeof(*seen))
		return NULL;
	seen[seen_count] = (struct seen){.spi_i = r->spi_i, .spi_r = r->spi_r};
	return &seen[seen_count++];
}

static void check_marks(struct baton_table *t, const struct baton_record *r, const struct seen *s)
{
	for (unsigned i = 0; i < r->mark_count; i++) {
		const struct baton_mark *m = &r->marks[i];

		FUZZ_CHECK(m->record == r && baton_table_find_in(t, m->spi_in));
		for (unsigned j = 0; j < s->count; j++) {
			const struct baton_counters *old = &s->marks[j].c;

			if (s->marks[j].spi_in != m->spi_in || s->marks[j].spi_out != m->spi_out)
				continue;
			FUZZ_CHECK(m->counters.out_seq >= old->out_seq &&
				   m->counters.out_lease >= old->out_lease);
			FUZZ_CHECK(m->counters.in_seq >= old->in_seq);
		}
	}
}

static void check_record(struct baton_table *t, struct baton_record *r, uint64_t now_ms)
{
	struct seen *s = seen_of(r);

	FUZZ_CHECK(baton_table_find(t, r->spi_i, r->spi_r) == r);
	FUZZ_CHECK(r->deleted == !r->body);
	if (!r->deleted) {
		FUZZ_CHECK(baton_record_decode(r, now_ms, &session) == 0);
		FUZZ_CHECK(session.child_count == r->mark_count);
	}
	if (!s)
		return;
	FUZZ_CHECK(r->epoch >= s->epoch && r->deleted >= s->deleted);
	/* One that has proven its claim takes the place of another in the same epoch. */
	FUZZ_CHECK(r->epoch > s->epoch || !baton_id_equal(r->owner, &s->owner) ||
		   r->version >= s->version);
	FUZZ_CHECK(r->msgid_in >= s->msgid_in && r->msgid_out >= s->msgid_out);
	check_marks(t, r, s);
	s->epoch = r->epoch;
	s->owner = *r->owner;
	s->version = r->version;
	s->msgid_in = r->msgid_in;
	s->msgid_out = r->msgid_out;
	s->deleted = r->deleted;
	s->count = r->mark_count;
	for (unsigned i = 0; i < r->mark_count; i++) {
		s->marks[i].spi_in = r->marks[i].spi_in;
		s->marks[i].spi_out = r->marks[i].spi_out;
		s->marks[i].c = r->marks[i].counters;
	}
}

/* The index of addresses, if there is one, knows each; what it finds has that address. */
static void check_addresses(struct baton_table *t, const struct baton_record *r)
{
	struct baton_addr of[BATON_CLIENTS_MAX], again[BATON_CLIENTS_MAX];
	unsigned count = t->addresses && r->body ? baton_session_clients(r->body, r->body_len, of)
						 : 0;

	for (unsigned i = 0; i < count; i++) {
		struct baton_record *found = baton_table_find_address(t, &of[i]);
		unsigned others, j = 0;

		FUZZ_CHECK(found || r->flags & BATON_IKE_REKEYED);
		if (!found)
			continue;
		FUZZ_CHECK(!found->deleted && !(found->flags & BATON_IKE_REKEYED));
		others = baton_session_clients(found->body, found->body_len, again);
		while (j < others && !baton_addr_equal(&again[j], &of[i]))
			j++;
		FUZZ_CHECK(j < others);
	}
}

void store_check(struct baton_table *t, uint64_t now_ms)
{
	unsigned live = 0, tombstones = 0;
	size_t bytes = 0;
	struct baton_record *r;

	TAILQ_FOREACH(r, &t->records, all) {
		check_record(t, r, now_ms);
		check_addresses(t, r);
		live += !r->deleted;
		tombstones += r->deleted;
		bytes += r->body_len;
	}
	FUZZ_CHECK(live == t->live && live <= STORE_CHECK_MAX && tombstones == t->tombstones);
	FUZZ_CHECK(bytes == t->body_bytes);
}

void store_check_begin(void)
{
	seen_count = 0;
}

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--)
		h = (h ^ *p++) * 0x100000001b3u;
	return h;
}

uint64_t store_check_state(const struct baton_table *t)
{
	const struct baton_record *r;
	uint64_t sum = t->live + ((uint64_t)t->tombstones << 32);

	TAILQ_FOREACH(r, &t->records, all) {
		const uint64_t fields[] = {r->spi_i,   r->spi_r,    r->epoch,	  r->version,
					   r->deleted, r->msgid_in, r->msgid_out, r->stores,
					   r->ranks,   r->unproven, r->claimed,	  r->claim_boot};
		uint64_t h = mix(0xcbf29ce484222325u, fields, sizeof(fields));

		h = mix(h, r->owner->data, r->owner->len);
		for (unsigned i = 0; i < r->mark_count; i++) {
			h = mix(h, &r->marks[i].spi_in, sizeof(r->marks[i].spi_in));
			h = mix(h, &r->marks[i].counters, sizeof(r->marks[i].counters));
		}
		sum += h;
	}
	return sum;
}
