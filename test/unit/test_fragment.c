/* SPDX-License-Identifier: BSD-2-Clause */
/* Fragmentation and reassembly: docs/protocol.md, "FRAGMENT". */
#include "sample.h"
#include <baton/message.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEAD 48u /* IKE header, generic header, fixed fields */
#define MTU 200u
#define CHUNK (MTU - HEAD)

static uint8_t msg[BATON_MESSAGE_MAX + 1], pieces[BATON_FRAGMENTS_MAX][65535];
static size_t piece_len[BATON_FRAGMENTS_MAX];
static struct baton_reassembly r;

static const struct baton_header header = {.spi_i = 1,
					   .spi_r = 2,
					   .exchange = BATON_SA_RETR,
					   .flags = BATON_FLAG_RESPONSE,
					   .msgid = 7};

/* A message of exactly len bytes; its content differs with seed. */
static void make_message(size_t len, uint64_t seed)
{
	struct sample_random random = {seed};
	struct baton_builder b;
	static uint8_t body[BATON_MESSAGE_MAX];

	sample_fill(&random, body, len);
	baton_build_begin(&b, msg, sizeof(msg), &header);
	baton_build_session(&b, body, len - BATON_IKE_HEADER_LEN - 4);
	assert_int_equal(baton_build_end(&b), len);
}

static unsigned cut(size_t len, size_t mtu)
{
	unsigned n = 0;
	int got;

	while ((got = baton_fragment(msg, len, mtu, n, pieces[n], sizeof(pieces[n]))) > 0) {
		assert_true((size_t)got <= mtu);
		piece_len[n++] = (size_t)got;
	}
	assert_int_equal(got, 0);
	return n;
}

static int feed(unsigned i)
{
	return baton_reassemble(&r, pieces[i], piece_len[i]);
}

static void short_messages_go_as_they_are(void **state)
{
	(void)state;
	make_message(MTU, 1);
	assert_int_equal(cut(MTU, MTU), 1);
	assert_memory_equal(pieces[0], msg, MTU);
	assert_int_equal(baton_is_fragment(pieces[0], MTU), 0);
	assert_int_equal(baton_reassemble(&r, pieces[0], MTU), -BATON_E_MISSING);
}

static void every_length_around_the_edges_comes_back(void **state)
{
	(void)state;
	for (size_t len = MTU + 1; len < MTU + 3 * CHUNK; len++) {
		unsigned n;

		make_message(len, len);
		n = cut(len, MTU);
		assert_int_equal(n, (len + CHUNK - 1) / CHUNK);
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(baton_is_fragment(pieces[i], piece_len[i]), 1);
			assert_int_equal(feed(i), i + 1 == n);
		}
		assert_int_equal(r.len, len);
		assert_memory_equal(r.buf, msg, len);
		baton_reassembly_reset(&r);
	}
}

static void largest_message_comes_back(void **state)
{
	unsigned n;

	(void)state;
	make_message(BATON_MESSAGE_MAX, 3);
	n = cut(BATON_MESSAGE_MAX, HEAD + 339); /* 192 pieces */
	assert_int_equal(n, BATON_FRAGMENTS_MAX);
	for (unsigned i = n; i-- > 0;)
		assert_int_equal(feed(i), i == 0);
	assert_memory_equal(r.buf, msg, BATON_MESSAGE_MAX);
	baton_reassembly_reset(&r);
}

static void any_order_and_repetition_will_do(void **state)
{
	struct sample_random random = {5};

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		size_t len = MTU + 1 + sample_below(&random, 8000);
		unsigned n, fed = 0;
		uint64_t seen = 0;

		make_message(len, round);
		n = cut(len, MTU);
		while (fed < n) {
			unsigned i = sample_below(&random, n);
			bool fresh = !(seen >> i & 1);

			fed += fresh;
			seen |= (uint64_t)1 << i;
			assert_int_equal(feed(i), fresh && fed == n);
		}
		assert_int_equal(r.len, len);
		assert_memory_equal(r.buf, msg, len);
		/* Left as it is: the next message must start afresh by itself. */
	}
	baton_reassembly_reset(&r);
}

static void fragments_show_the_header_of_the_message(void **state)
{
	struct baton_reader reader;
	struct baton_header h;

	(void)state;
	make_message(1000, 1);
	for (unsigned i = 0, n = cut(1000, MTU); i < n; i++) {
		baton_reader_init(&reader, pieces[i], piece_len[i]);
		assert_int_equal(baton_header_decode(&h, &reader), 0);
		assert_true(h.spi_i == header.spi_i && h.spi_r == header.spi_r);
		assert_true(h.exchange == header.exchange && h.flags == header.flags &&
			    h.msgid == header.msgid);
		assert_int_equal(h.next_payload, BATON_PL_FRAGMENT);
		assert_int_equal(h.length, piece_len[i]);
	}
}

