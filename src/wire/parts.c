/* SPDX-License-Identifier: BSD-2-Clause */
/* Payloads that RFC 7296 defines: ID, N, SA, TS, CP, D. */
#include "wire/parts.h"

#include <string.h>
#include <sys/socket.h>

#define TS_IPV4 7u /* RFC 7296 3.13.1 */
#define TS_IPV6 8u
#define ATTR_KEY_LENGTH 0x800eu /* RFC 7296 3.3.5, AF bit set */
#define CFG_REPLY 2u		/* RFC 7296 3.15 */
#define INTERNAL_IP4_ADDRESS 1u
#define INTERNAL_IP6_ADDRESS 8u

void put_id_body(struct baton_writer *w, const struct baton_id *id)
{
	baton_put_u8(w, id->type);
	baton_put_bytes(w, "\0\0", 3);
	baton_put_bytes(w, id->data, id->len);
}

void get_id_body(struct baton_reader *b, struct baton_id *id)
{
	size_t len;

	id->type = baton_get_u8(b, "ID type");
	baton_get_bytes(b, 3, "reserved");
	len = baton_reader_left(b);
	if (len > BATON_ID_MAX) {
		baton_reader_fail(b, -BATON_E_LIMIT, "identification data");
		return;
	}
	id->len = (uint16_t)len;
	baton_get_copy(b, id->data, len, "identification data");
}

int check_id(const struct baton_id *id)
{
	if (id->type == 0)
		return -BATON_E_MISSING;
	if (id->len > BATON_ID_MAX)
		return -BATON_E_LIMIT;
	if ((id->type == BATON_ID_IPV4 && id->len != 4) ||
	    (id->type == BATON_ID_IPV6 && id->len != 16))
		return -BATON_E_VALUE;
	return 0;
}

int check_server_id(const struct baton_id *id)
{
	int err = check_id(id);

	if (err)
		return err;
	if (id->type != BATON_ID_IPV4 && id->type != BATON_ID_IPV6 && id->type != BATON_ID_FQDN)
		return -BATON_E_VALUE;
	return id->len ? 0 : -BATON_E_VALUE;
}

void put_id(struct chain *c, uint8_t payload, const struct baton_id *id)
{
	chain_open(c, payload);
	put_id_body(c->w, id);
	chain_close(c);
}

void get_id(struct baton_reader *b, struct baton_id *id)
{
	get_id_body(b, id);
	if (!b->err && check_id(id))
		baton_reader_fail(b, -BATON_E_VALUE, "identification data");
}

void put_notify(struct chain *c, uint16_t type)
{
	chain_open(c, BATON_PL_NOTIFY);
	baton_put_u16(c->w, 0); /* no protocol, no SPI */
	baton_put_u16(c->w, type);
	chain_close(c);
}

void put_suite(struct chain *c, uint8_t protocol, const struct baton_suite *s)
{
	size_t start;

	chain_open(c, BATON_PL_SA);
	start = c->w->pos;
	baton_put_u16(c->w, 0); /* last proposal */
	baton_put_u16(c->w, 0); /* length */
	baton_put_u8(c->w, 1);
	baton_put_u8(c->w, protocol);
	baton_put_u8(c->w, 0); /* SPI size: SPIs stand in the container */
	baton_put_u8(c->w, (uint8_t)s->count);
	for (unsigned i = 0; i < s->count; i++) {
		const struct baton_transform *t = &s->transforms[i];

		baton_put_u8(c->w, i + 1 < s->count ? 3 : 0);
		baton_put_u8(c->w, 0);
		baton_put_u16(c->w, t->key_bits ? 12 : 8);
		baton_put_u8(c->w, t->type);
		baton_put_u8(c->w, 0);
		baton_put_u16(c->w, t->id);
		if (t->key_bits) {
			baton_put_u16(c->w, ATTR_KEY_LENGTH);
			baton_put_u16(c->w, t->key_bits);
		}
	}
	baton_patch_u16(c->w, start + 2, (uint16_t)(c->w->pos - start));
	chain_close(c);
}

