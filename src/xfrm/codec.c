/* SPDX-License-Identifier: BSD-2-Clause */
#include "xfrm/codec.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(XFRMA_REPLAY_ESN_MAX == BATON_XFRM_WORDS_MAX * 32, "bitmap size");
_Static_assert(sizeof(struct nlmsghdr) + sizeof(struct xfrm_aevent_id) + 2 * sizeof(struct nlattr) +
			       sizeof(struct xfrm_replay_state_esn) +
			       sizeof(uint32_t) * BATON_XFRM_WORDS_MAX + sizeof(struct xfrm_mark) <=
		       BATON_XFRM_REQUEST_MAX,
	       "request size");

/* ---- identifiers ------------------------------------------------------------------------- */
static size_t addr_len(unsigned family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

static int to_id(struct baton_sa_id *id, const xfrm_address_t *dst, __be32 spi, unsigned proto,
		 unsigned family)
{
	if (!addr_len(family) || (proto != IPPROTO_ESP && proto != IPPROTO_AH))
		return -BATON_E_VALUE;
	*id = (struct baton_sa_id){
		.dst.family = (uint8_t)family,
		.spi = ntohl(spi),
		.protocol = proto == IPPROTO_ESP ? BATON_PROTO_ESP : BATON_PROTO_AH,
	};
	memcpy(id->dst.ip, dst, addr_len(family));
	return 0;
}

static void from_id(struct xfrm_usersa_id *k, const struct baton_sa_id *id)
{
	memcpy(&k->daddr, id->dst.ip, addr_len(id->dst.family));
	k->spi = htonl(id->spi);
	k->family = id->dst.family;
	k->proto = id->protocol == BATON_PROTO_AH ? IPPROTO_AH : IPPROTO_ESP;
}

/* ---- requests ---------------------------------------------------------------------------- */
static struct nlmsghdr *put_header(void *buf, uint16_t type, uint16_t flags, uint32_t seq)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = seq;
	return h;
}

/* The kernel finds an SA that has a mark only when it is asked with one that matches. */
static void put_mark(struct nlmsghdr *h, const struct baton_sa_id *id)
{
	struct xfrm_mark m = {.v = id->mark, .m = UINT32_MAX};

	if (id->mark)
		mnl_attr_put(h, XFRMA_MARK, sizeof(m), &m);
}

size_t baton_xfrm_put_get(void *buf, uint32_t seq, const struct baton_sa_id *id)
{
	struct nlmsghdr *h = put_header(buf, XFRM_MSG_GETSA, 0, seq);

	from_id(mnl_nlmsg_put_extra_header(h, sizeof(struct xfrm_usersa_id)), id);
	put_mark(h, id);
	return h->nlmsg_len;
}

size_t baton_xfrm_put_dump(void *buf, uint32_t seq)
{
	struct nlmsghdr *h = put_header(buf, XFRM_MSG_GETSA, NLM_F_DUMP, seq);

	/* No body: the kernel would read one as a filter. */
	return h->nlmsg_len;
}

size_t baton_xfrm_put_delete(void *buf, uint32_t seq, const struct baton_sa_id *id)
{
	struct nlmsghdr *h = put_header(buf, XFRM_MSG_DELSA, NLM_F_ACK, seq);

	from_id(mnl_nlmsg_put_extra_header(h, sizeof(struct xfrm_usersa_id)), id);
	put_mark(h, id);
	return h->nlmsg_len;
}

static struct nlmsghdr *put_newae(void *buf, uint32_t seq, const struct baton_sa_id *id)
{
	struct nlmsghdr *h = put_header(buf, XFRM_MSG_NEWAE, NLM_F_ACK | NLM_F_REPLACE, seq);
	struct xfrm_aevent_id *ae = mnl_nlmsg_put_extra_header(h, sizeof(*ae));

	from_id(&ae->sa_id, id);
	put_mark(h, id);
	return h;
}

