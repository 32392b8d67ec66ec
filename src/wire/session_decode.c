/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the SESSION payload. One pass over the chain; what may occur once is
 * marked in a bit set, which at the end says what is missing.
 */
#include "wire/session.h"

#include <string.h>

/* Bits of what has been seen in a SESSION or in a CHILD. */
enum {
	SEEN_LEASE,
	SEEN_LOCAL_END,
	SEEN_REMOTE_END,
	SEEN_IDI,
	SEEN_IDR,
	SEEN_EAP,
	SEEN_SA,
	SEEN_KEYMAT,
	SEEN_COUNTERS,
	SEEN_LIFETIME,
	SEEN_CP,
	SEEN_LOCAL,
	SEEN_MESSAGE,
	SEEN_TSI,
	SEEN_TSR,
};
struct part {
	unsigned slot;
	const char *name;
};

static const struct part session_parts[] = {
	{SEEN_LEASE, "LEASE"},
	{SEEN_LOCAL_END, "ENDPOINT local"},
	{SEEN_REMOTE_END, "ENDPOINT remote"},
	{SEEN_IDI, "IDi"},
	{SEEN_IDR, "IDr"},
	{SEEN_SA, "SA"},
	{SEEN_KEYMAT, "KEYMAT"},
	{SEEN_COUNTERS, "COUNTERS"},
};

static const struct part child_parts[] = {
	{SEEN_SA, "SA"},   {SEEN_KEYMAT, "KEYMAT"},	{SEEN_TSI, "TSi"},
	{SEEN_TSR, "TSr"}, {SEEN_COUNTERS, "COUNTERS"},
};

static void require(struct baton_reader *r, uint32_t seen, const struct part *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!(seen & 1u << parts[i].slot))
			baton_reader_fail(r, -BATON_E_MISSING, parts[i].name);
}

/* The one entry of a nested COUNTERS. Its epoch says nothing that LEASE does not. */
static void get_counters(struct baton_reader *b, const struct baton_session *s, uint8_t kind,
			 struct baton_report *rep)
{
	get_report(b, rep);
	if (b->err)
		return;
	if (rep->kind != kind)
		baton_reader_fail(b, -BATON_E_VALUE, "kind");
	else if (rep->spi_i != s->spi_i || rep->spi_r != s->spi_r)
		baton_reader_fail(b, -BATON_E_VALUE, "IKE SPIs");
}

/* ---- CHILD --------------------------------------------------------------------------------- */

static void get_child_part(const struct baton_payload_view *p, struct baton_reader *b,
			   const struct baton_session *s, struct baton_child *c, uint32_t *seen)
{
	bool initiator = c->flags & BATON_CHILD_INITIATOR;
	struct baton_report rep;

	switch (p->type) {
	case BATON_PL_SA:
		if (seen_once(seen, SEEN_SA, b))
			get_suite(b, c->protocol, &c->suite);
		break;
	case BATON_PL_KEYMAT:
		if (seen_once(seen, SEEN_KEYMAT, b))
			get_keymat(b, c, child_keys, CHILD_KEYS);
		break;
	case BATON_PL_TSI:
	case BATON_PL_TSR:
		if (!seen_once(seen, p->type == BATON_PL_TSI ? SEEN_TSI : SEEN_TSR, b))
			break;
		if (initiator == (p->type == BATON_PL_TSI))
			get_ts_list(b, c->local_ts, &c->local_ts_count);
		else
			get_ts_list(b, c->remote_ts, &c->remote_ts_count);
		break;
	case BATON_PL_POLICY:
		if (c->policy_count == BATON_POLICIES_MAX)
			baton_reader_fail(b, -BATON_E_LIMIT, "POLICY");
		else
			get_policy(b, &c->policies[c->policy_count++]);
		break;
	case BATON_PL_LIFETIME:
		if (seen_once(seen, SEEN_LIFETIME, b))
			get_lifetime(b, &c->life);
		break;
	case BATON_PL_COUNTERS:
		if (!seen_once(seen, SEEN_COUNTERS, b))
			break;
		get_counters(b, s, BATON_REPORT_CHILD, &rep);
		if (!b->err && (rep.spi_in != c->spi_in || rep.protocol != c->protocol))
			baton_reader_fail(b, -BATON_E_VALUE, "inbound SPI");
		c->counters = rep.counters;
		break;
	case BATON_PL_LOCAL:
		if (seen_once(seen, SEEN_LOCAL, b))
			get_local(b, c, child_attributes, CHILD_ATTRIBUTES);
		break;
	default:
		skip_unknown(p, b);
	}
}