static void get_transform(struct baton_reader *b, struct baton_transform *t, bool last)
{
	uint8_t more = baton_get_u8(b, "last transform");
	uint16_t len;
	struct baton_reader sub;

	baton_get_u8(b, "reserved");
	len = baton_get_u16(b, "transform length");
	if (!b->err && more != (last ? 0 : 3))
		baton_reader_fail(b, -BATON_E_VALUE, "last transform");
	if (!b->err && len < 8)
		baton_reader_fail(b, -BATON_E_LENGTH, "transform length");
	sub = baton_get_sub(b, b->err ? 0 : len - 4u, "transform length");
	t->type = baton_get_u8(&sub, "transform type");
	baton_get_u8(&sub, "reserved");
	t->id = baton_get_u16(&sub, "transform ID");
	if (!sub.err && baton_reader_left(&sub)) {
		if (baton_get_u16(&sub, "attribute") != ATTR_KEY_LENGTH)
			baton_reader_fail(&sub, -BATON_E_VALUE, "attribute");
		t->key_bits = baton_get_u16(&sub, "key length");
		if (!sub.err && t->key_bits == 0)
			baton_reader_fail(&sub, -BATON_E_VALUE, "key length");
	}
	body_done(b, &sub);
}

void get_suite(struct baton_reader *b, uint8_t protocol, struct baton_suite *s)
{
	size_t start = b->pos;
	uint8_t more = baton_get_u8(b, "last proposal"), count, spi_size, proto;
	uint16_t len;

	baton_get_u8(b, "reserved");
	len = baton_get_u16(b, "proposal length");
	baton_get_u8(b, "proposal number");
	proto = baton_get_u8(b, "protocol");
	spi_size = baton_get_u8(b, "SPI size");
	count = baton_get_u8(b, "transforms");
	if (b->err)
		return;
	if (more != 0)
		baton_reader_fail(b, -BATON_E_VALUE, "last proposal");
	else if (len != b->end - start)
		baton_reader_fail(b, -BATON_E_LENGTH, "proposal length");
	else if (proto != protocol)
		baton_reader_fail(b, -BATON_E_VALUE, "protocol");
	else if (spi_size != 0)
		baton_reader_fail(b, -BATON_E_VALUE, "SPI size");
	else if (count == 0)
		baton_reader_fail(b, -BATON_E_MISSING, "transforms");
	else if (count > BATON_TRANSFORMS_MAX)
		baton_reader_fail(b, -BATON_E_LIMIT, "transforms");
	for (unsigned i = 0; i < count && !b->err; i++)
		get_transform(b, &s->transforms[i], i + 1u == count);
	s->count = b->err ? 0 : count;
}

void put_ts(struct baton_writer *w, const struct baton_ts *ts)
{
	size_t ip = ts->family == AF_INET6 ? 16 : 4;

	baton_put_u8(w, ts->family == AF_INET6 ? TS_IPV6 : TS_IPV4);
	baton_put_u8(w, ts->protocol);
	baton_put_u16(w, (uint16_t)(8 + 2 * ip));
	baton_put_u16(w, ts->port_start);
	baton_put_u16(w, ts->port_end);
	baton_put_bytes(w, ts->ip_start, ip);
	baton_put_bytes(w, ts->ip_end, ip);
}

int check_ts(const struct baton_ts *ts)
{
	size_t ip = ts->family == AF_INET6 ? 16 : 4;

	if (ts->family != AF_INET && ts->family != AF_INET6)
		return -BATON_E_VALUE;
	return memcmp(ts->ip_start, ts->ip_end, ip) > 0 ? -BATON_E_VALUE : 0;
}

void get_ts(struct baton_reader *b, struct baton_ts *ts)
{
	uint8_t type = baton_get_u8(b, "TS type");
	size_t ip = type == TS_IPV6 ? 16 : 4;
	uint16_t len;

	ts->protocol = baton_get_u8(b, "IP protocol");
	len = baton_get_u16(b, "selector length");
	if (!b->err && type != TS_IPV4 && type != TS_IPV6)
		baton_reader_fail(b, -BATON_E_VALUE, "TS type");
	if (!b->err && len != 8 + 2 * ip)
		baton_reader_fail(b, -BATON_E_LENGTH, "selector length");
	ts->family = type == TS_IPV6 ? AF_INET6 : AF_INET;
	ts->port_start = baton_get_u16(b, "start port");
	ts->port_end = baton_get_u16(b, "end port");
	baton_get_copy(b, ts->ip_start, ip, "start address");
	baton_get_copy(b, ts->ip_end, ip, "end address");
	if (!b->err && check_ts(ts))
		baton_reader_fail(b, -BATON_E_VALUE, "address range");
}

void put_ts_list(struct chain *c, uint8_t payload, const struct baton_ts *ts, unsigned count)
{
	chain_open(c, payload);
	baton_put_u8(c->w, (uint8_t)count);
	baton_put_bytes(c->w, "\0\0", 3);
	for (unsigned i = 0; i < count; i++)
		put_ts(c->w, &ts[i]);
	chain_close(c);
}

