/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One pass over an encoded session in the order in which session.c writes it.
 * Every check of session_decode.c is here as well, and those that make the
 * octets the only ones possible. test_session and fuzz_session hold the two
 * against each other.
 */
#include "wire/outline.h"

#include "wire/session.h"
#include <endian.h>
#include <string.h>
#include <sys/socket.h>

#define COUNTERS_LEN COUNTERS_ENTRY_LEN
#define LIFETIME_LEN 12u
#define SESSION_HEAD 20u
#define CHILD_HEAD 16u
#define LEASE_HEAD 32u /* up to the owner */

struct scan {
	const uint8_t *p, *end;
	uint8_t next; /* type of the payload at p */
};

static uint16_t be16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return be16toh(v);
}

static uint32_t be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static uint64_t be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

static size_t left(const struct scan *s)
{
	return (size_t)(s->end - s->p);
}

/* Takes n octets: NULL where there are fewer. */
static const uint8_t *take(struct scan *s, size_t n)
{
	const uint8_t *p = s->p;

	if (left(s) < n)
		return NULL;
	s->p += n;
	return p;
}

/* The next payload, which must be of that type. */
static bool take_payload(struct scan *s, uint8_t type, struct scan *body)
{
	const uint8_t *p = s->p;
	size_t len;

	if (s->next != type || left(s) < 4 || p[1])
		return false;
	len = be16(p + 2);
	if (len < 4 || len > left(s))
		return false;
	s->next = p[0];
	s->p = p + len;
	*body = (struct scan){p + 4, p + len, 0};
	return true;
}

/* One whose body has a fixed size. */
static const uint8_t *take_fixed(struct scan *s, uint8_t type, size_t len)
{
	struct scan b;

	return take_payload(s, type, &b) && left(&b) == len ? b.p : NULL;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= p[i];
	return !any;
}

/* ---- parts that SESSION and CHILD share ---------------------------------------------------- */

/* The body of an ID: of len octets, with its type. */
static bool id_ok(const uint8_t *p, size_t len)
{
	if (len < 4 || len - 4 > BATON_ID_MAX || !p[0] || !is_zero(p + 1, 3))
		return false;
	return (p[0] != BATON_ID_IPV4 || len == 8) && (p[0] != BATON_ID_IPV6 || len == 20);
}

static bool skip_suite(struct scan *s, uint8_t protocol)
{
	struct scan b;
	const uint8_t *p;

	if (!take_payload(s, BATON_PL_SA, &b) || left(&b) < 8)
		return false;
	p = b.p;
	if (be16(p) || be16(p + 2) != left(&b) || p[4] != 1 || p[5] != protocol || p[6] || !p[7] ||
	    p[7] > BATON_TRANSFORMS_MAX)
		return false;
	b.p += 8;
	for (unsigned i = p[7]; i; i--) {
		const uint8_t *t = b.p;
		size_t len = left(&b) < 8 ? 0 : be16(t + 2);

		if ((len != 8 && len != 12) || len > left(&b) || t[0] != (i == 1 ? 0 : 3) || t[1] ||
		    t[5])
			return false;
		if (len == 12 && (be16(t + 8) != 0x800eu || !be16(t + 10))) /* Key Length */
			return false;
		b.p += len;
	}
	return b.p == b.end;
}

/* Keys of kinds first to last, in their order. seen: a bit for each that is there. */
static bool skip_keymat(struct scan *s, uint8_t first, uint8_t last, uint32_t *seen)
{
	struct scan b;
	const uint8_t *p;

	*seen = 0;
	if (!take_payload(s, BATON_PL_KEYMAT, &b))
		return false;
	while (b.p < b.end) {
		size_t len;

		p = take(&b, 4);
		if (!p || p[0] < first || p[0] > last || p[1])
			return false;
		first = (uint8_t)(p[0] + 1);
		len = be16(p + 2);
		if (!len || len > BATON_SECRET_MAX || !take(&b, len))
			return false;
		*seen |= 1u << p[0];
	}
	return true;
}

static bool local_value_ok(const uint8_t *p, size_t len, bool text)
{
	if (text)
		return len && len < BATON_NAME_MAX && !memchr(p, 0, len);
	return len == 4 && !is_zero(p, 4);
}

/* LOCAL, where there is one: attributes in the order of f. */
static bool skip_local(struct scan *s, const struct local_field *f, unsigned count)
{
	const uint8_t *p;
	struct scan b;
	unsigned i = 0;

	if (s->next != BATON_PL_LOCAL)
		return true;
	if (!take_payload(s, BATON_PL_LOCAL, &b) || left(&b) < 6 || be16(b.p) != LOCAL_STRONGSWAN)
		return false;
	b.p += 2;
	while (b.p < b.end) {
		size_t len;

		p = take(&b, 4);
		if (!p)
			return false;
		while (i < count && f[i].type != be16(p))
			i++;
		len = be16(p + 2);
		if (i == count || left(&b) < len || !local_value_ok(b.p, len, f[i].text))
			return false;
		b.p += len;
		i++;
	}
	return true;
}

