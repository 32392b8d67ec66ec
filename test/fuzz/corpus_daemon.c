/* SPDX-License-Identifier: BSD-2-Clause */
/* Seeds of the targets behind the encoding: a store's conversation, netlink messages,
 * configurations. */
#include "fuzz.h"

#include "sample.h"
#include "xfrm/codec.h"
#include <arpa/inet.h>
#include <baton/message.h>
#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <string.h>

struct sink {
	void (*fn)(void *ctx, const struct corpus_seed *s);
	void *ctx;
};

static uint8_t msg[BATON_MESSAGE_MAX], body[BATON_MESSAGE_MAX], file[BATON_MESSAGE_MAX];
static size_t at;
static struct baton_session session;
static const struct baton_id gw_a = {BATON_ID_FQDN, 4, "gw-a"};
static const struct baton_id gw_c = {BATON_ID_FQDN, 4, "gw-c"};

static void give(const struct sink *to, const char *target, const char *name, const void *data,
		 size_t size)
{
	const struct corpus_seed s = {target, name, data, size};

	to->fn(to->ctx, &s);
}

/* ---- service --------------------------------------------------------------------------------- */

static void begin(struct baton_builder *b, uint8_t exchange, const struct baton_id *sender)
{
	const struct baton_header h = {
		.spi_i = 0xa1a2, .exchange = exchange, .flags = BATON_FLAG_INITIATOR, .msgid = 5};

	baton_build_begin(b, msg, sizeof(msg), &h);
	baton_build_id(b, BATON_PL_IDI, sender);
}

/* Adds the message to the conversation, in datagrams of mtu bytes. */
static void say(struct baton_builder *b, uint8_t from, uint8_t wait_s, size_t mtu)
{
	int len = baton_build_end(b), n;

	FUZZ_CHECK(len > 0);
	for (unsigned i = 0; (n = baton_fragment(msg, (size_t)len, mtu, i, file + at + 4,
						 sizeof(file) - at - 4)) > 0;
	     i++) {
		file[at] = (uint8_t)(n >> 8);
		file[at + 1] = (uint8_t)n;
		file[at + 2] = from;
		file[at + 3] = i ? 0 : wait_s;
		at += 4 + (size_t)n;
	}
}

static void say_put(const struct baton_id *owner, uint8_t from, size_t mtu)
{
	struct baton_builder b;
	int len;

	session.owner = *owner;
	len = baton_session_encode(&session, body, sizeof(body));
	FUZZ_CHECK(len > 0);
	begin(&b, BATON_SA_STOR, owner);
	baton_build_session(&b, body, (size_t)len);
	say(&b, from, 1, mtu);
}

static void say_report(const struct baton_id *owner, uint8_t from)
{
	const struct baton_report reps[] = {
		{.kind = BATON_REPORT_CHILD,
		 .protocol = 3,
		 .spi_in = session.children[0].spi_in,
		 .spi_i = session.spi_i,
		 .spi_r = session.spi_r,
		 .epoch = session.epoch,
		 .counters = {2000, 70000, 1000, 1500}},
		{.kind = BATON_REPORT_MSGID,
		 .protocol = 1,
		 .spi_i = session.spi_i,
		 .spi_r = session.spi_r,
		 .epoch = session.epoch,
		 .msgid_in = 9,
		 .msgid_out = 9},
	};
	struct baton_builder b;

	begin(&b, BATON_SA_STOR, owner);
	baton_build_reports(&b, reps, 2);
	say(&b, from, 0, 1280);
}

static void say_claim(const struct baton_id *claimant, const struct baton_id *subject, uint8_t from)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, claimant);
	baton_build_id(&b, BATON_PL_IDR, subject);
	baton_build_notify(&b, BATON_N_CLAIM);
	baton_build_cursor(&b, &(struct baton_cursor){0, 16384});
	say(&b, from, 2, 1280);
}

static void say_by_spi(const struct baton_id *sender, uint8_t protocol, uint64_t spi, uint8_t from)
{
	struct baton_builder b;

	begin(&b, BATON_SA_RETR, sender);
	baton_build_by_spi(&b, protocol, spi);
	say(&b, from, 0, 1280);
}

static void say_delete(const struct baton_id *owner, uint8_t from)
{
	struct baton_builder b;

	begin(&b, BATON_SA_STOR, owner);
	baton_build_delete(
		&b, &(struct baton_delete){session.spi_i, session.spi_r, session.epoch, 100});
	baton_build_notify(&b, BATON_N_SYNCED);
	say(&b, from, 9, 1280);
}

