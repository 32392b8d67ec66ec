/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz.h"

#include "core/exchange.h"
#include "core/service.h"
#include <string.h>

#define MAX 16u
#define MTU 1280u

static const struct baton_id self = {BATON_ID_FQDN, 4, "gw-b"};
static const struct baton_id peers[2] = {{BATON_ID_FQDN, 4, "gw-a"}, {BATON_ID_FQDN, 4, "gw-c"}};

static struct baton_table table;
static struct baton_ownership own = {.table = &table, .self = &self, .lease = 65536};
static struct baton_service service = {.own = &own, .boot = 0xb0b0, .stores = true};
static struct baton_exchange x[2];
static struct baton_message answer;
static struct baton_status statuses[BATON_ITEMS_MAX];
static struct baton_session session;
static uint8_t out[BATON_MESSAGE_MAX];
static uint64_t now_ms;

/* What was seen of a record before: it may rise, not fall. */
static struct seen {
	uint64_t spi_i, spi_r, version;
	uint32_t epoch, msgid_in, msgid_out;
	bool deleted;
	unsigned count;
	struct {
		uint32_t spi_in, spi_out;
		struct baton_counters c;
	} marks[BATON_CHILDREN_MAX];
} seen[4 * MAX];
static unsigned seen_count;

static void on_send(void *ctx, const void *buf, size_t len)
{
	(void)ctx;
	FUZZ_CHECK(buf && len > 0 && len <= MTU);
}

static void on_request(void *ctx, const void *buf, size_t len)
{
	const struct baton_id *peer = ctx;
	int n = baton_service_answer(&service, peer, buf, len, now_ms, out, sizeof(out));
	const struct baton_message *m = &service.msg;

	FUZZ_CHECK(n != 0 && n <= (int)sizeof(out));
	if (n < 0)
		return;
	answer.statuses = statuses;
	answer.status_max = BATON_ITEMS_MAX;
	FUZZ_CHECK(baton_message_decode(&answer, out, (size_t)n, NULL) == 0);
	FUZZ_CHECK(answer.header.flags & BATON_FLAG_RESPONSE);
	FUZZ_CHECK(answer.header.msgid == m->header.msgid &&
		   answer.header.spi_i == m->header.spi_i);
	if (m->header.exchange == BATON_SA_STOR)
		FUZZ_CHECK(answer.status_count ==
			   m->session_count + m->report_count + m->delete_count);
	for (unsigned i = 0; i < answer.session_count; i++)
		FUZZ_CHECK(baton_session_decode(&session, answer.sessions[i].body,
						answer.sessions[i].len, NULL) == 0);
	baton_exchange_respond(&x[peer - peers], out, (size_t)n);
}

static void on_response(void *ctx, void *tag, const void *buf, size_t len)
{
	(void)ctx;
	(void)tag;
	(void)buf;
	(void)len;
	FUZZ_CHECK(false); /* nothing was ever asked */
}

static const struct baton_exchange_ops ops = {on_send, on_request, on_response};

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

static void check_marks(const struct baton_record *r, const struct seen *s)
{
	for (unsigned i = 0; i < r->mark_count; i++) {
		const struct baton_mark *m = &r->marks[i];

		FUZZ_CHECK(m->record == r && baton_table_find_in(&table, m->spi_in));
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

static void check_record(struct baton_record *r)
{
	struct seen *s = seen_of(r);

	FUZZ_CHECK(baton_table_find(&table, r->spi_i, r->spi_r) == r);
	FUZZ_CHECK(r->deleted == !r->body);
	if (!r->deleted) {
		FUZZ_CHECK(baton_record_decode(r, now_ms, &session) == 0);
		FUZZ_CHECK(session.child_count == r->mark_count);
	}
	if (!s)
		return;
	FUZZ_CHECK(r->epoch >= s->epoch && r->deleted >= s->deleted);
	FUZZ_CHECK(r->epoch > s->epoch || r->version >= s->version);
	FUZZ_CHECK(r->msgid_in >= s->msgid_in && r->msgid_out >= s->msgid_out);
	check_marks(r, s);
	s->epoch = r->epoch;
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

static void check_table(void)
{
	unsigned live = 0, tombstones = 0;
	size_t bytes = 0;
	struct baton_record *r;

	TAILQ_FOREACH(r, &table.records, all) {
		check_record(r);
		live += !r->deleted;
		tombstones += r->deleted;
		bytes += r->body_len;
	}
	FUZZ_CHECK(live == table.live && live <= MAX && tombstones == table.tombstones);
	FUZZ_CHECK(bytes == table.body_bytes);
}

static void start(void)
{
	static bool ready;
	struct baton_record *r;

	if (!ready) {
		FUZZ_CHECK(baton_table_init(&table, MAX, 1) == 0);
		for (unsigned i = 0; i < 2; i++)
			FUZZ_CHECK(baton_exchange_init(&x[i], &ops, (void *)(uintptr_t)&peers[i],
						       0xb0b0, MTU) == 0);
	}
	ready = true;
	while ((r = TAILQ_FIRST(&table.records)))
		baton_table_drop(&table, r);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned j = 0; j < BATON_REASSEMBLIES; j++)
			if (x[i].parts[j]->total)
				baton_reassembly_reset(x[i].parts[j]);
	x[0].part_turn = x[1].part_turn = 0;
	seen_count = 0;
	now_ms = 1000000;
}

void fuzz_service(const uint8_t *data, size_t size)
{
	start();
	while (size > 4) {
		size_t len = (size_t)(data[0] << 8 | data[1]);
		unsigned from = data[2] & 1;

		now_ms += data[3] * 1000u;
		data += 4;
		size -= 4;
		if (len > size)
			len = size;
		baton_exchange_input(&x[from], data, len, now_ms);
		baton_table_sweep(&table, now_ms);
		check_table();
		data += len;
		size -= len;
	}
}
