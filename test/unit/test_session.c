/* SPDX-License-Identifier: BSD-2-Clause */
/* The SESSION payload: what is written reads back; each refusal of docs/protocol.md 5.1 has a case
 * here. */
#include "edit.h"
#include "sample.h"
#include <baton/message.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 2000

static struct baton_session in, out;
static uint8_t buf[BATON_MESSAGE_MAX], again[BATON_MESSAGE_MAX];

static size_t encode_sample(void)
{
	int len;

	sample_session(&in);
	len = baton_session_encode(&in, buf, sizeof(buf));
	assert_true(len > 0);
	return (size_t)len;
}

static void round_trip(void)
{
	struct baton_where where;
	int len = baton_session_encode(&in, buf, sizeof(buf));

	assert_true(len > 0);
	assert_int_equal(baton_session_decode(&out, buf, (size_t)len, &where), 0);
	assert_string_equal(where.field, "");
	assert_memory_equal(&in, &out, sizeof(in)); /* both were zeroed, padding included */
	assert_int_equal(baton_session_encode(&out, again, sizeof(again)), len);
	assert_memory_equal(buf, again, (size_t)len);
}

static void sample_reads_back(void **state)
{
	(void)state;
	sample_session(&in);
	round_trip();
}

static void any_session_reads_back(void **state)
{
	struct sample_random r = {20061};

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		sample_random_session(&in, &r);
		round_trip();
	}
}

/* RFC 8750. A store keeps them like any other; whether they may be stored is for their owner. */
static void ivs_that_are_the_number_read_back_and_need_a_fence(void **state)
{
	(void)state;
	sample_session(&in);
	in.child_count = 2;
	in.children[1] = in.children[0];
	in.children[1].spi_in++;
	assert_false(baton_session_needs_fence(&in));
	for (uint16_t id = 0; id < 64; id++) {
		in.children[1].suite.transforms[0].id = id;
		round_trip();
		assert_int_equal(baton_session_needs_fence(&out), id >= 29 && id <= 31);
	}
	in.children[1].suite.transforms[0].id = 20;
	in.children[1].suite.transforms[1].id = 30; /* not an encryption algorithm */
	assert_false(baton_session_needs_fence(&in));
	in.suite.transforms[0].id = 30; /* an IKE SA numbers no packets */
	assert_false(baton_session_needs_fence(&in));
}

static void initiator_flags_choose_the_side(void **state)
{
	struct edit e = {buf, 0, EDIT_SESSION};
	size_t at;

	(void)state;
	/* The gateway is the original responder, and of the CHILD SA too: its own identity is IDr,
	 * its own selectors TSr. */
	e.len = encode_sample();
	at = edit_find(&e, BATON_PL_IDR, 0);
	assert_memory_equal(buf + at + 8, "vpn.example", 11);
	e.level = EDIT_FIRST_CHILD;
	at = edit_find(&e, BATON_PL_TSR, 0);
	assert_memory_equal(buf + at + 16, "\x0a\x01\x00\x00\x0a\x01\x00\xff", 8);

	in.flags |= BATON_IKE_INITIATOR;
	in.children[0].flags |= BATON_CHILD_INITIATOR;
	in.remote_eap_id.type = 0;
	in.remote_eap_id.len = 0;
	memset(in.remote_eap_id.data, 0, BATON_ID_MAX);
	e.level = EDIT_SESSION;
	e.len = (size_t)baton_session_encode(&in, buf, sizeof(buf));
	at = edit_find(&e, BATON_PL_IDI, 0);
	assert_memory_equal(buf + at + 8, "vpn.example", 11);
	e.level = EDIT_FIRST_CHILD;
	at = edit_find(&e, BATON_PL_TSI, 0);
	assert_memory_equal(buf + at + 16, "\x0a\x01\x00\x00\x0a\x01\x00\xff", 8);
	round_trip();
}

static void every_shorter_buffer_is_refused_and_left_without_keys(void **state)
{
	size_t len = encode_sample();

	(void)state;
	for (size_t size = 0; size < len; size++) {
		memset(again, 0xee, len);
		assert_int_equal(baton_session_encode(&in, again, size), -BATON_E_NOSPACE);
		assert_int_equal(again[size], 0xee);
		assert_null(memmem(again, len, in.sk_d.bytes, 8));
		assert_null(memmem(again, len, in.children[0].encr_i.bytes, 8));
	}
}

static void every_truncation_is_refused_and_wiped(void **state)
{
	static const struct baton_session empty;
	size_t len = encode_sample();
	struct baton_where where;

	(void)state;
	for (size_t n = 0; n < len; n++) {
		memset(&out, 0xff, sizeof(out));
		/* Copied to the end of the buffer, so that one byte too far is seen by a sanitizer.
		 */
		memcpy(again + sizeof(again) - n, buf, n);
		assert_true(baton_session_decode(&out, again + sizeof(again) - n, n, &where) < 0);
		assert_memory_equal(&out, &empty, sizeof(out));
		assert_true(where.offset <= n);
		assert_true(*where.field);
	}
}

