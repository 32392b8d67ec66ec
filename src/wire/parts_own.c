/* SPDX-License-Identifier: BSD-2-Clause */
/* Payloads of this protocol: POLICY, KEYMAT, ENDPOINT, LIFETIME, COUNTERS, LEASE, LOCAL. */
#include "wire/parts.h"

#include <string.h>
#include <sys/socket.h>

void put_policy(struct chain *c, const struct baton_policy *p)
{
	chain_open(c, BATON_PL_POLICY);
	baton_put_u8(c->w, p->directions);
	baton_put_u8(c->w, p->action);
	baton_put_u16(c->w, 0);
	baton_put_u32(c->w, p->priority);
	put_ts(c->w, &p->local);
	put_ts(c->w, &p->remote);
	chain_close(c);
}

static bool directions_ok(const struct baton_policy *p)
{
	return p->directions && p->directions <= (BATON_DIR_IN | BATON_DIR_OUT | BATON_DIR_FWD);
}

static bool action_ok(const struct baton_policy *p)
{
	return p->action >= BATON_ACTION_PROTECT && p->action <= BATON_ACTION_DISCARD;
}

int check_policy(const struct baton_policy *p)
{
	if (!directions_ok(p) || !action_ok(p) || check_ts(&p->local) || check_ts(&p->remote))
		return -BATON_E_VALUE;
	return 0;
}

void get_policy(struct baton_reader *b, struct baton_policy *p)
{
	p->directions = baton_get_u8(b, "directions");
	p->action = baton_get_u8(b, "action");
	baton_get_u16(b, "reserved");
	p->priority = baton_get_u32(b, "priority");
	if (!b->err && !directions_ok(p))
		baton_reader_fail(b, -BATON_E_VALUE, "directions");
	if (!b->err && !action_ok(p))
		baton_reader_fail(b, -BATON_E_VALUE, "action");
	get_ts(b, &p->local);
	get_ts(b, &p->remote);
}

void put_keymat(struct chain *c, const void *base, const struct key_field *f, unsigned count)
{
	chain_open(c, BATON_PL_KEYMAT);
	for (unsigned i = 0; i < count; i++) {
		const struct baton_secret *key = (const void *)((const char *)base + f[i].offset);

		if (!key->len)
			continue;
		baton_put_u8(c->w, f[i].kind);
		baton_put_u8(c->w, 0);
		baton_put_u16(c->w, key->len);
		baton_put_bytes(c->w, key->bytes, key->len);
	}
	chain_close(c);
}

static void get_key(struct baton_reader *b, void *base, const struct key_field *f, unsigned count)
{
	uint8_t kind = baton_get_u8(b, "key kind");
	struct baton_secret *key = NULL;
	const uint8_t *bytes;
	uint16_t len;

	for (unsigned i = 0; i < count; i++)
		if (f[i].kind == kind)
			key = (void *)((char *)base + f[i].offset);
	baton_get_u8(b, "reserved");
	len = baton_get_u16(b, "key length");
	if (!b->err && !key)
		baton_reader_fail(b, -BATON_E_VALUE, "key kind");
	else if (!b->err && key->len)
		baton_reader_fail(b, -BATON_E_DUPLICATE, "key kind");
	else if (!b->err && len == 0)
		baton_reader_fail(b, -BATON_E_LENGTH, "key length");
	else if (!b->err && len > BATON_SECRET_MAX)
		baton_reader_fail(b, -BATON_E_LIMIT, "key length");
	bytes = baton_get_bytes(b, len, "key");
	if (bytes)
		baton_secret_set(key, bytes, len);
}

void get_keymat(struct baton_reader *b, void *base, const struct key_field *f, unsigned count)
{
	while (!b->err && baton_reader_left(b))
		get_key(b, base, f, count);
}

void put_endpoint(struct chain *c, uint8_t role, const struct baton_addr *a)
{
	chain_open(c, BATON_PL_ENDPOINT);
	baton_put_u8(c->w, role);
	baton_put_u8(c->w, a->family == AF_INET6 ? 6 : 4);
	baton_put_u16(c->w, a->port);
	baton_put_bytes(c->w, a->ip, a->family == AF_INET6 ? 16 : 4);
	chain_close(c);
}

int check_addr(const struct baton_addr *a)
{
	if (a->family == 0)
		return -BATON_E_MISSING;
	return a->family == AF_INET || a->family == AF_INET6 ? 0 : -BATON_E_VALUE;
}

uint8_t get_endpoint(struct baton_reader *b, struct baton_addr *a)
{
	uint8_t role = baton_get_u8(b, "role"), version = baton_get_u8(b, "IP version");

	a->port = baton_get_u16(b, "port");
	if (!b->err && (role < ENDPOINT_LOCAL || role > ENDPOINT_EXTRA))
		baton_reader_fail(b, -BATON_E_VALUE, "role");
	if (!b->err && version != 4 && version != 6)
		baton_reader_fail(b, -BATON_E_VALUE, "IP version");
	a->family = version == 6 ? AF_INET6 : AF_INET;
	baton_get_copy(b, a->ip, version == 6 ? 16 : 4, "address");
	return role;
}