static uint8_t get_child_head(struct baton_reader *b, struct baton_child *c)
{
	uint8_t next = baton_get_u8(b, "next payload");

	c->protocol = baton_get_u8(b, "protocol");
	if (!b->err && c->protocol != BATON_PROTO_ESP && c->protocol != BATON_PROTO_AH)
		baton_reader_fail(b, -BATON_E_VALUE, "protocol");
	c->mode = baton_get_u8(b, "mode");
	if (!b->err && (c->mode < BATON_MODE_TRANSPORT || c->mode > BATON_MODE_BEET))
		baton_reader_fail(b, -BATON_E_VALUE, "mode");
	c->flags = baton_get_u8(b, "flags") & CHILD_FLAGS;
	c->spi_in = baton_get_u32(b, "inbound SPI");
	if (!b->err && !c->spi_in)
		baton_reader_fail(b, -BATON_E_VALUE, "inbound SPI");
	c->spi_out = baton_get_u32(b, "outbound SPI");
	if (!b->err && !c->spi_out)
		baton_reader_fail(b, -BATON_E_VALUE, "outbound SPI");
	c->replay_window = baton_get_u32(b, "replay window");
	return next;
}

static void get_child(struct baton_reader *b, struct baton_session *s)
{
	struct baton_child *c = &s->children[s->child_count];
	struct baton_payload_view p;
	uint32_t seen = 0;
	uint8_t next;

	if (s->child_count == BATON_CHILDREN_MAX) {
		baton_reader_fail(b, -BATON_E_LIMIT, "CHILD");
		return;
	}
	next = get_child_head(b, c);
	for (unsigned i = 0; i < s->child_count; i++)
		if (s->children[i].spi_in == c->spi_in)
			baton_reader_fail(b, -BATON_E_DUPLICATE, "inbound SPI");
	while (baton_payload_next(b, &next, &p) > 0) {
		get_child_part(&p, &p.body, s, c, &seen);
		body_done(b, &p.body);
	}
	b->payload = BATON_PL_CHILD;
	require(b, seen, child_parts, sizeof(child_parts) / sizeof(*child_parts));
	if ((!c->encr_i.len && !c->integ_i.len) || (!c->encr_r.len && !c->integ_r.len))
		baton_reader_fail(b, -BATON_E_MISSING, "keys");
	s->child_count++;
}

/* ---- SESSION ------------------------------------------------------------------------------- */

static void get_lease(struct baton_reader *b, struct baton_session *s)
{
	struct baton_status lease;

	get_status(b, &lease);
	if (!b->err && (lease.spi_i != s->spi_i || lease.spi_r != s->spi_r))
		baton_reader_fail(b, -BATON_E_VALUE, "IKE SPIs");
	if (!b->err && lease.status != BATON_OK && lease.status != BATON_E_STALE)
		baton_reader_fail(b, -BATON_E_VALUE, "status");
	s->epoch = lease.epoch;
	s->version = lease.version;
	s->owner = lease.owner;
	s->stores = lease.stores;
	s->ranks = lease.ranks;
	s->stale = lease.status == BATON_E_STALE;
}

static void get_session_endpoint(struct baton_reader *b, struct baton_session *s, uint32_t *seen)
{
	struct baton_addr a = {0};
	uint8_t role = get_endpoint(b, &a);

	if (b->err)
		return;
	if (role == ENDPOINT_LOCAL && seen_once(seen, SEEN_LOCAL_END, b))
		s->local = a;
	else if (role == ENDPOINT_REMOTE && seen_once(seen, SEEN_REMOTE_END, b))
		s->remote = a;
	else if (role == ENDPOINT_EXTRA && s->extra_addr_count < BATON_EXTRA_ADDRS_MAX)
		s->extra_addrs[s->extra_addr_count++] = a;
	else
		baton_reader_fail(b, -BATON_E_LIMIT, "ENDPOINT extra");
}

static void get_identity(struct baton_reader *b, struct baton_session *s, bool idi, uint32_t *seen)
{
	bool local = idi == !!(s->flags & BATON_IKE_INITIATOR);
	struct baton_id id = {0};

	get_id(b, &id);
	if (b->err)
		return;
	if (id.type == BATON_ID_EAP && !idi)
		baton_reader_fail(b, -BATON_E_VALUE, "ID type");
	else if (!seen_once(seen,
			    id.type == BATON_ID_EAP ? SEEN_EAP
			    : idi		    ? SEEN_IDI
						    : SEEN_IDR,
			    b))
		return;
	else if (id.type == BATON_ID_EAP)
		s->remote_eap_id = id;
	else if (local)
		s->local_id = id;
	else
		s->remote_id = id;
}