static void reserved_bits_are_ignored(void **state)
{
	struct edit e = {buf, encode_sample(), EDIT_SESSION};

	(void)state;
	buf[17] |= 0x80; /* flags that mean nothing yet */
	buf[18] = 0xff;
	buf[edit_find(&e, BATON_PL_SA, 0) + 1] |= 0x7f;
	buf[edit_find(&e, BATON_PL_IDR, 0) + 5] = 0xff;
	buf[edit_find(&e, BATON_PL_MESSAGE, 0) + 4 + 2] = 0xff;
	buf[edit_find(&e, BATON_PL_CP, 0) + 5] = 0xff;
	buf[edit_find(&e, BATON_PL_CP, 0) + 8] |= 0x80;
	buf[edit_find(&e, BATON_PL_KEYMAT, 0) + 5] = 0xff;
	buf[edit_find(&e, BATON_PL_COUNTERS, 0) + 4 + 40] = 0xff;
	buf[edit_find(&e, BATON_PL_COUNTERS, 0) + 1] |= 0x80; /* critical, but known */
	e.level = EDIT_FIRST_CHILD;
	buf[edit_find(&e, BATON_PL_POLICY, 0) + 6] = 0xff;
	buf[edit_find(&e, BATON_PL_TSI, 0) + 5] = 0xff;
	assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), 0);
	assert_memory_equal(&in, &out, sizeof(in));
}

/* docs/protocol.md, "MESSAGE" */
static void cached_responses_are_whole_messages(void **state)
{
	struct edit e = {buf, encode_sample(), EDIT_SESSION};
	size_t at = edit_find(&e, BATON_PL_MESSAGE, 0) + 4;

	(void)state;
	buf[at] = 2; /* kind */
	assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), -BATON_E_VALUE);
	buf[at] = 1;
	buf[at + 40 + 27]++; /* longer than what is there */
	assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), -BATON_E_LENGTH);
	buf[at + 40 + 27] -= 2; /* a rest that is no message */
	assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), -BATON_E_LENGTH);
	buf[at + 40 + 27] = 3; /* shorter than a header */
	assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), -BATON_E_LENGTH);
	buf[at + 40 + 27] = 80;
	assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), 0);
	in.response.len = BATON_RESPONSE_MAX + 1;
	assert_int_equal(baton_session_encode(&in, buf, sizeof(buf)), -BATON_E_LIMIT);
	in.response.len = 27;
	assert_int_equal(baton_session_encode(&in, buf, sizeof(buf)), -BATON_E_LENGTH);
}

static void unknown_payloads_are_skipped_unless_critical(void **state)
{
	struct baton_where where;

	(void)state;
	for (unsigned level = EDIT_SESSION; level <= EDIT_FIRST_CHILD; level++)
		for (unsigned critical = 0; critical < 2; critical++) {
			struct edit e = {buf, encode_sample(), (enum edit_level)level};
			int err;

			edit_add(&e, 200, critical, "what", 4);
			err = baton_session_decode(&out, buf, e.len, &where);
			assert_int_equal(err, critical ? -BATON_E_CRITICAL : 0);
			if (critical)
				assert_int_equal(where.payload, 200);
			else
				assert_memory_equal(&in, &out, sizeof(in));
		}
}

static void other_implementations_attributes_are_skipped(void **state)
{
	struct edit e = {buf, encode_sample(), EDIT_SESSION};

	(void)state;
	buf[edit_find(&e, BATON_PL_LOCAL, 0) + 5] = 99; /* an implementation that is not ours */
	assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), 0);
	assert_string_equal(out.name, "");
	assert_int_equal(out.extensions, 0);
	assert_string_equal(out.children[0].name, "net");

	e.len = encode_sample();
	buf[edit_find(&e, BATON_PL_LOCAL, 0) + 7] = 99; /* an attribute of a later version */
	assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), 0);
	assert_string_equal(out.name, "");
	assert_int_equal(out.extensions, in.extensions);
}

/* ---- one wrong field at a time ------------------------------------------------------------- */

