/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BUCKETS 16384u

static size_t bucket(const struct baton_table *t, uint64_t a, uint64_t b)
{
	/* Peers choose some of the SPIs: the seed keeps them from choosing the chain. */
	uint64_t x = (a ^ t->seed) * 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 32) ^ b) * 0xd6e8feb86659fd93u;
	x = (x ^ (x >> 32) ^ t->seed) * 0xd6e8feb86659fd93u;
	return (size_t)(x ^ (x >> 32)) & (t->buckets - 1);
}

bool baton_id_equal(const struct baton_id *a, const struct baton_id *b)
{
	return a->type == b->type && a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

bool baton_addr_equal(const struct baton_addr *a, const struct baton_addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, a->family == AF_INET6 ? 16 : 4) == 0;
}

int baton_table_init(struct baton_table *t, unsigned max_sessions, uint64_t seed)
{
	*t = (struct baton_table){.buckets = BUCKETS, .max = max_sessions, .seed = seed};
	TAILQ_INIT(&t->records);
	while (t->buckets < max_sessions && t->buckets < ((size_t)1 << 24))
		t->buckets *= 2;
	t->by_spis = calloc(t->buckets, sizeof(*t->by_spis));
	t->by_in = calloc(t->buckets, sizeof(*t->by_in));
	t->by_out = calloc(t->buckets, sizeof(*t->by_out));
	if (t->by_spis && t->by_in && t->by_out)
		return 0;
	baton_table_free(t);
	return -BATON_E_SYSTEM;
}

void baton_table_free(struct baton_table *t)
{
	struct baton_record *r;

	while ((r = TAILQ_FIRST(&t->records)))
		baton_table_drop(t, r);
	free(t->by_spis);
	free(t->by_in);
	free(t->by_out);
	t->by_spis = NULL;
	t->by_in = t->by_out = NULL;
}

struct baton_record *baton_table_find(struct baton_table *t, uint64_t spi_i, uint64_t spi_r)
{
	struct baton_record *r = t->by_spis[bucket(t, spi_i, spi_r)];

	while (r && (r->spi_i != spi_i || r->spi_r != spi_r))
		r = r->next;
	return r;
}

struct baton_mark *baton_table_find_in(struct baton_table *t, uint32_t spi_in)
{
	struct baton_mark *m = t->by_in[bucket(t, spi_in, 1)];

	while (m && m->spi_in != spi_in)
		m = m->next_in;
	return m;
}

struct baton_mark *baton_table_find_out(struct baton_table *t, uint32_t spi_out,
					const struct baton_addr *remote)
{
	struct baton_mark *m = t->by_out[bucket(t, spi_out, 2)];

	while (m && (m->spi_out != spi_out || !baton_addr_equal(&m->record->remote, remote)))
		m = m->next_out;
	return m;
}

struct baton_mark *baton_record_mark(struct baton_record *r, uint32_t spi_in)
{
	for (unsigned i = 0; i < r->mark_count; i++)
		if (r->marks[i].spi_in == spi_in)
			return &r->marks[i];
	return NULL;
}

struct baton_record *baton_table_add(struct baton_table *t, uint64_t spi_i, uint64_t spi_r)
{
	size_t at = bucket(t, spi_i, spi_r);
	struct baton_record *r;

	if (t->live >= t->max)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->spi_i = spi_i;
	r->spi_r = spi_r;
	r->serial = ++t->serial;
	r->next = t->by_spis[at];
	t->by_spis[at] = r;
	TAILQ_INSERT_TAIL(&t->records, r, all);
	t->live++;
	return r;
}

static void unlink_mark(struct baton_table *t, const struct baton_mark *m)
{
	struct baton_mark **p;

	for (p = &t->by_in[bucket(t, m->spi_in, 1)]; *p; p = &(*p)->next_in)
		if (*p == m) {
			*p = m->next_in;
			break;
		}
	for (p = &t->by_out[bucket(t, m->spi_out, 2)]; *p; p = &(*p)->next_out)
		if (*p == m) {
			*p = m->next_out;
			break;
		}
}

