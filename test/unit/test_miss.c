/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets of unknown SAs: which SA they are for, and who waits, who is asked, who goes on. */
#include "miss/known.h"
#include "miss/waiting.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static const uint8_t esp4[] = {0x45, 0, 0,   60, 0,   0,  0,	0, 64, 50, 0, 0, 192, 0,
			       2,    1, 198, 51, 100, 10, 0xc1, 2, 3,  4,  0, 0, 0,   9};
static const uint8_t natt4[] = {0x45, 0,  0, 60, 0,    0,  0,	0,  64,	  17,	0,    0,
				192,  0,  2, 1,	 198,  51, 100, 10, 0x30, 0x39, 0x11, 0x94,
				0,    40, 0, 0,	 0xc1, 2,  3,	4,  0,	  0,	0,    9};
static const uint8_t ike6[] = {0x60, 0, 0, 0, 0, 36, 17, 64,
			       /* from, to */
			       0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 1, 0xd,
			       0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
			       /* UDP, marker, SPIs */
			       0x11, 0x94, 0x11, 0x94, 0, 64, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7,
			       8, 0xc1, 12, 13, 14, 15, 16, 17, 18};

static struct baton_packet p;
static unsigned peer;
static struct baton_waiting *w;
static struct baton_miss_limits limits;
static uint32_t out[64];
static unsigned out_count;

static void esp_names_its_sa(void **state)
{
	(void)state;
	assert_int_equal(baton_packet_parse(&p, esp4, sizeof(esp4)), 0);
	assert_int_equal(p.kind, BATON_PACKET_ESP);
	assert_int_equal(p.spi, 0xc1020304);
	assert_int_equal(p.to.family, AF_INET);
	assert_memory_equal(p.to.ip, "\xc6\x33\x64\x0a", 4);
	assert_memory_equal(p.from.ip, "\xc0\x00\x02\x01", 4);
	assert_int_equal(baton_packet_parse(&p, natt4, sizeof(natt4)), 0);
	assert_int_equal(p.kind, BATON_PACKET_ESP);
	assert_int_equal(p.spi, 0xc1020304);
	assert_int_equal(p.from.port, 12345);
}

static void ike_names_it_by_both_spis(void **state)
{
	(void)state;
	assert_int_equal(baton_packet_parse(&p, ike6, sizeof(ike6)), 0);
	assert_int_equal(p.kind, BATON_PACKET_IKE);
	assert_true(p.ike.spi_i == 0x0102030405060708 && p.ike.spi_r == 0xc10c0d0e0f101112);
	assert_int_equal(p.to.family, AF_INET6);
	assert_int_equal(p.to.ip[15], 2);
}

static void what_is_too_short_or_something_else_names_none(void **state)
{
	uint8_t other[sizeof(esp4)];

	(void)state;
	for (size_t len = 0; len < 24; len++) {
		assert_true(baton_packet_parse(&p, esp4, len) != 0);
		assert_int_equal(p.kind, BATON_PACKET_OTHER);
	}
	memcpy(other, esp4, sizeof(esp4));
	other[7] = 1; /* a later fragment: what follows is no header */
	assert_int_equal(baton_packet_parse(&p, other, sizeof(other)), 0);
	assert_int_equal(p.kind, BATON_PACKET_OTHER);
	memcpy(other, esp4, sizeof(esp4));
	other[0] = 0x44;
	assert_int_equal(baton_packet_parse(&p, other, sizeof(other)), -BATON_E_LENGTH);
}

static struct baton_net net(uint8_t family, const char *ip, uint8_t bits)
{
	struct baton_net n = {.addr.family = family, .bits = bits};

	memcpy(n.addr.ip, ip, family == AF_INET6 ? 16 : 4);
	return n;
}

static void a_net_has_the_addresses_of_its_bits(void **state)
{
	struct baton_addr a = {.family = AF_INET, .ip = {10, 50, 0x1f, 9}};
	struct baton_net n = net(AF_INET, "\x0a\x32\x10\x00", 20);

	(void)state;
	assert_true(baton_net_has(&n, &a));
	a.ip[2] = 0x20;
	assert_false(baton_net_has(&n, &a));
	a.ip[2] = 0x1f;
	a.ip[0] = 11;
	assert_false(baton_net_has(&n, &a));
	n = net(AF_INET, "\x0b\x32\x1f\x09", 32);
	assert_true(baton_net_has(&n, &a));
	a.ip[3]++;
	assert_false(baton_net_has(&n, &a));
	a.family = AF_INET6; /* the same octets mean another */
	assert_false(baton_net_has(&n, &a));
}