static const struct {
	enum edit_level level;
	uint8_t payload; /* 0 = the fixed part */
	unsigned nth;
	size_t at; /* from the start of the body */
	size_t len;
	const char *bytes;
	int err;
	const char *field;
} wrong[] = {
	/* fixed part */
	{EDIT_SESSION, 0, 0, 0, 8, "\0\0\0\0\0\0\0\0", BATON_E_VALUE, "IKE SPIs"},
	{EDIT_SESSION, 0, 0, 8, 8, "\0\0\0\0\0\0\0\0", BATON_E_VALUE, "IKE SPIs"},
	{EDIT_SESSION, 0, 0, 22, 2, "\0\x03", BATON_E_LENGTH, "payload length"},
	{EDIT_SESSION, 0, 0, 22, 2, "\xff\xff", BATON_E_TRUNCATED, "payload length"},
	/* LEASE */
	{EDIT_SESSION, BATON_PL_LEASE, 0, 0, 2, "\0\x0b", BATON_E_VALUE, "status"},
	{EDIT_SESSION, BATON_PL_LEASE, 0, 16, 1, "\xff", BATON_E_VALUE, "IKE SPIs"},
	{EDIT_SESSION, BATON_PL_LEASE, 0, 24, 1, "\xff", BATON_E_VALUE, "IKE SPIs"},
	{EDIT_SESSION, BATON_PL_LEASE, 0, 32, 1, "\x03", BATON_E_VALUE, "owner"},
	{EDIT_SESSION, BATON_PL_LEASE, 0, 32, 1, "\x05", BATON_E_VALUE, "owner"},
	{EDIT_SESSION, BATON_PL_LEASE, 0, 32, 1, "\x00", BATON_E_VALUE, "owner"},
	/* ENDPOINT */
	{EDIT_SESSION, BATON_PL_ENDPOINT, 0, 0, 1, "\0", BATON_E_VALUE, "role"},
	{EDIT_SESSION, BATON_PL_ENDPOINT, 0, 0, 1, "\x04", BATON_E_VALUE, "role"},
	{EDIT_SESSION, BATON_PL_ENDPOINT, 0, 0, 1, "\x02", BATON_E_DUPLICATE, "payload"},
	{EDIT_SESSION, BATON_PL_ENDPOINT, 0, 1, 1, "\x05", BATON_E_VALUE, "IP version"},
	{EDIT_SESSION, BATON_PL_ENDPOINT, 0, 1, 1, "\x06", BATON_E_TRUNCATED, "address"},
	/* ID */
	{EDIT_SESSION, BATON_PL_IDR, 0, 0, 1, "\0", BATON_E_VALUE, "identification data"},
	{EDIT_SESSION, BATON_PL_IDR, 0, 0, 1, "\x01", BATON_E_VALUE, "identification data"},
	{EDIT_SESSION, BATON_PL_IDR, 0, 0, 1, "\xf9", BATON_E_VALUE, "ID type"},
	{EDIT_SESSION, BATON_PL_IDI, 0, 0, 1, "\xf9", BATON_E_DUPLICATE, "payload"},
	{EDIT_SESSION, BATON_PL_IDI, 1, 0, 1, "\x02", BATON_E_DUPLICATE, "payload"},
	/* SA */
	{EDIT_SESSION, BATON_PL_SA, 0, 0, 1, "\x02", BATON_E_VALUE, "last proposal"},
	{EDIT_SESSION, BATON_PL_SA, 0, 3, 1, "\x08", BATON_E_LENGTH, "proposal length"},
	{EDIT_SESSION, BATON_PL_SA, 0, 5, 1, "\x03", BATON_E_VALUE, "protocol"},
	{EDIT_SESSION, BATON_PL_SA, 0, 6, 1, "\x08", BATON_E_VALUE, "SPI size"},
	{EDIT_SESSION, BATON_PL_SA, 0, 7, 1, "\0", BATON_E_MISSING, "transforms"},
	{EDIT_SESSION, BATON_PL_SA, 0, 7, 1, "\x0d", BATON_E_LIMIT, "transforms"},
	{EDIT_SESSION, BATON_PL_SA, 0, 7, 1, "\x02", BATON_E_VALUE, "last transform"},
	{EDIT_SESSION, BATON_PL_SA, 0, 8, 1, "\0", BATON_E_VALUE, "last transform"},
	{EDIT_SESSION, BATON_PL_SA, 0, 11, 1, "\x07", BATON_E_LENGTH, "transform length"},
	{EDIT_SESSION, BATON_PL_SA, 0, 10, 1, "\xff", BATON_E_TRUNCATED, "transform length"},
	{EDIT_SESSION, BATON_PL_SA, 0, 17, 1, "\x0f", BATON_E_VALUE, "attribute"},
	{EDIT_SESSION, BATON_PL_SA, 0, 18, 2, "\0\0", BATON_E_VALUE, "key length"},
	/* KEYMAT */
	{EDIT_SESSION, BATON_PL_KEYMAT, 0, 0, 1, "\0", BATON_E_VALUE, "key kind"},
	{EDIT_SESSION, BATON_PL_KEYMAT, 0, 0, 1, "\x10", BATON_E_VALUE, "key kind"},
	{EDIT_SESSION, BATON_PL_KEYMAT, 0, 36, 1, "\x01", BATON_E_DUPLICATE, "key kind"},
	{EDIT_SESSION, BATON_PL_KEYMAT, 0, 3, 1, "\0", BATON_E_LENGTH, "key length"},
	{EDIT_SESSION, BATON_PL_KEYMAT, 0, 3, 1, "\x61", BATON_E_LIMIT, "key length"},
	{EDIT_SESSION, BATON_PL_KEYMAT, 0, 79, 1, "\x25", BATON_E_TRUNCATED, "key"},
	/* COUNTERS */
	{EDIT_SESSION, BATON_PL_COUNTERS, 0, 0, 1, "\0", BATON_E_VALUE, "kind"},
	{EDIT_SESSION, BATON_PL_COUNTERS, 0, 0, 2, "\1\3", BATON_E_VALUE, "kind"},
	{EDIT_SESSION, BATON_PL_COUNTERS, 0, 1, 1, "\3", BATON_E_VALUE, "protocol"},
	{EDIT_SESSION, BATON_PL_COUNTERS, 0, 8, 1, "\xff", BATON_E_VALUE, "IKE SPIs"},
	{EDIT_SESSION, BATON_PL_COUNTERS, 0, 16, 1, "\xff", BATON_E_VALUE, "IKE SPIs"},
	/* N */
	{EDIT_SESSION, BATON_PL_NOTIFY, 0, 0, 1, "\1", BATON_E_VALUE, "protocol and SPI size"},
	{EDIT_SESSION, BATON_PL_NOTIFY, 0, 1, 1, "\4", BATON_E_VALUE, "protocol and SPI size"},
	{EDIT_SESSION, BATON_PL_NOTIFY, 0, 2, 2, "\x3f\xff", BATON_E_VALUE, "notify type"},
	/* CP */
	{EDIT_SESSION, BATON_PL_CP, 0, 0, 1, "\1", BATON_E_VALUE, "CFG type"},
	{EDIT_SESSION, BATON_PL_CP, 0, 5, 1, "\x08", BATON_E_TRUNCATED, "virtual address"},
	{EDIT_SESSION, BATON_PL_CP, 0, 7, 1, "\3", BATON_E_TRUNCATED, "virtual address"},
	{EDIT_SESSION, BATON_PL_CP, 0, 7, 1, "\5", BATON_E_LENGTH, "payload length"},
	{EDIT_SESSION, BATON_PL_CP, 0, 15, 1, "\5", BATON_E_TRUNCATED, "attribute length"},
	/* LOCAL */
	{EDIT_SESSION, BATON_PL_LOCAL, 0, 7, 1, "\0", BATON_E_VALUE, "name"},
	{EDIT_SESSION, BATON_PL_LOCAL, 0, 17, 1, "\2", BATON_E_DUPLICATE, "attribute type"},
	{EDIT_SESSION, BATON_PL_LOCAL, 0, 11, 1, "\3", BATON_E_TRUNCATED, "attribute value"},
	{EDIT_SESSION, BATON_PL_LOCAL, 0, 11, 1, "\5", BATON_E_LENGTH, "payload length"},
	{EDIT_SESSION, BATON_PL_LOCAL, 0, 10, 1, "\xff", BATON_E_TRUNCATED, "attribute length"},
	/* CHILD, fixed part */
	{EDIT_SESSION, BATON_PL_CHILD, 0, 1, 1, "\1", BATON_E_VALUE, "protocol"},
	{EDIT_SESSION, BATON_PL_CHILD, 0, 1, 1, "\4", BATON_E_VALUE, "protocol"},
	{EDIT_SESSION, BATON_PL_CHILD, 0, 2, 1, "\0", BATON_E_VALUE, "mode"},
	{EDIT_SESSION, BATON_PL_CHILD, 0, 2, 1, "\4", BATON_E_VALUE, "mode"},
	{EDIT_SESSION, BATON_PL_CHILD, 0, 4, 4, "\0\0\0\0", BATON_E_VALUE, "inbound SPI"},
	{EDIT_SESSION, BATON_PL_CHILD, 0, 8, 4, "\0\0\0\0", BATON_E_VALUE, "outbound SPI"},
	{EDIT_SESSION, BATON_PL_CHILD, 0, 18, 2, "\0\3", BATON_E_LENGTH, "payload length"},
	{EDIT_SESSION, BATON_PL_CHILD, 0, 18, 2, "\x7f\xff", BATON_E_TRUNCATED, "payload length"},
	/* in CHILD */
	{EDIT_FIRST_CHILD, BATON_PL_SA, 0, 5, 1, "\1", BATON_E_VALUE, "protocol"},
	{EDIT_FIRST_CHILD, BATON_PL_KEYMAT, 0, 0, 1, "\1", BATON_E_VALUE, "key kind"},
	{EDIT_FIRST_CHILD, BATON_PL_COUNTERS, 0, 0, 2, "\2\1", BATON_E_VALUE, "kind"},
	{EDIT_FIRST_CHILD, BATON_PL_COUNTERS, 0, 1, 1, "\2", BATON_E_VALUE, "inbound SPI"},
	{EDIT_FIRST_CHILD, BATON_PL_COUNTERS, 0, 1, 1, "\1", BATON_E_VALUE, "protocol"},
	{EDIT_FIRST_CHILD, BATON_PL_COUNTERS, 0, 24, 1, "\0", BATON_E_VALUE, "inbound SPI"},
	{EDIT_FIRST_CHILD, BATON_PL_TSI, 0, 0, 1, "\0", BATON_E_MISSING, "selectors"},
	{EDIT_FIRST_CHILD, BATON_PL_TSI, 0, 0, 1, "\2", BATON_E_TRUNCATED, "TS type"},
	{EDIT_FIRST_CHILD, BATON_PL_TSI, 0, 0, 1, "\x09", BATON_E_LIMIT, "selectors"},
	{EDIT_FIRST_CHILD, BATON_PL_TSI, 0, 4, 1, "\x09", BATON_E_VALUE, "TS type"},
	{EDIT_FIRST_CHILD, BATON_PL_TSI, 0, 7, 1, "\x28", BATON_E_LENGTH, "selector length"},
	{EDIT_FIRST_CHILD, BATON_PL_TSI, 0, 15, 1, "\2", BATON_E_VALUE, "address range"},
	{EDIT_FIRST_CHILD, BATON_PL_POLICY, 0, 0, 1, "\0", BATON_E_VALUE, "directions"},
	{EDIT_FIRST_CHILD, BATON_PL_POLICY, 0, 0, 1, "\x08", BATON_E_VALUE, "directions"},
	{EDIT_FIRST_CHILD, BATON_PL_POLICY, 0, 1, 1, "\0", BATON_E_VALUE, "action"},
	{EDIT_FIRST_CHILD, BATON_PL_POLICY, 0, 1, 1, "\4", BATON_E_VALUE, "action"},
	{EDIT_FIRST_CHILD, BATON_PL_POLICY, 0, 8, 1, "\x06", BATON_E_VALUE, "TS type"},
};