static void conversations(const struct sink *to)
{
	sample_session(&session);
	at = 0;
	say_put(&gw_a, 0, 1280);
	say_report(&gw_a, 0);
	session.version++;
	say_put(&gw_a, 0, 1280);
	give(to, "service", "put-report-put", file, at);
	say_claim(&gw_c, &gw_a, 1);
	say_report(&gw_a, 0); /* stale */
	give(to, "service", "claim", file, at);
	at = 0;
	say_put(&gw_a, 0, 400);
	say_by_spi(&gw_c, BATON_PROTO_ESP, 0xc1000001, 1);
	say_by_spi(&gw_c, 1, session.spi_r, 1);
	give(to, "service", "fragments-by-spi", file, at);
	at = 0;
	say_delete(&gw_a, 0);
	say_put(&gw_a, 0, 1280); /* late */
	say_put(&gw_c, 0, 1280); /* not its own name */
	give(to, "service", "delete-first", file, at);
	at = 0;
	say_put(&gw_a, 0, 1280);
	session.spi_i++;
	say_put(&gw_a, 0, 1280); /* IKE rekey */
	say_put(&gw_c, 1, 1280); /* stale */
	session.spi_i++;
	say_put(&gw_c, 1, 1280); /* collision */
	give(to, "service", "rekey-and-collision", file, at);
	at = 0;
	session.child_count = 0;
	for (unsigned i = 0; i < 20; i++, session.spi_i++) /* more than the table holds */
		say_put(&gw_a, 0, 1280);
	say_claim(&gw_c, &gw_a, 1);
	give(to, "service", "full", file, at);
}

/* ---- steps: eight bytes each, see fuzz_steps.c ----------------------------------------------- */

#define PUT(peer, session, epoch, version, right, children, number)                                \
	0, peer, session, (epoch)-1, (version)-1, right, children, number
#define REPORT(peer, session, epoch, number) 1, peer, session, (epoch)-1, 1, 2, 0, number
#define DELETE(peer, session, epoch, version) 2, peer, session, (epoch)-1, (version)-1, 0, 0, 0
#define RETRIEVE(peer, subject, how) 3, peer, 0, subject, how, 9, 1, 3
#define BY_SPI(peer, session, how) 5, peer, session, 0, how, 0, 0, 0
#define CONTACT(peer, hold, stores, rank) 6, peer, 0, hold, (stores)-1, (rank)-1, 5, 0
#define LATE(which) 31 << 3, 0, which, 0, 0, 0, 0, 0

static void steps(const struct sink *to)
{
	static const uint8_t claims[] = {CONTACT(0, 80, 2, 1), PUT(0, 1, 1, 1, 0, 1, 9),
					 RETRIEVE(1, 0, 1),    PUT(1, 1, 2, 2, 1 << 2 | 2, 1, 20),
					 RETRIEVE(0, 1, 1),    LATE(2),
					 REPORT(1, 1, 2, 30)};
	static const uint8_t unproven[] = {
		PUT(0, 1, 1, 1, 0, 1, 9), RETRIEVE(1, 0, 1), PUT(1, 1, 2, 2, 128 | 1, 1, 9),
		CONTACT(1, 80, 1, 1),	  RETRIEVE(2, 1, 3), RETRIEVE(2, 1, 1)};
	static const uint8_t pages[] = {
		PUT(0, 1, 1, 1, 0, 1, 9), PUT(0, 2, 1, 1, 0, 1, 9),	PUT(0, 3, 1, 1, 0, 2, 9),
		RETRIEVE(1, 0, 1 | 128),  RETRIEVE(1, 0, 1 | 64 | 128), LATE(3),
		RETRIEVE(1, 0, 8),	  DELETE(0, 2, 1, 5),		RETRIEVE(1, 0, 8 | 64)};
	static const uint8_t digests[] = {PUT(0, 1, 1, 1, 0, 0, 0), RETRIEVE(0, 0, 16),
					  RETRIEVE(0, 0, 32), RETRIEVE(1, 0, 4 | 1),
					  BY_SPI(1, 1, 0)};
	static const uint8_t ends[] = {PUT(0, 1, 1, 1, 0, 1, 9), DELETE(0, 1, 1, 9), LATE(0),
				       BY_SPI(1, 1, 1), BY_SPI(1, 1, 5)};

	give(to, "steps", "claims", claims, sizeof(claims));
	give(to, "steps", "unproven", unproven, sizeof(unproven));
	give(to, "steps", "pages", pages, sizeof(pages));
	give(to, "steps", "digests", digests, sizeof(digests));
	give(to, "steps", "ends", ends, sizeof(ends));
}

