/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/exchange.h"
#include "core/service.h"
#include "store_check.h"
#include <string.h>

#define MAX STORE_CHECK_MAX
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
	uint64_t state;

	FUZZ_CHECK(n != 0 && n <= (int)sizeof(out));
	if (n < 0)
		return;
	answer.statuses = statuses;
	answer.status_max = BATON_ITEMS_MAX;
	FUZZ_CHECK(baton_message_decode(&answer, out, (size_t)n, NULL) == 0);
	FUZZ_CHECK(answer.header.flags & BATON_FLAG_RESPONSE);
	FUZZ_CHECK(answer.header.msgid == m->header.msgid &&
		   answer.header.spi_i == m->header.spi_i);
	if (m->header.exchange == BATON_SA_STOR && !answer.error)
		FUZZ_CHECK(answer.status_count ==
			   m->session_count + m->report_count + m->delete_count);
	for (unsigned i = 0; i < answer.session_count; i++)
		FUZZ_CHECK(baton_session_decode(&session, answer.sessions[i].body,
						answer.sessions[i].len, NULL) == 0);
	baton_exchange_respond(&x[peer - peers], out, (size_t)n);
	state = store_check_state(&table);
	n = baton_service_answer(&service, peer, buf, len, now_ms, out, sizeof(out));
	FUZZ_CHECK(n > 0 && store_check_state(&table) == state); /* twice is once */
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
	store_check_begin();
	memset(&service.standings, 0, sizeof(service.standings));
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
		store_check(&table, now_ms);
		data += len;
		size -= len;
	}
}