static void each_wrong_field_is_refused(void **state)
{
	static const struct baton_session empty;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct edit e = {buf, encode_sample(), wrong[i].level};
		size_t at = wrong[i].payload ? edit_find(&e, wrong[i].payload, wrong[i].nth) + 4
					     : 0;
		struct baton_where where;
		int err;

		memcpy(buf + at + wrong[i].at, wrong[i].bytes, wrong[i].len);
		err = baton_session_decode(&out, buf, e.len, &where);
		if (err != -wrong[i].err || strcmp(where.field, wrong[i].field) != 0)
			fail_msg("case %zu: payload %u+%zu: got %s (%s, payload %u), want %s (%s)",
				 i, wrong[i].payload, wrong[i].at, baton_strerror(err), where.field,
				 where.payload, baton_strerror(wrong[i].err), wrong[i].field);
		if (wrong[i].err != BATON_E_TRUNCATED && wrong[i].payload &&
		    strcmp(wrong[i].field, "payload length") != 0)
			assert_int_equal(where.payload, wrong[i].payload);
		assert_memory_equal(&out, &empty, sizeof(out));
	}
}

/* ---- payloads too few, too many, too long -------------------------------------------------- */

struct shape {
	enum edit_level level;
	uint8_t payload;
	unsigned nth;
};

