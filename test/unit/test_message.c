/* SPDX-License-Identifier: BSD-2-Clause */
/* Header, payload chain and the bodies of SA_Stor and SA_Retr: docs/protocol.md 5.1.1, 5.1.2
 * and 5.2. */
#include "edit.h"
#include "sample.h"
#include <baton/message.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint8_t buf[BATON_MESSAGE_MAX];
static struct baton_message m;
static struct baton_status statuses[BATON_ITEMS_MAX];
static struct baton_where where;

static const struct baton_header request = {
	.spi_i = 0x1111111111111111,
	.spi_r = 0x2222222222222222,
	.exchange = BATON_SA_STOR,
	.flags = BATON_FLAG_INITIATOR,
	.msgid = 42,
};
static const struct baton_id gw_a = {BATON_ID_FQDN, 4, "gw-a"};
static const struct baton_id gw_b = {BATON_ID_IPV4, 4, {192, 0, 2, 11}};

static int decode(const struct edit *e)
{
	m.statuses = statuses;
	m.status_max = BATON_ITEMS_MAX;
	return baton_message_decode(&m, e->buf, e->len, &where);
}

static void begin(struct baton_builder *b)
{
	baton_build_begin(b, buf, sizeof(buf), &request);
}

static struct edit end(struct baton_builder *b)
{
	int len = baton_build_end(b);

	assert_true(len > 0);
	return (struct edit){buf, (size_t)len, EDIT_MESSAGE};
}

static const struct baton_report reports[2] = {
	{.kind = BATON_REPORT_CHILD,
	 .protocol = 3,
	 .spi_in = 0xc1000001,
	 .spi_i = 1,
	 .spi_r = 2,
	 .epoch = 3,
	 .counters = {4, 5, 6, 7}},
	{.kind = BATON_REPORT_MSGID,
	 .protocol = 1,
	 .spi_i = 1,
	 .spi_r = 2,
	 .epoch = 3,
	 .msgid_in = 8,
	 .msgid_out = 9},
};
static const struct baton_delete gone = {1, 2, 3, 0x1122334455667788};
static const struct baton_status item = {
	.status = BATON_E_STALE_OWNER,
	.spi_i = 1,
	.spi_r = 2,
	.epoch = 4,
	.version = 5,
	.owner = {BATON_ID_FQDN, 4, "gw-b"},
};

/* One of everything. */
static struct edit build_all(void)
{
	static uint8_t body[4096];
	static struct baton_session s;
	struct baton_builder b;
	int len;

	sample_session(&s);
	len = baton_session_encode(&s, body, sizeof(body));
	assert_true(len > 0);
	begin(&b);
	baton_build_id(&b, BATON_PL_IDI, &gw_a);
	baton_build_id(&b, BATON_PL_IDR, &gw_b);
	baton_build_notify(&b, BATON_N_HELLO);
	baton_build_notify(&b, BATON_N_SYNCED);
	baton_build_notify(&b, BATON_N_CLAIM);
	baton_build_notify(&b, BATON_N_PING);
	baton_build_notify(&b, BATON_N_ADOPT);
	baton_build_by_spi(&b, BATON_PROTO_ESP, 0xc1000001);
	baton_build_error(&b, BATON_E_NOT_FOUND);
	baton_build_session(&b, body, (size_t)len);
	baton_build_reports(&b, reports, 2);
	baton_build_delete(&b, &gone);
	baton_build_status(&b, &item);
	baton_build_cursor(&b, &(struct baton_cursor){77, 4000});
	return end(&b);
}

