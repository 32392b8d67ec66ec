/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing the SESSION payload (docs/protocol.md, "SESSION" and "CHILD").
 *
 * Everything is checked before the first byte is written: what leaves here is
 * what session_decode.c takes, whoever filled the structure.
 */
#include "wire/session.h"

#include <stddef.h>
#include <string.h>

#define IKE(field) offsetof(struct baton_session, field)
#define CHILD(field) offsetof(struct baton_child, field)

/* RFC 7296 3.3.2, RFC 8750 */
#define TRANSFORM_ENCR 1u
#define ENCR_IIV_FIRST 29u /* AES-CCM, AES-GCM, ChaCha20-Poly1305 */
#define ENCR_IIV_LAST 31u

const struct key_field ike_keys[IKE_KEYS] = {
	{1, IKE(sk_d)},	 {2, IKE(sk_ai)}, {3, IKE(sk_ar)}, {4, IKE(sk_ei)},
	{5, IKE(sk_er)}, {6, IKE(sk_pi)}, {7, IKE(sk_pr)},
};

const struct key_field child_keys[CHILD_KEYS] = {
	{16, CHILD(encr_i)},
	{17, CHILD(encr_r)},
	{18, CHILD(integ_i)},
	{19, CHILD(integ_r)},
};

const struct local_field ike_attributes[IKE_ATTRIBUTES] = {
	{1, true, IKE(name)},
	{2, false, IKE(extensions)},
	{3, false, IKE(conditions)},
};

const struct local_field child_attributes[CHILD_ATTRIBUTES] = {
	{1, true, CHILD(name)},	     {4, false, CHILD(reqid)},	  {5, false, CHILD(mark_in)},
	{6, false, CHILD(mark_out)}, {7, false, CHILD(if_id_in)}, {8, false, CHILD(if_id_out)},
};

void baton_session_wipe(struct baton_session *s)
{
	baton_wipe(s, sizeof(*s));
}

bool baton_session_needs_fence(const struct baton_session *s)
{
	for (unsigned i = 0; i < s->child_count; i++) {
		const struct baton_suite *suite = &s->children[i].suite;

		for (unsigned j = 0; j < suite->count; j++)
			if (suite->transforms[j].type == TRANSFORM_ENCR &&
			    suite->transforms[j].id >= ENCR_IIV_FIRST &&
			    suite->transforms[j].id <= ENCR_IIV_LAST)
				return true;
	}
	return false;
}

static int check_keys(const void *base, const struct key_field *f, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct baton_secret *key = (const void *)((const char *)base + f[i].offset);

		if (key->len > BATON_SECRET_MAX)
			return -BATON_E_LIMIT;
	}
	return 0;
}

static int check_suite(const struct baton_suite *s)
{
	if (s->count > BATON_TRANSFORMS_MAX)
		return -BATON_E_LIMIT;
	return s->count ? 0 : -BATON_E_MISSING;
}

static int check_ts_list(const struct baton_ts *ts, unsigned count)
{
	int err = count == 0 ? -BATON_E_MISSING : count > BATON_TS_MAX ? -BATON_E_LIMIT : 0;

	for (unsigned i = 0; !err && i < count; i++)
		err = check_ts(&ts[i]);
	return err;
}

static int check_child(const struct baton_child *c)
{
	int err = check_keys(c, child_keys, CHILD_KEYS);

	if (!err && (c->spi_in == 0 || c->spi_out == 0 || c->mode < BATON_MODE_TRANSPORT ||
		     c->mode > BATON_MODE_BEET))
		err = -BATON_E_VALUE;
	if (!err && c->protocol != BATON_PROTO_ESP && c->protocol != BATON_PROTO_AH)
		err = -BATON_E_VALUE;
	if (!err && ((!c->encr_i.len && !c->integ_i.len) || (!c->encr_r.len && !c->integ_r.len)))
		err = -BATON_E_MISSING;
	if (!err && strnlen(c->name, BATON_NAME_MAX) == BATON_NAME_MAX)
		err = -BATON_E_LIMIT;
	if (!err)
		err = check_suite(&c->suite);
	if (!err)
		err = check_ts_list(c->local_ts, c->local_ts_count);
	if (!err)
		err = check_ts_list(c->remote_ts, c->remote_ts_count);
	if (!err && c->policy_count > BATON_POLICIES_MAX)
		err = -BATON_E_LIMIT;
	for (unsigned i = 0; !err && i < c->policy_count; i++)
		err = check_policy(&c->policies[i]);
	return err;
}

