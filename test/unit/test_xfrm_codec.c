/* SPDX-License-Identifier: BSD-2-Clause */
/* XFRM netlink messages: what we ask, what the kernel answers, and every length that could lie. No
 * kernel is needed. */
#include "sample.h"
#include "xfrm/codec.h"
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SPI 0xc1000001u

static _Alignas(8) uint8_t buf[8192];
static struct baton_xfrm_sa sa;
static struct baton_xfrm_event event;
static enum baton_xfrm_cause cause;

static const struct baton_sa_id v4 = {
	.dst = {.family = AF_INET, .ip = {192, 0, 2, 10}}, .spi = SPI, .protocol = BATON_PROTO_ESP};
static const struct baton_sa_id v6 = {
	.dst = {.family = AF_INET6, .ip = {0x20, 1, 0xd, 0xb8, [15] = 1}},
	.spi = SPI,
	.protocol = BATON_PROTO_AH,
	.mark = 42};

/* ---- what the kernel would send ------------------------------------------------------------- */

static struct nlmsghdr *message(uint16_t type)
{
	struct nlmsghdr *h;

	memset(buf, 0, sizeof(buf));
	h = mnl_nlmsg_put_header(buf);
	h->nlmsg_type = type;
	return h;
}

static struct nlmsghdr *newsa(uint16_t type, uint8_t flags)
{
	struct nlmsghdr *h = message(type);
	struct xfrm_usersa_info *p = mnl_nlmsg_put_extra_header(h, sizeof(*p));

	memcpy(&p->id.daddr, v4.dst.ip, 4);
	p->id.spi = htonl(SPI);
	p->id.proto = IPPROTO_ESP;
	p->family = AF_INET;
	p->reqid = 7;
	p->replay_window = 32;
	p->curlft.packets = 11;
	p->curlft.bytes = 1100;
	p->flags = flags;
	return h;
}

static struct nlmsghdr *newae(uint32_t flags)
{
	struct nlmsghdr *h = message(XFRM_MSG_NEWAE);
	struct xfrm_aevent_id *p = mnl_nlmsg_put_extra_header(h, sizeof(*p));

	memcpy(&p->sa_id.daddr, v6.dst.ip, 16);
	p->sa_id.spi = htonl(SPI);
	p->sa_id.proto = IPPROTO_AH;
	p->sa_id.family = AF_INET6;
	p->reqid = 8;
	p->flags = flags;
	return h;
}

static void put_narrow(struct nlmsghdr *h, uint32_t oseq, uint32_t seq, uint32_t bitmap)
{
	struct xfrm_replay_state s = {.oseq = oseq, .seq = seq, .bitmap = bitmap};

	mnl_attr_put(h, XFRMA_REPLAY_VAL, sizeof(s), &s);
}

static void put_wide(struct nlmsghdr *h, uint32_t words, uint32_t window, size_t sent_words)
{
	struct xfrm_replay_state_esn s = {.bmp_len = words,
					  .oseq = 1,
					  .oseq_hi = 2,
					  .seq = 3,
					  .seq_hi = 4,
					  .replay_window = window};
	uint32_t wide[sizeof(s) / 4 + 2 * BATON_XFRM_WORDS_MAX] = {0};

	memcpy(wide, &s, sizeof(s));
	for (uint32_t i = 0; i < sent_words; i++)
		wide[sizeof(s) / 4 + i] = i + 1;
	mnl_attr_put(h, XFRMA_REPLAY_ESN_VAL, sizeof(s) + sent_words * 4, wide);
}

static void put_lifetime(struct nlmsghdr *h)
{
	struct xfrm_lifetime_cur c = {.bytes = 5000, .packets = 50};

	mnl_attr_put(h, XFRMA_LTIME_VAL, sizeof(c), &c);
}

static void put_mark(struct nlmsghdr *h)
{
	struct xfrm_mark m = {.v = 42, .m = 0xffffffff};

	mnl_attr_put(h, XFRMA_MARK, sizeof(m), &m);
}

/* ---- requests -------------------------------------------------------------------------------- */