static void forget_body(struct baton_table *t, struct baton_record *r)
{
	for (unsigned i = 0; i < r->mark_count; i++)
		unlink_mark(t, &r->marks[i]);
	free(r->marks);
	r->marks = NULL;
	r->mark_count = 0;
	if (r->body) {
		t->body_bytes -= r->body_len;
		baton_wipe(r->body, r->body_len);
		free(r->body);
	}
	r->body = NULL;
	r->body_len = 0;
}

/* New marks for the children of s: those of SAs the record knew keep their counters and their
 * watch. */
static struct baton_mark *make_marks(struct baton_table *t, struct baton_record *r,
				     const struct baton_session *s)
{
	struct baton_mark *marks = calloc(s->child_count ? s->child_count : 1, sizeof(*marks));

	for (unsigned i = 0; marks && i < s->child_count; i++) {
		const struct baton_child *c = &s->children[i];
		const struct baton_mark *known = baton_record_mark(r, c->spi_in);

		if (!known)
			known = baton_table_find_in(t, c->spi_in); /* moved by an IKE rekey */
		if (known && known->spi_out == c->spi_out)
			marks[i] = *known;
		else
			marks[i] = (struct baton_mark){.counters = c->counters, .fresh = true};
		marks[i].record = r;
		marks[i].next_in = marks[i].next_out = NULL;
		marks[i].spi_in = c->spi_in;
		marks[i].spi_out = c->spi_out;
		marks[i].protocol = c->protocol;
		marks[i].flags = c->flags;
	}
	return marks;
}

static void link_marks(struct baton_table *t, struct baton_record *r)
{
	for (unsigned i = 0; i < r->mark_count; i++) {
		struct baton_mark *m = &r->marks[i];
		struct baton_mark **in = &t->by_in[bucket(t, m->spi_in, 1)];
		struct baton_mark **out = &t->by_out[bucket(t, m->spi_out, 2)];

		/* At the head: a mark of the IKE SA it has moved away from is found no more. */
		m->next_in = *in;
		*in = m;
		m->next_out = *out;
		*out = m;
	}
}

static void leave_place(struct baton_table *t, struct baton_record *r)
{
	if (t->place == r)
		t->place = TAILQ_PREV(r, baton_record_list, all);
}

struct baton_record *baton_table_after(struct baton_table *t, uint64_t serial)
{
	struct baton_record *r = t->place && t->place->serial <= serial ? t->place
									: TAILQ_FIRST(&t->records);

	while (r && r->serial <= serial) {
		t->place = r;
		r = TAILQ_NEXT(r, all);
	}
	return r;
}

void baton_table_touch(struct baton_table *t, struct baton_record *r)
{
	leave_place(t, r);
	r->serial = ++t->serial;
	TAILQ_REMOVE(&t->records, r, all);
	TAILQ_INSERT_TAIL(&t->records, r, all);
}

int baton_table_replace(struct baton_table *t, struct baton_record *r,
			const struct baton_session *s, uint64_t now_ms)
{
	static uint8_t buf[BATON_MESSAGE_MAX]; /* single-threaded; wiped below */
	struct baton_mark *marks = NULL;
	uint8_t *body = NULL;
	int err = 0, len = baton_session_encode(s, buf, sizeof(buf));

	if (len < 0)
		return len;
	body = malloc((size_t)len);
	marks = make_marks(t, r, s);
	if (!body || !marks) {
		free(body);
		free(marks);
		err = -BATON_E_SYSTEM;
		goto out;
	}
	forget_body(t, r);
	memcpy(body, buf, (size_t)len);
	r->body = body;
	r->body_len = (size_t)len;
	t->body_bytes += r->body_len;
	r->marks = marks;
	r->mark_count = s->child_count;
	link_marks(t, r);
	r->owner = s->owner;
	r->epoch = s->epoch;
	r->version = s->version;
	r->stores = s->stores;
	r->ranks = s->ranks;
	r->flags = s->flags;
	r->local = s->local;
	r->remote = s->remote;
	r->stored_ms = now_ms;
	r->granted_stale = false;
	baton_table_touch(t, r);
	/* Like the counters: a report may have come before this put. */
	if (s->msgid_in > r->msgid_in)
		r->msgid_in = s->msgid_in;
	if (s->msgid_out > r->msgid_out)
		r->msgid_out = s->msgid_out;
out:
	baton_wipe(buf, (size_t)len);
	return err;
}

