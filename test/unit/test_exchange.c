/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests and responses with one peer: docs/protocol.md 5.3.1. */
#include "core/exchange.h"
#include "sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BOOT 0xa0a0u
#define PEER_BOOT 0xb0b0u
#define MTU 1280u
#define QUEUE 256u

static struct baton_exchange x;
static struct {
	uint8_t *buf;
	size_t len;
} sent[QUEUE]; /* every datagram, in order */
static unsigned sent_count;
static unsigned requests, responses, silences;
static void *last_tag;
static uint8_t got[BATON_MESSAGE_MAX];
static size_t got_len;
static uint8_t msg[BATON_MESSAGE_MAX];

static void on_send(void *ctx, const void *buf, size_t len)
{
	assert_ptr_equal(ctx, &x);
	assert_true(sent_count < QUEUE);
	sent[sent_count].buf = malloc(len);
	assert_non_null(sent[sent_count].buf);
	memcpy(sent[sent_count].buf, buf, len);
	sent[sent_count++].len = len;
}

static void on_request(void *ctx, const void *buf, size_t len)
{
	assert_ptr_equal(ctx, &x);
	memcpy(got, buf, got_len = len);
	requests++;
}

static void on_response(void *ctx, void *tag, const void *buf, size_t len)
{
	assert_ptr_equal(ctx, &x);
	last_tag = tag;
	if (!buf) {
		assert_int_equal(len, 0);
		silences++;
		return;
	}
	memcpy(got, buf, got_len = len);
	responses++;
}

static const struct baton_exchange_ops ops = {on_send, on_request, on_response};

static void forget_sent(void)
{
	while (sent_count)
		free(sent[--sent_count].buf);
}

static int setup(void **state)
{
	(void)state;
	requests = responses = silences = 0;
	last_tag = NULL;
	return baton_exchange_init(&x, &ops, &x, BOOT, MTU);
}

static int teardown(void **state)
{
	(void)state;
	forget_sent();
	baton_exchange_free(&x);
	return 0;
}

/* A message of about size bytes. */
static size_t build(const struct baton_header *h, size_t size)
{
	static const uint8_t zero[BATON_MESSAGE_MAX];
	struct baton_builder b;
	int len;

	baton_build_begin(&b, msg, sizeof(msg), h);
	if (size > BATON_IKE_HEADER_LEN + 4)
		baton_build_session(&b, zero, size - BATON_IKE_HEADER_LEN - 4);
	len = baton_build_end(&b);
	assert_true(len > 0);
	return (size_t)len;
}

static uint32_t ask(size_t size, void *tag, uint64_t now_ms, uint64_t deadline_ms)
{
	struct baton_header h = baton_exchange_header(&x, BATON_SA_STOR);
	size_t len = build(&h, size);

	assert_int_equal(baton_exchange_start(&x, msg, len, tag, now_ms, deadline_ms), 0);
	return h.msgid;
}

static struct baton_header response_header(uint32_t msgid)
{
	return (struct baton_header){.spi_i = BOOT,
				     .spi_r = PEER_BOOT,
				     .exchange = BATON_SA_STOR,
				     .flags = BATON_FLAG_RESPONSE,
				     .msgid = msgid};
}

static void answer(uint32_t msgid, uint64_t now_ms)
{
	struct baton_header h = response_header(msgid);
	size_t len = build(&h, 40);

	baton_exchange_input(&x, msg, len, now_ms);
}

/* ---- requester ------------------------------------------------------------------------------- */