static void sender_refuses_what_cannot_be_sent(void **state)
{
	uint8_t out[MTU];

	(void)state;
	make_message(BATON_MESSAGE_MAX, 1);
	assert_int_equal(baton_fragment(msg, BATON_MESSAGE_MAX, HEAD + 338, 0, out, sizeof(out)),
			 -BATON_E_LIMIT);
	assert_int_equal(baton_fragment(msg, BATON_MESSAGE_MAX + 1, 1400, 0, out, sizeof(out)),
			 -BATON_E_LIMIT);
	make_message(1000, 1);
	assert_int_equal(baton_fragment(msg, 1000, HEAD + 27, 0, out, sizeof(out)), -BATON_E_LIMIT);
	assert_int_equal(baton_fragment(msg, 1000, 0, 0, out, sizeof(out)), -BATON_E_LIMIT);
	assert_int_equal(baton_fragment(msg, 1000, MTU, 0, out, MTU - 1), -BATON_E_NOSPACE);
	assert_int_equal(baton_fragment(msg, 1000, 1400, 0, out, sizeof(out)), -BATON_E_NOSPACE);
	assert_int_equal(baton_fragment(msg, 1000, MTU, 99, out, sizeof(out)), 0);
	msg[17] = 0x10;
	assert_int_equal(baton_fragment(msg, 1000, MTU, 0, out, sizeof(out)), -BATON_E_VERSION);
}

/* ---- lies ---------------------------------------------------------------------------------- */

#define NUMBER 32u
#define TOTAL 34u
#define MESSAGE_LEN 36u
#define OFFSET 40u
#define TAG 44u

/* Of 1000 bytes in pieces of 152: number 1 to 7, the last of 88. */
static const struct {
	unsigned piece;
	size_t at, len;
	const char *bytes;
	int err;
} lies[] = {
	{1, NUMBER, 2, "\0\0", BATON_E_VALUE},
	{1, NUMBER, 2, "\0\x08", BATON_E_VALUE},
	{1, NUMBER, 2, "\xff\xff", BATON_E_VALUE},
	{1, NUMBER, 2, "\0\3", BATON_E_LENGTH},
	{0, NUMBER, 4, "\0\1\0\1", BATON_E_VALUE},
	{0, NUMBER, 4, "\0\0\0\0", BATON_E_VALUE},
	{1, TOTAL, 2, "\0\6", BATON_E_LENGTH},
	{1, TOTAL, 2, "\0\x08", BATON_E_LENGTH},
	{1, TOTAL, 2, "\0\xc1", BATON_E_LIMIT},
	{1, TOTAL, 2, "\xff\xff", BATON_E_LIMIT},
	{1, MESSAGE_LEN, 4, "\0\0\xfd\xe9", BATON_E_LIMIT},
	{1, MESSAGE_LEN, 4, "\xff\xff\xff\xff", BATON_E_LIMIT},
	{1, MESSAGE_LEN, 4, "\0\0\0\0", BATON_E_LENGTH},
	{1, MESSAGE_LEN, 4, "\0\0\3\x90", BATON_E_LENGTH}, /* 912: six pieces would do */
	{1, MESSAGE_LEN, 4, "\0\0\4\x29", BATON_E_LENGTH}, /* 1065: seven do not */
	{6, MESSAGE_LEN, 4, "\0\0\3\xe7", BATON_E_LENGTH}, /* 999: not where the last piece ends */
	{1, OFFSET, 4, "\0\0\0\0", BATON_E_LENGTH},	   /* over the first */
	{1, OFFSET, 4, "\0\0\0\x97", BATON_E_LENGTH},	   /* over it by one */
	{1, OFFSET, 4, "\0\0\0\x99", BATON_E_LENGTH},	   /* leaving a gap */
	{1, OFFSET, 4, "\xff\xff\xff\xff", BATON_E_LIMIT},
	{6, OFFSET, 4, "\0\0\3\x8f", BATON_E_LENGTH},
	{6, OFFSET, 4, "\0\0\3\x8a", BATON_E_LENGTH},
	{6, OFFSET, 4, "\0\0\0\0", BATON_E_LENGTH},
	{0, OFFSET, 4, "\0\0\0\1", BATON_E_LENGTH},
	{0, HEAD + 7, 1, "\x33", BATON_E_VALUE},  /* the message's own header: SPI */
	{0, HEAD + 16, 1, "\x8b", BATON_E_VALUE}, /* a fragment in fragments */
	{0, HEAD + 17, 1, "\x10", BATON_E_VALUE},
	{0, HEAD + 18, 1, "\xf0", BATON_E_VALUE},
	{0, HEAD + 19, 1, "\x08", BATON_E_VALUE},
	{0, HEAD + 23, 1, "\x08", BATON_E_VALUE},
	{0, HEAD + 27, 1, "\x01", BATON_E_VALUE}, /* its length */
	{1, 28, 1, "\x29", BATON_E_VALUE},	  /* a payload after FRAGMENT */
	{1, 31, 1, "\xad", BATON_E_TRUNCATED},
	{1, 31, 1, "\xab", BATON_E_LENGTH},
	{1, 31, 1, "\x13", BATON_E_TRUNCATED},
	{1, 17, 1, "\x10", BATON_E_VERSION},
	{1, 18, 1, "\x20", BATON_E_EXCHANGE},
	{1, 27, 1, "\xff", BATON_E_TRUNCATED},
};

