/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store's rules, by messages that are well-formed: each step of the input
 * (what, who, session, a few numbers) becomes a request. So the fuzzer comes to
 * what a random datagram never does: claims after claims, contacts that end,
 * pages, copies of requests from long ago.
 */
#include "core/service.h"
#include "sample.h"
#include "store_check.h"
#include <string.h>
#include <sys/socket.h>

#define PEERS 3u
#define STEP_BYTES 8u
#define STEPS_MAX 20u /* of an input: beyond, they cost time and find nothing new */
#define COPIES 8u

static const struct baton_id self = {BATON_ID_FQDN, 4, "gw-d"};
static const struct baton_id peers[PEERS] = {
	{BATON_ID_FQDN, 4, "gw-a"}, {BATON_ID_FQDN, 4, "gw-b"}, {BATON_ID_FQDN, 10, "gw-c.longer"}};

static struct baton_table table;
static struct baton_ownership own = {.table = &table, .self = &self, .lease = 1000};
static struct baton_service service = {.own = &own, .stores = true};
static struct baton_session session, got;
static struct baton_message answer;
static struct baton_status statuses[BATON_ITEMS_MAX];
static uint8_t out[BATON_MESSAGE_MAX], body[8192];
static uint64_t now_ms;
static uint32_t msgids[PEERS];
static struct {
	unsigned peer;
	size_t len;
	uint8_t buf[8192];
} copies[COPIES];
static unsigned copied;

/* ---- requests -------------------------------------------------------------------------------- */

static void name(const uint8_t *d)
{
	session.spi_i = session.spi_r = d[2] % 20 + 1u;
}

static void put(struct baton_builder *b, const uint8_t *d)
{
	int len;

	name(d);
	session.owner = peers[d[1] % PEERS];
	session.epoch = d[3] % 8 + 1u;
	session.version = d[4] % 16 + 1u;
	session.stores = d[5] % 4;
	session.ranks = session.stores ? d[5] >> 2 & 7 : 0;
	session.stale = d[5] >> 7;
	session.child_count = d[6] % 3;
	for (unsigned i = 0; i < session.child_count; i++) {
		session.children[i].spi_in = 0x1000u + (d[2] % 20u) * 4 + (d[6] >> 2) % 2 + 2 * i;
		session.children[i].spi_out = 0x2000u + (d[6] >> 3) % 2 + 2 * i;
		session.children[i].counters = (struct baton_counters){d[7], d[7] * 2u, d[7],
								       d[7] + 3u};
	}
	len = baton_session_encode(&session, body, sizeof(body));
	if (len > 0)
		baton_build_session(b, body, (size_t)len);
}

static void report(struct baton_builder *b, const uint8_t *d)
{
	const struct baton_report reps[2] = {
		{.kind = BATON_REPORT_CHILD,
		 .protocol = BATON_PROTO_ESP,
		 .spi_in = 0x1000u + (d[2] % 20u) * 4 + d[6] % 4u,
		 .spi_i = d[2] % 20 + 1u,
		 .spi_r = d[2] % 20 + 1u,
		 .epoch = d[3] % 8 + 1u,
		 .counters = {d[7] * 3u, d[7] * 4u, d[5], d[5] + d[4]}},
		{.kind = BATON_REPORT_MSGID,
		 .protocol = 1,
		 .spi_i = d[2] % 20 + 1u,
		 .spi_r = d[2] % 20 + 1u,
		 .epoch = d[3] % 8 + 1u,
		 .msgid_in = d[4],
		 .msgid_out = d[5]},
	};

	baton_build_reports(b, reps, 2);
}

static void retrieve(struct baton_builder *b, const uint8_t *d)
{
	baton_build_id(b, BATON_PL_IDR, d[3] & 8 ? &self : &peers[d[3] % PEERS]);
	if (d[4] & 1)
		baton_build_claim(b, d[4] & 2 ? d[5] % 16u : 0);
	if (d[4] & 4)
		baton_build_share(b, &(struct baton_share){(uint16_t)(d[6] % 3u),
							   (uint16_t)(d[6] % 3u + 1), 1});
	if (d[4] & 8)
		baton_build_notify(b, BATON_N_FOLLOW);
	if (d[4] & 16)
		baton_build_notify(b, BATON_N_DIGEST);
	else if (d[4] & 32)
		baton_build_list(b, d[6]);
	baton_build_cursor(b, &(struct baton_cursor){d[4] & 64 ? d[7] : 0, d[4] & 128 ? 600 : 0});
}

static void by_spi(struct baton_builder *b, const uint8_t *d)
{
	if (d[4] & 1)
		baton_build_claim(b, d[4] & 2 ? d[5] % 16u : 0);
	if (d[4] & 8)
		baton_build_by_address(
			b, &(struct baton_addr){.family = AF_INET, .ip = {10, 3, 0, d[6] % 4u}});
	else if (d[4] & 4)
		baton_build_by_spi(b, BATON_PROTO_ESP, 0x1000u + (d[2] % 20u) * 4 + d[6] % 4u);
	else
		baton_build_by_spi(b, 1, d[2] % 20 + 1u);
}