static void reads_back_everything(void **state)
{
	struct edit e = build_all();

	(void)state;
	assert_int_equal(decode(&e), 0);
	assert_string_equal(where.field, "");
	assert_true(m.header.spi_i == request.spi_i && m.header.spi_r == request.spi_r);
	assert_int_equal(m.header.exchange, BATON_SA_STOR);
	assert_int_equal(m.header.flags, BATON_FLAG_INITIATOR);
	assert_int_equal(m.header.msgid, 42);
	assert_int_equal(m.header.length, e.len);
	assert_memory_equal(&m.sender, &gw_a, sizeof(gw_a));
	assert_memory_equal(&m.subject, &gw_b, sizeof(gw_b));
	assert_true(m.hello && m.synced && m.claim && m.ping && m.adopt && m.has_cursor);
	assert_int_equal(m.by_spi_protocol, BATON_PROTO_ESP);
	assert_int_equal(m.by_spi, 0xc1000001);
	assert_int_equal(m.error, BATON_E_NOT_FOUND);
	assert_int_equal(m.cursor.position, 77);
	assert_int_equal(m.cursor.max_bytes, 4000);
	assert_int_equal(m.session_count, 1);
	assert_true(m.sessions[0].spi_i == 0x0123456789abcdef &&
		    m.sessions[0].spi_r == 0xfedcba9876543210);
	assert_int_equal(m.report_count, 2);
	assert_memory_equal(m.reports, reports, sizeof(reports));
	assert_int_equal(m.delete_count, 1);
	assert_memory_equal(m.deletes, &gone, sizeof(gone));
	assert_int_equal(m.status_count, 1);
	assert_memory_equal(statuses, &item, sizeof(item));
}

static void session_found_in_a_message_decodes(void **state)
{
	static struct baton_session want, got;
	struct edit e = build_all();

	(void)state;
	sample_session(&want);
	assert_int_equal(decode(&e), 0);
	assert_int_equal(baton_session_decode(&got, m.sessions[0].body, m.sessions[0].len, NULL),
			 0);
	assert_memory_equal(&want, &got, sizeof(want));
}

static void message_without_payloads(void **state)
{
	struct baton_builder b;
	struct edit e;

	(void)state;
	begin(&b);
	e = end(&b);
	assert_int_equal(e.len, BATON_IKE_HEADER_LEN);
	assert_int_equal(decode(&e), 0);
	assert_int_equal(m.sender.type, 0);
	assert_int_equal(m.session_count + m.report_count + m.delete_count + m.status_count, 0);
}

static void absent_things_are_not_written(void **state)
{
	struct baton_builder b;
	struct edit e;

	(void)state;
	begin(&b);
	baton_build_id(&b, BATON_PL_IDI, &(struct baton_id){0});
	baton_build_reports(&b, reports, 0);
	e = end(&b);
	assert_int_equal(e.len, BATON_IKE_HEADER_LEN);
}

/* ---- header -------------------------------------------------------------------------------- */

static void header_case(size_t at, uint8_t value, int err, const char *field)
{
	struct edit e = build_all();

	buf[at] = value;
	assert_int_equal(decode(&e), -err);
	assert_string_equal(where.field, field);
	assert_int_equal(where.payload, 0);
	assert_int_equal(m.session_count, 0); /* nothing half-read is left to be used */
}

static void header_is_checked(void **state)
{
	struct edit e = build_all();

	(void)state;
	header_case(17, 0x10, BATON_E_VERSION, "version"); /* IKEv1 */
	header_case(17, 0x30, BATON_E_VERSION, "version");
	header_case(18, 37, BATON_E_EXCHANGE, "exchange type"); /* INFORMATIONAL */
	header_case(18, 239, BATON_E_EXCHANGE, "exchange type");
	header_case(18, 246, BATON_E_EXCHANGE, "exchange type");
	header_case(27, (uint8_t)(e.len - 1), BATON_E_LENGTH, "length");
	header_case(27, (uint8_t)(e.len + 1), BATON_E_TRUNCATED, "length");
	header_case(24, 0xff, BATON_E_TRUNCATED, "length");

	e = build_all();
	buf[17] = 0x2f;	 /* a later minor version is read as ours (RFC 7296 2.5) */
	buf[19] |= 0xc7; /* reserved flags */
	assert_int_equal(decode(&e), 0);
}