static void each_missing_payload_is_refused(void **state)
{
	static const struct shape needed[] = {
		{EDIT_SESSION, BATON_PL_LEASE, 0},	  {EDIT_SESSION, BATON_PL_ENDPOINT, 0},
		{EDIT_SESSION, BATON_PL_ENDPOINT, 1},	  {EDIT_SESSION, BATON_PL_IDI, 0},
		{EDIT_SESSION, BATON_PL_IDR, 0},	  {EDIT_SESSION, BATON_PL_SA, 0},
		{EDIT_SESSION, BATON_PL_KEYMAT, 0},	  {EDIT_SESSION, BATON_PL_COUNTERS, 0},
		{EDIT_FIRST_CHILD, BATON_PL_SA, 0},	  {EDIT_FIRST_CHILD, BATON_PL_KEYMAT, 0},
		{EDIT_FIRST_CHILD, BATON_PL_TSI, 0},	  {EDIT_FIRST_CHILD, BATON_PL_TSR, 0},
		{EDIT_FIRST_CHILD, BATON_PL_COUNTERS, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		struct edit e = {buf, encode_sample(), needed[i].level};
		struct baton_where where;

		edit_remove(&e, needed[i].payload, needed[i].nth);
		assert_int_equal(baton_session_decode(&out, buf, e.len, &where), -BATON_E_MISSING);
		assert_int_equal(where.payload, needed[i].level == EDIT_SESSION ? BATON_PL_SESSION
										: BATON_PL_CHILD);
	}
}

static void optional_payloads_may_be_absent(void **state)
{
	static const struct shape optional[] = {
		{EDIT_SESSION, BATON_PL_IDI, 1},	  {EDIT_SESSION, BATON_PL_LIFETIME, 0},
		{EDIT_SESSION, BATON_PL_NOTIFY, 0},	  {EDIT_SESSION, BATON_PL_CP, 0},
		{EDIT_SESSION, BATON_PL_LOCAL, 0},	  {EDIT_SESSION, BATON_PL_CHILD, 0},
		{EDIT_FIRST_CHILD, BATON_PL_POLICY, 0},	  {EDIT_FIRST_CHILD, BATON_PL_LOCAL, 0},
		{EDIT_FIRST_CHILD, BATON_PL_LIFETIME, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(optional) / sizeof(*optional); i++) {
		struct edit e = {buf, encode_sample(), optional[i].level};

		edit_remove(&e, optional[i].payload, optional[i].nth);
		assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), 0);
	}
}

