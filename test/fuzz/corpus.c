/* SPDX-License-Identifier: BSD-2-Clause */
/* The seeds: each kind of message and payload at least once, whole, and a few that are wrong in
 * ways fuzzers find late. */
#include "fuzz.h"

#include "sample.h"
#include <baton/message.h>
#include <string.h>
#include <sys/socket.h>

struct sink {
	void (*fn)(void *ctx, const struct corpus_seed *s);
	void *ctx;
};

static uint8_t msg[BATON_MESSAGE_MAX], body[BATON_MESSAGE_MAX], file[2 * BATON_MESSAGE_MAX];
static struct baton_session session;

static const struct baton_id gw_a = {BATON_ID_FQDN, 4, "gw-a"};
static const struct baton_id gw_b = {BATON_ID_IPV4, 4, {192, 0, 2, 11}};

static void give(const struct sink *to, const char *target, const char *name, const uint8_t *data,
		 size_t size)
{
	const struct corpus_seed s = {target, name, data, size};

	to->fn(to->ctx, &s);
}

static void begin(struct baton_builder *b, uint8_t exchange, uint8_t flags)
{
	const struct baton_header h = {
		.spi_i = 0xa1a2a3a4a5a6a7a8,
		.spi_r = flags == BATON_FLAG_RESPONSE ? 0xb1b2b3b4b5b6b7b8 : 0,
		.exchange = exchange,
		.flags = flags,
		.msgid = 5,
	};

	baton_build_begin(b, msg, sizeof(msg), &h);
	if (exchange <= BATON_SA_RETR)
		baton_build_id(b, BATON_PL_IDI, flags == BATON_FLAG_RESPONSE ? &gw_b : &gw_a);
}

static void end(const struct sink *to, struct baton_builder *b, const char *name)
{
	int len = baton_build_end(b);

	FUZZ_CHECK(len > 0);
	give(to, "message", name, msg, (size_t)len);
}

static size_t encode(void)
{
	int len = baton_session_encode(&session, body, sizeof(body));

	FUZZ_CHECK(len > 0);
	return (size_t)len;
}

static void sessions(const struct sink *to)
{
	static const char *const names[] = {"random-1", "random-2", "random-3", "random-4"};
	struct sample_random r = {4};
	size_t len;

	sample_session(&session);
	len = encode();
	give(to, "session", "sample", body, len);
	give(to, "session", "truncated", body, len - 3);
	body[len - 1] = 200; /* the last attribute */
	give(to, "session", "changed", body, len);
	session.flags |= BATON_IKE_INITIATOR;
	session.child_count = 0;
	session.remote_eap_id.type = 0;
	give(to, "session", "initiator-without-child", body, encode());
	sample_session(&session);
	session.children[0].protocol = BATON_PROTO_AH;
	session.children[0].mode = BATON_MODE_TRANSPORT;
	session.children[0].integ_i = session.children[0].integ_r = session.children[0].encr_i;
	session.children[0].encr_i.len = session.children[0].encr_r.len = 0;
	session.children[0].policy_count = 0;
	give(to, "session", "ah-transport", body, encode());
	for (unsigned i = 0; i < 4; i++) {
		sample_random_session(&session, &r);
		if (session.child_count > 1)
			session.child_count = 1; /* small files */
		if (session.child_count && session.children[0].policy_count > 2)
			session.children[0].policy_count = 2;
		give(to, "session", names[i], body, encode());
	}
}

static void stor_requests(const struct sink *to)
{
	static const struct baton_report reports[] = {
		{.kind = BATON_REPORT_CHILD,
		 .protocol = 3,
		 .spi_in = 0xc1000001,
		 .spi_i = 1,
		 .spi_r = 2,
		 .epoch = 3,
		 .counters = {1000, 66536, 900, 1400}},
		{.kind = BATON_REPORT_MSGID,
		 .protocol = 1,
		 .spi_i = 1,
		 .spi_r = 2,
		 .epoch = 3,
		 .msgid_in = 6,
		 .msgid_out = 2},
	};
	struct baton_builder b;

	sample_session(&session);
	begin(&b, BATON_SA_STOR, BATON_FLAG_INITIATOR);
	baton_build_notify(&b, BATON_N_HELLO);
	end(to, &b, "stor-hello");
	begin(&b, BATON_SA_STOR, BATON_FLAG_INITIATOR);
	baton_build_session(&b, body, encode());
	end(to, &b, "stor-put");
	begin(&b, BATON_SA_STOR, BATON_FLAG_INITIATOR);
	baton_build_reports(&b, reports, 2);
	end(to, &b, "stor-counters");
	begin(&b, BATON_SA_STOR, BATON_FLAG_INITIATOR);
	baton_build_delete(&b, &(struct baton_delete){1, 2, 3, 18});
	baton_build_notify(&b, BATON_N_SYNCED);
	end(to, &b, "stor-delete");
}