size_t baton_xfrm_put_counters(void *buf, uint32_t seq, const struct baton_sa_id *id,
			       const struct baton_xfrm_replay *r)
{
	struct nlmsghdr *h = put_newae(buf, seq, id);
	_Alignas(8) uint8_t wide[sizeof(struct xfrm_replay_state_esn) + sizeof(r->bmp)];
	struct xfrm_replay_state_esn head;
	struct xfrm_replay_state narrow = {
		.oseq = (uint32_t)r->out_seq,
		.seq = (uint32_t)r->in_seq,
		.bitmap = r->bmp[0],
	};

	if (!r->bitmap) {
		mnl_attr_put(h, XFRMA_REPLAY_VAL, sizeof(narrow), &narrow);
		return h->nlmsg_len;
	}
	head = (struct xfrm_replay_state_esn){
		.bmp_len = r->words,
		.oseq = (uint32_t)r->out_seq,
		.oseq_hi = (uint32_t)(r->out_seq >> 32),
		.seq = (uint32_t)r->in_seq,
		.seq_hi = (uint32_t)(r->in_seq >> 32),
		.replay_window = r->window,
	};
	memcpy(wide, &head, sizeof(head));
	memcpy(wide + sizeof(head), r->bmp, sizeof(r->bmp));
	mnl_attr_put(h, XFRMA_REPLAY_ESN_VAL, sizeof(head) + r->words * sizeof(*r->bmp), wide);
	return h->nlmsg_len;
}

size_t baton_xfrm_put_thresholds(void *buf, uint32_t seq, const struct baton_sa_id *id,
				 uint32_t packets, uint32_t jiffies)
{
	struct nlmsghdr *h = put_newae(buf, seq, id);

	mnl_attr_put_u32(h, XFRMA_REPLAY_THRESH, packets);
	mnl_attr_put_u32(h, XFRMA_ETIMER_THRESH, jiffies);
	return h->nlmsg_len;
}

/* ---- answers ----------------------------------------------------------------------------- */
bool baton_xfrm_message_ok(const struct nlmsghdr *h, int left)
{
	return mnl_nlmsg_ok(h, left) && h->nlmsg_len <= (unsigned)left;
}

static bool has(const struct nlmsghdr *h, size_t fixed)
{
	return h->nlmsg_len >= sizeof(*h) && mnl_nlmsg_get_payload_len(h) >= fixed;
}

/* mnl_attr_for_each() with the conversion said aloud. */
#define for_each_attr(a, h, fixed)                                                                 \
	for ((a) = mnl_nlmsg_get_payload_offset((h), (fixed)); mnl_attr_ok(                        \
		     (a), (int)((const char *)mnl_nlmsg_get_payload_tail(h) - (const char *)(a))); \
	     (a) = mnl_attr_next(a))

/* Every XFRM message is a multiple of 4 long; in one that is not, the last attribute could reach
 * into what follows. */
static bool is_aligned(const struct nlmsghdr *h)
{
	return h->nlmsg_len % NLMSG_ALIGNTO == 0;
}

/* Did for_each_attr() leave a behind the last attribute? It stops silently at one that does not
 * fit. */
static bool at_end(const struct nlmsghdr *h, const struct nlattr *a)
{
	return (const char *)a == (const char *)mnl_nlmsg_get_payload_tail(h);
}

static int parse_narrow(const struct nlattr *a, struct baton_xfrm_replay *r)
{
	struct xfrm_replay_state s;

	if (mnl_attr_get_payload_len(a) < sizeof(s))
		return -BATON_E_TRUNCATED;
	memcpy(&s, mnl_attr_get_payload(a), sizeof(s));
	*r = (struct baton_xfrm_replay){
		.words = 1,
		.out_seq = s.oseq,
		.in_seq = s.seq,
		.bmp[0] = s.bitmap,
	};
	return 0;
}

static int parse_wide(const struct nlattr *a, struct baton_xfrm_replay *r)
{
	size_t len = mnl_attr_get_payload_len(a);
	const uint8_t *p = mnl_attr_get_payload(a);
	struct xfrm_replay_state_esn s;

	if (len < sizeof(s))
		return -BATON_E_TRUNCATED;
	memcpy(&s, p, sizeof(s));
	if (s.bmp_len > BATON_XFRM_WORDS_MAX || s.replay_window > s.bmp_len * 32)
		return -BATON_E_LENGTH;
	if (len - sizeof(s) < s.bmp_len * sizeof(uint32_t))
		return -BATON_E_TRUNCATED;
	*r = (struct baton_xfrm_replay){
		.bitmap = true,
		.words = s.bmp_len,
		.window = s.replay_window,
		.out_seq = (uint64_t)s.oseq_hi << 32 | s.oseq,
		.in_seq = (uint64_t)s.seq_hi << 32 | s.seq,
	};
	memcpy(r->bmp, p + sizeof(s), s.bmp_len * sizeof(uint32_t));
	return 0;
}