static void each_repeated_payload_is_refused(void **state)
{
	static const struct shape once[] = {
		{EDIT_SESSION, BATON_PL_LEASE, 0},
		{EDIT_SESSION, BATON_PL_ENDPOINT, 0},
		{EDIT_SESSION, BATON_PL_ENDPOINT, 1},
		{EDIT_SESSION, BATON_PL_IDI, 0},
		{EDIT_SESSION, BATON_PL_IDI, 1},
		{EDIT_SESSION, BATON_PL_IDR, 0},
		{EDIT_SESSION, BATON_PL_SA, 0},
		{EDIT_SESSION, BATON_PL_KEYMAT, 0},
		{EDIT_SESSION, BATON_PL_COUNTERS, 0},
		{EDIT_SESSION, BATON_PL_LIFETIME, 0},
		{EDIT_SESSION, BATON_PL_NOTIFY, 0},
		{EDIT_SESSION, BATON_PL_CP, 0},
		{EDIT_SESSION, BATON_PL_LOCAL, 0},
		{EDIT_SESSION, BATON_PL_CHILD, 0}, /* the same SPI */
		{EDIT_FIRST_CHILD, BATON_PL_SA, 0},
		{EDIT_FIRST_CHILD, BATON_PL_KEYMAT, 0},
		{EDIT_FIRST_CHILD, BATON_PL_TSI, 0},
		{EDIT_FIRST_CHILD, BATON_PL_TSR, 0},
		{EDIT_FIRST_CHILD, BATON_PL_COUNTERS, 0},
		{EDIT_FIRST_CHILD, BATON_PL_LIFETIME, 0},
		{EDIT_FIRST_CHILD, BATON_PL_LOCAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(once) / sizeof(*once); i++) {
		struct edit e = {buf, encode_sample(), once[i].level};
		int err;

		edit_repeat(&e, once[i].payload, once[i].nth);
		err = baton_session_decode(&out, buf, e.len, NULL);
		if (err != -BATON_E_DUPLICATE)
			fail_msg("payload %u twice: %s", once[i].payload, baton_strerror(err));
	}
}

static void bytes_left_over_are_refused(void **state)
{
	static const struct shape fixed[] = {
		{EDIT_SESSION, BATON_PL_ENDPOINT, 0},	  {EDIT_SESSION, BATON_PL_COUNTERS, 0},
		{EDIT_SESSION, BATON_PL_LIFETIME, 0},	  {EDIT_SESSION, BATON_PL_NOTIFY, 0},
		{EDIT_SESSION, BATON_PL_SA, 0},		  {EDIT_FIRST_CHILD, BATON_PL_TSI, 0},
		{EDIT_FIRST_CHILD, BATON_PL_POLICY, 0},	  {EDIT_FIRST_CHILD, BATON_PL_COUNTERS, 0},
		{EDIT_FIRST_CHILD, BATON_PL_LIFETIME, 0}, {EDIT_SESSION, BATON_PL_CHILD, 0},
	};
	struct edit e = {buf, 0, EDIT_SESSION};

	(void)state;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++) {
		e.level = fixed[i].level;
		e.len = encode_sample();
		edit_resize(&e, fixed[i].payload, fixed[i].nth, 4);
		assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), -BATON_E_LENGTH);
	}
	e.len = encode_sample();
	buf[e.len++] = 0; /* after the last payload */
	assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), -BATON_E_LENGTH);
}

static void repeat_until_refused(enum edit_level level, uint8_t type, const void *body, size_t len,
				 unsigned max)
{
	struct edit e = {buf, encode_sample(), level};
	struct baton_where where;

	for (unsigned i = 0; i < max; i++) {
		edit_add(&e, type, false, body, len);
		assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), 0);
	}
	edit_add(&e, type, false, body, len);
	assert_int_equal(baton_session_decode(&out, buf, e.len, &where), -BATON_E_LIMIT);
	assert_int_equal(where.payload, type);
}

static void each_list_has_its_limit(void **state)
{
	uint8_t policy[40] = {BATON_DIR_OUT, BATON_ACTION_BYPASS};

	(void)state;
	policy[8] = policy[24] = 7;
	policy[11] = policy[27] = 16;
	repeat_until_refused(EDIT_SESSION, BATON_PL_ENDPOINT, "\3\4\0\0\1\2\3\4", 8,
			     BATON_EXTRA_ADDRS_MAX);
	repeat_until_refused(EDIT_FIRST_CHILD, BATON_PL_POLICY, policy, sizeof(policy),
			     BATON_POLICIES_MAX - 2);
}

static void notifies_have_their_limit(void **state)
{
	struct edit e = {buf, encode_sample(), EDIT_SESSION};

	(void)state;
	for (uint8_t i = 1; i <= BATON_NOTIFIES_MAX; i++) {
		const uint8_t notify[4] = {0, 0, 0x41, i};

		assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), 0);
		edit_add(&e, BATON_PL_NOTIFY, false, notify, sizeof(notify));
	}
	assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), -BATON_E_LIMIT);
}

static void children_have_their_limit(void **state)
{
	struct edit e = {buf, 0, EDIT_SESSION};
	struct edit child = {buf, 0, EDIT_FIRST_CHILD};
	struct baton_where where;
	int err = 0;

	(void)state;
	e.len = encode_sample();
	for (uint8_t i = 1; i <= BATON_CHILDREN_MAX; i++) {
		assert_int_equal(err, 0);
		edit_repeat(&e, BATON_PL_CHILD, 0); /* in front: then changed to another SPI */
		child.len = e.len;
		buf[edit_find(&e, BATON_PL_CHILD, 0) + 4 + 7] = (uint8_t)(0x10 + i);
		buf[edit_find(&child, BATON_PL_COUNTERS, 0) + 4 + 27] = (uint8_t)(0x10 + i);
		err = baton_session_decode(&out, buf, e.len, &where);
	}
	assert_int_equal(err, -BATON_E_LIMIT);
	assert_string_equal(where.field, "CHILD");
}