static void retr_requests(const struct sink *to)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, BATON_FLAG_INITIATOR);
	baton_build_notify(&b, BATON_N_PING);
	end(to, &b, "retr-ping");
	begin(&b, BATON_SA_RETR, BATON_FLAG_INITIATOR);
	baton_build_id(&b, BATON_PL_IDR, &gw_b);
	baton_build_notify(&b, BATON_N_CLAIM);
	baton_build_cursor(&b, &(struct baton_cursor){0, 16384});
	end(to, &b, "retr-claim");
	begin(&b, BATON_SA_RETR, BATON_FLAG_INITIATOR);
	baton_build_by_spi(&b, BATON_PROTO_ESP, 0xc1000001);
	end(to, &b, "retr-by-spi");
	begin(&b, BATON_SA_RETR, BATON_FLAG_INITIATOR);
	baton_build_by_spi(&b, 1, 0xfedcba9876543210);
	end(to, &b, "retr-by-ike-spi");
	begin(&b, BATON_SA_RETR, BATON_FLAG_INITIATOR);
	baton_build_by_address(&b, &(struct baton_addr){.family = AF_INET, .ip = {10, 3, 0, 1}});
	end(to, &b, "retr-by-address");
	begin(&b, BATON_SA_RETR, BATON_FLAG_INITIATOR);
	baton_build_notify(&b, BATON_N_PING);
	baton_build_contact(&b, &(struct baton_contact){10000, 2, 1, 99, false});
	end(to, &b, "retr-contact");
	begin(&b, BATON_SA_RETR, BATON_FLAG_INITIATOR);
	baton_build_id(&b, BATON_PL_IDR, &gw_b);
	baton_build_notify(&b, BATON_N_CLAIM);
	baton_build_share(&b, &(struct baton_share){1, 3, 2});
	end(to, &b, "retr-share");
	begin(&b, BATON_SA_RETR, BATON_FLAG_INITIATOR);
	baton_build_id(&b, BATON_PL_IDR, &gw_a);
	baton_build_notify(&b, BATON_N_FOLLOW);
	baton_build_cursor(&b, &(struct baton_cursor){17, 0});
	end(to, &b, "retr-follow");
	begin(&b, BATON_SA_RETR, BATON_FLAG_INITIATOR);
	baton_build_id(&b, BATON_PL_IDR, &gw_a);
	baton_build_notify(&b, BATON_N_DIGEST);
	end(to, &b, "retr-digest");
	begin(&b, BATON_SA_RETR, BATON_FLAG_INITIATOR);
	baton_build_id(&b, BATON_PL_IDR, &gw_a);
	baton_build_list(&b, 7);
	end(to, &b, "retr-list");
	begin(&b, BATON_SA_RETR, BATON_FLAG_INITIATOR);
	baton_build_notify(&b, BATON_N_MEMBERS);
	end(to, &b, "retr-members");
}

static void responses(const struct sink *to)
{
	static const uint64_t digests[BATON_BUCKETS] = {[7] = 0x0123456789abcdef};
	const struct baton_status refused = {BATON_E_STALE_OWNER, 1, 2, 4, 30, gw_b, 0, 0};
	const struct baton_status taken = {.spi_i = 1, .spi_r = 2, .epoch = 3, .version = 17};
	struct baton_builder b;

	sample_session(&session);
	begin(&b, BATON_SA_STOR, BATON_FLAG_RESPONSE);
	baton_build_status(&b, &taken);
	baton_build_status(&b, &refused);
	end(to, &b, "stor-answer");
	begin(&b, BATON_SA_RETR, BATON_FLAG_RESPONSE);
	baton_build_session(&b, body, encode());
	baton_build_cursor(&b, &(struct baton_cursor){9, 0});
	end(to, &b, "retr-answer");
	begin(&b, BATON_SA_RETR, BATON_FLAG_RESPONSE);
	baton_build_error(&b, BATON_E_NOT_FOUND);
	end(to, &b, "retr-not-found");
	begin(&b, BATON_SA_RETR, BATON_FLAG_RESPONSE);
	baton_build_tick(&b, 99);
	end(to, &b, "retr-tick");
	begin(&b, BATON_SA_RETR, BATON_FLAG_RESPONSE);
	baton_build_member(&b, &(struct baton_member){gw_b, BATON_MEMBER_GONE, 7});
	end(to, &b, "retr-members-answer");
	begin(&b, BATON_SA_RETR, BATON_FLAG_RESPONSE);
	baton_build_digests(&b, digests);
	end(to, &b, "retr-digests");
	begin(&b, BATON_SA_INSTALL, BATON_FLAG_INITIATOR);
	baton_build_notify(&b, BATON_N_ADOPT);
	baton_build_session(&b, body, encode());
	end(to, &b, "install");
	begin(&b, BATON_SA_REMOVE, BATON_FLAG_INITIATOR);
	baton_build_open(&b, 200); /* a payload nobody knows */
	baton_put_u32(&b.w, 0xdeadbeef);
	baton_build_close(&b);
	baton_build_delete(&b, &(struct baton_delete){1, 2, 3, 18});
	end(to, &b, "remove-and-unknown-payload");
}