static const void *attr(const struct nlmsghdr *h, size_t fixed, uint16_t type, size_t len)
{
	const struct nlattr *a = mnl_nlmsg_get_payload_offset(h, fixed);
	const char *tail = mnl_nlmsg_get_payload_tail(h);

	for (; mnl_attr_ok(a, (int)(tail - (const char *)a)); a = mnl_attr_next(a))
		if (mnl_attr_get_type(a) == type) {
			assert_int_equal(mnl_attr_get_payload_len(a), len);
			return mnl_attr_get_payload(a);
		}
	return NULL;
}

static const struct nlmsghdr *request(size_t len, uint16_t type, uint16_t flags, size_t fixed)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)buf;

	assert_true(len <= BATON_XFRM_REQUEST_MAX && len % 4 == 0);
	assert_int_equal(h->nlmsg_len, len);
	assert_int_equal(h->nlmsg_type, type);
	assert_int_equal(h->nlmsg_flags, NLM_F_REQUEST | flags);
	assert_int_equal(h->nlmsg_seq, 99);
	assert_true(mnl_nlmsg_get_payload_len(h) >= fixed);
	return h;
}

static void check_id(const struct xfrm_usersa_id *k, const struct baton_sa_id *id)
{
	assert_memory_equal(&k->daddr, id->dst.ip, 16);
	assert_int_equal(ntohl(k->spi), id->spi);
	assert_int_equal(k->family, id->dst.family);
	assert_int_equal(k->proto, id->protocol == BATON_PROTO_AH ? IPPROTO_AH : IPPROTO_ESP);
}

static void get_names_the_sa(void **state)
{
	const struct nlmsghdr *h;
	const struct xfrm_mark *m;

	(void)state;
	h = request(baton_xfrm_put_get(buf, 99, &v4), XFRM_MSG_GETSA, 0,
		    sizeof(struct xfrm_usersa_id));
	check_id(mnl_nlmsg_get_payload(h), &v4);
	assert_null(attr(h, sizeof(struct xfrm_usersa_id), XFRMA_MARK, 0));
	h = request(baton_xfrm_put_get(buf, 99, &v6), XFRM_MSG_GETSA, 0,
		    sizeof(struct xfrm_usersa_id));
	check_id(mnl_nlmsg_get_payload(h), &v6);
	m = attr(h, sizeof(struct xfrm_usersa_id), XFRMA_MARK, sizeof(*m));
	assert_non_null(m);
	assert_int_equal(m->v, 42);
	assert_true(m->m == UINT32_MAX);
}

static void dump_has_no_body(void **state)
{
	(void)state;
	request(baton_xfrm_put_dump(buf, 99), XFRM_MSG_GETSA, NLM_F_DUMP, 0);
	assert_int_equal(((struct nlmsghdr *)buf)->nlmsg_len, NLMSG_HDRLEN);
}

static void delete_asks_for_an_ack(void **state)
{
	const struct nlmsghdr *h;

	(void)state;
	h = request(baton_xfrm_put_delete(buf, 99, &v6), XFRM_MSG_DELSA, NLM_F_ACK,
		    sizeof(struct xfrm_usersa_id));
	check_id(mnl_nlmsg_get_payload(h), &v6);
	assert_non_null(
		attr(h, sizeof(struct xfrm_usersa_id), XFRMA_MARK, sizeof(struct xfrm_mark)));
}

static void counters_go_out_in_the_short_form(void **state)
{
	const struct baton_xfrm_replay r = {.words = 1, .out_seq = 10, .in_seq = 20, .bmp = {0xff}};
	const struct xfrm_replay_state *s;
	const struct xfrm_aevent_id *ae;
	const struct nlmsghdr *h;

	(void)state;
	h = request(baton_xfrm_put_counters(buf, 99, &v4, &r), XFRM_MSG_NEWAE,
		    NLM_F_ACK | NLM_F_REPLACE, sizeof(*ae));
	ae = mnl_nlmsg_get_payload(h);
	check_id(&ae->sa_id, &v4);
	s = attr(h, sizeof(*ae), XFRMA_REPLAY_VAL, sizeof(*s));
	assert_non_null(s);
	assert_true(s->oseq == 10 && s->seq == 20 && s->bitmap == 0xff);
	assert_null(attr(h, sizeof(*ae), XFRMA_REPLAY_ESN_VAL, 0));
}