static void get_flag_notify(struct baton_reader *b, struct baton_session *s)
{
	uint16_t protocol_spi = baton_get_u16(b, "protocol and SPI size");
	uint16_t type = baton_get_u16(b, "notify type");

	if (b->err)
		return;
	if (protocol_spi)
		baton_reader_fail(b, -BATON_E_VALUE, "protocol and SPI size");
	else if (type < STATUS_TYPES_FROM)
		baton_reader_fail(b, -BATON_E_VALUE, "notify type");
	else if (s->notify_count == BATON_NOTIFIES_MAX)
		baton_reader_fail(b, -BATON_E_LIMIT, "N");
	for (unsigned i = 0; i < s->notify_count; i++)
		if (s->notifies[i] == type)
			baton_reader_fail(b, -BATON_E_DUPLICATE, "notify type");
	if (!b->err)
		s->notifies[s->notify_count++] = type;
}

static void get_session_part(const struct baton_payload_view *p, struct baton_reader *b,
			     struct baton_session *s, uint32_t *seen)
{
	struct baton_report rep;

	switch (p->type) {
	case BATON_PL_LEASE:
		if (seen_once(seen, SEEN_LEASE, b))
			get_lease(b, s);
		break;
	case BATON_PL_ENDPOINT:
		get_session_endpoint(b, s, seen);
		break;
	case BATON_PL_IDI:
	case BATON_PL_IDR:
		get_identity(b, s, p->type == BATON_PL_IDI, seen);
		break;
	case BATON_PL_SA:
		if (seen_once(seen, SEEN_SA, b))
			get_suite(b, PROTO_IKE, &s->suite);
		break;
	case BATON_PL_KEYMAT:
		if (seen_once(seen, SEEN_KEYMAT, b))
			get_keymat(b, s, ike_keys, IKE_KEYS);
		break;
	case BATON_PL_COUNTERS:
		if (!seen_once(seen, SEEN_COUNTERS, b))
			break;
		get_counters(b, s, BATON_REPORT_MSGID, &rep);
		s->msgid_in = rep.msgid_in;
		s->msgid_out = rep.msgid_out;
		break;
	case BATON_PL_MESSAGE:
		if (seen_once(seen, SEEN_MESSAGE, b))
			get_response(b, &s->response);
		break;
	case BATON_PL_LIFETIME:
		if (seen_once(seen, SEEN_LIFETIME, b))
			get_lifetime(b, &s->life);
		break;
	case BATON_PL_NOTIFY:
		get_flag_notify(b, s);
		break;
	case BATON_PL_CP:
		if (seen_once(seen, SEEN_CP, b))
			get_cp(b, s);
		break;
	case BATON_PL_LOCAL:
		if (seen_once(seen, SEEN_LOCAL, b))
			get_local(b, s, ike_attributes, IKE_ATTRIBUTES);
		break;
	case BATON_PL_CHILD:
		get_child(b, s);
		break;
	default:
		skip_unknown(p, b);
	}
}

int baton_session_decode(struct baton_session *s, const void *buf, size_t len,
			 struct baton_where *where)
{
	struct baton_payload_view p;
	struct baton_reader r;
	uint32_t seen = 0;
	uint8_t next;

	memset(s, 0, sizeof(*s));
	baton_reader_init(&r, buf, len);
	r.payload = BATON_PL_SESSION;
	s->spi_i = baton_get_u64(&r, "initiator SPI");
	s->spi_r = baton_get_u64(&r, "responder SPI");
	if (!r.err && (!s->spi_i || !s->spi_r))
		baton_reader_fail(&r, -BATON_E_VALUE, "IKE SPIs");
	next = baton_get_u8(&r, "next payload");
	s->flags = baton_get_u8(&r, "flags") & IKE_FLAGS;
	baton_get_u16(&r, "reserved");
	while (baton_payload_next(&r, &next, &p) > 0) {
		get_session_part(&p, &p.body, s, &seen);
		body_done(&r, &p.body);
	}
	r.payload = BATON_PL_SESSION;
	require(&r, seen, session_parts, sizeof(session_parts) / sizeof(*session_parts));
	if (!s->sk_d.len || !s->sk_ei.len || !s->sk_er.len)
		baton_reader_fail(&r, -BATON_E_MISSING, "keys");
	if (r.err)
		baton_session_wipe(s);
	if (where)
		*where = r.where;
	return r.err;
}