static int check_notifies(const struct baton_session *s)
{
	for (unsigned i = 0; i < s->notify_count; i++) {
		if (s->notifies[i] < STATUS_TYPES_FROM)
			return -BATON_E_VALUE;
		for (unsigned j = 0; j < i; j++)
			if (s->notifies[i] == s->notifies[j])
				return -BATON_E_DUPLICATE;
	}
	return 0;
}

static int check_addresses(const struct baton_session *s)
{
	int err = check_addr(&s->local);

	if (!err)
		err = check_addr(&s->remote);
	for (unsigned i = 0; !err && i < s->extra_addr_count; i++)
		err = check_addr(&s->extra_addrs[i]);
	for (unsigned i = 0; !err && i < s->vip_count; i++)
		err = check_addr(&s->vips[i]);
	for (unsigned i = 0; !err && i < s->cfg_count; i++)
		err = check_cfg_attr(&s->cfg[i]);
	return err;
}

static int check_identities(const struct baton_session *s)
{
	const struct baton_id *eap = &s->remote_eap_id;
	int err = check_id(&s->local_id);

	if (!err)
		err = check_id(&s->remote_id);
	if (!err && (s->local_id.type == BATON_ID_EAP || s->remote_id.type == BATON_ID_EAP))
		err = -BATON_E_VALUE; /* could not be told from the EAP identity */
	if (!err && eap->type && eap->type != BATON_ID_EAP)
		err = -BATON_E_VALUE;
	if (!err && eap->type && eap->len > BATON_ID_MAX)
		err = -BATON_E_LIMIT;
	if (!err)
		err = s->owner.type  ? check_server_id(&s->owner)
		      : s->owner.len ? -BATON_E_VALUE
				     : 0;
	return err;
}

static int check_session(const struct baton_session *s)
{
	int err;

	if (s->spi_i == 0 || s->spi_r == 0)
		return -BATON_E_VALUE;
	if (s->child_count > BATON_CHILDREN_MAX || s->notify_count > BATON_NOTIFIES_MAX ||
	    s->vip_count > BATON_VIPS_MAX || s->cfg_count > BATON_CFG_MAX ||
	    s->extra_addr_count > BATON_EXTRA_ADDRS_MAX ||
	    strnlen(s->name, BATON_NAME_MAX) == BATON_NAME_MAX)
		return -BATON_E_LIMIT;
	if (!s->sk_d.len || !s->sk_ei.len || !s->sk_er.len)
		return -BATON_E_MISSING;
	err = check_keys(s, ike_keys, IKE_KEYS);
	if (!err)
		err = check_suite(&s->suite);
	if (!err)
		err = check_identities(s);
	if (!err)
		err = check_addresses(s);
	if (!err)
		err = check_notifies(s);
	if (!err)
		err = check_response(&s->response);
	for (unsigned i = 0; !err && i < s->child_count; i++) {
		err = check_child(&s->children[i]);
		for (unsigned j = 0; !err && j < i; j++)
			if (s->children[i].spi_in == s->children[j].spi_in)
				err = -BATON_E_DUPLICATE;
	}
	return err;
}

static void put_counters(struct chain *c, const struct baton_report *r)
{
	chain_open(c, BATON_PL_COUNTERS);
	put_report(c->w, r);
	chain_close(c);
}