static int parse_lifetime(const struct nlattr *a, struct baton_sa_state *s)
{
	struct xfrm_lifetime_cur c;

	if (mnl_attr_get_payload_len(a) < sizeof(c))
		return -BATON_E_TRUNCATED;
	memcpy(&c, mnl_attr_get_payload(a), sizeof(c));
	s->packets = c.packets;
	s->bytes = c.bytes;
	return 0;
}

static int parse_mark(const struct nlattr *a, struct baton_sa_id *id)
{
	struct xfrm_mark m;

	if (mnl_attr_get_payload_len(a) < sizeof(m))
		return -BATON_E_TRUNCATED;
	memcpy(&m, mnl_attr_get_payload(a), sizeof(m));
	id->mark = m.v;
	return 0;
}

/* The attributes that all three kinds of message share. Keys are stepped over, never read. */
static int parse_attrs(const struct nlmsghdr *h, size_t fixed, struct baton_xfrm_sa *sa)
{
	const struct nlattr *a;
	int err = 0;

	if (!is_aligned(h))
		return -BATON_E_LENGTH;
	for_each_attr(a, h, fixed)
	{
		switch (mnl_attr_get_type(a)) {
		case XFRMA_REPLAY_VAL:
			err = parse_narrow(a, &sa->replay);
			break;
		case XFRMA_REPLAY_ESN_VAL:
			err = parse_wide(a, &sa->replay);
			break;
		case XFRMA_LTIME_VAL:
			err = parse_lifetime(a, &sa->state);
			break;
		case XFRMA_MARK:
			err = parse_mark(a, &sa->state.id);
			break;
		}
		if (err)
			return err;
	}
	if (!at_end(h, a))
		return -BATON_E_LENGTH;
	sa->state.out_seq = sa->replay.out_seq;
	sa->state.in_seq = sa->replay.in_seq;
	if (sa->replay.bitmap)
		sa->state.replay_window = sa->replay.window;
	return 0;
}

int baton_xfrm_parse_sa(const struct nlmsghdr *h, struct baton_xfrm_sa *sa)
{
	struct xfrm_usersa_info
		p; /* a copy: it holds 64-bit fields, and messages are aligned to 4 */
	int err;

	memset(sa, 0, sizeof(*sa));
	if (!has(h, sizeof(p)))
		return -BATON_E_TRUNCATED;
	memcpy(&p, mnl_nlmsg_get_payload(h), sizeof(p));
	err = to_id(&sa->state.id, &p.id.daddr, p.id.spi, p.id.proto, p.family);
	if (err)
		return err;
	sa->state.packets = p.curlft.packets;
	sa->state.bytes = p.curlft.bytes;
	sa->state.reqid = p.reqid;
	sa->state.replay_window = p.replay_window;
	sa->state.esn = p.flags & XFRM_STATE_ESN;
	return parse_attrs(h, sizeof(p), sa);
}

int baton_xfrm_parse_ae(const struct nlmsghdr *h, struct baton_xfrm_sa *sa,
			enum baton_xfrm_cause *cause)
{
	const struct xfrm_aevent_id *p = mnl_nlmsg_get_payload(h);
	int err;

	memset(sa, 0, sizeof(*sa));
	*cause = BATON_XFRM_BY_OTHER;
	if (!has(h, sizeof(*p)))
		return -BATON_E_TRUNCATED;
	err = to_id(&sa->state.id, &p->sa_id.daddr, p->sa_id.spi, p->sa_id.proto, p->sa_id.family);
	if (err)
		return err;
	sa->state.reqid = p->reqid;
	if (p->flags & XFRM_AE_CR)
		*cause = BATON_XFRM_BY_PACKETS;
	else if (p->flags & XFRM_AE_CE)
		*cause = BATON_XFRM_BY_TIMER;
	return parse_attrs(h, sizeof(*p), sa);
}