/* ---- what the kernel is to know ----------------------------------------------------------------
 */
static void what_is_known_twice_is_forgotten_twice(void **state)
{
	struct baton_known k = {.key_len = 16};
	const char key[16] = "an IPv6 address";
	const uint8_t *changed;

	(void)state;
	baton_known_set(&k, key, false); /* never known: no change */
	assert_int_equal(k.change_count, 0);
	baton_known_set(&k, key, true);
	baton_known_set(&k, key, true);
	assert_int_equal(k.count, 1);
	assert_int_equal(k.change_count, 1);
	assert_int_equal(baton_known_change(&k, 0, &changed)->count, 2);
	assert_memory_equal(changed, key, 16);
	baton_known_done(&k, 1);
	baton_known_set(&k, key, false);
	assert_int_equal(k.change_count, 0);
	baton_known_set(&k, key, false);
	assert_int_equal(k.count, 0);
	assert_int_equal(k.change_count, 1);
	baton_known_free(&k);
}

/* More than there is room for at first; what came and went leaves no trace. */
static void many_are_known(void **state)
{
	struct baton_known k = {.key_len = 4};
	unsigned told = 0;

	(void)state;
	for (uint32_t turn = 0; turn < 20; turn++) {
		for (uint32_t i = 0; i < 5000; i++) {
			uint32_t key = turn << 16 | i;

			baton_known_set(&k, &key, true);
		}
		assert_int_equal(k.count, 5000);
		baton_known_done(&k, k.change_count);
		for (size_t i = 0; i < k.size; i++)
			told += k.states[i].told;
		assert_int_equal(told, 5000);
		told = 0;
		for (uint32_t i = 0; i < 5000; i++) {
			uint32_t key = turn << 16 | i;

			baton_known_set(&k, &key, false);
		}
		assert_int_equal(k.change_count, 5000);
		baton_known_done(&k, 5000);
	}
	assert_int_equal(k.count, 0);
	assert_true(k.size <= 65536);
	baton_known_free(&k);
}