static void put_child(struct chain *outer, const struct baton_session *s,
		      const struct baton_child *c)
{
	bool initiator = c->flags & BATON_CHILD_INITIATOR;
	const struct baton_report counters = {
		.kind = BATON_REPORT_CHILD,
		.protocol = c->protocol,
		.spi_in = c->spi_in,
		.spi_i = s->spi_i,
		.spi_r = s->spi_r,
		.epoch = s->epoch,
		.counters = c->counters,
	};
	struct chain in = {.w = outer->w};

	chain_open(outer, BATON_PL_CHILD);
	in.next_pos = in.w->pos;
	baton_put_u8(in.w, BATON_PL_NONE);
	baton_put_u8(in.w, c->protocol);
	baton_put_u8(in.w, c->mode);
	baton_put_u8(in.w, c->flags & CHILD_FLAGS);
	baton_put_u32(in.w, c->spi_in);
	baton_put_u32(in.w, c->spi_out);
	baton_put_u32(in.w, c->replay_window);
	put_suite(&in, c->protocol, &c->suite);
	put_keymat(&in, c, child_keys, CHILD_KEYS);
	put_ts_list(&in, initiator ? BATON_PL_TSI : BATON_PL_TSR, c->local_ts, c->local_ts_count);
	put_ts_list(&in, initiator ? BATON_PL_TSR : BATON_PL_TSI, c->remote_ts, c->remote_ts_count);
	for (unsigned i = 0; i < c->policy_count; i++)
		put_policy(&in, &c->policies[i]);
	put_lifetime(&in, &c->life);
	put_counters(&in, &counters);
	put_local(&in, c, child_attributes, CHILD_ATTRIBUTES);
	chain_close(outer);
}

static void put_session(struct chain *c, const struct baton_session *s)
{
	bool initiator = s->flags & BATON_IKE_INITIATOR;
	const struct baton_status lease = {
		.spi_i = s->spi_i,
		.spi_r = s->spi_r,
		.epoch = s->epoch,
		.version = s->version,
		.owner = s->owner,
		.stores = s->stores,
		.ranks = s->ranks,
		.status = s->stale ? BATON_E_STALE : BATON_OK,
	};
	const struct baton_report msgids = {
		.kind = BATON_REPORT_MSGID,
		.spi_i = s->spi_i,
		.spi_r = s->spi_r,
		.epoch = s->epoch,
		.msgid_in = s->msgid_in,
		.msgid_out = s->msgid_out,
	};

	put_status(c, &lease);
	put_endpoint(c, ENDPOINT_LOCAL, &s->local);
	put_endpoint(c, ENDPOINT_REMOTE, &s->remote);
	for (unsigned i = 0; i < s->extra_addr_count; i++)
		put_endpoint(c, ENDPOINT_EXTRA, &s->extra_addrs[i]);
	put_id(c, initiator ? BATON_PL_IDI : BATON_PL_IDR, &s->local_id);
	put_id(c, initiator ? BATON_PL_IDR : BATON_PL_IDI, &s->remote_id);
	if (s->remote_eap_id.type)
		put_id(c, BATON_PL_IDI, &s->remote_eap_id);
	put_suite(c, PROTO_IKE, &s->suite);
	put_keymat(c, s, ike_keys, IKE_KEYS);
	put_counters(c, &msgids);
	put_response(c, &s->response);
	put_lifetime(c, &s->life);
	for (unsigned i = 0; i < s->notify_count; i++)
		put_notify(c, s->notifies[i]);
	put_cp(c, s);
	put_local(c, s, ike_attributes, IKE_ATTRIBUTES);
	for (unsigned i = 0; i < s->child_count; i++)
		put_child(c, s, &s->children[i]);
}

int baton_session_encode(const struct baton_session *s, void *buf, size_t size)
{
	int err = check_session(s);
	struct baton_writer w;
	struct chain c = {.w = &w};

	if (err)
		return err;
	baton_writer_init(&w, buf, size);
	baton_put_u64(&w, s->spi_i);
	baton_put_u64(&w, s->spi_r);
	c.next_pos = w.pos;
	baton_put_u8(&w, BATON_PL_NONE);
	baton_put_u8(&w, s->flags & IKE_FLAGS);
	baton_put_u16(&w, 0);
	put_session(&c, s);
	if (!w.err)
		return (int)w.pos;
	baton_wipe(buf, w.pos); /* a half-written session holds keys all the same */
	return w.err;
}