static int parse_delsa(const struct nlmsghdr *h, struct baton_sa_id *id)
{
	const struct xfrm_usersa_id *p = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;
	int err;

	if (!has(h, sizeof(*p)))
		return -BATON_E_TRUNCATED;
	err = to_id(id, &p->daddr, p->spi, p->proto, p->family);
	if (err)
		return err;
	if (!is_aligned(h))
		return -BATON_E_LENGTH;
	for_each_attr(a, h, sizeof(*p))
	{
		if (mnl_attr_get_type(a) == XFRMA_MARK)
			err = parse_mark(a, id);
		if (err)
			return err;
	}
	return at_end(h, a) ? 0 : -BATON_E_LENGTH;
}

static int parse_expire(const struct nlmsghdr *h, struct baton_sa_id *id)
{
	struct xfrm_user_expire p;

	if (!has(h, sizeof(p)))
		return -BATON_E_TRUNCATED;
	memcpy(&p, mnl_nlmsg_get_payload(h), sizeof(p));
	if (!p.hard)
		return -BATON_E_EXCHANGE;
	return to_id(id, &p.state.id.daddr, p.state.id.spi, p.state.id.proto, p.state.family);
}

int baton_xfrm_parse_event(const struct nlmsghdr *h, struct baton_xfrm_event *e,
			   enum baton_xfrm_cause *cause)
{
	struct baton_xfrm_sa sa;
	int err;

	memset(e, 0, sizeof(*e));
	*cause = BATON_XFRM_BY_OTHER;
	switch (h->nlmsg_type) {
	case XFRM_MSG_NEWAE:
		e->kind = BATON_XFRM_REPLAY;
		err = baton_xfrm_parse_ae(h, &sa, cause);
		break;
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		e->kind = BATON_XFRM_NEWSA;
		err = baton_xfrm_parse_sa(h, &sa);
		break;
	case XFRM_MSG_DELSA:
		e->kind = BATON_XFRM_DELSA;
		return parse_delsa(h, &e->state.id);
	case XFRM_MSG_EXPIRE:
		e->kind = BATON_XFRM_EXPIRE;
		return parse_expire(h, &e->state.id);
	case XFRM_MSG_FLUSHSA:
		/* Every SA of a protocol is gone; the kernel names none of them. */
		e->kind = BATON_XFRM_OVERRUN;
		return 0;
	default:
		return -BATON_E_EXCHANGE;
	}
	if (!err)
		e->state = sa.state;
	return err;
}

int baton_xfrm_parse_error(const struct nlmsghdr *h, int *error)
{
	const struct nlmsgerr *p = mnl_nlmsg_get_payload(h);

	/* The kernel may cut what it quotes, never the error itself. */
	if (!has(h, sizeof(p->error)))
		return -BATON_E_TRUNCATED;
	*error = p->error > -INT32_MAX ? abs(p->error) : INT32_MAX;
	return 0;
}

/* ---- arithmetic -------------------------------------------------------------------------- */
static uint64_t raised(uint64_t now, uint64_t wanted, bool esn)
{
	if (!esn && wanted > UINT32_MAX)
		wanted = UINT32_MAX;
	return wanted > now ? wanted : now;
}

bool baton_xfrm_raise(struct baton_xfrm_replay *r, bool esn, const struct baton_sa_set *set)
{
	uint64_t out_seq = r->out_seq, in_seq = r->in_seq;
	bool filled = false;

	if (set->out_seq != BATON_SEQ_KEEP)
		r->out_seq = raised(r->out_seq, set->out_seq, esn);
	if (set->in_seq != BATON_SEQ_KEEP) {
		r->in_seq = raised(r->in_seq, set->in_seq, esn);
		memset(r->bmp, 0xff, r->words * sizeof(*r->bmp));
		/* Below the window nothing is accepted anyway. */
		filled = set->in_seq && in_seq < set->in_seq + UINT64_C(32) * r->words;
	}
	return r->out_seq != out_seq || r->in_seq != in_seq || filled;
}

uint32_t baton_xfrm_ticks(uint32_t age_ms, uint64_t tick_ns)
{
	uint64_t ticks = (uint64_t)age_ms * 1000000 / tick_ns;

	if (ticks > BATON_XFRM_JIFFIES_NEVER)
		return BATON_XFRM_JIFFIES_NEVER;
	return ticks ? (uint32_t)ticks : 1;
}