static void fragments(const struct sink *to)
{
	struct baton_builder b;
	size_t at = 1;
	int len, n;

	sample_session(&session);
	begin(&b, BATON_SA_STOR, BATON_FLAG_INITIATOR);
	baton_build_session(&b, body, encode());
	len = baton_build_end(&b);
	file[0] = 0;
	for (unsigned i = 0; (n = baton_fragment(msg, (size_t)len, 300, i, file + at + 2, 300)) > 0;
	     i++) {
		file[at] = (uint8_t)(n >> 8);
		file[at + 1] = (uint8_t)n;
		at += 2 + (size_t)n;
	}
	give(to, "fragment", "datagrams", file, at);
	give(to, "fragment", "last-is-missing", file, at - 250);
	memcpy(file + at, file + 1, at - 1); /* all of it twice */
	give(to, "fragment", "datagrams-twice", file, 2 * at - 1);
	file[1 + 2 + 41] = 9; /* an offset that lies */
	give(to, "fragment", "lying-offset", file, at);
	file[0] = 1;
	file[1] = 0;
	file[2] = 90;
	file[3] = 2;
	memcpy(file + 4, msg, 400);
	give(to, "fragment", "there-and-back", file, 404);
}

/* ESP, ESP in UDP over IPv6, IKE in UDP: each comes, comes again, and is found. */
static void packets(const struct sink *to)
{
	static const uint8_t esp[] = {0x45, 0, 0,   60, 0,   0,	 0,    0, 64, 50, 0, 0, 192, 0,
				      2,    1, 198, 51, 100, 10, 0xc1, 2, 3,  4,  0, 0, 0,   9};
	static const uint8_t natt[] = {
		0x60, 0, 0,    0,    0,	   40,	 17, 64,  0x20, 1, 0xd,	 0xb8, 0, 0, 0, 0, 0, 0, 0,
		0,    0, 0,    0,    1,	   0x20, 1,  0xd, 0xb8, 0, 0,	 0,    0, 0, 0, 0, 0, 0, 0,
		0,    2, 0x30, 0x39, 0x11, 0x94, 0,  40,  0,	0, 0xc1, 2,    3, 4, 0, 0, 0, 9};
	static const uint8_t ike[] = {0x45, 0,	0, 60, 0,    0,	 0,   0,  64,	17,   0,    0,
				      192,  0,	2, 1,  198,  51, 100, 10, 0x11, 0x94, 0x11, 0x94,
				      0,    80, 0, 0,  0,    0,	 0,   0,  1,	2,    3,    4,
				      5,    6,	7, 8,  0xc1, 2,	 3,   4,  5,	6,    7,    8};
	static const struct {
		const uint8_t *data;
		size_t len;
	} all[] = {{esp, sizeof(esp)}, {natt, sizeof(natt)}, {ike, sizeof(ike)}};
	static const uint8_t then[] = {0x20, 0x00, 0x03, 0x01, 0x18, 0x04, 0x60};
	size_t at = 0;

	for (unsigned i = 0; i < sizeof(then); i++)
		for (unsigned k = 0; k < 3; k++) {
			file[at++] = (uint8_t)all[k].len;
			file[at++] = then[i];
			memcpy(file + at, all[k].data, all[k].len);
			at += all[k].len;
		}
	give(to, "packet", "come-and-go", file, at);
	at = 0;
	for (unsigned i = 0; i < 60; i++) { /* more SPIs than may be asked for */
		file[at++] = (uint8_t)sizeof(esp);
		file[at++] = 0x01;
		memcpy(file + at, esp, sizeof(esp));
		file[at + 21] = (uint8_t)i;
		at += sizeof(esp);
	}
	give(to, "packet", "many", file, at);
	for (unsigned k = 0; k < 3; k++) {
		file[0] = (uint8_t)(all[k].len - 3);
		file[1] = 0;
		memcpy(file + 2, all[k].data, all[k].len);
		give(to, "packet",
		     k == 0   ? "short-esp"
		     : k == 1 ? "short-natt"
			      : "short-ike",
		     file, 2 + all[k].len);
	}
}

void corpus_each(void (*fn)(void *ctx, const struct corpus_seed *s), void *ctx)
{
	const struct sink to = {fn, ctx};

	sessions(&to);
	stor_requests(&to);
	retr_requests(&to);
	responses(&to);
	fragments(&to);
	packets(&to);
	corpus_each_daemon(fn, ctx);
}