static void counters_go_out_in_the_long_form(void **state)
{
	struct baton_xfrm_replay r = {.bitmap = true,
				      .words = BATON_XFRM_WORDS_MAX,
				      .window = 4096,
				      .out_seq = 0x100000002,
				      .in_seq = 0x300000004};
	const struct xfrm_replay_state_esn *s;
	const struct nlmsghdr *h;

	(void)state;
	memset(r.bmp, 0xa5, sizeof(r.bmp));
	h = request(baton_xfrm_put_counters(buf, 99, &v6, &r), XFRM_MSG_NEWAE,
		    NLM_F_ACK | NLM_F_REPLACE, sizeof(struct xfrm_aevent_id));
	s = attr(h, sizeof(struct xfrm_aevent_id), XFRMA_REPLAY_ESN_VAL,
		 sizeof(*s) + sizeof(r.bmp));
	assert_non_null(s);
	assert_true(s->oseq == 2 && s->oseq_hi == 1 && s->seq == 4 && s->seq_hi == 3);
	assert_true(s->bmp_len == BATON_XFRM_WORDS_MAX && s->replay_window == 4096);
	assert_memory_equal(s->bmp, r.bmp, sizeof(r.bmp));
	assert_non_null(
		attr(h, sizeof(struct xfrm_aevent_id), XFRMA_MARK, sizeof(struct xfrm_mark)));
}