static void a_request_goes_out_at_once_and_is_answered(void **state)
{
	int tag;

	(void)state;
	assert_int_equal(ask(100, &tag, 1000, 4000), 0);
	assert_int_equal(sent_count, 1);
	assert_memory_equal(sent[0].buf, msg, sent[0].len);
	answer(0, 1005);
	assert_int_equal(responses, 1);
	assert_ptr_equal(last_tag, &tag);
	assert_int_equal(got_len, 40);
	assert_int_equal(x.in_flight, 0);
	assert_int_equal(x.peer_boot, PEER_BOOT);
	assert_int_equal(x.last_heard_ms, 1005);
	assert_true(baton_exchange_tick(&x, 9999) == UINT64_MAX); /* nothing is due any more */
	assert_int_equal(sent_count, 1);
}

static void message_ids_rise_from_0_and_the_header_names_both_boots(void **state)
{
	struct baton_header h = baton_exchange_header(&x, BATON_SA_RETR);

	(void)state;
	assert_true(h.spi_i == BOOT && h.spi_r == 0 && h.exchange == BATON_SA_RETR);
	assert_int_equal(h.flags, BATON_FLAG_INITIATOR);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(ask(40, NULL, 1000, 4000), i);
	answer(3, 1001);
	h = baton_exchange_header(&x, BATON_SA_STOR);
	assert_true(h.spi_r == PEER_BOOT && h.msgid == 5);
}

static void a_request_is_repeated_with_backoff_until_its_deadline(void **state)
{
	static const uint64_t want_ms[] = {100, 300, 700, 1500, 3100, 5100, 7100, 9100};
	uint64_t now_ms = 1000;

	(void)state;
	ask(100, NULL, now_ms, 1000 + 10000);
	for (size_t i = 0; i < sizeof(want_ms) / sizeof(*want_ms); i++) {
		assert_int_equal(baton_exchange_tick(&x, now_ms), 1000 + want_ms[i]);
		assert_int_equal(baton_exchange_tick(&x, 1000 + want_ms[i] - 1), 1000 + want_ms[i]);
		assert_int_equal(sent_count, i + 1);
		now_ms = 1000 + want_ms[i];
		baton_exchange_tick(&x, now_ms);
		assert_int_equal(sent_count, i + 2);
		assert_int_equal(sent[i + 1].len, sent[0].len);
		assert_memory_equal(sent[i + 1].buf, sent[0].buf,
				    sent[0].len); /* the same octets */
	}
	assert_int_equal(baton_exchange_tick(&x, now_ms), 11000); /* the deadline comes first */
	assert_int_equal(silences, 0);
	assert_true(baton_exchange_tick(&x, 11000) == UINT64_MAX);
	assert_int_equal(silences, 1);
	assert_int_equal(x.timeouts, 1);
	assert_int_equal(x.retransmitted, 8);
	assert_int_equal(x.in_flight, 0);
}

static void an_answer_after_the_deadline_is_nobodys(void **state)
{
	(void)state;
	ask(100, NULL, 1000, 1050);
	baton_exchange_tick(&x, 1050);
	answer(0, 1060);
	assert_int_equal(silences, 1);
	assert_int_equal(responses, 0);
	assert_int_equal(x.last_heard_ms, 1060); /* the peer lives, all the same */
}

static void a_second_answer_is_nobodys(void **state)
{
	(void)state;
	ask(100, NULL, 1000, 4000);
	answer(0, 1001);
	answer(0, 1002);
	answer(17, 1003); /* never asked */
	assert_int_equal(responses, 1);
}

static void the_window_is_64(void **state)
{
	struct baton_header h;
	size_t len;

	(void)state;
	for (uint32_t i = 0; i < BATON_WINDOW; i++) {
		assert_true(baton_exchange_ready(&x));
		ask(40, NULL, 1000, 4000);
	}
	assert_false(baton_exchange_ready(&x));
	h = baton_exchange_header(&x, BATON_SA_STOR);
	len = build(&h, 40);
	assert_int_equal(baton_exchange_start(&x, msg, len, NULL, 1000, 4000), -BATON_E_BUSY);
	assert_int_equal(sent_count, BATON_WINDOW);
	assert_int_equal(baton_exchange_header(&x, BATON_SA_STOR).msgid,
			 BATON_WINDOW); /* not used up */
	answer(31, 1001);		/* they may overtake each other */
	assert_true(baton_exchange_ready(&x));
	assert_int_equal(ask(40, NULL, 1001, 4000), BATON_WINDOW);
	assert_int_equal(baton_exchange_tick(&x, 1001), 1100);
}