static void every_truncation_is_refused(void **state)
{
	struct edit e = build_all();
	size_t whole = e.len;

	(void)state;
	for (e.len = 0; e.len < whole; e.len++) {
		uint8_t *tail = buf + sizeof(buf) -
				e.len; /* at the end, where a byte too far shows */
		struct edit cut = {tail, e.len, EDIT_MESSAGE};

		memmove(tail, buf, e.len);
		assert_int_equal(decode(&cut), -BATON_E_TRUNCATED);
		if (e.len >= BATON_IKE_HEADER_LEN) { /* and with a length that agrees */
			tail[26] = (uint8_t)(e.len >> 8);
			tail[27] = (uint8_t)e.len;
			assert_true(decode(&cut) < 0);
		}
		assert_int_equal(m.session_count, 0);
	}
}

/* ---- one wrong field at a time ------------------------------------------------------------- */

static const struct {
	uint8_t payload;
	unsigned nth;
	size_t at, len;
	const char *bytes;
	int err;
	const char *field;
} wrong[] = {
	{BATON_PL_IDI, 0, 0, 1, "\0", BATON_E_VALUE, "Server ID"},
	{BATON_PL_IDI, 0, 0, 1, "\3", BATON_E_VALUE, "Server ID"},
	{BATON_PL_IDI, 0, 0, 1, "\5", BATON_E_VALUE, "Server ID"},
	{BATON_PL_IDR, 0, 0, 1, "\xb", BATON_E_VALUE, "Server ID"},
	{BATON_PL_NOTIFY, 0, 0, 1, "\1", BATON_E_VALUE, "protocol and SPI size"},
	{BATON_PL_NOTIFY, 0, 1, 1, "\4", BATON_E_VALUE, "protocol and SPI size"},
	{BATON_PL_NOTIFY, 0, 2, 2, "\xa0\1", BATON_E_DUPLICATE, "payload"},
	{BATON_PL_NOTIFY, 0, 2, 2, "\0\x0e", BATON_E_VALUE, "notify type"},
	{BATON_PL_NOTIFY, 5, 0, 1, "\0", BATON_E_VALUE, "protocol"},
	{BATON_PL_NOTIFY, 5, 0, 1, "\4", BATON_E_VALUE, "protocol"},
	{BATON_PL_NOTIFY, 5, 0, 1, "\1", BATON_E_LENGTH, "SPI size"},
	{BATON_PL_NOTIFY, 5, 1, 1, "\x08", BATON_E_LENGTH, "SPI size"},
	{BATON_PL_NOTIFY, 5, 4, 4, "\0\0\0\0", BATON_E_VALUE, "SPI"},
	{BATON_PL_NOTIFY, 6, 4, 2, "\0\0", BATON_E_VALUE, "status"},
	{BATON_PL_COUNTERS, 0, 0, 1, "\3", BATON_E_VALUE, "kind"},
	{BATON_PL_COUNTERS, 0, 1, 1, "\1", BATON_E_VALUE, "protocol"},
	{BATON_PL_COUNTERS, 0, 65, 1, "\3", BATON_E_VALUE, "protocol"},
	{BATON_PL_DELETE, 0, 0, 1, "\3", BATON_E_VALUE, "protocol"},
	{BATON_PL_DELETE, 0, 1, 1, "\x1b", BATON_E_LENGTH, "number of SPIs"},
	{BATON_PL_DELETE, 0, 2, 2, "\0\2", BATON_E_LENGTH, "number of SPIs"},
	{BATON_PL_DELETE, 0, 2, 2, "\xff\xff", BATON_E_LENGTH, "number of SPIs"},
	{BATON_PL_LEASE, 0, 32, 1, "\x09", BATON_E_VALUE, "owner"},
	{BATON_PL_LEASE, 0, 32, 1, "\0", BATON_E_VALUE, "owner"},
};

static void each_wrong_field_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct edit e = build_all();
		size_t at = edit_find(&e, wrong[i].payload, wrong[i].nth) + 4;
		int err;

		memcpy(buf + at + wrong[i].at, wrong[i].bytes, wrong[i].len);
		err = decode(&e);
		if (err != -wrong[i].err || strcmp(where.field, wrong[i].field) != 0)
			fail_msg("case %zu: payload %u+%zu: got %s (%s), want %s (%s)", i,
				 wrong[i].payload, wrong[i].at, baton_strerror(err), where.field,
				 baton_strerror(wrong[i].err), wrong[i].field);
		assert_int_equal(where.payload, wrong[i].payload);
		assert_true(where.offset >= at && where.offset <= e.len);
	}
}