static void each_lie_is_refused_and_changes_nothing(void **state)
{
	static struct baton_reassembly before;

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		unsigned n, p = lies[i].piece;
		int err;

		make_message(1000, 1);
		n = cut(1000, MTU);
		assert_int_equal(n, 7);
		baton_reassembly_reset(&r);
		assert_int_equal(feed(3), 0);
		before = r;
		memcpy(pieces[p] + lies[i].at, lies[i].bytes, lies[i].len);
		err = feed(p);
		if (err != -lies[i].err)
			fail_msg("lie %zu: %s", i, baton_strerror(err));
		assert_memory_equal(&r, &before, sizeof(r));
		cut(1000, MTU); /* the truth is taken afterwards */
		for (unsigned k = 0; k < n; k++)
			assert_int_equal(feed(k), k + 1 == n);
		assert_memory_equal(r.buf, msg, 1000);
	}
	baton_reassembly_reset(&r);
}

static void every_truncated_fragment_is_refused(void **state)
{
	(void)state;
	make_message(1000, 1);
	cut(1000, MTU);
	for (size_t len = 0; len < piece_len[2]; len++) {
		uint8_t *tail = pieces[2] + sizeof(pieces[2]) - len;

		memmove(tail, pieces[2], len);
		assert_true(baton_is_fragment(tail, len) < 0);
		assert_true(baton_reassemble(&r, tail, len) < 0);
		assert_int_equal(r.total, 0);
	}
}

/* Fragments that are true each, but not of one message. */
static void fragments_must_agree(void **state)
{
	uint8_t tag[4];

	(void)state;
	make_message(1000, 1);
	cut(1000, MTU);
	assert_int_equal(feed(0), 0);
	memcpy(tag, pieces[0] + TAG, 4);
	cut(1000, MTU + 10); /* other pieces, and so another total, of the same bytes */
	assert_int_equal(feed(1), -BATON_E_VALUE);
	make_message(1001, 2); /* another length under the same tag */
	cut(1001, MTU);
	memcpy(pieces[2] + TAG, tag, 4);
	assert_int_equal(feed(2), -BATON_E_VALUE);
	make_message(1000, 2); /* other bytes under the same tag, where there are some already */
	cut(1000, MTU);
	memcpy(pieces[0] + TAG, tag, 4);
	assert_int_equal(feed(0), -BATON_E_DUPLICATE);
	assert_int_equal(r.have, 1);
	baton_reassembly_reset(&r);
}

static void another_message_starts_afresh(void **state)
{
	static const size_t at[] = {7, 15, 18, 19, 23, TAG};
	unsigned n;

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		make_message(1000, 1);
		cut(1000, MTU);
		assert_int_equal(feed(1), 0);
		assert_int_equal(feed(2), 0);
		pieces[3][at[i]] = (uint8_t)(pieces[3][at[i]] ^ 1);
		assert_int_equal(feed(3), 0);
		assert_int_equal(r.have, 1);
	}
	baton_reassembly_reset(&r);

	/* A response given twice with other bytes each time: the halves are never put together. */
	make_message(1000, 1);
	n = cut(1000, MTU);
	for (unsigned i = 0; i < n; i += 2)
		assert_int_equal(feed(i), 0);
	make_message(1000, 2);
	cut(1000, MTU);
	for (unsigned i = 1; i < n; i += 2)
		assert_int_equal(feed(i), 0);
	for (unsigned i = 0; i < n; i += 2)
		assert_int_equal(feed(i), i + 1 == n);
	assert_memory_equal(r.buf, msg, 1000);
	baton_reassembly_reset(&r);
}

static void reset_leaves_no_bytes(void **state)
{
	static const struct baton_reassembly empty;

	(void)state;
	make_message(1000, 1);
	cut(1000, MTU);
	for (unsigned i = 0; i < 5; i++)
		feed(i);
	baton_reassembly_reset(&r);
	assert_memory_equal(&r, &empty, sizeof(r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_messages_go_as_they_are),
		cmocka_unit_test(every_length_around_the_edges_comes_back),
		cmocka_unit_test(largest_message_comes_back),
		cmocka_unit_test(any_order_and_repetition_will_do),
		cmocka_unit_test(fragments_show_the_header_of_the_message),
		cmocka_unit_test(sender_refuses_what_cannot_be_sent),
		cmocka_unit_test(each_lie_is_refused_and_changes_nothing),
		cmocka_unit_test(every_truncated_fragment_is_refused),
		cmocka_unit_test(fragments_must_agree),
		cmocka_unit_test(another_message_starts_afresh),
		cmocka_unit_test(reset_leaves_no_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