/* COUNTERS: its one entry is for this session. What follows the SPIs is the caller's. */
static const uint8_t *take_counters(struct scan *s, const struct baton_outline *o, uint8_t kind,
				    uint8_t protocol)
{
	const uint8_t *p = take_fixed(s, BATON_PL_COUNTERS, COUNTERS_LEN);

	if (!p || p[0] != kind || p[1] != protocol || be16(p + 2) || be32(p + 4) != o->epoch ||
	    be64(p + 8) != o->spi_i || be64(p + 16) != o->spi_r)
		return NULL;
	return p;
}

/* ---- CHILD --------------------------------------------------------------------------------- */

static bool is_above(const uint8_t *a, const uint8_t *b, size_t ip)
{
	return ip == 4 ? be32(a) > be32(b) : memcmp(a, b, 16) > 0;
}

static bool skip_ts(struct scan *s)
{
	const uint8_t *p = s->p;
	size_t ip, len;

	if (left(s) < 8 || (p[0] != 7 && p[0] != 8)) /* TS_IPV4_ADDR_RANGE, TS_IPV6_ADDR_RANGE */
		return false;
	ip = p[0] == 8 ? 16 : 4;
	len = 8 + 2 * ip;
	if (be16(p + 2) != len || left(s) < len || is_above(p + 8, p + 8 + ip, ip))
		return false;
	s->p += len;
	return true;
}

static bool skip_ts_list(struct scan *s, uint8_t type)
{
	const uint8_t *p;
	struct scan b;

	if (!take_payload(s, type, &b))
		return false;
	p = take(&b, 4);
	if (!p || !p[0] || p[0] > BATON_TS_MAX || !is_zero(p + 1, 3))
		return false;
	for (unsigned i = p[0]; i; i--)
		if (!skip_ts(&b))
			return false;
	return b.p == b.end;
}

static bool skip_policies(struct scan *s)
{
	for (unsigned n = 0; s->next == BATON_PL_POLICY; n++) {
		const uint8_t *p;
		struct scan b;

		if (n == BATON_POLICIES_MAX || !take_payload(s, BATON_PL_POLICY, &b))
			return false;
		p = take(&b, 8);
		if (!p || !p[0] || p[0] > (BATON_DIR_IN | BATON_DIR_OUT | BATON_DIR_FWD) ||
		    p[1] < BATON_ACTION_PROTECT || p[1] > BATON_ACTION_DISCARD || be16(p + 2))
			return false;
		for (unsigned side = 0; side < 2; side++)
			if (!skip_ts(&b))
				return false;
		if (b.p != b.end)
			return false;
	}
	return true;
}

static bool read_child_numbers(struct scan *s, struct baton_outline *o,
			       struct baton_outline_child *c, const uint8_t *base)
{
	const uint8_t *life = take_fixed(s, BATON_PL_LIFETIME, LIFETIME_LEN);
	const uint8_t *p = life ? take_counters(s, o, BATON_REPORT_CHILD, c->protocol) : NULL;

	if (!p || be32(p + 24) != c->spi_in || be32(p + 28))
		return false;
	c->at_life = (uint16_t)(life - base);
	c->at_counters = (uint16_t)(p - base);
	c->counters = (struct baton_counters){be64(p + 32), be64(p + 40), be64(p + 48),
					      be64(p + 56)};
	return true;
}

static bool read_child_head(struct scan *s, struct baton_outline_child *c)
{
	const uint8_t *p = take(s, CHILD_HEAD);

	if (!p)
		return false;
	s->next = p[0];
	c->protocol = p[1];
	c->flags = p[3];
	c->spi_in = be32(p + 4);
	c->spi_out = be32(p + 8);
	return (c->protocol == BATON_PROTO_ESP || c->protocol == BATON_PROTO_AH) &&
	       p[2] >= BATON_MODE_TRANSPORT && p[2] <= BATON_MODE_BEET &&
	       !(c->flags & ~CHILD_FLAGS) && c->spi_in && c->spi_out;
}