/* RFC 1071, over 0 to 2 pieces: 0 when the sum among them is right. */
static uint16_t checksum(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
			 uint32_t sum)
{
	for (size_t i = 0; i < a_len; i++)
		sum += i % 2 ? a[i] : (uint32_t)a[i] << 8;
	for (size_t i = 0; i < b_len; i++)
		sum += i % 2 ? b[i] : (uint32_t)b[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void a_redirected_packet_has_right_checksums(void **state)
{
	struct baton_addr to4 = {.family = AF_INET, .ip = {203, 0, 113, 77}};
	struct baton_addr to6 = {.family = AF_INET6, .ip = {0x20, 1, 0xd, 0xb8, 9, [15] = 0xfe}};
	uint8_t four[60] = {0}, six[40 + 36] = {0};

	(void)state;
	memcpy(four, natt4, sizeof(natt4));
	put16(four + 2, sizeof(four));
	put16(four + 10, checksum(four, 20, NULL, 0, 0));
	put16(four + 24, sizeof(four) - 20);
	put16(four + 26, checksum(four + 12, 8, four + 20, 40, 17 + 40));
	assert_int_equal(baton_packet_redirect(four, sizeof(four), &to4), 0);
	assert_memory_equal(four + 16, to4.ip, 4);
	assert_int_equal(checksum(four, 20, NULL, 0, 0), 0);
	assert_int_equal(checksum(four + 12, 8, four + 20, 40, 17 + 40), 0);

	memcpy(six, ike6, sizeof(ike6));
	put16(six + 44, 36);
	put16(six + 46, checksum(six + 8, 32, six + 40, 36, 17 + 36));
	assert_int_equal(baton_packet_redirect(six, sizeof(six), &to6), 0);
	assert_memory_equal(six + 24, to6.ip, 16);
	assert_int_equal(checksum(six + 8, 32, six + 40, 36, 17 + 36), 0);
	assert_int_equal(baton_packet_parse(&p, six, sizeof(six)), 0);
	assert_int_equal(p.kind, BATON_PACKET_IKE);
}

static void and_none_where_there_was_none(void **state)
{
	struct baton_addr to = {.family = AF_INET, .ip = {203, 0, 113, 77}};
	uint8_t copy[sizeof(natt4)];

	(void)state;
	memcpy(copy, natt4, sizeof(copy));
	assert_int_equal(baton_packet_redirect(copy, sizeof(copy), &to), 0);
	assert_true(!copy[26] && !copy[27]);
}

static void it_keeps_its_family_and_has_its_headers(void **state)
{
	struct baton_addr to4 = {.family = AF_INET}, to6 = {.family = AF_INET6};
	uint8_t copy[sizeof(ike6)];

	(void)state;
	memcpy(copy, ike6, sizeof(copy));
	assert_int_equal(baton_packet_redirect(copy, sizeof(copy), &to4), -BATON_E_VALUE);
	assert_int_equal(baton_packet_redirect(copy, 39, &to6), -BATON_E_TRUNCATED);
	assert_int_equal(baton_packet_redirect(copy, 47, &to6), -BATON_E_TRUNCATED);
	assert_int_equal(baton_packet_redirect(copy, 0, &to4), -BATON_E_TRUNCATED);
	copy[0] = 0x44; /* a header of 16 octets */
	assert_int_equal(baton_packet_redirect(copy, sizeof(copy), &to4), -BATON_E_TRUNCATED);
}

/* ---- the waiting room --------------------------------------------------------------------------
 */
static int begin(void **state)
{
	(void)state;
	limits = (struct baton_miss_limits){.held_max = 8,
					    .held_per_sa = 4,
					    .queries_per_s = 20,
					    .queries_per_source = 10,
					    .quiet_ms = 5000};
	w = baton_waiting_new(&limits, 42);
	assert_non_null(w);
	assert_int_equal(baton_packet_parse(&p, esp4, sizeof(esp4)), 0);
	out_count = 0;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	baton_waiting_free(w);
	return 0;
}

static void each(void *ctx, uint32_t id)
{
	(void)ctx;
	out[out_count++] = id;
}

static enum baton_miss_verdict take(uint32_t spi, uint32_t id, uint64_t now_ms)
{
	p.spi = spi;
	return baton_waiting_take(w, &p, id, now_ms, &peer);
}

static void end(uint32_t spi, bool found, uint64_t now_ms)
{
	p.spi = spi;
	baton_waiting_end(w, &p, found, now_ms, each, NULL);
}

static void packets_leave_in_their_order(void **state)
{
	(void)state;
	assert_int_equal(take(1, 10, 5000), BATON_MISS_ASK);
	assert_int_equal(take(2, 20, 5000), BATON_MISS_ASK);
	assert_int_equal(take(1, 11, 5001), BATON_MISS_HOLD);
	assert_int_equal(take(1, 12, 5002), BATON_MISS_HOLD);
	end(1, true, 5050);
	assert_int_equal(out_count, 3);
	assert_true(out[0] == 10 && out[1] == 11 && out[2] == 12);
	assert_int_equal(baton_waiting_stats(w)->released, 3);
	/* asked anew, should one come yet */
	assert_int_equal(take(1, 13, 5051), BATON_MISS_ASK);
}

static void nobody_is_asked_twice_for_what_is_not_there(void **state)
{
	(void)state;
	assert_int_equal(take(1, 10, 5000), BATON_MISS_ASK);
	end(1, false, 5050);
	assert_int_equal(out_count, 1);
	assert_int_equal(take(1, 11, 5051), BATON_MISS_PASS);
	assert_int_equal(take(1, 12, 10049), BATON_MISS_PASS);
	assert_int_equal(take(1, 13, 10050), BATON_MISS_ASK);
	assert_int_equal(baton_waiting_stats(w)->quiet, 2);
	assert_int_equal(baton_waiting_stats(w)->discarded, 1);
}

static void nor_for_what_was_deleted(void **state)
{
	(void)state;
	p.spi = 7;
	baton_waiting_quiet(w, &p, 10000);
	assert_int_equal(take(7, 10, 5001), BATON_MISS_PASS);
	/* for so long, and no shorter when it is said again */
	baton_waiting_quiet(w, &p, 60000);
	baton_waiting_quiet(w, &p, 15000);
	assert_int_equal(take(7, 10, 59999), BATON_MISS_PASS);
	/* another address of ours: another SA */
	p.to.ip[3]++;
	assert_int_equal(take(7, 10, 5001), BATON_MISS_ASK);
}

static void a_source_has_its_share(void **state)
{
	unsigned asked = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		asked += take(100 + i, i, 5000) == BATON_MISS_ASK;
		end(100 + i, false, 5000);
		out_count = 0;
	}
	assert_int_equal(asked, 10);
	assert_int_equal(baton_waiting_stats(w)->source_limited, 990);
	p.from.ip[0]++; /* another may ask */
	assert_int_equal(take(1, 1, 5000), BATON_MISS_ASK);
	p.from.ip[0]--;
	assert_int_equal(take(2, 2, 5099), BATON_MISS_PASS);
	assert_int_equal(take(2, 2, 5100), BATON_MISS_ASK); /* ten a second */
}

static void and_all_have_theirs(void **state)
{
	unsigned asked = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		p.from.ip[0] = (uint8_t)i;
		p.from.ip[1] = (uint8_t)(i >> 8);
		asked += take(100 + i, i, 5000) == BATON_MISS_ASK;
		end(100 + i, false, 5000);
		out_count = 0;
	}
	assert_int_equal(asked, 20);
}