static void abort_ends_everything_under_way(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		ask(40, NULL, 1000, 4000);
	baton_exchange_abort(&x);
	assert_int_equal(silences, 3);
	assert_int_equal(x.in_flight, 0);
	assert_int_equal(x.timeouts, 3);
	assert_true(baton_exchange_tick(&x, 9000) == UINT64_MAX);
}

static void a_message_no_datagrams_can_hold_is_counted(void **state)
{
	(void)state;
	baton_exchange_free(&x);
	assert_int_equal(baton_exchange_init(&x, &ops, &x, BOOT, 100), 0);
	ask(60000, NULL, 1000, 4000); /* more than 192 pieces */
	assert_int_equal(sent_count, 0);
	assert_int_equal(x.refused[BATON_E_LIMIT], 1);
}

static void a_new_boot_of_the_peer_shows(void **state)
{
	struct baton_header h = response_header(0);
	size_t len;

	(void)state;
	ask(40, NULL, 1000, 4000);
	answer(0, 1001);
	h.msgid = ask(40, NULL, 1002, 4000);
	h.spi_r = PEER_BOOT + 1;
	len = build(&h, 40);
	baton_exchange_input(&x, msg, len, 1003);
	assert_int_equal(responses, 2);
	assert_int_equal(x.peer_boot, PEER_BOOT + 1);
}

static void an_answer_for_an_earlier_incarnation_is_counted(void **state)
{
	struct baton_header h = response_header(0);
	size_t len;

	(void)state;
	ask(40, NULL, 1000, 4000);
	h.spi_i = BOOT - 1;
	len = build(&h, 40);
	baton_exchange_input(&x, msg, len, 1001);
	assert_int_equal(responses, 0);
	assert_int_equal(x.in_flight, 1);
	assert_int_equal(x.peer_boot, 0); /* it teaches us nothing */
	assert_int_equal(x.last_heard_ms, 0);
	assert_int_equal(x.refused[BATON_E_VALUE], 1);
}

/* ---- responder ------------------------------------------------------------------------------- */

static struct baton_header request_header(uint32_t msgid)
{
	return (struct baton_header){.spi_i = PEER_BOOT,
				     .spi_r = 12345,
				     .exchange = BATON_SA_STOR,
				     .flags = BATON_FLAG_INITIATOR,
				     .msgid = msgid};
}

static void a_repeated_request_is_handed_up_again(void **state)
{
	struct baton_header h = request_header(9);
	size_t len = build(&h, 40);

	(void)state;
	baton_exchange_input(&x, msg, len, 1000);
	baton_exchange_input(&x, msg, len, 1001);
	assert_int_equal(requests, 2);
	assert_int_equal(got_len, len);
	assert_memory_equal(got, msg, len);
	assert_int_equal(x.peer_boot, 0); /* only responses say so */
	assert_int_equal(x.last_heard_ms, 1001);
}

static void a_response_is_sent_once(void **state)
{
	struct baton_header h = response_header(9);
	size_t len = build(&h, 3000);

	(void)state;
	baton_exchange_respond(&x, msg, len);
	assert_int_equal(sent_count, 3);
	assert_true(baton_exchange_tick(&x, 99999) == UINT64_MAX);
	assert_int_equal(sent_count, 3);
	assert_int_equal(x.sent, 3);
}

/* ---- fragments ------------------------------------------------------------------------------- */

/* Hands the datagrams that were sent back in, as if the peer had sent them; x then sees its own
 * request. */
static void give(unsigned i)
{
	baton_exchange_input(&x, sent[i].buf, sent[i].len, 2000);
}