static bool read_child(struct scan *outer, struct baton_outline *o, const uint8_t *base)
{
	struct baton_outline_child *c = &o->children[o->child_count];
	uint32_t keys;
	bool initiator;
	struct scan s;

	if (o->child_count == BATON_CHILDREN_MAX || !take_payload(outer, BATON_PL_CHILD, &s) ||
	    !read_child_head(&s, c))
		return false;
	for (unsigned i = 0; i < o->child_count; i++)
		if (o->children[i].spi_in == c->spi_in)
			return false;
	initiator = c->flags & BATON_CHILD_INITIATOR;
	if (!skip_suite(&s, c->protocol) || !skip_keymat(&s, 16, 19, &keys))
		return false;
	if (!(keys & (1u << 16 | 1u << 18)) || !(keys & (1u << 17 | 1u << 19)))
		return false; /* a key for each direction */
	if (!skip_ts_list(&s, initiator ? BATON_PL_TSI : BATON_PL_TSR) ||
	    !skip_ts_list(&s, initiator ? BATON_PL_TSR : BATON_PL_TSI) || !skip_policies(&s) ||
	    !read_child_numbers(&s, o, c, base) ||
	    !skip_local(&s, child_attributes, CHILD_ATTRIBUTES))
		return false;
	o->child_count++;
	return s.next == BATON_PL_NONE && s.p == s.end;
}

/* ---- SESSION ------------------------------------------------------------------------------- */

static bool read_lease(struct scan *s, struct baton_outline *o)
{
	const uint8_t *p;
	struct scan b;
	size_t len;

	if (!take_payload(s, BATON_PL_LEASE, &b) || left(&b) < LEASE_HEAD + 4)
		return false;
	p = b.p;
	if ((be16(p) != BATON_OK && be16(p) != BATON_E_STALE) || be64(p + 16) != o->spi_i ||
	    be64(p + 24) != o->spi_r)
		return false;
	o->stale = be16(p) == BATON_E_STALE;
	o->stores = p[2];
	o->ranks = p[3];
	o->epoch = be32(p + 4);
	o->version = be64(p + 8);
	p += LEASE_HEAD;
	len = left(&b) - LEASE_HEAD;
	o->owner.type = p[0];
	o->owner.len = (uint16_t)(len - 4);
	if (!p[0])
		return len == 4 && is_zero(p + 1, 3);
	if (!id_ok(p, len) || len == 4)
		return false;
	memcpy(o->owner.data, p + 4, len - 4);
	return p[0] == BATON_ID_FQDN || p[0] == BATON_ID_IPV4 || p[0] == BATON_ID_IPV6;
}

static bool read_endpoint(struct scan *s, uint8_t role, struct baton_addr *a)
{
	struct scan b;
	const uint8_t *p;
	size_t ip;

	if (!take_payload(s, BATON_PL_ENDPOINT, &b) || left(&b) < 4)
		return false;
	p = b.p;
	ip = p[1] == 6 ? 16 : 4;
	if (p[0] != role || (p[1] != 4 && p[1] != 6) || left(&b) != 4 + ip)
		return false;
	*a = (struct baton_addr){.family = ip == 16 ? AF_INET6 : AF_INET, .port = be16(p + 2)};
	memcpy(a->ip, p + 4, ip);
	return true;
}

static bool read_endpoints(struct scan *s, struct baton_outline *o)
{
	struct baton_addr extra;

	if (!read_endpoint(s, ENDPOINT_LOCAL, &o->local) ||
	    !read_endpoint(s, ENDPOINT_REMOTE, &o->remote))
		return false;
	for (unsigned n = 0; s->next == BATON_PL_ENDPOINT; n++)
		if (n == BATON_EXTRA_ADDRS_MAX || !read_endpoint(s, ENDPOINT_EXTRA, &extra))
			return false;
	return true;
}

/* An identity that is not, or that is, an EAP identity. */
static bool skip_id(struct scan *s, uint8_t payload, bool eap)
{
	struct scan b;

	return take_payload(s, payload, &b) && id_ok(b.p, left(&b)) &&
	       (b.p[0] == BATON_ID_EAP) == eap;
}

static bool skip_ids(struct scan *s, bool initiator)
{
	return skip_id(s, initiator ? BATON_PL_IDI : BATON_PL_IDR, false) &&
	       skip_id(s, initiator ? BATON_PL_IDR : BATON_PL_IDI, false) &&
	       (s->next != BATON_PL_IDI || skip_id(s, BATON_PL_IDI, true));
}

static bool skip_notifies(struct scan *s)
{
	uint16_t types[BATON_NOTIFIES_MAX];

	for (unsigned n = 0; s->next == BATON_PL_NOTIFY; n++) {
		const uint8_t *p = take_fixed(s, BATON_PL_NOTIFY, 4);

		if (!p || n == BATON_NOTIFIES_MAX || be16(p) || be16(p + 2) < STATUS_TYPES_FROM)
			return false;
		types[n] = be16(p + 2);
		for (unsigned i = 0; i < n; i++)
			if (types[i] == types[n])
				return false;
	}
	return true;
}