static void what_is_held_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(take(1, 0, 5000), BATON_MISS_ASK);
	for (uint32_t i = 1; i < 4; i++)
		assert_int_equal(take(1, i, 5000), BATON_MISS_HOLD);
	assert_int_equal(take(1, 4, 5000), BATON_MISS_PASS); /* of this SA */
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(take(10 + i, i, 5000), BATON_MISS_ASK);
	assert_int_equal(take(20, 1, 5000), BATON_MISS_PASS); /* of all */
	assert_int_equal(baton_waiting_stats(w)->full, 2);
	end(1, true, 5001);
	assert_int_equal(take(20, 1, 5200), BATON_MISS_ASK);
}

static void spis_of_no_partition_are_nobodys(void **state)
{
	(void)state;
	limits.partitions.count = 2;
	limits.partitions.ranges[0] = (struct baton_partition){0xc1000000, 0xc1ffffff};
	limits.partitions.ranges[1] = (struct baton_partition){0xc3000000, 0xc3ffffff};
	baton_waiting_limit(w, &limits);
	assert_int_equal(take(0xc0ffffff, 1, 5000), BATON_MISS_PASS);
	assert_int_equal(take(0xc2000000, 1, 5000), BATON_MISS_PASS);
	assert_int_equal(take(0xc1000000, 1, 5000), BATON_MISS_ASK);
	assert_int_equal(take(0xc3ffffff, 1, 5000), BATON_MISS_ASK);
	assert_int_equal(baton_waiting_stats(w)->outside, 2);
	p.kind = BATON_PACKET_IKE; /* the responder's SPI begins as those of its SAs */
	p.ike = (struct baton_spis){1, 0xc1000000000000ff};
	assert_int_equal(baton_waiting_take(w, &p, 3, 5000, &peer), BATON_MISS_ASK);
	p.ike.spi_r = 0xc2000000000000ff;
	assert_int_equal(baton_waiting_take(w, &p, 3, 5000, &peer), BATON_MISS_PASS);
}

/* Of a packet from the protected side its address counts, and no partition. */
static void clients_are_asked_for_by_their_address(void **state)
{
	(void)state;
	limits.partitions.count = 1;
	limits.partitions.ranges[0] = (struct baton_partition){0xc1000000, 0xc1ffffff};
	baton_waiting_limit(w, &limits);
	p.kind = BATON_PACKET_TO;
	assert_int_equal(take(0, 1, 5000), BATON_MISS_ASK);
	assert_int_equal(take(0, 2, 5000), BATON_MISS_HOLD);
	p.to.ip[3]++;
	assert_int_equal(take(0, 3, 5000), BATON_MISS_ASK);
	p.to.ip[3]--;
	end(0, true, 5001);
	assert_int_equal(out_count, 2);
}

static void what_another_gateway_has_is_sent_on_for_a_while(void **state)
{
	(void)state;
	assert_int_equal(take(1, 10, 5000), BATON_MISS_ASK);
	end(1, true, 5001); /* as the caller does: what was held comes again */
	p.spi = 1;
	baton_waiting_away(w, &p, 3, 5001);
	assert_int_equal(take(1, 10, 5002), BATON_MISS_AWAY);
	assert_int_equal(peer, 3);
	assert_int_equal(take(1, 11, 8000), BATON_MISS_AWAY);
	assert_int_equal(take(1, 12, 8001), BATON_MISS_ASK);
	/* an answer that comes while another question is under way changes nothing */
	baton_waiting_away(w, &p, 3, 8001);
	assert_int_equal(take(1, 13, 8002), BATON_MISS_HOLD);
}

static void until_that_gateway_is_silent(void **state)
{
	(void)state;
	for (uint32_t spi = 1; spi <= 3; spi++) {
		p.spi = spi;
		baton_waiting_away(w, &p, spi % 2, 5000);
	}
	p.spi = 4;
	baton_waiting_quiet(w, &p, 10000);
	baton_waiting_forget_peer(w, 1);
	assert_int_equal(take(1, 10, 5001), BATON_MISS_ASK);
	assert_int_equal(take(2, 11, 5001), BATON_MISS_AWAY);
	assert_int_equal(take(3, 12, 5001), BATON_MISS_ASK);
	assert_int_equal(take(4, 13, 5001), BATON_MISS_PASS);
}