void baton_table_bury(struct baton_table *t, struct baton_record *r, uint64_t now_ms)
{
	if (r->deleted)
		return;
	forget_body(t, r);
	r->deleted = true;
	baton_table_touch(t, r);
	r->stored_ms = now_ms;
	t->live--;
	t->tombstones++;
}

void baton_table_drop(struct baton_table *t, struct baton_record *r)
{
	struct baton_record **p = &t->by_spis[bucket(t, r->spi_i, r->spi_r)];

	forget_body(t, r);
	while (*p && *p != r)
		p = &(*p)->next;
	if (*p)
		*p = r->next;
	leave_place(t, r);
	TAILQ_REMOVE(&t->records, r, all);
	if (r->deleted)
		t->tombstones--;
	else
		t->live--;
	free(r);
}

static bool waits_for_a_peer(const struct baton_record *r)
{
	for (unsigned i = 0; i < BATON_PEERS_MAX; i++)
		if (r->peers[i].dirty || r->peers[i].flying)
			return true;
	return false;
}

void baton_table_sweep(struct baton_table *t, uint64_t now_ms)
{
	struct baton_record *r, *next;

	for (r = TAILQ_FIRST(&t->records); r; r = next) {
		next = TAILQ_NEXT(r, all);
		if (!r->deleted || waits_for_a_peer(r))
			continue;
		if (now_ms - r->stored_ms > BATON_TOMBSTONE_MS || t->tombstones > t->max)
			baton_table_drop(t, r);
	}
}

/* A lifetime that has run out is 1 s, never 0: 0 means "none is set". */
static uint32_t reduce(uint32_t left_s, uint64_t passed_s)
{
	if (left_s == 0)
		return 0;
	return passed_s >= left_s ? 1 : left_s - (uint32_t)passed_s;
}

static void reduce_life(struct baton_lifetime *l, uint64_t passed_s)
{
	l->rekey_s = reduce(l->rekey_s, passed_s);
	l->reauth_s = reduce(l->reauth_s, passed_s);
	l->expire_s = reduce(l->expire_s, passed_s);
}

int baton_record_decode(const struct baton_record *r, uint64_t now_ms, struct baton_session *s)
{
	uint64_t passed_s = (now_ms - r->stored_ms) / 1000;
	int err = baton_session_decode(s, r->body, r->body_len, NULL);

	if (err)
		return err;
	s->spi_i = r->spi_i;
	s->spi_r = r->spi_r;
	s->owner = r->owner;
	s->epoch = r->epoch;
	s->version = r->version;
	s->stores = r->stores;
	s->ranks = r->ranks;
	s->stale = r->granted_stale;
	s->msgid_in = r->msgid_in;
	s->msgid_out = r->msgid_out;
	reduce_life(&s->life, passed_s);
	for (unsigned i = 0; i < s->child_count && i < r->mark_count; i++) {
		s->children[i].counters = r->marks[i].counters;
		reduce_life(&s->children[i].life, passed_s);
	}
	return 0;
}

static int encode(struct baton_session *scratch, int err, void *buf, size_t size)
{
	if (!err)
		err = baton_session_encode(scratch, buf, size);
	baton_session_wipe(scratch);
	return err;
}

int baton_record_render(const struct baton_record *r, uint64_t now_ms,
			struct baton_session *scratch, void *buf, size_t size)
{
	return encode(scratch, baton_record_decode(r, now_ms, scratch), buf, size);
}

int baton_record_tell(const struct baton_record *r, uint64_t now_ms, struct baton_session *scratch,
		      void *buf, size_t size)
{
	int err = baton_record_decode(r, now_ms, scratch);

	if (!err && r->ike_only && scratch->child_count) {
		baton_wipe(scratch->children, sizeof(scratch->children));
		scratch->child_count = 0;
		scratch->flags |= BATON_IKE_ONLY;
	}
	return encode(scratch, err, buf, size);
}