/* ---- xfrm ------------------------------------------------------------------------------------ */

static struct nlmsghdr *event(uint16_t type, size_t fixed)
{
	struct nlmsghdr *h;

	memset(msg, 0, 4096);
	h = mnl_nlmsg_put_header(msg);
	h->nlmsg_type = type;
	mnl_nlmsg_put_extra_header(h, fixed);
	return h;
}

static void give_event(const struct sink *to, const char *name, const struct nlmsghdr *h)
{
	file[0] = 0;
	file[1] = 0;
	memcpy(file + 2, h, h->nlmsg_len);
	memcpy(file + 2 + h->nlmsg_len, h, h->nlmsg_len);
	give(to, "xfrm", name, file, 2 + 2 * h->nlmsg_len);
}

static void sa_events(const struct sink *to)
{
	struct xfrm_replay_state narrow = {.oseq = 5, .seq = 6, .bitmap = 7};
	struct nlmsghdr *h = event(XFRM_MSG_NEWSA, sizeof(struct xfrm_usersa_info));
	struct xfrm_usersa_info *info = mnl_nlmsg_get_payload(h);

	info->id.spi = htonl(0xc1000001);
	info->id.proto = IPPROTO_ESP;
	info->family = AF_INET;
	mnl_attr_put(h, XFRMA_REPLAY_VAL, sizeof(narrow), &narrow);
	give_event(to, "newsa", h);
	file[0] = 1;
	file[1] = XFRM_MSG_NEWSA;
	memcpy(file + 2, mnl_nlmsg_get_payload(h), h->nlmsg_len - NLMSG_HDRLEN);
	give(to, "xfrm", "newsa-typed", file, 2 + h->nlmsg_len - NLMSG_HDRLEN);
	h->nlmsg_len -= 2; /* an attribute that reaches too far */
	give_event(to, "newsa-cut", h);
}

static void other_events(const struct sink *to)
{
	struct xfrm_lifetime_cur life = {.packets = 5, .bytes = 600};
	struct xfrm_user_expire *expire;
	struct xfrm_usersa_id *id;
	struct nlmsghdr *h;

	h = event(XFRM_MSG_DELSA, sizeof(*id));
	id = mnl_nlmsg_get_payload(h);
	id->proto = IPPROTO_AH;
	id->family = AF_INET6;
	mnl_attr_put(h, XFRMA_MARK, 8, "markmask");
	give_event(to, "delsa", h);
	h = event(XFRM_MSG_EXPIRE, sizeof(*expire));
	expire = mnl_nlmsg_get_payload(h);
	expire->hard = 1;
	expire->state.family = AF_INET;
	expire->state.id.proto = IPPROTO_ESP;
	give_event(to, "expire", h);
	h = event(NLMSG_ERROR, sizeof(struct nlmsgerr));
	give_event(to, "ack", h);
	h = event(XFRM_MSG_FLUSHSA, sizeof(struct xfrm_usersa_flush));
	mnl_attr_put(h, XFRMA_LTIME_VAL, sizeof(life), &life);
	give_event(to, "flush", h);
}

static void aevents(const struct sink *to)
{
	const struct baton_sa_id id = {.dst = {.family = AF_INET6, .ip = {0x20, 1}},
				       .spi = 77,
				       .protocol = BATON_PROTO_ESP,
				       .mark = 9};
	struct baton_xfrm_replay r = {.bitmap = true,
				      .words = 4,
				      .window = 128,
				      .out_seq = 0x100000001,
				      .in_seq = 5,
				      .bmp = {1, 2, 3, 4}};

	memset(msg, 0, 4096);
	baton_xfrm_put_counters(msg, 1, &id, &r);
	give_event(to, "newae-wide", (struct nlmsghdr *)msg);
	r.words = BATON_XFRM_WORDS_MAX;
	memset(msg, 0, 4096);
	baton_xfrm_put_counters(msg, 1, &id, &r);
	give_event(to, "newae-widest", (struct nlmsghdr *)msg);
	r.bitmap = false;
	memset(msg, 0, 4096);
	baton_xfrm_put_counters(msg, 1, &id, &r);
	give_event(to, "newae-narrow", (struct nlmsghdr *)msg);
}

/* ---- sockets: eight bytes each, see fuzz_sockets.c ------------------------------------------- */

