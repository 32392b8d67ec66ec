/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * docs/protocol.md and the code say the same: each ```vector block of the
 * document is what the encoder writes, and decodes to what went in. With
 * --print the blocks are written anew, to be pasted into the document.
 */
#include "print.h"
#include "sample.h"
#include <baton/message.h>
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define FRAGMENT_MTU 100u

static uint8_t want[BATON_MESSAGE_MAX], doc[BATON_MESSAGE_MAX], body[BATON_MESSAGE_MAX];
static struct baton_message m;
static struct baton_status statuses[BATON_ITEMS_MAX];
static struct baton_session session, decoded;

static const struct baton_id gw_a = {BATON_ID_FQDN, 4, "gw-a"};
static const struct baton_id gw_b = {BATON_ID_FQDN, 4, "gw-b"};
static const struct baton_report reports[2] = {
	{.kind = BATON_REPORT_MSGID,
	 .protocol = 1,
	 .spi_i = 0x0123456789abcdef,
	 .spi_r = 0xfedcba9876543210,
	 .epoch = 3,
	 .msgid_in = 7,
	 .msgid_out = 2},
	{.kind = BATON_REPORT_CHILD,
	 .protocol = 3,
	 .spi_in = 0xc1000001,
	 .spi_i = 0x0123456789abcdef,
	 .spi_r = 0xfedcba9876543210,
	 .epoch = 3,
	 .counters = {34000, 99536, 20900, 21400}},
};
static const struct baton_delete gone = {0x0123456789abcdef, 0xfedcba9876543210, 3, 18};
static const struct baton_status taken = {
	0, 0x0123456789abcdef, 0xfedcba9876543210, 3, 17, {BATON_ID_FQDN, 4, "gw-a"}, 0, 0};
static const struct baton_status stale = {BATON_E_STALE_OWNER,
					  0x0123456789abcdef,
					  0xfedcba9876543210,
					  4,
					  18,
					  {BATON_ID_FQDN, 4, "gw-b"},
					  0,
					  0};

/* gw-a asks (boot ID a1..), gw-b answers (boot ID b1..). */
static void begin(struct baton_builder *b, uint8_t exchange, bool response, uint32_t msgid)
{
	const struct baton_header h = {
		.spi_i = 0xa1a2a3a4a5a6a7a8,
		.spi_r = 0xb1b2b3b4b5b6b7b8,
		.exchange = exchange,
		.flags = response ? BATON_FLAG_RESPONSE : BATON_FLAG_INITIATOR,
		.msgid = msgid,
	};

	baton_build_begin(b, want, sizeof(want), &h);
	baton_build_id(b, BATON_PL_IDI, response ? &gw_b : &gw_a);
}

/* Between batond and the IKE daemon there are no boot IDs and no Server IDs. */
static void begin_local(struct baton_builder *b, uint8_t exchange, bool response)
{
	const struct baton_header h = {
		.exchange = exchange,
		.flags = response ? BATON_FLAG_RESPONSE : BATON_FLAG_INITIATOR,
		.msgid = 1,
	};

	baton_build_begin(b, want, sizeof(want), &h);
}

static size_t end(struct baton_builder *b)
{
	int len = baton_build_end(b);

	return len > 0 ? (size_t)len : 0;
}

static size_t ping(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, false, 0);
	baton_patch_u32(&b.w, 8, 0); /* gw-b has not been heard of yet */
	baton_patch_u32(&b.w, 12, 0);
	baton_build_notify(&b, BATON_N_PING);
	return end(&b);
}

static size_t ping_answer(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, true, 0);
	return end(&b);
}

static size_t contact(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, false, 7);
	baton_build_notify(&b, BATON_N_PING);
	baton_build_contact(&b, &(struct baton_contact){10000, 2, 1, 0x1122334455, false});
	return end(&b);
}

static size_t contact_answer(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, true, 7);
	baton_build_tick(&b, 0x112233486f);
	return end(&b);
}

static size_t members(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, false, 12);
	baton_build_notify(&b, BATON_N_MEMBERS);
	return end(&b);
}

static size_t members_answer(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, true, 12);
	baton_build_member(&b, &(struct baton_member){gw_a, BATON_MEMBER_CURRENT, 100});
	baton_build_member(&b, &(struct baton_member){gw_b, BATON_MEMBER_GONE, 99});
	return end(&b);
}

static size_t share(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, false, 8);
	baton_build_id(&b, BATON_PL_IDR, &gw_b);
	baton_build_notify(&b, BATON_N_CLAIM);
	baton_build_share(&b, &(struct baton_share){1, 3, 2});
	baton_build_cursor(&b, &(struct baton_cursor){0, 16384});
	return end(&b);
}

static size_t follow(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, false, 9);
	baton_build_id(&b, BATON_PL_IDR, &gw_b);
	baton_build_notify(&b, BATON_N_FOLLOW);
	baton_build_cursor(&b, &(struct baton_cursor){4711, 16384});
	return end(&b);
}

static size_t digest(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, false, 10);
	baton_build_id(&b, BATON_PL_IDR, &gw_a);
	baton_build_notify(&b, BATON_N_DIGEST);
	return end(&b);
}

static size_t list(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, false, 11);
	baton_build_id(&b, BATON_PL_IDR, &gw_a);
	baton_build_list(&b, (uint8_t)baton_spi_hash(taken.spi_i, taken.spi_r));
	return end(&b);
}

static size_t list_answer(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, true, 11);
	baton_build_status(&b, &taken);
	return end(&b);
}

static size_t rekey(void)
{
	struct baton_builder b;

	begin_local(&b, BATON_SA_REKEY, false);
	baton_build_reports(&b, &reports[1], 1);
	return end(&b);
}

static size_t hello(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_STOR, false, 1);
	baton_build_notify(&b, BATON_N_HELLO);
	return end(&b);
}

static size_t put(void)
{
	struct baton_builder b;
	int len;

	sample_session(&session);
	len = baton_session_encode(&session, body, sizeof(body));
	begin(&b, BATON_SA_STOR, false, 2);
	baton_build_session(&b, body, (size_t)len);
	return end(&b);
}

static size_t put_answer(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_STOR, true, 2);
	baton_build_status(&b, &taken);
	return end(&b);
}

static size_t counters(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_STOR, false, 3);
	baton_build_reports(&b, reports, 2);
	return end(&b);
}

static size_t counters_answer(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_STOR, true, 3);
	baton_build_status(&b, &stale);
	baton_build_status(&b, &stale);
	return end(&b);
}

static size_t delete_(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_STOR, false, 4);
	baton_build_delete(&b, &gone);
	return end(&b);
}

static size_t claim(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, false, 5);
	baton_build_id(&b, BATON_PL_IDR, &gw_b);
	baton_build_notify(&b, BATON_N_CLAIM);
	baton_build_cursor(&b, &(struct baton_cursor){0, 16384});
	return end(&b);
}

static size_t claim_end(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, true, 5);
	baton_build_cursor(&b, &(struct baton_cursor){0, 0});
	return end(&b);
}

static size_t by_spi(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, false, 6);
	baton_build_by_spi(&b, BATON_PROTO_ESP, 0xc1000001);
	return end(&b);
}

static const struct baton_spis both = {0x1112131415161718, 0x2122232425262728};

static size_t by_spis(void)
{
	struct baton_addr at = {.family = AF_INET, .ip = {198, 51, 100, 10}};
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, false, 6);
	baton_build_claim(&b, 0);
	baton_build_by_spis(&b, &both);
	baton_build_at(&b, &at);
	return end(&b);
}

static const struct baton_addr client = {.family = AF_INET, .ip = {10, 3, 0, 1}};

static size_t by_address(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, false, 6);
	baton_build_claim(&b, 0);
	baton_build_by_address(&b, &client);
	return end(&b);
}

static size_t offer(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_STOR, false, 7);
	baton_build_offer(&b, &both, 1);
	return end(&b);
}

static const uint8_t packet[] = {0x45, 0, 0,   28, 0,	0, 0,	 0, 64, 50, 0x8e, 0x7a, 192, 0,
				 2,    1, 198, 51, 100, 1, 0xc1, 2, 3,	4,  0,	  0,	0,   9};

static size_t forward(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_STOR, false, 8);
	baton_build_forward(&b, packet, sizeof(packet));
	return end(&b);
}

static size_t offer_answer(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_STOR, true, 7);
	return end(&b);
}

static size_t not_found(void)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, true, 6);
	baton_build_error(&b, BATON_E_NOT_FOUND);
	return end(&b);
}

/* Fragment number index of the counters message. */
static size_t fragment(unsigned index)
{
	static uint8_t whole[BATON_MESSAGE_MAX];
	size_t len = counters();
	int n;

	memcpy(whole, want, len);
	n = baton_fragment(whole, len, FRAGMENT_MTU, index, want, sizeof(want));
	return n > 0 ? (size_t)n : 0;
}

static size_t fragment_1(void)
{
	return fragment(0);
}

static size_t fragment_4(void)
{
	return fragment(3);
}

static size_t arm(void)
{
	struct baton_builder b;

	begin_local(&b, BATON_SA_ARM, false);
	baton_build_reports(&b, &reports[1], 1);
	return end(&b);
}

static size_t arm_answer(void)
{
	struct baton_builder b;

	begin_local(&b, BATON_SA_ARM, true);
	baton_build_status(&b, &taken);
	return end(&b);
}

static size_t remove_(void)
{
	struct baton_builder b;

	begin_local(&b, BATON_SA_REMOVE, false);
	baton_build_delete(&b, &gone);
	return end(&b);
}

/* ---- what each says once it is decoded ----------------------------------------------------- */

static void says_ping(void)
{
	assert_true(m.ping && m.header.spi_r == 0 && m.header.msgid == 0);
}

static void says_id_only(void)
{
	assert_memory_equal(&m.sender, &gw_b, sizeof(gw_b));
	assert_true(m.header.flags == BATON_FLAG_RESPONSE && m.header.spi_r == 0xb1b2b3b4b5b6b7b8);
}

static void says_contact(void)
{
	assert_true(m.ping && m.has_contact);
	assert_int_equal(m.contact.hold_ms, 10000);
	assert_true(m.contact.stores == 2 && m.contact.rank == 1);
	assert_int_equal(m.contact.tick, 0x1122334455);
}

static void says_tick(void)
{
	assert_true(m.has_tick && m.tick == 0x112233486f);
}

static void says_members(void)
{
	assert_true(m.members && !m.member_count);
}

static void says_who(void)
{
	assert_int_equal(m.member_count, 2);
	assert_int_equal(m.member[0].state, BATON_MEMBER_CURRENT);
	assert_int_equal(m.member[1].state, BATON_MEMBER_GONE);
	assert_int_equal(m.member[1].sessions, 99);
	assert_memory_equal(m.member[1].id.data, gw_b.data, gw_b.len);
}

static void says_share(void)
{
	assert_true(m.claim && m.share.index == 1 && m.share.of == 3 && m.share.count == 2);
}

static void says_follow(void)
{
	assert_true(m.follow && m.cursor.position == 4711);
}

static void says_digest(void)
{
	assert_true(m.digest && !m.has_digests);
}

static void says_list(void)
{
	assert_true(m.has_list);
	assert_int_equal(m.bucket, baton_spi_hash(taken.spi_i, taken.spi_r) & 0xff);
}

static void says_hello(void)
{
	assert_true(m.hello && !m.synced);
}

static void says_session(void)
{
	assert_int_equal(m.session_count, 1);
	assert_int_equal(
		baton_session_decode(&decoded, m.sessions[0].body, m.sessions[0].len, NULL), 0);
	sample_session(&session);
	assert_memory_equal(&decoded, &session, sizeof(session));
}

static void says_taken(void)
{
	assert_int_equal(m.status_count, 1);
	assert_memory_equal(&statuses[0], &taken, sizeof(taken));
}

static void says_counters(void)
{
	assert_int_equal(m.report_count, 2);
	assert_memory_equal(m.reports, reports, sizeof(reports));
}

static void says_stale_twice(void)
{
	assert_int_equal(m.status_count, 2);
	assert_memory_equal(&statuses[0], &stale, sizeof(stale));
	assert_memory_equal(&statuses[1], &stale, sizeof(stale));
}

static void says_delete(void)
{
	assert_int_equal(m.delete_count, 1);
	assert_memory_equal(m.deletes, &gone, sizeof(gone));
}

static void says_claim(void)
{
	assert_true(m.claim && m.has_cursor && m.cursor.position == 0 &&
		    m.cursor.max_bytes == 16384);
	assert_memory_equal(&m.subject, &gw_b, sizeof(gw_b));
}

static void says_end(void)
{
	assert_true(m.has_cursor && m.cursor.position == 0 && m.session_count == 0);
}

static void says_by_spi(void)
{
	assert_true(m.by_spi_protocol == BATON_PROTO_ESP && m.by_spi == 0xc1000001);
}

static void says_by_spis(void)
{
	assert_true(m.claim && m.by_spi_protocol == 1 && m.by_spi == 0);
	assert_true(m.by_spis.spi_i == both.spi_i && m.by_spis.spi_r == both.spi_r);
	assert_int_equal(m.at.family, AF_INET);
	assert_memory_equal(m.at.ip, "\xc6\x33\x64\x0a", 4);
}

static void says_by_address(void)
{
	assert_true(m.claim && !m.by_spi_protocol && !m.at.family);
	assert_int_equal(m.by_address.family, AF_INET);
	assert_memory_equal(m.by_address.ip, client.ip, 4);
}

static void says_offer(void)
{
	assert_int_equal(m.offer_count, 1);
	assert_memory_equal(m.offers, &both, sizeof(both));
}

static void says_forward(void)
{
	assert_int_equal(m.packet_len, sizeof(packet));
	assert_memory_equal(m.packet, packet, sizeof(packet));
}

static void says_not_found(void)
{
	assert_int_equal(m.error, BATON_E_NOT_FOUND);
}

static void says_arm(void)
{
	assert_int_equal(m.sender.type, 0);
	assert_int_equal(m.report_count, 1);
	assert_memory_equal(m.reports, &reports[1], sizeof(*reports));
}

/* says NULL: a fragment */
static const struct vector {
	const char *name;
	size_t (*build)(void);
	void (*says)(void);
} vectors[] = {
	{"ping", ping, says_ping},
	{"ping-answer", ping_answer, says_id_only},
	{"contact", contact, says_contact},
	{"contact-answer", contact_answer, says_tick},
	{"members", members, says_members},
	{"members-answer", members_answer, says_who},
	{"share", share, says_share},
	{"follow", follow, says_follow},
	{"digest", digest, says_digest},
	{"list", list, says_list},
	{"list-answer", list_answer, says_taken},
	{"hello", hello, says_hello},
	{"put", put, says_session},
	{"put-answer", put_answer, says_taken},
	{"counters", counters, says_counters},
	{"counters-refused", counters_answer, says_stale_twice},
	{"delete", delete_, says_delete},
	{"claim", claim, says_claim},
	{"claim-end", claim_end, says_end},
	{"by-spi", by_spi, says_by_spi},
	{"by-spis", by_spis, says_by_spis},
	{"by-address", by_address, says_by_address},
	{"not-found", not_found, says_not_found},
	{"offer", offer, says_offer},
	{"offer-answer", offer_answer, says_id_only},
	{"forward", forward, says_forward},
	{"arm", arm, says_arm},
	{"arm-answer", arm_answer, says_taken},
	{"remove", remove_, says_delete},
	{"rekey", rekey, says_arm},
	{"fragment-1", fragment_1, NULL},
	{"fragment-4", fragment_4, NULL},
};
#define VECTORS (sizeof(vectors) / sizeof(*vectors))

/* ---- the document -------------------------------------------------------------------------- */

static void add_hex(size_t *len, const char *line)
{
	for (; *line && *line != '#'; line++) {
		unsigned byte;

		if (isspace((unsigned char)*line))
			continue;
		assert_int_equal(sscanf(line, "%2x", &byte), 1);
		assert_true(isxdigit((unsigned char)line[1]) && *len < sizeof(doc));
		doc[(*len)++] = (uint8_t)byte;
		line++;
	}
}

/* Reads the block into doc. Returns its length, 0 when there is none. */
static size_t read_vector(const char *name)
{
	FILE *f = fopen(PROTOCOL_MD, "r");
	char line[512], start[128];
	bool inside = false;
	size_t len = 0;

	assert_non_null(f);
	snprintf(start, sizeof(start), "```vector %s\n", name);
	while (fgets(line, sizeof(line), f)) {
		if (inside && strncmp(line, "```", 3) == 0)
			break;
		if (inside)
			add_hex(&len, line);
		else
			inside = strcmp(line, start) == 0;
	}
	fclose(f);
	return len;
}