void put_lifetime(struct chain *c, const struct baton_lifetime *l)
{
	chain_open(c, BATON_PL_LIFETIME);
	baton_put_u32(c->w, l->rekey_s);
	baton_put_u32(c->w, l->reauth_s);
	baton_put_u32(c->w, l->expire_s);
	chain_close(c);
}

void get_lifetime(struct baton_reader *b, struct baton_lifetime *l)
{
	l->rekey_s = baton_get_u32(b, "rekey");
	l->reauth_s = baton_get_u32(b, "reauthentication");
	l->expire_s = baton_get_u32(b, "expiry");
}

void put_report(struct baton_writer *w, const struct baton_report *r)
{
	bool child = r->kind == BATON_REPORT_CHILD;

	baton_put_u8(w, r->kind);
	baton_put_u8(w, child ? r->protocol : PROTO_IKE);
	baton_put_u16(w, 0);
	baton_put_u32(w, r->epoch);
	baton_put_u64(w, r->spi_i);
	baton_put_u64(w, r->spi_r);
	baton_put_u32(w, child ? r->spi_in : r->msgid_in);
	baton_put_u32(w, child ? 0 : r->msgid_out);
	baton_put_u64(w, child ? r->counters.out_seq : 0);
	baton_put_u64(w, child ? r->counters.out_lease : 0);
	baton_put_u64(w, child ? r->counters.in_seq : 0);
	baton_put_u64(w, child ? r->counters.in_limit : 0);
}

void get_report(struct baton_reader *b, struct baton_report *r)
{
	uint32_t first, second;

	*r = (struct baton_report){.kind = baton_get_u8(b, "kind")};
	r->protocol = baton_get_u8(b, "protocol");
	baton_get_u16(b, "reserved");
	r->epoch = baton_get_u32(b, "epoch");
	r->spi_i = baton_get_u64(b, "initiator SPI");
	r->spi_r = baton_get_u64(b, "responder SPI");
	first = baton_get_u32(b, "inbound SPI");
	second = baton_get_u32(b, "message ID");
	r->counters.out_seq = baton_get_u64(b, "outbound number");
	r->counters.out_lease = baton_get_u64(b, "lease");
	r->counters.in_seq = baton_get_u64(b, "inbound number");
	r->counters.in_limit = baton_get_u64(b, "inbound limit");
	if (b->err)
		return;
	if (r->kind == BATON_REPORT_CHILD) {
		r->spi_in = first;
		if (r->protocol != BATON_PROTO_ESP && r->protocol != BATON_PROTO_AH)
			baton_reader_fail(b, -BATON_E_VALUE, "protocol");
	} else if (r->kind == BATON_REPORT_MSGID) {
		r->msgid_in = first;
		r->msgid_out = second;
		r->counters = (struct baton_counters){0};
		if (r->protocol != PROTO_IKE)
			baton_reader_fail(b, -BATON_E_VALUE, "protocol");
	} else {
		baton_reader_fail(b, -BATON_E_VALUE, "kind");
	}
}

void put_status(struct chain *c, const struct baton_status *s)
{
	chain_open(c, BATON_PL_LEASE);
	baton_put_u16(c->w, s->status);
	baton_put_u8(c->w, s->stores);
	baton_put_u8(c->w, s->ranks);
	baton_put_u32(c->w, s->epoch);
	baton_put_u64(c->w, s->version);
	baton_put_u64(c->w, s->spi_i);
	baton_put_u64(c->w, s->spi_r);
	put_id_body(c->w, &s->owner);
	chain_close(c);
}

void get_status(struct baton_reader *b, struct baton_status *s)
{
	*s = (struct baton_status){.status = baton_get_u16(b, "status")};
	s->stores = baton_get_u8(b, "stores");
	s->ranks = baton_get_u8(b, "ranks");
	s->epoch = baton_get_u32(b, "epoch");
	s->version = baton_get_u64(b, "version");
	s->spi_i = baton_get_u64(b, "initiator SPI");
	s->spi_r = baton_get_u64(b, "responder SPI");
	get_id_body(b, &s->owner);
	if (b->err)
		return;
	if (s->owner.type ? check_server_id(&s->owner) : s->owner.len)
		baton_reader_fail(b, -BATON_E_VALUE, "owner");
}