#define HELLO 0, 0, 0, 0, 0, 0, 0, 1
#define TOLD(which, children, number) 1, 0, which, children, 0, number, 0, 2
#define TOLD_CONFIRMED(which) 2, 0, which, 1, 1, 7, 1, 3
#define MSGIDS(which) 3, 0, which, 1, 0, 9, 9, 4
#define ENDED(which) 4, 0, which, 0, 0, 0, 0, 5
#define ARM(which) 5, 0, which, 1, 0, 0, 0, 6
#define INSTALLED(which, status) 6, 0, which, status, 0, 0, 0, 0
#define SYNCED 7, 0, 0, 0, 0, 0, 0, 7
#define OTHER_PUTS(which) 0x80, 1, which, 1, 0, 5, 3, 4
#define OTHER_CLAIMS(which) 0x80, 0, which, 0, 0, 0, 0, 9
#define ASK(request) 0xa0, request, 0, 0, 0, 0, 0, 0

static void sockets(const struct sink *to)
{
	static const uint8_t life[] = {HELLO,  TOLD(1, 1, 3), TOLD_CONFIRMED(1), MSGIDS(1), SYNCED,
				       ASK(0), ASK(1),	      ENDED(1)};
	static const uint8_t lost[] = {HELLO,		TOLD(1, 2, 3), TOLD(2, 1, 3), SYNCED,
				       OTHER_CLAIMS(1), TOLD(1, 1, 4), OTHER_PUTS(2)};
	static const uint8_t taken[] = {HELLO,		 SYNCED,	   OTHER_PUTS(1),
					OTHER_PUTS(2),	 ASK(2),	   ARM(1),
					INSTALLED(1, 0), INSTALLED(2, 21), ASK(0)};
	static const uint8_t shares[] = {HELLO,	 SYNCED, OTHER_PUTS(1), OTHER_PUTS(3),
					 ASK(3), ASK(6), ASK(4),	ASK(5)};
	static const uint8_t raw[] = {0xc0, 14,	 1,   2,   3,  4,    5,	 6,   7,   8,	9,
				      10,   11,	 12,  13,  14, 0xe0, 14, '{', '"', 'c', '"',
				      ':',  '[', ']', '}', 0,  0,    0,	 0,   0,   0};

	give(to, "sockets", "life", life, sizeof(life));
	give(to, "sockets", "lost", lost, sizeof(lost));
	give(to, "sockets", "taken", taken, sizeof(taken));
	give(to, "sockets", "shares", shares, sizeof(shares));
	give(to, "sockets", "raw", raw, sizeof(raw));
}

/* ---- config ---------------------------------------------------------------------------------- */

static void configs(const struct sink *to)
{
	static const struct {
		const char *name, *text;
	} seeds[] = {
		{"minimal", "[batond]\nserver_id = gw-a\n"},
		{"whole", "; all of it\n[batond]\nserver_id = 192.0.2.1\nrun_dir = "
			  "/run/baton\nlog_level = debug\n"
			  "[cluster]\nlisten = [2001:db8::1]:4520\nipsec = require\nreqid = "
			  "4520\nmtu = 1280\n"
			  "[peer gw-b]\naddress = 2001:db8::2\n[peer 2001:db8::3]\naddress = "
			  "[2001:db8::3]:99\n"
			  "[gateway]\nenabled = yes\ncounter_age = 250ms\nlease = 1024\n"
			  "[store]\nenabled = no\nmax_sessions = 12\n"},
		{"loopback",
		 "[batond]\nserver_id=a\n[cluster]\nipsec = loopback\nlisten = 127.0.0.1:1\n"},
		{"peers", "[peer b]\n[peer c]\naddress = 1.2.3.4\n[peer d]\naddress=::1\n[peer "
			  "]\n[peer e f]\n"},
		{"wrong", "[batond\nserver_id\n = x\n[store]\nmax_sessions = "
			  "99999999999999999999\n\n  more\n[x]\ny=z\n"},
		{"bom-and-cr", "\xef\xbb\xbf[batond]\r\nserver_id = gw-a\r\n"},
	};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++)
		give(to, "config", seeds[i].name, seeds[i].text, strlen(seeds[i].text));
}

void corpus_each_daemon(void (*fn)(void *ctx, const struct corpus_seed *s), void *ctx)
{
	const struct sink to = {fn, ctx};

	conversations(&to);
	steps(&to);
	sockets(&to);
	sa_events(&to);
	other_events(&to);
	aevents(&to);
	configs(&to);
}