static void payload_lengths_are_checked(void **state)
{
	struct edit e = build_all();
	size_t at = edit_find(&e, BATON_PL_IDI, 0);

	(void)state;
	buf[at + 3] = 3; /* less than the generic header itself */
	assert_int_equal(decode(&e), -BATON_E_LENGTH);
	buf[at + 2] = 0xff; /* beyond the message */
	assert_int_equal(decode(&e), -BATON_E_TRUNCATED);
	assert_int_equal(where.payload, BATON_PL_IDI);

	e = build_all();
	edit_add(&e, 200, false, "", 0);
	assert_int_equal(decode(&e), 0);
	buf[edit_find(&e, 200, 0)] = BATON_PL_NONE; /* the chain ends before the message does */
	assert_int_equal(decode(&e), -BATON_E_LENGTH);
}

static void bytes_left_over_are_refused(void **state)
{
	static const struct {
		uint8_t payload;
		unsigned nth;
	} fixed[] = {{BATON_PL_NOTIFY, 0},
		     {BATON_PL_NOTIFY, 5},
		     {BATON_PL_NOTIFY, 6},
		     {BATON_PL_CURSOR, 0},
		     {BATON_PL_DELETE, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++) {
		struct edit e = build_all();

		edit_resize(&e, fixed[i].payload, fixed[i].nth, 4);
		assert_int_equal(decode(&e), -BATON_E_LENGTH);
		assert_int_equal(where.payload, fixed[i].payload);
	}
}

static void bodies_too_short_are_refused(void **state)
{
	static const uint8_t payloads[] = {BATON_PL_IDI,      BATON_PL_NOTIFY, BATON_PL_SESSION,
					   BATON_PL_COUNTERS, BATON_PL_DELETE, BATON_PL_LEASE,
					   BATON_PL_CURSOR};

	(void)state;
	for (size_t i = 0; i < sizeof(payloads); i++) {
		struct edit e = build_all();
		size_t at = edit_find(&e, payloads[i], 0);
		int len = buf[at + 2] << 8 | buf[at + 3];

		edit_resize(&e, payloads[i], 0, 3 + 4 - len);
		assert_int_equal(decode(&e), -BATON_E_TRUNCATED);
		assert_int_equal(where.payload, payloads[i]);
	}
}

static void each_repeated_payload_is_refused(void **state)
{
	static const struct {
		uint8_t payload;
		unsigned nth;
	} once[] = {{BATON_PL_IDI, 0},	  {BATON_PL_IDR, 0},	{BATON_PL_CURSOR, 0},
		    {BATON_PL_NOTIFY, 0}, {BATON_PL_NOTIFY, 1}, {BATON_PL_NOTIFY, 2},
		    {BATON_PL_NOTIFY, 3}, {BATON_PL_NOTIFY, 4}, {BATON_PL_NOTIFY, 5},
		    {BATON_PL_NOTIFY, 6}};

	(void)state;
	for (size_t i = 0; i < sizeof(once) / sizeof(*once); i++) {
		struct edit e = build_all();

		edit_repeat(&e, once[i].payload, once[i].nth);
		assert_int_equal(decode(&e), -BATON_E_DUPLICATE);
		assert_int_equal(where.payload, once[i].payload);
	}
}

static void unknown_payloads_are_skipped_unless_critical(void **state)
{
	struct edit e = build_all();

	(void)state;
	edit_add(&e, 200, false, "what", 4);
	edit_add(&e, BATON_PL_TSI, false, "known, but not here", 19);
	assert_int_equal(decode(&e), 0);
	assert_int_equal(m.session_count, 1);
	edit_add(&e, 200, true, "what", 4);
	assert_int_equal(decode(&e), -BATON_E_CRITICAL);
	assert_int_equal(where.payload, 200);

	e = build_all();
	edit_add(&e, BATON_PL_FRAGMENT, false, "0123456789abcdefx", 17);
	assert_int_equal(decode(&e), -BATON_E_VALUE);
	assert_int_equal(where.payload, BATON_PL_FRAGMENT);
}

static void unknown_notifies_are_ignored(void **state)
{
	struct edit e = build_all();

	(void)state;
	edit_add(&e, BATON_PL_NOTIFY, false,
		 "\3\4\xbf\xff"
		 "spi!data",
		 12);
	edit_add(&e, BATON_PL_NOTIFY, false, "\0\0\x40\0", 4);
	assert_int_equal(decode(&e), 0);
}

/* ---- limits -------------------------------------------------------------------------------- */

static void one_too_many(struct baton_builder *b, void (*add)(struct baton_builder *),
			 uint8_t payload)
{
	struct baton_builder before;
	struct edit e;

	begin(b);
	for (unsigned i = 0; i < BATON_ITEMS_MAX; i++)
		add(b);
	before = *b;
	e = end(&before);
	assert_int_equal(decode(&e), 0);
	add(b);
	e = end(b);
	assert_int_equal(decode(&e), -BATON_E_LIMIT);
	assert_int_equal(where.payload, payload);
}

static void add_session(struct baton_builder *b)
{
	baton_build_session(b, "0123456789abcdef", 16);
}

static void add_report(struct baton_builder *b)
{
	baton_build_reports(b, reports, 1);
}

static void add_delete(struct baton_builder *b)
{
	baton_build_delete(b, &gone);
}

static void add_status(struct baton_builder *b)
{
	baton_build_status(b, &item);
}

static void items_have_their_limit(void **state)
{
	struct baton_builder b;

	(void)state;
	one_too_many(&b, add_session, BATON_PL_SESSION);
	one_too_many(&b, add_report, BATON_PL_COUNTERS);
	one_too_many(&b, add_delete, BATON_PL_DELETE);
	one_too_many(&b, add_status, BATON_PL_LEASE);
}

static void items_share_one_limit(void **state)
{
	static void (*const add[])(struct baton_builder *) = {add_session, add_report, add_delete};
	struct baton_builder b;
	struct edit e;

	(void)state;
	for (unsigned last = 0; last < 3; last++) {
		begin(&b);
		for (unsigned i = 0; i < BATON_ITEMS_MAX; i++)
			add[i % 3](&b);
		add[last](&b);
		e = end(&b);
		assert_int_equal(decode(&e), -BATON_E_LIMIT);
	}
}

static void many_deletes_in_one_payload(void **state)
{
	static uint8_t body[4 + (BATON_ITEMS_MAX + 1) * 28] = {1, 28};
	struct baton_builder b;
	struct edit e;

	(void)state;
	for (unsigned n = BATON_ITEMS_MAX; n <= BATON_ITEMS_MAX + 1; n++) {
		body[2] = (uint8_t)(n >> 8);
		body[3] = (uint8_t)n;
		begin(&b);
		e = end(&b);
		edit_add(&e, BATON_PL_DELETE, false, body, 4 + n * 28);
		assert_int_equal(decode(&e), n > BATON_ITEMS_MAX ? -BATON_E_LIMIT : 0);
		assert_int_equal(m.delete_count, n > BATON_ITEMS_MAX ? 0 : n);
	}
}

static void statuses_nobody_asked_for_are_checked_and_dropped(void **state)
{
	struct edit e = build_all();

	(void)state;
	m.statuses = NULL;
	m.status_max = 0;
	assert_int_equal(baton_message_decode(&m, buf, e.len, NULL), 0);
	assert_int_equal(m.status_count, 0);
	buf[edit_find(&e, BATON_PL_LEASE, 0) + 4 + 32] = 9;
	assert_int_equal(baton_message_decode(&m, buf, e.len, NULL), -BATON_E_VALUE);
}

static void too_few_places_for_statuses(void **state)
{
	struct edit e = build_all();

	(void)state;
	edit_repeat(&e, BATON_PL_LEASE, 0);
	m.statuses = statuses;
	m.status_max = 1;
	assert_int_equal(baton_message_decode(&m, buf, e.len, NULL), -BATON_E_LIMIT);
	m.status_max = 2;
	assert_int_equal(baton_message_decode(&m, buf, e.len, NULL), 0);
}

static void builder_says_when_it_is_full(void **state)
{
	size_t whole = build_all().len;
	static uint8_t big[UINT16_MAX];
	struct baton_builder b;

	(void)state;
	for (size_t size = 0; size < BATON_IKE_HEADER_LEN + 12; size++) {
		baton_build_begin(&b, buf, size, &request);
		baton_build_id(&b, BATON_PL_IDI, &gw_a);
		assert_int_equal(baton_build_end(&b), -BATON_E_NOSPACE);
	}
	assert_true(whole > 0);
	/* A payload's length has 16 bits. */
	begin(&b);
	baton_build_session(&b, big, sizeof(big) - 4);
	assert_int_equal(baton_build_end(&b),
			 -BATON_E_NOSPACE); /* 28 + 65535 > BATON_MESSAGE_MAX */
	{
		static uint8_t room[2 * UINT16_MAX];

		baton_build_begin(&b, room, sizeof(room), &request);
		baton_build_session(&b, big, sizeof(big) - 4);
		assert_int_equal(baton_build_end(&b), BATON_IKE_HEADER_LEN + UINT16_MAX);
		baton_build_begin(&b, room, sizeof(room), &request);
		baton_build_session(&b, big, sizeof(big) - 3);
		assert_int_equal(baton_build_end(&b), -BATON_E_NOSPACE);
	}
}

static void by_spi_of_an_ike_sa(void **state)
{
	struct baton_builder b;
	struct edit e;

	(void)state;
	begin(&b);
	baton_build_by_spi(&b, 1, 0xfedcba9876543210);
	e = end(&b);
	assert_int_equal(decode(&e), 0);
	assert_int_equal(m.by_spi_protocol, 1);
	assert_true(m.by_spi == 0xfedcba9876543210);
}

/* docs/protocol.md, "N" */
static void ranks_and_shares_are_in_their_range(void **state)
{
	static const struct baton_contact ranks[] = {{1, 2, 0, 0, false},
						     {1, 2, 3, 0, false},
						     {1, 0, 0, 0, false},
						     {1, BATON_STORES_MAX + 1, 1, 0, false}};
	static const struct baton_share shares[] = {
		{3, 3, 1}, {0, 0, 0}, {0, 0, 1}, {1, 3, 0}, {2, 3, 2}};
	struct baton_builder b;
	struct edit e;

	(void)state;
	for (size_t i = 0; i < sizeof(ranks) / sizeof(*ranks); i++) {
		begin(&b);
		baton_build_contact(&b, &ranks[i]);
		e = end(&b);
		assert_int_equal(decode(&e), -BATON_E_VALUE);
	}
	begin(&b);
	for (size_t i = 0; i < sizeof(shares) / sizeof(*shares); i++) {
		baton_build_share(&b, &shares[i]);
		e = end(&b);
		assert_int_equal(decode(&e), -BATON_E_VALUE);
		begin(&b);
	}
	baton_build_contact(
		&b, &(struct baton_contact){1, BATON_STORES_MAX, BATON_STORES_MAX, 9, true});
	baton_build_share(&b, &(struct baton_share){2, 4, 2});
	e = end(&b);
	assert_int_equal(decode(&e), 0);
	assert_int_equal(m.contact.rank, BATON_STORES_MAX);
	assert_true(m.contact.drained);
	assert_int_equal(m.share.of, 4);
}

/* A notify of that many octets of data, each of that value. */
static int with_data(uint8_t protocol, uint8_t spi_size, uint16_t type, unsigned size,
		     uint8_t value)
{
	struct baton_builder b;
	struct edit e;

	begin(&b);
	baton_build_open(&b, BATON_PL_NOTIFY);
	baton_put_u8(&b.w, protocol);
	baton_put_u8(&b.w, spi_size);
	baton_put_u16(&b.w, type);
	for (unsigned i = 0; i < size; i++)
		baton_put_u8(&b.w, value);
	baton_build_close(&b);
	e = end(&b);
	return decode(&e);
}

static void offers_are_pairs_of_spis(void **state)
{
	(void)state;
	assert_int_equal(with_data(0, 0, BATON_N_OFFER, 0, 1), -BATON_E_LENGTH);
	assert_int_equal(with_data(0, 0, BATON_N_OFFER, 8, 1), -BATON_E_LENGTH);
	assert_int_equal(with_data(0, 0, BATON_N_OFFER, 33, 1), -BATON_E_LENGTH);
	assert_int_equal(with_data(0, 0, BATON_N_OFFER, 16, 0), -BATON_E_VALUE);
	assert_int_equal(with_data(0, 0, BATON_N_OFFER, 64 * 16, 1), 0);
	assert_int_equal(m.offer_count, 64);
	assert_int_equal(with_data(0, 0, BATON_N_OFFER, 65 * 16, 1), -BATON_E_LIMIT);
}

static void addresses_and_both_spis_have_their_lengths(void **state)
{
	(void)state;
	assert_int_equal(with_data(0, 0, BATON_N_AT, 4, 1), 0);
	assert_int_equal(with_data(0, 0, BATON_N_AT, 16, 1), 0);
	assert_int_equal(with_data(0, 0, BATON_N_AT, 5, 1), -BATON_E_LENGTH);
	assert_int_equal(with_data(0, 0, BATON_N_AT, 0, 1), -BATON_E_LENGTH);
	assert_int_equal(with_data(0, 0, BATON_N_BY_ADDRESS, 4, 1), 0);
	assert_int_equal(with_data(0, 0, BATON_N_BY_ADDRESS, 16, 1), 0);
	assert_int_equal(with_data(0, 0, BATON_N_BY_ADDRESS, 15, 1), -BATON_E_LENGTH);
	assert_int_equal(with_data(1, 16, BATON_N_BY_SPI, 16, 1), 0);
	assert_int_equal(with_data(1, 16, BATON_N_BY_SPI, 16, 0), -BATON_E_VALUE);
	assert_int_equal(with_data(1, 12, BATON_N_BY_SPI, 12, 1), -BATON_E_LENGTH);
	assert_int_equal(with_data(3, 16, BATON_N_BY_SPI, 16, 1), -BATON_E_LENGTH);
}

static int with_members(unsigned count, uint8_t state)
{
	static const struct baton_id gw = {BATON_ID_FQDN, 4, "gw-a"};
	struct baton_builder b;
	struct edit e;

	begin(&b);
	for (unsigned i = 0; i < count; i++)
		baton_build_member(&b, &(struct baton_member){gw, state, 77 + i});
	e = end(&b);
	return decode(&e);
}

static void members_are_current_drained_or_gone(void **state)
{
	(void)state;
	assert_int_equal(with_members(1, 0), -BATON_E_VALUE);
	assert_int_equal(with_members(1, 4), -BATON_E_VALUE);
	assert_int_equal(with_members(1, BATON_MEMBER_DRAINED), 0);
	assert_int_equal(with_members(BATON_MEMBERS_MAX, BATON_MEMBER_GONE), 0);
	assert_int_equal(m.member_count, BATON_MEMBERS_MAX);
	assert_int_equal(m.member[0].state, BATON_MEMBER_GONE);
	assert_int_equal(m.member[15].sessions, 77 + 15);
	assert_int_equal(with_members(BATON_MEMBERS_MAX + 1, BATON_MEMBER_CURRENT), -BATON_E_LIMIT);
}

static void a_least_epoch_is_whole_or_absent(void **state)
{
	static const int want[] = {0, -BATON_E_TRUNCATED, -BATON_E_TRUNCATED, -BATON_E_TRUNCATED,
				   0, -BATON_E_LENGTH,	  -BATON_E_LENGTH};
	struct baton_builder b;
	struct edit e;

	(void)state;
	for (unsigned size = 0; size < sizeof(want) / sizeof(*want); size++) {
		begin(&b);
		baton_build_open(&b, BATON_PL_NOTIFY);
		baton_put_u16(&b.w, 0);
		baton_put_u16(&b.w, BATON_N_CLAIM);
		for (unsigned i = 0; i < size; i++)
			baton_put_u8(&b.w, (uint8_t)(i + 1));
		baton_build_close(&b);
		e = end(&b);
		assert_int_equal(decode(&e), want[size]);
		assert_int_equal(m.claim, want[size] == 0);
		assert_int_equal(m.least_epoch, size == 4 ? 0x01020304 : 0);
	}
	begin(&b);
	baton_build_claim(&b, 77);
	e = end(&b);
	assert_int_equal(decode(&e), 0);
	assert_int_equal(m.least_epoch, 77);
}

static void digests_are_all_or_nothing(void **state)
{
	static uint64_t digests[BATON_BUCKETS];
	struct baton_builder b;
	struct edit e;

	(void)state;
	for (unsigned i = 0; i < BATON_BUCKETS; i++)
		digests[i] = i * UINT64_C(0x0101010101010101);
	begin(&b);
	baton_build_digests(&b, digests);
	e = end(&b);
	assert_int_equal(decode(&e), 0);
	assert_true(m.has_digests);
	assert_memory_equal(m.digests, digests, sizeof(digests));
	begin(&b);
	baton_build_open(&b, BATON_PL_DIGEST);
	baton_put_u64(&b.w, 1);
	baton_build_close(&b);
	e = end(&b);
	assert_int_equal(decode(&e), -BATON_E_TRUNCATED);
	assert_false(m.has_digests);
}

/* By hand: FNV-1a of sixteen octets, then of twelve more. */
static void hashes_are_those_of_the_document(void **state)
{
	uint64_t h = 0xcbf29ce484222325u;

	(void)state;
	for (unsigned i = 0; i < 28; i++) {
		if (i == 16)
			assert_true(baton_spi_hash(0x0001020304050607, 0x08090a0b0c0d0e0f) == h);
		h = (h ^ i) * 0x100000001b3u;
	}
	assert_true(baton_state_hash(0x0001020304050607, 0x08090a0b0c0d0e0f, 0x10111213,
				     0x1415161718191a1b) == h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_back_everything),
		cmocka_unit_test(session_found_in_a_message_decodes),
		cmocka_unit_test(message_without_payloads),
		cmocka_unit_test(absent_things_are_not_written),
		cmocka_unit_test(header_is_checked),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(each_wrong_field_is_refused),
		cmocka_unit_test(payload_lengths_are_checked),
		cmocka_unit_test(bytes_left_over_are_refused),
		cmocka_unit_test(bodies_too_short_are_refused),
		cmocka_unit_test(each_repeated_payload_is_refused),
		cmocka_unit_test(unknown_payloads_are_skipped_unless_critical),
		cmocka_unit_test(unknown_notifies_are_ignored),
		cmocka_unit_test(items_have_their_limit),
		cmocka_unit_test(items_share_one_limit),
		cmocka_unit_test(many_deletes_in_one_payload),
		cmocka_unit_test(statuses_nobody_asked_for_are_checked_and_dropped),
		cmocka_unit_test(too_few_places_for_statuses),
		cmocka_unit_test(builder_says_when_it_is_full),
		cmocka_unit_test(by_spi_of_an_ike_sa),
		cmocka_unit_test(ranks_and_shares_are_in_their_range),
		cmocka_unit_test(offers_are_pairs_of_spis),
		cmocka_unit_test(members_are_current_drained_or_gone),
		cmocka_unit_test(addresses_and_both_spis_have_their_lengths),
		cmocka_unit_test(a_least_epoch_is_whole_or_absent),
		cmocka_unit_test(digests_are_all_or_nothing),
		cmocka_unit_test(hashes_are_those_of_the_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