static void cp_lists_have_their_limits(void **state)
{
	struct edit e = {buf, 0, EDIT_SESSION};
	static const struct {
		uint8_t type;
		unsigned room;
	} lists[] = {{1, BATON_VIPS_MAX - 1}, {3, BATON_CFG_MAX - 1}};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		e.len = encode_sample();
		for (unsigned n = 0; n <= lists[i].room; n++) {
			size_t at = edit_find(&e, BATON_PL_CP, 0);
			size_t end = at + (size_t)(buf[at + 2] << 8 | buf[at + 3]);

			assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), 0);
			edit_resize(&e, BATON_PL_CP, 0, 8);
			buf[end + 1] = lists[i].type;
			buf[end + 3] = 4;
		}
		assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), -BATON_E_LIMIT);
	}
	e.len = encode_sample(); /* an attribute longer than there is room for */
	edit_resize(&e, BATON_PL_CP, 0, 32 - 4 + 1);
	buf[edit_find(&e, BATON_PL_CP, 0) + 4 + 15] = 33;
	assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), -BATON_E_LIMIT);
}

static void long_identities_and_names_are_refused(void **state)
{
	struct edit e = {buf, 0, EDIT_SESSION};
	size_t at;

	(void)state;
	e.len = encode_sample();
	edit_resize(&e, BATON_PL_IDR, 0, BATON_ID_MAX - 11);
	assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), 0);
	edit_resize(&e, BATON_PL_IDR, 0, 1);
	assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), -BATON_E_LIMIT);

	for (size_t len = BATON_NAME_MAX - 1; len <= BATON_NAME_MAX; len++) {
		uint8_t local[6 + BATON_NAME_MAX] = {0, 1, 0, 1, 0, (uint8_t)len};

		memset(local + 6, 'x', BATON_NAME_MAX);
		e.len = encode_sample();
		edit_remove(&e, BATON_PL_LOCAL, 0);
		edit_add(&e, BATON_PL_LOCAL, false, local, 6 + len);
		assert_int_equal(baton_session_decode(&out, buf, e.len, NULL),
				 len < BATON_NAME_MAX ? 0 : -BATON_E_LIMIT);
	}
	e.len = encode_sample();
	at = edit_find(&e, BATON_PL_LOCAL, 0) + 4;
	buf[at + 6] = 0; /* a NUL inside the name */
	assert_int_equal(baton_session_decode(&out, buf, e.len, NULL), -BATON_E_VALUE);
}

static void keys_that_must_be_there(void **state)
{
	/* SK_d, SK_ei, SK_er; then of the CHILD SA: each direction needs one key at least */
	static const struct {
		enum edit_level level;
		size_t at;
		uint8_t kind;
	} other[] = {{EDIT_SESSION, 0, 2},
		     {EDIT_SESSION, 36, 2},
		     {EDIT_SESSION, 76, 2},
		     {EDIT_FIRST_CHILD, 0, 19},
		     {EDIT_FIRST_CHILD, 40, 18}};
	struct edit e = {buf, 0, EDIT_SESSION};
	struct baton_where where;

	(void)state;
	for (unsigned i = 0; i < sizeof(other) / sizeof(*other); i++) {
		e.level = other[i].level;
		e.len = encode_sample();
		buf[edit_find(&e, BATON_PL_KEYMAT, 0) + 4 + other[i].at] = other[i].kind;
		assert_int_equal(baton_session_decode(&out, buf, e.len, &where), -BATON_E_MISSING);
		assert_string_equal(where.field, "keys");
	}
}

/* ---- what the encoder refuses -------------------------------------------------------------- */

#define REFUSED(change, error)                                                                     \
	do {                                                                                       \
		sample_session(&in);                                                               \
		change;                                                                            \
		assert_int_equal(baton_session_encode(&in, buf, sizeof(buf)), -(error));           \
	} while (0)