static void or_it_comes_here(void **state)
{
	(void)state;
	p.spi = 1;
	baton_waiting_away(w, &p, 3, 5000);
	baton_waiting_wake(w, &p);
	assert_int_equal(take(1, 10, 5001), BATON_MISS_ASK);
	baton_waiting_wake(w, &p); /* what waits goes on waiting */
	assert_int_equal(take(1, 11, 5001), BATON_MISS_HOLD);
	end(1, true, 5002);
	assert_int_equal(out_count, 2);
	/* what was deleted is not sent on, whoever had it before */
	p.spi = 2;
	baton_waiting_away(w, &p, 3, 5002);
	baton_waiting_quiet(w, &p, 10002);
	assert_int_equal(take(2, 12, 5003), BATON_MISS_PASS);
}

static void what_is_being_given_to_us_waits(void **state)
{
	(void)state;
	for (uint32_t spi = 1; spi <= 3; spi++) {
		p.spi = spi;
		baton_waiting_away(w, &p, spi % 2, 5000);
	}
	baton_waiting_pause(w, 1);
	assert_int_equal(take(1, 10, 5001), BATON_MISS_HOLD);
	assert_int_equal(take(2, 20, 5001), BATON_MISS_AWAY);
	assert_int_equal(take(1, 11, 5001), BATON_MISS_HOLD);
	baton_waiting_resume(w, 0, each, NULL);
	assert_int_equal(out_count, 0);
	baton_waiting_resume(w, 1, each, NULL);
	assert_int_equal(out_count, 2);
	assert_true(out[0] == 10 && out[1] == 11);
	assert_int_equal(baton_waiting_stats(w)->released, 2);
	assert_int_equal(take(1, 12, 5002), BATON_MISS_ASK);
	assert_int_equal(take(3, 30, 5002), BATON_MISS_ASK);
}

/* More SPIs than there is room for: the oldest make room, and none of those that wait. */
static void memory_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(take(1, 77, 5000), BATON_MISS_ASK);
	for (uint32_t i = 2; i < 100000; i++) {
		p.spi = i;
		baton_waiting_quiet(w, &p, 10000);
	}
	assert_int_equal(take(99999, 1, 5001), BATON_MISS_PASS);
	assert_int_equal(take(2, 2, 5001), BATON_MISS_ASK); /* forgotten */
	end(1, true, 5002);
	assert_int_equal(out_count, 1);
	assert_int_equal(out[0], 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(esp_names_its_sa),
		cmocka_unit_test(ike_names_it_by_both_spis),
		cmocka_unit_test(what_is_too_short_or_something_else_names_none),
		cmocka_unit_test(a_net_has_the_addresses_of_its_bits),
		cmocka_unit_test(a_redirected_packet_has_right_checksums),
		cmocka_unit_test(and_none_where_there_was_none),
		cmocka_unit_test(it_keeps_its_family_and_has_its_headers),
		cmocka_unit_test(what_is_known_twice_is_forgotten_twice),
		cmocka_unit_test(many_are_known),
		cmocka_unit_test_setup_teardown(packets_leave_in_their_order, begin, stop),
		cmocka_unit_test_setup_teardown(nobody_is_asked_twice_for_what_is_not_there, begin,
						stop),
		cmocka_unit_test_setup_teardown(nor_for_what_was_deleted, begin, stop),
		cmocka_unit_test_setup_teardown(a_source_has_its_share, begin, stop),
		cmocka_unit_test_setup_teardown(and_all_have_theirs, begin, stop),
		cmocka_unit_test_setup_teardown(what_is_held_is_bounded, begin, stop),
		cmocka_unit_test_setup_teardown(spis_of_no_partition_are_nobodys, begin, stop),
		cmocka_unit_test_setup_teardown(clients_are_asked_for_by_their_address, begin,
						stop),
		cmocka_unit_test_setup_teardown(what_another_gateway_has_is_sent_on_for_a_while,
						begin, stop),
		cmocka_unit_test_setup_teardown(until_that_gateway_is_silent, begin, stop),
		cmocka_unit_test_setup_teardown(or_it_comes_here, begin, stop),
		cmocka_unit_test_setup_teardown(what_is_being_given_to_us_waits, begin, stop),
		cmocka_unit_test_setup_teardown(memory_is_bounded, begin, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