static void encoder_writes_the_document(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		size_t len = vectors[i].build();

		if (read_vector(vectors[i].name) != len || memcmp(doc, want, len) != 0)
			fail_msg("vector %s of the document is not what is encoded",
				 vectors[i].name);
	}
}

static void document_decodes_to_what_it_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		size_t len = read_vector(vectors[i].name);

		m.statuses = statuses;
		m.status_max = BATON_ITEMS_MAX;
		assert_int_equal(baton_is_fragment(doc, len), vectors[i].says == NULL);
		if (!vectors[i].says)
			continue;
		assert_int_equal(baton_message_decode(&m, doc, len, NULL), 0);
		vectors[i].says();
	}
}

static void fragments_of_the_document_make_its_message(void **state)
{
	static struct baton_reassembly r;
	size_t len = read_vector("fragment-4");

	(void)state;
	assert_int_equal(baton_reassemble(&r, doc, len), 0);
	for (unsigned i = 1; i <= 2; i++) {
		len = fragment(i);
		assert_int_equal(baton_reassemble(&r, want, len), 0);
	}
	len = read_vector("fragment-1");
	assert_int_equal(baton_reassemble(&r, doc, len), 1);
	len = read_vector("counters");
	assert_int_equal(r.len, len);
	assert_memory_equal(r.buf, doc, len);
}