static void contact(struct baton_builder *b, const uint8_t *d)
{
	const struct baton_contact k = {
		.hold_ms = d[3] * 100u,
		.stores = d[4] % 3 + 1,
		.rank = (uint8_t)(d[5] % (d[4] % 3u + 1) + 1),
		.tick = now_ms + 50 - d[6] * 20u,
	};

	baton_build_notify(b, d[7] % 4 == 3 ? BATON_N_MEMBERS : BATON_N_PING);
	baton_build_contact(b, &k);
}

/* A step's request into out. Its length, or 0. */
static size_t build(const uint8_t *d)
{
	unsigned peer = d[1] % PEERS, what = d[0] % 8;
	const struct baton_header h = {
		.spi_i = 0xa000u + peer * 16 + (d[1] >> 5) % 2,
		.spi_r = d[1] & 0x80 ? 0xdead : service.boot,
		.exchange = what < 3 ? BATON_SA_STOR : BATON_SA_RETR,
		.flags = BATON_FLAG_INITIATOR,
		.msgid = msgids[peer]++,
	};
	struct baton_builder b;
	int len;

	baton_build_begin(&b, out, sizeof(out), &h);
	baton_build_id(&b, BATON_PL_IDI, &peers[peer]);
	if (what == 0)
		put(&b, d);
	else if (what == 1)
		report(&b, d);
	else if (what == 2)
		baton_build_delete(&b, &(struct baton_delete){d[2] % 20 + 1u, d[2] % 20 + 1u,
							      d[3] % 8 + 1u, d[4] % 16 + 1u});
	else if (what < 5)
		retrieve(&b, d);
	else if (what == 5)
		by_spi(&b, d);
	else
		contact(&b, d);
	len = baton_build_end(&b);
	return len > 0 ? (size_t)len : 0;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void check_standings(void)
{
	FUZZ_CHECK(service.standings.count <= PEERS);
	for (unsigned i = 0; i < service.standings.count; i++) {
		const struct baton_standing *s = &service.standings.of[i];

		FUZZ_CHECK(s->rank <= s->stores && s->stores <= BATON_STORES_MAX);
		/* the longest hold there is here, from now */
		FUZZ_CHECK(s->until_ms <= now_ms + 25500u);
	}
}

static void execute(unsigned peer, const uint8_t *buf, size_t len)
{
	static uint8_t response[BATON_MESSAGE_MAX];
	bool claim;
	int n = baton_service_answer(&service, &peers[peer], buf, len, now_ms, response,
				     sizeof(response));
	uint64_t state;

	FUZZ_CHECK(n > 0);
	claim = service.msg.claim;
	answer.statuses = statuses;
	answer.status_max = BATON_ITEMS_MAX;
	FUZZ_CHECK(baton_message_decode(&answer, response, (size_t)n, NULL) == 0);
	for (unsigned i = 0; i < answer.session_count; i++) {
		FUZZ_CHECK(baton_session_decode(&got, answer.sessions[i].body,
						answer.sessions[i].len, NULL) == 0);
		FUZZ_CHECK(!claim || baton_id_equal(&got.owner, &peers[peer]));
	}
	state = store_check_state(&table);
	(void)baton_service_answer(&service, &peers[peer], buf, len, now_ms, response,
				   sizeof(response));
	FUZZ_CHECK(store_check_state(&table) == state); /* twice is once */
	store_check(&table, now_ms);
	check_standings();
}

static void start(void)
{
	static bool ready;
	struct baton_record *r;

	if (!ready) {
		sample_session(&session);
		session.children[0].policy_count = 0;
		session.children[1] = session.children[0];
		FUZZ_CHECK(baton_table_init(&table, STORE_CHECK_MAX, 1) == 0);
	}
	ready = true;
	while ((r = TAILQ_FIRST(&table.records)))
		baton_table_drop(&table, r);
	table.serial = 0;
	store_check_begin();
	memset(&service.standings, 0, sizeof(service.standings));
	memset(msgids, 0, sizeof(msgids));
	service.boot = 0xb0b0;
	now_ms = 1000000;
	copied = 0;
}

void fuzz_steps(const uint8_t *data, size_t size)
{
	if (size > (size_t)STEPS_MAX * STEP_BYTES)
		size = (size_t)STEPS_MAX * STEP_BYTES;
	start();
	for (; size >= STEP_BYTES; data += STEP_BYTES, size -= STEP_BYTES) {
		unsigned peer = data[1] % PEERS, at = data[2] % COPIES;
		size_t len;

		if (data[0] >> 3 == 31) { /* an earlier request, late */
			if (at < copied && at < COPIES)
				execute(copies[at].peer, copies[at].buf, copies[at].len);
			continue;
		}
		now_ms += (data[0] >> 3) * 137u;
		baton_table_sweep(&table, now_ms);
		len = build(data);
		if (!len || len > sizeof(copies->buf))
			continue;
		at = copied++ % COPIES;
		copies[at].peer = peer;
		copies[at].len = len;
		memcpy(copies[at].buf, out, len);
		execute(peer, copies[at].buf, len);
	}
}