void get_ts_list(struct baton_reader *b, struct baton_ts *ts, unsigned *count)
{
	uint8_t n = baton_get_u8(b, "selectors");

	baton_get_bytes(b, 3, "reserved");
	if (!b->err && n == 0)
		baton_reader_fail(b, -BATON_E_MISSING, "selectors");
	if (!b->err && n > BATON_TS_MAX)
		baton_reader_fail(b, -BATON_E_LIMIT, "selectors");
	for (unsigned i = 0; i < n && !b->err; i++)
		get_ts(b, &ts[i]);
	*count = b->err ? 0 : n;
}

static void put_cfg(struct baton_writer *w, uint16_t type, const void *data, size_t len)
{
	baton_put_u16(w, type);
	baton_put_u16(w, (uint16_t)len);
	baton_put_bytes(w, data, len);
}

void put_cp(struct chain *c, const struct baton_session *s)
{
	if (s->vip_count + s->cfg_count == 0)
		return;
	chain_open(c, BATON_PL_CP);
	baton_put_u8(c->w, CFG_REPLY);
	baton_put_bytes(c->w, "\0\0", 3);
	for (unsigned i = 0; i < s->vip_count; i++) {
		uint8_t ip6[17];

		memcpy(ip6, s->vips[i].ip, 16);
		ip6[16] = 128; /* prefix length */
		if (s->vips[i].family == AF_INET6)
			put_cfg(c->w, INTERNAL_IP6_ADDRESS, ip6, 17);
		else
			put_cfg(c->w, INTERNAL_IP4_ADDRESS, ip6, 4);
	}
	for (unsigned i = 0; i < s->cfg_count; i++)
		put_cfg(c->w, s->cfg[i].type, s->cfg[i].data, s->cfg[i].len);
	chain_close(c);
}

int check_cfg_attr(const struct baton_cfg_attr *a)
{
	if (a->type & 0x8000u || a->type == INTERNAL_IP4_ADDRESS || a->type == INTERNAL_IP6_ADDRESS)
		return -BATON_E_VALUE;
	return a->len > sizeof(a->data) ? -BATON_E_LIMIT : 0;
}

static void get_vip(struct baton_reader *b, struct baton_session *s, bool ip6)
{
	struct baton_addr *a = &s->vips[s->vip_count];

	if (s->vip_count == BATON_VIPS_MAX) {
		baton_reader_fail(b, -BATON_E_LIMIT, "virtual addresses");
		return;
	}
	a->family = ip6 ? AF_INET6 : AF_INET;
	baton_get_copy(b, a->ip, ip6 ? 16 : 4, "virtual address");
	if (ip6)
		baton_get_u8(b, "prefix length");
	s->vip_count++;
}

static void get_cfg(struct baton_reader *b, struct baton_session *s, uint16_t type)
{
	struct baton_cfg_attr *a = &s->cfg[s->cfg_count];
	size_t len = baton_reader_left(b);

	if (s->cfg_count == BATON_CFG_MAX || len > sizeof(a->data)) {
		baton_reader_fail(b, -BATON_E_LIMIT, "attributes");
		return;
	}
	a->type = type;
	a->len = (uint16_t)len;
	baton_get_copy(b, a->data, len, "attribute value");
	s->cfg_count++;
}

void get_cp(struct baton_reader *b, struct baton_session *s)
{
	uint8_t cfg_type = baton_get_u8(b, "CFG type");

	baton_get_bytes(b, 3, "reserved");
	if (!b->err && cfg_type != CFG_REPLY)
		baton_reader_fail(b, -BATON_E_VALUE, "CFG type");
	while (!b->err && baton_reader_left(b)) {
		uint16_t type = baton_get_u16(b, "attribute type") & 0x7fffu;
		uint16_t len = baton_get_u16(b, "attribute length");
		struct baton_reader sub = baton_get_sub(b, len, "attribute length");

		if (type == INTERNAL_IP4_ADDRESS || type == INTERNAL_IP6_ADDRESS)
			get_vip(&sub, s, type == INTERNAL_IP6_ADDRESS);
		else
			get_cfg(&sub, s, type);
		body_done(b, &sub);
	}
}

void put_delete(struct baton_writer *w, const struct baton_delete *d)
{
	baton_put_u64(w, d->spi_i);
	baton_put_u64(w, d->spi_r);
	baton_put_u32(w, d->epoch);
	baton_put_u64(w, d->version);
}

void get_delete(struct baton_reader *b, struct baton_delete *d)
{
	d->spi_i = baton_get_u64(b, "initiator SPI");
	d->spi_r = baton_get_u64(b, "responder SPI");
	d->epoch = baton_get_u32(b, "epoch");
	d->version = baton_get_u64(b, "version");
}