/* Addresses given to the peer, then other attributes. */
static bool skip_cp(struct scan *s)
{
	unsigned vips = 0, others = 0;
	const uint8_t *p;
	struct scan b;

	if (s->next != BATON_PL_CP)
		return true;
	if (!take_payload(s, BATON_PL_CP, &b) || left(&b) < 8)
		return false;
	p = take(&b, 4);
	if (p[0] != 2 || !is_zero(p + 1, 3)) /* CFG_REPLY */
		return false;
	while (b.p < b.end) {
		size_t len;
		uint16_t type;

		p = take(&b, 4);
		if (!p)
			return false;
		type = be16(p);
		len = be16(p + 2);
		if (!take(&b, len) || type & 0x8000u)
			return false;
		if (type != 1 && type != 8) { /* INTERNAL_IP4_ADDRESS, INTERNAL_IP6_ADDRESS */
			if (++others > BATON_CFG_MAX ||
			    len > sizeof(((struct baton_cfg_attr){0}).data))
				return false;
		} else if (others || ++vips > BATON_VIPS_MAX || len != (type == 1 ? 4 : 17) ||
			   (type == 8 && p[4 + 16] != 128)) {
			return false;
		}
	}
	return true;
}

/* MESSAGE, where there is one. */
static bool skip_response(struct scan *s)
{
	struct scan b;
	const uint8_t *p;

	if (s->next != BATON_PL_MESSAGE)
		return true;
	if (!take_payload(s, BATON_PL_MESSAGE, &b))
		return false;
	p = take(&b, 8 + BATON_REQUEST_HASH_LEN);
	return p && p[0] == MESSAGE_RESPONSE && is_zero(p + 1, 3) && left(&b) &&
	       left(&b) <= BATON_RESPONSE_MAX && are_messages(b.p, left(&b));
}

static bool read_msgids(struct scan *s, struct baton_outline *o, const uint8_t *base)
{
	const uint8_t *p = take_counters(s, o, BATON_REPORT_MSGID, PROTO_IKE), *life;

	if (!p || !is_zero(p + 32, COUNTERS_LEN - 32))
		return false;
	o->at_msgids = (uint16_t)(p - base);
	o->msgid_in = be32(p + 24);
	o->msgid_out = be32(p + 28);
	if (!skip_response(s))
		return false;
	life = take_fixed(s, BATON_PL_LIFETIME, LIFETIME_LEN);
	if (!life)
		return false;
	o->at_life = (uint16_t)(life - base);
	return true;
}

bool baton_outline_read(struct baton_outline *o, const void *body, size_t len)
{
	const uint8_t *p = body;
	struct scan s;
	uint32_t keys;

	o->at_msgids = o->at_life = 0;
	o->child_count = 0;
	if (len < SESSION_HEAD || len > BATON_MESSAGE_MAX)
		return false;
	s = (struct scan){p + SESSION_HEAD, p + len, p[16]};
	o->spi_i = be64(p);
	o->spi_r = be64(p + 8);
	o->flags = p[17];
	if (!o->spi_i || !o->spi_r || o->flags & ~IKE_FLAGS || be16(p + 18))
		return false;
	if (!read_lease(&s, o) || !read_endpoints(&s, o) ||
	    !skip_ids(&s, o->flags & BATON_IKE_INITIATOR) || !skip_suite(&s, PROTO_IKE) ||
	    !skip_keymat(&s, 1, 7, &keys))
		return false;
	if (!(keys & 1u << 1) || !(keys & 1u << 4) || !(keys & 1u << 5))
		return false; /* SK_d, SK_ei, SK_er */
	if (!read_msgids(&s, o, p) || !skip_notifies(&s) || !skip_cp(&s) ||
	    !skip_local(&s, ike_attributes, IKE_ATTRIBUTES))
		return false;
	while (s.next == BATON_PL_CHILD)
		if (!read_child(&s, o, p))
			return false;
	return s.next == BATON_PL_NONE && s.p == s.end;
}

void baton_outline_of(struct baton_outline *o, const struct baton_session *s)
{
	o->spi_i = s->spi_i;
	o->spi_r = s->spi_r;
	o->owner = s->owner;
	o->epoch = s->epoch;
	o->version = s->version;
	o->stores = s->stores;
	o->ranks = s->ranks;
	o->flags = s->flags;
	o->stale = s->stale;
	o->local = s->local;
	o->remote = s->remote;
	o->msgid_in = s->msgid_in;
	o->msgid_out = s->msgid_out;
	o->at_msgids = o->at_life = 0;
	o->child_count = s->child_count > BATON_CHILDREN_MAX ? BATON_CHILDREN_MAX : s->child_count;
	for (unsigned i = 0; i < o->child_count; i++) {
		const struct baton_child *c = &s->children[i];

		o->children[i] = (struct baton_outline_child){
			.spi_in = c->spi_in,
			.spi_out = c->spi_out,
			.protocol = c->protocol,
			.flags = c->flags,
			.counters = c->counters,
		};
	}
}