/* A vector that nobody checks would be a promise that nobody keeps. */
static void every_vector_of_the_document_is_checked(void **state)
{
	FILE *f = fopen(PROTOCOL_MD, "r");
	unsigned count = 0;
	char line[512];

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		bool known = false;

		if (strncmp(line, "```vector ", 10) != 0)
			continue;
		line[strcspn(line, "\n")] = 0;
		for (size_t i = 0; i < VECTORS; i++)
			known |= strcmp(line + 10, vectors[i].name) == 0;
		if (!known)
			fail_msg("nobody checks the vector %s", line + 10);
		count++;
	}
	fclose(f);
	assert_int_equal(count, VECTORS);
}

/* ---- --print ------------------------------------------------------------------------------- */

static int print_vectors(void)
{
	for (size_t i = 0; i < VECTORS; i++) {
		size_t len = vectors[i].build();

		printf("```vector %s\n# IKE header\n", vectors[i].name);
		baton_test_print_hex(want, BATON_IKE_HEADER_LEN);
		baton_test_print_chain(want + BATON_IKE_HEADER_LEN, len - BATON_IKE_HEADER_LEN,
				       want[16], "");
		printf("```\n\n");
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encoder_writes_the_document),
		cmocka_unit_test(document_decodes_to_what_it_says),
		cmocka_unit_test(fragments_of_the_document_make_its_message),
		cmocka_unit_test(every_vector_of_the_document_is_checked),
	};

	if (argc > 1 && strcmp(argv[1], "--print") == 0)
		return print_vectors();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