static void a_long_message_arrives_whole_in_any_order(void **state)
{
	struct sample_random r = {3};

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		struct baton_header h = request_header(round);
		size_t len = build(&h, 20000);
		unsigned order[QUEUE];

		requests = 0;
		baton_exchange_respond(&x, msg, len);
		assert_true(sent_count > 10);
		for (unsigned i = 0; i < sent_count; i++)
			order[i] = i;
		for (unsigned i = sent_count - 1; i > 0; i--) {
			unsigned j = sample_below(&r, i + 1), t = order[i];

			order[i] = order[j];
			order[j] = t;
		}
		for (unsigned i = 0; i < sent_count; i++) {
			assert_int_equal(requests, 0);
			assert_true(sent[order[i]].len <= MTU);
			give(order[i]);
			if (i + 1 < sent_count)
				give(order[i]); /* twice */
		}
		assert_int_equal(requests, 1);
		assert_int_equal(got_len, len);
		assert_memory_equal(got, msg, len);
		forget_sent();
	}
}

static void a_lost_piece_is_made_up_for_by_the_repetition(void **state)
{
	unsigned n;

	(void)state;
	ask(10000, NULL, 1000, 4000);
	n = sent_count;
	for (unsigned i = 0; i < n; i++)
		if (i != 3)
			give(i);
	assert_int_equal(requests, 0);
	baton_exchange_tick(&x, 1100);
	assert_int_equal(sent_count, 2 * n);
	give(n + 3);
	assert_int_equal(requests, 1);
}

static void pieces_of_several_messages_are_kept_apart(void **state)
{
	unsigned first[BATON_REASSEMBLIES + 1];

	(void)state;
	for (unsigned m = 0; m <= BATON_REASSEMBLIES; m++) {
		struct baton_header h = request_header(m);
		size_t len = build(&h, 3000);

		first[m] = sent_count;
		baton_exchange_respond(&x, msg, len);
		assert_int_equal(sent_count, first[m] + 3);
	}
	for (unsigned piece = 0; piece < 3; piece++)
		for (unsigned m = 0; m < BATON_REASSEMBLIES; m++)
			give(first[m] + piece);
	assert_int_equal(requests, BATON_REASSEMBLIES);
	requests = 0;
	for (unsigned piece = 0; piece < 3;
	     piece++) /* one more than there are places: the oldest is forgotten */
		for (unsigned m = 0; m <= BATON_REASSEMBLIES; m++)
			give(first[m] + piece);
	assert_true(requests < BATON_REASSEMBLIES + 1);
}