static void thresholds_go_out(void **state)
{
	const struct nlmsghdr *h;
	const uint32_t *v;

	(void)state;
	h = request(baton_xfrm_put_thresholds(buf, 99, &v4, 1000, 25), XFRM_MSG_NEWAE,
		    NLM_F_ACK | NLM_F_REPLACE, sizeof(struct xfrm_aevent_id));
	v = attr(h, sizeof(struct xfrm_aevent_id), XFRMA_REPLAY_THRESH, 4);
	assert_true(v && *v == 1000);
	v = attr(h, sizeof(struct xfrm_aevent_id), XFRMA_ETIMER_THRESH, 4);
	assert_true(v && *v == 25);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void an_sa_is_read(void **state)
{
	struct nlmsghdr *h = newsa(XFRM_MSG_NEWSA, 0);

	(void)state;
	put_narrow(h, 100, 200, 0x5);
	put_mark(h);
	assert_int_equal(baton_xfrm_parse_sa(h, &sa), 0);
	assert_int_equal(sa.state.id.spi, SPI);
	assert_int_equal(sa.state.id.protocol, BATON_PROTO_ESP);
	assert_int_equal(sa.state.id.mark, 42);
	assert_memory_equal(&sa.state.id.dst, &v4.dst, sizeof(v4.dst));
	assert_true(sa.state.out_seq == 100 && sa.state.in_seq == 200);
	assert_true(sa.state.packets == 11 && sa.state.bytes == 1100);
	assert_true(sa.state.reqid == 7 && sa.state.replay_window == 32 && !sa.state.esn);
	assert_true(!sa.replay.bitmap && sa.replay.words == 1 && sa.replay.bmp[0] == 5);
}

static void an_sa_with_a_bitmap_is_read(void **state)
{
	struct nlmsghdr *h = newsa(XFRM_MSG_NEWSA, XFRM_STATE_ESN);

	(void)state;
	put_wide(h, 4, 128, 4);
	assert_int_equal(baton_xfrm_parse_sa(h, &sa), 0);
	assert_true(sa.state.esn && sa.state.replay_window == 128);
	assert_true(sa.state.out_seq == 0x200000001 && sa.state.in_seq == 0x400000003);
	assert_true(sa.replay.bitmap && sa.replay.words == 4 && sa.replay.bmp[3] == 4 &&
		    sa.replay.bmp[4] == 0);
}

static void the_largest_bitmap_is_read(void **state)
{
	struct nlmsghdr *h = newsa(XFRM_MSG_NEWSA, XFRM_STATE_ESN);

	(void)state;
	put_wide(h, BATON_XFRM_WORDS_MAX, 4096, BATON_XFRM_WORDS_MAX);
	assert_int_equal(baton_xfrm_parse_sa(h, &sa), 0);
	assert_int_equal(sa.replay.bmp[BATON_XFRM_WORDS_MAX - 1], BATON_XFRM_WORDS_MAX);
}

static void bitmaps_that_lie_are_refused(void **state)
{
	static const struct {
		uint32_t words, window, sent;
		int err;
	} cases[] = {
		{BATON_XFRM_WORDS_MAX + 1, 32, BATON_XFRM_WORDS_MAX + 1, -BATON_E_LENGTH},
		{UINT32_MAX, 32, 4, -BATON_E_LENGTH},
		{0x40000001, 32, 4, -BATON_E_LENGTH}, /* times 4 it would be 4 */
		{4, 129, 4, -BATON_E_LENGTH},
		{0, 1, 0, -BATON_E_LENGTH},
		{4, 128, 3, -BATON_E_TRUNCATED},
		{1, 32, 0, -BATON_E_TRUNCATED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct nlmsghdr *h = newsa(XFRM_MSG_NEWSA, 0);

		put_wide(h, cases[i].words, cases[i].window, cases[i].sent);
		assert_int_equal(baton_xfrm_parse_sa(h, &sa), cases[i].err);
	}
}

static void attributes_too_short_are_refused(void **state)
{
	static const struct {
		uint16_t type;
		size_t need;
	} cases[] = {
		{XFRMA_REPLAY_VAL, sizeof(struct xfrm_replay_state)},
		{XFRMA_REPLAY_ESN_VAL, sizeof(struct xfrm_replay_state_esn)},
		{XFRMA_LTIME_VAL, sizeof(struct xfrm_lifetime_cur)},
		{XFRMA_MARK, sizeof(struct xfrm_mark)},
	};
	static const uint8_t zero[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (size_t len = 0; len <= cases[i].need; len++) {
			struct nlmsghdr *h = newsa(XFRM_MSG_NEWSA, 0);

			mnl_attr_put(h, cases[i].type, len, zero);
			assert_int_equal(baton_xfrm_parse_sa(h, &sa),
					 len < cases[i].need ? -BATON_E_TRUNCATED : 0);
		}
}

static void unknown_attributes_are_stepped_over(void **state)
{
	struct nlmsghdr *h = newsa(XFRM_MSG_NEWSA, 0);

	(void)state;
	mnl_attr_put(h, XFRMA_ALG_AEAD, 77, buf + 4096);
	mnl_attr_put(h, 900, 0, NULL);
	put_narrow(h, 1, 2, 3);
	assert_int_equal(baton_xfrm_parse_sa(h, &sa), 0);
	assert_int_equal(sa.state.in_seq, 2);
}

static void an_attribute_that_reaches_too_far_is_refused(void **state)
{
	struct nlmsghdr *h = newsa(XFRM_MSG_NEWSA, 0);
	struct nlattr *a = mnl_nlmsg_get_payload_tail(h);

	(void)state;
	put_narrow(h, 1, 2, 3);
	a->nla_len++;
	assert_int_equal(baton_xfrm_parse_sa(h, &sa), -BATON_E_LENGTH);
	a->nla_len = 3; /* shorter than its own header */
	assert_int_equal(baton_xfrm_parse_sa(h, &sa), -BATON_E_LENGTH);
	a->nla_len = 0;
	assert_int_equal(baton_xfrm_parse_sa(h, &sa), -BATON_E_LENGTH);
}

static void sas_that_are_not_ours_are_refused(void **state)
{
	struct nlmsghdr *h = newsa(XFRM_MSG_NEWSA, 0);
	struct xfrm_usersa_info *p = mnl_nlmsg_get_payload(h);

	(void)state;
	p->id.proto = IPPROTO_COMP;
	assert_int_equal(baton_xfrm_parse_sa(h, &sa), -BATON_E_VALUE);
	p->id.proto = IPPROTO_AH;
	p->family = AF_UNIX;
	assert_int_equal(baton_xfrm_parse_sa(h, &sa), -BATON_E_VALUE);
	p->family = AF_INET6;
	assert_int_equal(baton_xfrm_parse_sa(h, &sa), 0);
	assert_int_equal(sa.state.id.protocol, BATON_PROTO_AH);
}

static void an_event_says_what_caused_it(void **state)
{
	static const struct {
		uint32_t flags;
		enum baton_xfrm_cause cause;
	} cases[] = {{0, BATON_XFRM_BY_OTHER},
		     {XFRM_AE_CU, BATON_XFRM_BY_OTHER},
		     {XFRM_AE_CE, BATON_XFRM_BY_TIMER},
		     {XFRM_AE_CR, BATON_XFRM_BY_PACKETS},
		     {XFRM_AE_CR | XFRM_AE_CE, BATON_XFRM_BY_PACKETS}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct nlmsghdr *h = newae(cases[i].flags);

		put_wide(h, 1, 32, 1);
		put_lifetime(h);
		assert_int_equal(baton_xfrm_parse_ae(h, &sa, &cause), 0);
		assert_int_equal(cause, cases[i].cause);
		assert_int_equal(sa.state.packets, 50);
		assert_int_equal(sa.state.bytes, 5000);
		assert_int_equal(sa.state.reqid, 8);
		assert_int_equal(sa.state.id.dst.family, AF_INET6);
	}
}

static int parse_event(struct nlmsghdr *h)
{
	return baton_xfrm_parse_event(h, &event, &cause);
}

static void every_kind_of_event_is_told(void **state)
{
	struct nlmsghdr *h = newae(XFRM_AE_CE);
	struct xfrm_usersa_id *id;
	struct xfrm_user_expire *expire;

	(void)state;
	put_narrow(h, 5, 6, 0);
	assert_int_equal(parse_event(h), 0);
	assert_int_equal(event.kind, BATON_XFRM_REPLAY);
	assert_int_equal(cause, BATON_XFRM_BY_TIMER);
	assert_int_equal(event.state.out_seq, 5);
	assert_int_equal(parse_event(newsa(XFRM_MSG_NEWSA, 0)), 0);
	assert_int_equal(event.kind, BATON_XFRM_NEWSA);
	assert_int_equal(parse_event(newsa(XFRM_MSG_UPDSA, 0)), 0);
	assert_int_equal(event.kind, BATON_XFRM_NEWSA);
	h = message(XFRM_MSG_DELSA);
	id = mnl_nlmsg_put_extra_header(h, sizeof(*id));
	*id = (struct xfrm_usersa_id){.spi = htonl(SPI), .family = AF_INET, .proto = IPPROTO_ESP};
	put_mark(h);
	assert_int_equal(parse_event(h), 0);
	assert_int_equal(event.kind, BATON_XFRM_DELSA);
	assert_true(event.state.id.spi == SPI && event.state.id.mark == 42);
	h = message(XFRM_MSG_EXPIRE);
	expire = mnl_nlmsg_put_extra_header(h, sizeof(*expire));
	expire->state.family = AF_INET;
	expire->state.id.proto = IPPROTO_ESP;
	assert_int_equal(parse_event(h), -BATON_E_EXCHANGE); /* soft */
	expire->hard = 1;
	assert_int_equal(parse_event(h), 0);
	assert_int_equal(event.kind, BATON_XFRM_EXPIRE);
	assert_int_equal(parse_event(message(XFRM_MSG_FLUSHSA)), 0);
	assert_int_equal(event.kind, BATON_XFRM_OVERRUN);
}

static void other_messages_concern_nobody(void **state)
{
	(void)state;
	assert_int_equal(parse_event(message(XFRM_MSG_NEWPOLICY)), -BATON_E_EXCHANGE);
	assert_int_equal(parse_event(message(NLMSG_DONE)), -BATON_E_EXCHANGE);
}

static void errors_are_read(void **state)
{
	struct nlmsghdr *h = message(NLMSG_ERROR);
	struct nlmsgerr *e = mnl_nlmsg_put_extra_header(h, sizeof(*e));
	int error = -1;

	(void)state;
	e->error = -3;
	assert_int_equal(baton_xfrm_parse_error(h, &error), 0);
	assert_int_equal(error, 3);
	e->error = 0;
	assert_int_equal(baton_xfrm_parse_error(h, &error), 0);
	assert_int_equal(error, 0);
	e->error = INT32_MIN; /* no errno at all */
	assert_int_equal(baton_xfrm_parse_error(h, &error), 0);
	assert_int_equal(error, INT32_MAX);
	h->nlmsg_len = NLMSG_HDRLEN + 4; /* the quote cut off */
	assert_int_equal(baton_xfrm_parse_error(h, &error), 0);
	h->nlmsg_len = NLMSG_HDRLEN + 3;
	assert_int_equal(baton_xfrm_parse_error(h, &error), -BATON_E_TRUNCATED);
	h->nlmsg_len = 0;
	assert_int_equal(baton_xfrm_parse_error(h, &error), -BATON_E_TRUNCATED);
}

/* Every shorter length of a message, in memory that ends where it does, so that the sanitizer sees
 * a byte too far. */
static void cut(const struct nlmsghdr *whole, size_t fixed)
{
	for (size_t len = NLMSG_HDRLEN; len < whole->nlmsg_len; len++) {
		struct nlmsghdr *h = malloc(len);
		int err;

		assert_non_null(h);
		memcpy(h, whole, len);
		h->nlmsg_len = (uint32_t)len;
		err = baton_xfrm_parse_event(h, &event, &cause);
		if (len < NLMSG_HDRLEN + fixed)
			assert_int_equal(err, -BATON_E_TRUNCATED);
		else if (len % 4)
			assert_true(err == -BATON_E_LENGTH || whole->nlmsg_type == XFRM_MSG_EXPIRE);
		else
			assert_true(err == 0 || err == -BATON_E_LENGTH);
		free(h);
	}
}

static void every_truncation_is_survived(void **state)
{
	struct nlmsghdr *h = newsa(XFRM_MSG_NEWSA, 0);
	struct xfrm_usersa_id *id;

	(void)state;
	put_wide(h, 2, 64, 2);
	put_mark(h);
	put_lifetime(h);
	cut(h, sizeof(struct xfrm_usersa_info));
	h = newae(0);
	put_narrow(h, 1, 2, 3);
	cut(h, sizeof(struct xfrm_aevent_id));
	h = message(XFRM_MSG_DELSA);
	id = mnl_nlmsg_put_extra_header(h, sizeof(*id));
	*id = (struct xfrm_usersa_id){.family = AF_INET, .proto = IPPROTO_ESP};
	put_mark(h);
	cut(h, sizeof(*id));
	h = message(XFRM_MSG_EXPIRE);
	mnl_nlmsg_put_extra_header(h, sizeof(struct xfrm_user_expire));
	cut(h, sizeof(struct xfrm_user_expire));
}

static void a_length_that_looks_negative_is_refused(void **state)
{
	struct nlmsghdr *h = newsa(XFRM_MSG_NEWSA, 0);
	int len = (int)h->nlmsg_len;

	(void)state;
	assert_true(baton_xfrm_message_ok(h, len));
	assert_true(baton_xfrm_message_ok(h, len + 100));
	assert_false(baton_xfrm_message_ok(h, len - 1));
	assert_false(baton_xfrm_message_ok(h, 15));
	assert_false(baton_xfrm_message_ok(h, 0));
	assert_false(baton_xfrm_message_ok(h, -4));
	h->nlmsg_len = 0xfffffff0;
	assert_false(baton_xfrm_message_ok(h, len));
	h->nlmsg_len = 15;
	assert_false(baton_xfrm_message_ok(h, len));
}

static void what_we_write_we_read_back(void **state)
{
	struct sample_random rnd = {5};

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		struct baton_xfrm_replay r = {
			.bitmap = true, .words = 1 + sample_below(&rnd, BATON_XFRM_WORDS_MAX)};
		struct nlmsghdr *h = (struct nlmsghdr *)buf;

		r.window = sample_below(&rnd, r.words * 32 + 1);
		r.out_seq = sample_next(&rnd);
		r.in_seq = sample_next(&rnd);
		sample_fill(&rnd, r.bmp, r.words * 4);
		assert_true(baton_xfrm_put_counters(buf, 1, i % 2 ? &v4 : &v6, &r) <=
			    BATON_XFRM_REQUEST_MAX);
		assert_int_equal(baton_xfrm_parse_ae(h, &sa, &cause), 0);
		assert_memory_equal(&sa.replay, &r, sizeof(r));
		assert_memory_equal(&sa.state.id, i % 2 ? &v4 : &v6, sizeof(v4));
	}
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

static void numbers_are_only_raised(void **state)
{
	struct baton_xfrm_replay r = {.words = 2, .bitmap = true, .out_seq = 100, .in_seq = 200};
	struct baton_sa_set set = {.out_seq = 50, .in_seq = BATON_SEQ_KEEP};

	(void)state;
	assert_false(baton_xfrm_raise(&r, true, &set)); /* nothing to write */
	assert_true(r.out_seq == 100 && r.in_seq == 200 && r.bmp[0] == 0);
	set.out_seq = 100;
	assert_false(baton_xfrm_raise(&r, true, &set));
	set = (struct baton_sa_set){.out_seq = 150, .in_seq = 150};
	assert_true(baton_xfrm_raise(&r, true, &set));
	assert_true(r.out_seq == 150 && r.in_seq == 200);
	assert_true(r.bmp[0] == UINT32_MAX && r.bmp[1] == UINT32_MAX &&
		    r.bmp[2] == 0); /* all of it seen */
	set = (struct baton_sa_set){.out_seq = BATON_SEQ_KEEP, .in_seq = 0x100000000};
	assert_true(baton_xfrm_raise(&r, true, &set));
	assert_true(r.out_seq == 150 && r.in_seq == 0x100000000);
	set.in_seq = 0x100000000 - 64; /* below the window */
	assert_false(baton_xfrm_raise(&r, true, &set));
	set.in_seq++; /* one of its numbers may not have been seen */
	assert_true(baton_xfrm_raise(&r, true, &set));
}

static void without_esn_a_number_beyond_32_bits_is_the_last(void **state)
{
	struct baton_xfrm_replay r = {.words = 1};
	struct baton_sa_set set = {.out_seq = 0x100000005, .in_seq = 0xffffffff};

	(void)state;
	assert_true(baton_xfrm_raise(&r, false, &set));
	assert_true(r.out_seq == UINT32_MAX && r.in_seq == UINT32_MAX);
}

static void ages_become_ticks(void **state)
{
	(void)state;
	assert_int_equal(baton_xfrm_ticks(100, 10000000), 10);
	assert_int_equal(baton_xfrm_ticks(100, 4000000), 25);
	assert_int_equal(baton_xfrm_ticks(10, 4000000), 2); /* rounded down */
	assert_int_equal(baton_xfrm_ticks(1, 4000000), 1);  /* but a timer there is */
	assert_int_equal(baton_xfrm_ticks(UINT32_MAX, 1000), BATON_XFRM_JIFFIES_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get_names_the_sa),
		cmocka_unit_test(dump_has_no_body),
		cmocka_unit_test(delete_asks_for_an_ack),
		cmocka_unit_test(counters_go_out_in_the_short_form),
		cmocka_unit_test(counters_go_out_in_the_long_form),
		cmocka_unit_test(thresholds_go_out),
		cmocka_unit_test(an_sa_is_read),
		cmocka_unit_test(an_sa_with_a_bitmap_is_read),
		cmocka_unit_test(the_largest_bitmap_is_read),
		cmocka_unit_test(bitmaps_that_lie_are_refused),
		cmocka_unit_test(attributes_too_short_are_refused),
		cmocka_unit_test(unknown_attributes_are_stepped_over),
		cmocka_unit_test(an_attribute_that_reaches_too_far_is_refused),
		cmocka_unit_test(sas_that_are_not_ours_are_refused),
		cmocka_unit_test(an_event_says_what_caused_it),
		cmocka_unit_test(every_kind_of_event_is_told),
		cmocka_unit_test(other_messages_concern_nobody),
		cmocka_unit_test(errors_are_read),
		cmocka_unit_test(every_truncation_is_survived),
		cmocka_unit_test(a_length_that_looks_negative_is_refused),
		cmocka_unit_test(what_we_write_we_read_back),
		cmocka_unit_test(numbers_are_only_raised),
		cmocka_unit_test(without_esn_a_number_beyond_32_bits_is_the_last),
		cmocka_unit_test(ages_become_ticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