bool are_messages(const uint8_t *bytes, size_t len)
{
	struct baton_reader r;
	uint32_t one;

	baton_reader_init(&r, bytes, len);
	while (!r.err && baton_reader_left(&r)) {
		baton_get_bytes(&r, BATON_IKE_HEADER_LEN - 4, "header");
		one = baton_get_u32(&r, "length");
		if (one < BATON_IKE_HEADER_LEN)
			return false;
		baton_get_bytes(&r, one - BATON_IKE_HEADER_LEN, "message");
	}
	return !r.err;
}

int check_response(const struct baton_response *m)
{
	if (m->len > BATON_RESPONSE_MAX)
		return -BATON_E_LIMIT;
	return are_messages(m->bytes, m->len) ? 0 : -BATON_E_LENGTH;
}

void put_response(struct chain *c, const struct baton_response *m)
{
	if (!m->len)
		return;
	chain_open(c, BATON_PL_MESSAGE);
	baton_put_u8(c->w, MESSAGE_RESPONSE);
	baton_put_u8(c->w, 0);
	baton_put_u16(c->w, 0);
	baton_put_u32(c->w, m->msgid);
	baton_put_bytes(c->w, m->request, sizeof(m->request));
	baton_put_bytes(c->w, m->bytes, m->len);
	chain_close(c);
}

void get_response(struct baton_reader *b, struct baton_response *m)
{
	uint8_t kind = baton_get_u8(b, "kind");
	size_t len;

	baton_get_u8(b, "reserved");
	baton_get_u16(b, "reserved");
	if (!b->err && kind != MESSAGE_RESPONSE)
		baton_reader_fail(b, -BATON_E_VALUE, "kind");
	m->msgid = baton_get_u32(b, "message ID");
	baton_get_copy(b, m->request, sizeof(m->request), "request hash");
	len = baton_reader_left(b);
	if (!b->err && len > BATON_RESPONSE_MAX)
		baton_reader_fail(b, -BATON_E_LIMIT, "message");
	else if (!b->err && (!len || !are_messages(b->base + b->pos, len)))
		baton_reader_fail(b, -BATON_E_LENGTH, "message");
	if (b->err)
		return;
	m->len = (uint16_t)len;
	baton_get_copy(b, m->bytes, len, "message");
}

static bool is_set(const void *at, bool text)
{
	uint32_t number;

	memcpy(&number, at, sizeof(number));
	return text ? *(const char *)at != 0 : number != 0;
}

static void put_attribute(struct baton_writer *w, const void *at, const struct local_field *f)
{
	size_t len = f->text ? strnlen(at, BATON_NAME_MAX - 1) : 4;
	uint32_t number;

	baton_put_u16(w, f->type);
	baton_put_u16(w, (uint16_t)len);
	if (f->text) {
		baton_put_bytes(w, at, len);
		return;
	}
	memcpy(&number, at, sizeof(number));
	baton_put_u32(w, number);
}

void put_local(struct chain *c, const void *base, const struct local_field *f, unsigned count)
{
	bool opened = false;

	for (unsigned i = 0; i < count; i++) {
		const void *at = (const char *)base + f[i].offset;

		if (!is_set(at, f[i].text))
			continue;
		if (!opened) {
			chain_open(c, BATON_PL_LOCAL);
			baton_put_u16(c->w, LOCAL_STRONGSWAN);
			opened = true;
		}
		put_attribute(c->w, at, &f[i]);
	}
	if (opened)
		chain_close(c);
}

static void get_attribute(struct baton_reader *b, void *at, bool text)
{
	size_t len = baton_reader_left(b);
	uint32_t number;

	if (is_set(at, text)) {
		baton_reader_fail(b, -BATON_E_DUPLICATE, "attribute type");
		return;
	}
	if (!text) {
		number = baton_get_u32(b, "attribute value");
		memcpy(at, &number, sizeof(number));
		return;
	}
	if (len >= BATON_NAME_MAX) {
		baton_reader_fail(b, -BATON_E_LIMIT, "name");
		return;
	}
	baton_get_copy(b, at, len, "name");
	if (memchr(at, 0, len))
		baton_reader_fail(b, -BATON_E_VALUE, "name");
}

void get_local(struct baton_reader *b, void *base, const struct local_field *f, unsigned count)
{
	if (baton_get_u16(b, "implementation") != LOCAL_STRONGSWAN) {
		baton_get_bytes(b, baton_reader_left(b), "attributes");
		return; /* another implementation's: of no meaning here */
	}
	while (!b->err && baton_reader_left(b)) {
		uint16_t type = baton_get_u16(b, "attribute type");
		uint16_t len = baton_get_u16(b, "attribute length");
		struct baton_reader sub = baton_get_sub(b, len, "attribute length");
		const struct local_field *known = NULL;

		for (unsigned i = 0; i < count; i++)
			if (f[i].type == type)
				known = &f[i];
		if (!known)
			continue; /* a newer version's: skipped */
		get_attribute(&sub, (char *)base + known->offset, known->text);
		body_done(b, &sub);
	}
}