static void answers_with_other_octets_do_not_mix(void **state)
{
	struct baton_header h = response_header(0);
	unsigned n;

	(void)state;
	ask(40, NULL, 1000, 4000);
	forget_sent();
	build(&h, 3000);
	baton_exchange_respond(&x, msg, 3000);
	n = sent_count;
	msg[2000] ^= 1; /* the state of a later moment */
	baton_exchange_respond(&x, msg, 3000);
	give(0);
	for (unsigned i = 1; i < n; i++)
		give(n + i);
	assert_int_equal(responses, 0);
	give(n);
	assert_int_equal(responses, 1);
	assert_memory_equal(got, msg, 3000);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void one_refused(size_t len, unsigned reason)
{
	uint64_t before = x.refused[reason], received = x.received;
	uint8_t *tight = malloc(len ? len : 1); /* the sanitizer sees a byte too far */

	assert_non_null(tight);
	memcpy(tight, msg, len);
	baton_exchange_input(&x, tight, len, 1000);
	free(tight);
	assert_int_equal(x.refused[reason], before + 1);
	assert_int_equal(x.received, received + 1);
	assert_int_equal(requests + responses, 0);
	assert_int_equal(x.last_heard_ms, 0);
}

static void malformed_datagrams_are_counted_by_reason(void **state)
{
	struct baton_header h = request_header(0);
	size_t len = build(&h, 60);

	(void)state;
	one_refused(0, BATON_E_TRUNCATED);
	one_refused(BATON_IKE_HEADER_LEN - 1, BATON_E_TRUNCATED);
	one_refused(len - 1, BATON_E_TRUNCATED);
	msg[27]--; /* the length lies */
	one_refused(len, BATON_E_LENGTH);
	build(&h, 60);
	msg[17] = 0x10;
	one_refused(len, BATON_E_VERSION);
	build(&h, 60);
	msg[18] = 37;
	one_refused(len, BATON_E_EXCHANGE);
}

static void malformed_fragments_are_counted_by_reason(void **state)
{
	struct baton_header h = request_header(0);
	size_t len = build(&h, 3000);

	(void)state;
	baton_exchange_respond(&x, msg, len);
	memcpy(msg, sent[0].buf, sent[0].len);
	msg[33] = 4; /* fragment 4 of 3 */
	msg[32] = 1;
	one_refused(sent[0].len, BATON_E_VALUE);
	memcpy(msg, sent[0].buf, sent[0].len);
	msg[34] = 1; /* of 259 */
	one_refused(sent[0].len, BATON_E_LIMIT);
	memcpy(msg, sent[1].buf, sent[1].len);
	msg[43] ^= 1; /* an offset that lies */
	one_refused(sent[1].len, BATON_E_LENGTH);
	memcpy(msg, sent[0].buf, sent[0].len);
	one_refused(40, BATON_E_TRUNCATED);
	give(0);
	memcpy(msg, sent[0].buf, sent[0].len);
	msg[200] ^= 1; /* the same piece, other octets */
	one_refused(sent[0].len, BATON_E_DUPLICATE);
	give(1); /* none of it has disturbed the message */
	give(2);
	assert_int_equal(requests, 1);
}

static void random_bytes_are_survived_and_counted(void **state)
{
	struct sample_random r = {8};
	uint64_t refused = 0;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		size_t len = sample_below(&r, 200);

		sample_fill(&r, msg, len);
		if (len > 28 && i % 2) { /* past the first checks */
			msg[17] = 0x20;
			msg[18] = 240;
			msg[16] = i % 4 == 1 ? BATON_PL_FRAGMENT : 0;
			memset(msg + 24, 0, 3);
			msg[27] = (uint8_t)len;
			msg[19] = 0x20;
		}
		baton_exchange_input(&x, msg, len, 1000);
	}
	for (unsigned i = 0; i < 32; i++)
		refused += x.refused[i];
	assert_int_equal(x.received, 5000);
	assert_int_equal(refused, 5000);
	assert_int_equal(requests + responses, 0);
	assert_int_equal(x.refused[0], 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_request_goes_out_at_once_and_is_answered),
		CASE(message_ids_rise_from_0_and_the_header_names_both_boots),
		CASE(a_request_is_repeated_with_backoff_until_its_deadline),
		CASE(an_answer_after_the_deadline_is_nobodys),
		CASE(a_second_answer_is_nobodys),
		CASE(the_window_is_64),
		CASE(abort_ends_everything_under_way),
		CASE(a_message_no_datagrams_can_hold_is_counted),
		CASE(a_new_boot_of_the_peer_shows),
		CASE(an_answer_for_an_earlier_incarnation_is_counted),
		CASE(a_repeated_request_is_handed_up_again),
		CASE(a_response_is_sent_once),
		CASE(a_long_message_arrives_whole_in_any_order),
		CASE(a_lost_piece_is_made_up_for_by_the_repetition),
		CASE(pieces_of_several_messages_are_kept_apart),
		CASE(answers_with_other_octets_do_not_mix),
		CASE(malformed_datagrams_are_counted_by_reason),
		CASE(malformed_fragments_are_counted_by_reason),
		CASE(random_bytes_are_survived_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
