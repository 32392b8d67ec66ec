/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets from the kernel's queue (length, what is done after it, octets): which SA each is for,
 * and the waiting room. Every packet that is held comes out once, in the order in which it came. */
#include "fuzz.h"

#include "miss/waiting.h"
#include <limits.h>
#include <string.h>

#define IDS 4096u

static struct baton_waiting *room;
static uint8_t held[IDS]; /* 1: in there */
static uint32_t next_id, last_out;
static unsigned inside;
static bool paused_out;

static void out(void *ctx, uint32_t id)
{
	(void)ctx;
	/* those of one SA are in their order; several may be let out together */
	FUZZ_CHECK(id < next_id && held[id] == 1 && (paused_out || id > last_out));
	held[id] = 2;
	last_out = id;
	inside--;
}

static void begin(void)
{
	static const struct baton_miss_limits limits = {
		.held_max = 64,
		.held_per_sa = 8,
		.queries_per_s = 50,
		.queries_per_source = 20,
		.quiet_ms = 300,
		.partitions = {1, {{0x01000000, 0xf0000000}}}};

	baton_waiting_free(room);
	room = baton_waiting_new(&limits, 1);
	FUZZ_CHECK(room);
	memset(held, 0, sizeof(held));
	next_id = 1;
	inside = 0;
}

static void arrive(const struct baton_packet *p, uint64_t now_ms)
{
	enum baton_miss_verdict verdict;
	unsigned peer = UINT_MAX;

	verdict = baton_waiting_take(room, p, next_id, now_ms, &peer);
	if (verdict == BATON_MISS_HOLD || verdict == BATON_MISS_ASK) {
		held[next_id] = 1;
		inside++;
	}
	FUZZ_CHECK((verdict == BATON_MISS_AWAY) == (peer < 4));
	next_id++;
	FUZZ_CHECK(inside <= 64);
}

/* It stays what it is, but for where it goes to. */
static void redirect(const struct baton_packet *p, const uint8_t *data, size_t len)
{
	struct baton_addr to = {.family = p->to.family, .ip = {1, 2, 3, 4}};
	struct baton_packet q;
	uint8_t copy[128];

	memcpy(copy, data, len);
	if (baton_packet_redirect(copy, len, &to))
		return;
	FUZZ_CHECK(baton_packet_parse(&q, copy, len) == 0 || p->kind == BATON_PACKET_TO);
	FUZZ_CHECK(p->kind == BATON_PACKET_TO ||
		   (q.kind == p->kind && memcmp(q.to.ip, to.ip, 16) == 0 && q.spi == p->spi));
}

void fuzz_packet(const uint8_t *data, size_t size)
{
	const struct baton_miss_stats *s;
	uint64_t now_ms = 1000;

	begin();
	while (size > 2 && next_id < IDS) {
		size_t len = data[0] & 127u;
		unsigned then = data[1];
		struct baton_packet p;

		data += 2;
		size -= 2;
		len = len > size ? size : len;
		if (baton_packet_parse(&p, data, len))
			FUZZ_CHECK(p.kind == BATON_PACKET_OTHER);
		if (p.kind == BATON_PACKET_OTHER && p.to.family && then & 128)
			p.kind = BATON_PACKET_TO;
		if (p.kind != BATON_PACKET_OTHER) {
			FUZZ_CHECK(p.to.family && p.from.family);
			for (unsigned i = 0; i <= then >> 5; i++)
				if (next_id < IDS)
					arrive(&p, now_ms);
			last_out = 0;
			if (then & 1)
				baton_waiting_end(room, &p, then & 2, now_ms, out, NULL);
			if (then & 4)
				baton_waiting_quiet(room, &p, now_ms + 300);
			if ((then & 6) == 6)
				baton_waiting_away(room, &p, then >> 6, now_ms);
			if ((then & 31) == 31)
				baton_waiting_forget_peer(room, then >> 6);
			if ((then & 15) == 12)
				baton_waiting_wake(room, &p);
			if ((then & 15) == 14)
				baton_waiting_pause(room, then >> 6);
			if ((then & 15) == 13) {
				paused_out = true;
				baton_waiting_resume(room, then >> 6, out, NULL);
				paused_out = false;
			}
			redirect(&p, data, len);
		}
		now_ms += (then & 24u) * 8;
		data += len;
		size -= len;
	}
	s = baton_waiting_stats(room);
	FUZZ_CHECK(s->held == s->released + s->discarded + inside);
}