static void encoder_refuses_what_could_not_be_read(void **state)
{
	struct baton_child *c = &in.children[0];

	(void)state;
	REFUSED(in.spi_i = 0, BATON_E_VALUE);
	REFUSED(in.spi_r = 0, BATON_E_VALUE);
	REFUSED(in.owner.type = 3, BATON_E_VALUE);
	REFUSED(in.owner.type = 0, BATON_E_VALUE);
	REFUSED(in.owner.len = BATON_ID_MAX + 1, BATON_E_LIMIT);
	REFUSED(in.owner.len = 0, BATON_E_VALUE);
	REFUSED(in.local.family = 0, BATON_E_MISSING);
	REFUSED(in.remote.family = 77, BATON_E_VALUE);
	REFUSED(in.local_id.type = 0, BATON_E_MISSING);
	REFUSED(in.remote_id.type = 0, BATON_E_MISSING);
	REFUSED(in.remote_id.len = 5, BATON_E_VALUE);
	REFUSED(in.local_id.type = BATON_ID_EAP, BATON_E_VALUE);
	REFUSED(in.remote_eap_id.type = 2, BATON_E_VALUE);
	REFUSED(in.remote_eap_id.len = BATON_ID_MAX + 1, BATON_E_LIMIT);
	REFUSED(in.suite.count = 0, BATON_E_MISSING);
	REFUSED(in.suite.count = BATON_TRANSFORMS_MAX + 1, BATON_E_LIMIT);
	REFUSED(in.sk_d.len = 0, BATON_E_MISSING);
	REFUSED(in.sk_ei.len = 0, BATON_E_MISSING);
	REFUSED(in.sk_er.len = 0, BATON_E_MISSING);
	REFUSED(in.sk_pi.len = BATON_SECRET_MAX + 1, BATON_E_LIMIT);
	REFUSED(in.extra_addr_count = 1, BATON_E_MISSING);
	REFUSED(in.extra_addr_count = BATON_EXTRA_ADDRS_MAX + 1, BATON_E_LIMIT);
	REFUSED(in.notifies[0] = 16383, BATON_E_VALUE);
	REFUSED(in.notifies[1] = in.notifies[in.notify_count++ - 1], BATON_E_DUPLICATE);
	REFUSED(in.notify_count = BATON_NOTIFIES_MAX + 1, BATON_E_LIMIT);
	REFUSED(in.vips[0].family = 3, BATON_E_VALUE);
	REFUSED(in.vip_count = BATON_VIPS_MAX + 1, BATON_E_LIMIT);
	REFUSED(in.cfg[0].type = 1, BATON_E_VALUE);
	REFUSED(in.cfg[0].type = 8, BATON_E_VALUE);
	REFUSED(in.cfg[0].type = 0x8003, BATON_E_VALUE);
	REFUSED(in.cfg[0].len = 33, BATON_E_LIMIT);
	REFUSED(in.cfg_count = BATON_CFG_MAX + 1, BATON_E_LIMIT);
	REFUSED(memset(in.name, 'x', BATON_NAME_MAX), BATON_E_LIMIT);
	REFUSED(in.child_count = BATON_CHILDREN_MAX + 1, BATON_E_LIMIT);
	REFUSED(in.children[in.child_count++] = *c, BATON_E_DUPLICATE);
	REFUSED(c->spi_in = 0, BATON_E_VALUE);
	REFUSED(c->spi_out = 0, BATON_E_VALUE);
	REFUSED(c->protocol = 1, BATON_E_VALUE);
	REFUSED(c->mode = 0, BATON_E_VALUE);
	REFUSED(c->mode = 4, BATON_E_VALUE);
	REFUSED(c->suite.count = 0, BATON_E_MISSING);
	REFUSED(c->encr_i.len = 0, BATON_E_MISSING);
	REFUSED(c->encr_r.len = 0, BATON_E_MISSING);
	REFUSED(c->integ_r.len = BATON_SECRET_MAX + 1, BATON_E_LIMIT);
	REFUSED(c->local_ts_count = 0, BATON_E_MISSING);
	REFUSED(c->remote_ts_count = BATON_TS_MAX + 1, BATON_E_LIMIT);
	REFUSED(c->local_ts[0].family = 0, BATON_E_VALUE);
	REFUSED(c->remote_ts[0].ip_start[3] = 2, BATON_E_VALUE);
	REFUSED(c->policy_count = BATON_POLICIES_MAX + 1, BATON_E_LIMIT);
	REFUSED(c->policies[1].directions = 0, BATON_E_VALUE);
	REFUSED(c->policies[1].action = 4, BATON_E_VALUE);
	REFUSED(c->policies[0].remote.family = 0, BATON_E_VALUE);
	REFUSED(memset(c->name, 'x', BATON_NAME_MAX), BATON_E_LIMIT);
}

static void owner_may_be_unknown(void **state)
{
	(void)state;
	sample_session(&in); /* an IKE daemon's own session, before batond has put its name to it */
	memset(&in.owner, 0, sizeof(in.owner));
	round_trip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sample_reads_back),
		cmocka_unit_test(any_session_reads_back),
		cmocka_unit_test(ivs_that_are_the_number_read_back_and_need_a_fence),
		cmocka_unit_test(initiator_flags_choose_the_side),
		cmocka_unit_test(every_shorter_buffer_is_refused_and_left_without_keys),
		cmocka_unit_test(every_truncation_is_refused_and_wiped),
		cmocka_unit_test(reserved_bits_are_ignored),
		cmocka_unit_test(cached_responses_are_whole_messages),
		cmocka_unit_test(unknown_payloads_are_skipped_unless_critical),
		cmocka_unit_test(other_implementations_attributes_are_skipped),
		cmocka_unit_test(each_wrong_field_is_refused),
		cmocka_unit_test(each_missing_payload_is_refused),
		cmocka_unit_test(optional_payloads_may_be_absent),
		cmocka_unit_test(each_repeated_payload_is_refused),
		cmocka_unit_test(bytes_left_over_are_refused),
		cmocka_unit_test(each_list_has_its_limit),
		cmocka_unit_test(notifies_have_their_limit),
		cmocka_unit_test(children_have_their_limit),
		cmocka_unit_test(cp_lists_have_their_limits),
		cmocka_unit_test(long_identities_and_names_are_refused),
		cmocka_unit_test(keys_that_must_be_there),
		cmocka_unit_test(encoder_refuses_what_could_not_be_read),
		cmocka_unit_test(owner_may_be_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
