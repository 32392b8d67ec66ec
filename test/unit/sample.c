/* SPDX-License-Identifier: BSD-2-Clause */
#include "sample.h"

#include <baton/message.h>
#include <string.h>
#include <sys/socket.h>

uint64_t sample_next(struct sample_random *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t sample_below(struct sample_random *r, uint32_t n)
{
	return (uint32_t)(sample_next(r) % n);
}

void sample_fill(struct sample_random *r, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len--)
		*p++ = (uint8_t)sample_next(r);
}

/* ---- the one ------------------------------------------------------------------------------- */

static void set_id(struct baton_id *id, uint8_t type, const char *data, size_t len)
{
	id->type = type;
	id->len = (uint16_t)len;
	memcpy(id->data, data, len);
}

static void set_key(struct baton_secret *key, uint8_t first, size_t len)
{
	uint8_t bytes[BATON_SECRET_MAX];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(first + i);
	baton_secret_set(key, bytes, len);
}

static void set_ip4(struct baton_addr *a, const char ip[4], uint16_t port)
{
	a->family = AF_INET;
	a->port = port;
	memcpy(a->ip, ip, 4);
}

static void set_ts4(struct baton_ts *ts, const char from[4], const char to[4])
{
	ts->family = AF_INET;
	ts->port_end = 65535;
	memcpy(ts->ip_start, from, 4);
	memcpy(ts->ip_end, to, 4);
}

static void sample_child(struct baton_child *c)
{
	c->spi_in = 0xc1000001;
	c->spi_out = 0xca5ca5ca;
	c->protocol = BATON_PROTO_ESP;
	c->mode = BATON_MODE_TUNNEL;
	c->flags = BATON_CHILD_ENCAP;
	c->replay_window = 32;
	c->suite.count = 2;
	c->suite.transforms[0] = (struct baton_transform){1, 20, 256}; /* AES-GCM, 16-octet ICV */
	c->suite.transforms[1] = (struct baton_transform){5, 0, 0};    /* no ESN */
	set_key(&c->encr_i, 0x80, 36);
	set_key(&c->encr_r, 0xb0, 36);
	c->local_ts_count = c->remote_ts_count = 1;
	set_ts4(&c->local_ts[0], "\x0a\x01\x00\x00", "\x0a\x01\x00\xff");
	set_ts4(&c->remote_ts[0], "\x0a\x03\x00\x01", "\x0a\x03\x00\x01");
	c->policy_count = 2;
	for (unsigned i = 0; i < 2; i++)
		c->policies[i] = (struct baton_policy){
			.directions = i ? BATON_DIR_IN | BATON_DIR_FWD : BATON_DIR_OUT,
			.action = BATON_ACTION_PROTECT,
			.priority = 371327,
			.local = c->local_ts[0],
			.remote = c->remote_ts[0],
		};
	c->life = (struct baton_lifetime){.rekey_s = 3000, .expire_s = 3600};
	c->counters = (struct baton_counters){1000, 66536, 900, 1400};
	strcpy(c->name, "net");
	c->reqid = 1;
}

void sample_session(struct baton_session *s)
{
	static const struct baton_transform suite[] = {{1, 20, 256}, {2, 5, 0}, {4, 31, 0}};

	memset(s, 0, sizeof(*s));
	s->spi_i = 0x0123456789abcdef;
	s->spi_r = 0xfedcba9876543210;
	set_id(&s->owner, BATON_ID_FQDN, "gw-a", 4);
	s->epoch = 3;
	s->version = 17;
	s->flags = BATON_IKE_NAT_REMOTE;
	set_ip4(&s->local, "\xc0\x00\x02\x0a", 4500);
	set_ip4(&s->remote, "\xc6\x33\x64\x07", 31337);
	set_id(&s->local_id, BATON_ID_FQDN, "vpn.example", 11);
	set_id(&s->remote_id, BATON_ID_IPV4, "\x0a\x09\x00\x02", 4);
	set_id(&s->remote_eap_id, BATON_ID_EAP, "carol", 5);
	s->suite.count = 3;
	memcpy(s->suite.transforms, suite, sizeof(suite));
	set_key(&s->sk_d, 0x01, 32);
	set_key(&s->sk_ei, 0x21, 36);
	set_key(&s->sk_er, 0x45, 36);
	s->msgid_in = 6;
	s->msgid_out = 2;
	/* An empty INFORMATIONAL response, as it would be encrypted. */
	s->response.len = 80;
	s->response.msgid = 5;
	memset(s->response.request, 0xa5, sizeof(s->response.request));
	memcpy(s->response.bytes,
	       "\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10"
	       "\x2e\x20\x25\x20\0\0\0\5\0\0\0\x50\0\0\0\x34",
	       32);
	memset(s->response.bytes + 32, 0xee, 48);
	s->life = (struct baton_lifetime){.rekey_s = 13000, .reauth_s = 0, .expire_s = 14400};
	s->notify_count = 1;
	s->notifies[0] = 16396; /* MOBIKE_SUPPORTED */
	s->vip_count = s->cfg_count = 1;
	set_ip4(&s->vips[0], "\x0a\x03\x00\x01", 0);
	s->cfg[0] = (struct baton_cfg_attr){3, 4, {10, 1, 0, 53}}; /* INTERNAL_IP4_DNS */
	strcpy(s->name, "rw");
	s->extensions = 0x4001;
	s->conditions = 0x0102;
	s->child_count = 1;
	sample_child(&s->children[0]);
}

/* ---- any ----------------------------------------------------------------------------------- */

static void any_addr(struct sample_random *r, struct baton_addr *a, bool port)
{
	a->family = sample_below(r, 2) ? AF_INET6 : AF_INET;
	a->port = port ? (uint16_t)sample_next(r) : 0;
	sample_fill(r, a->ip, a->family == AF_INET6 ? 16 : 4);
}

static void any_id(struct sample_random *r, struct baton_id *id)
{
	static const uint8_t types[] = {1, 2, 3, 5, 9, 10, 11};

	id->type = types[sample_below(r, sizeof(types))];
	id->len = (uint16_t)sample_below(r, BATON_ID_MAX + 1);
	if (id->type == BATON_ID_IPV4 || id->type == BATON_ID_IPV6)
		id->len = id->type == BATON_ID_IPV4 ? 4 : 16;
	sample_fill(r, id->data, id->len);
}

static void any_key(struct sample_random *r, struct baton_secret *key, bool needed)
{
	uint8_t bytes[BATON_SECRET_MAX];
	size_t len = 1 + sample_below(r, BATON_SECRET_MAX);

	if (!needed && sample_below(r, 2))
		return;
	sample_fill(r, bytes, len);
	baton_secret_set(key, bytes, len);
}

static void any_ts(struct sample_random *r, struct baton_ts *ts)
{
	size_t len;

	ts->family = sample_below(r, 2) ? AF_INET6 : AF_INET;
	ts->protocol = (uint8_t)sample_next(r);
	ts->port_start = (uint16_t)sample_next(r);
	ts->port_end = (uint16_t)sample_next(r);
	len = ts->family == AF_INET6 ? 16 : 4;
	sample_fill(r, ts->ip_start, len);
	memcpy(ts->ip_end, ts->ip_start, len);
	ts->ip_end[len - 1] = (uint8_t)(ts->ip_end[len - 1] | 0x0f);
}

static void any_suite(struct sample_random *r, struct baton_suite *s)
{
	s->count = 1 + sample_below(r, BATON_TRANSFORMS_MAX);
	for (unsigned i = 0; i < s->count; i++)
		s->transforms[i] = (struct baton_transform){
			.type = (uint8_t)sample_next(r),
			.id = (uint16_t)sample_next(r),
			.key_bits = sample_below(r, 2) ? (uint16_t)(1 + sample_below(r, 512)) : 0,
		};
}

static void any_name(struct sample_random *r, char name[BATON_NAME_MAX])
{
	uint32_t len = sample_below(r, BATON_NAME_MAX);

	for (uint32_t i = 0; i < len; i++)
		name[i] = (char)('a' + sample_below(r, 26));
}

static uint32_t any_u32(struct sample_random *r)
{
	return sample_below(r, 4) ? (uint32_t)sample_next(r) : 0;
}

static void any_life(struct sample_random *r, struct baton_lifetime *l)
{
	*l = (struct baton_lifetime){any_u32(r), any_u32(r), any_u32(r)};
}

static void any_child(struct sample_random *r, struct baton_child *c, unsigned index)
{
	c->spi_in = ((uint32_t)sample_next(r) & 0xfffffff0u) | 0x100u | index;
	c->spi_out = (uint32_t)sample_next(r) | 1u;
	c->protocol = (uint8_t)(2 + sample_below(r, 2));
	c->mode = (uint8_t)(1 + sample_below(r, 3));
	c->flags = (uint8_t)sample_below(r, 32);
	c->replay_window = any_u32(r);
	any_suite(r, &c->suite);
	any_key(r, &c->encr_i, true);
	any_key(r, &c->encr_r, false);
	any_key(r, &c->integ_i, false);
	any_key(r, &c->integ_r, !c->encr_r.len);
	c->local_ts_count = 1 + sample_below(r, BATON_TS_MAX);
	c->remote_ts_count = 1 + sample_below(r, BATON_TS_MAX);
	for (unsigned i = 0; i < c->local_ts_count; i++)
		any_ts(r, &c->local_ts[i]);
	for (unsigned i = 0; i < c->remote_ts_count; i++)
		any_ts(r, &c->remote_ts[i]);
	c->policy_count = sample_below(r, BATON_POLICIES_MAX + 1);
	for (unsigned i = 0; i < c->policy_count; i++) {
		struct baton_policy *p = &c->policies[i];

		p->directions = (uint8_t)(1 + sample_below(r, 7));
		p->action = (uint8_t)(1 + sample_below(r, 3));
		p->priority = any_u32(r);
		any_ts(r, &p->local);
		any_ts(r, &p->remote);
	}
	any_life(r, &c->life);
	sample_fill(r, &c->counters, sizeof(c->counters));
	any_name(r, c->name);
	c->reqid = any_u32(r);
	c->mark_in = any_u32(r);
	c->mark_out = any_u32(r);
	c->if_id_in = any_u32(r);
	c->if_id_out = any_u32(r);
}

static void any_lists(struct sample_random *r, struct baton_session *s)
{
	s->extra_addr_count = sample_below(r, BATON_EXTRA_ADDRS_MAX + 1);
	for (unsigned i = 0; i < s->extra_addr_count; i++)
		any_addr(r, &s->extra_addrs[i], true);
	s->notify_count = sample_below(r, BATON_NOTIFIES_MAX + 1);
	for (unsigned i = 0; i < s->notify_count; i++)
		s->notifies[i] = (uint16_t)(16384 + i * 1000 + sample_below(r, 1000));
	s->vip_count = sample_below(r, BATON_VIPS_MAX + 1);
	for (unsigned i = 0; i < s->vip_count; i++)
		any_addr(r, &s->vips[i], false);
	s->cfg_count = sample_below(r, BATON_CFG_MAX + 1);
	for (unsigned i = 0; i < s->cfg_count; i++) {
		s->cfg[i].type = (uint16_t)(9 + sample_below(r, 30000));
		s->cfg[i].len = (uint16_t)sample_below(r, sizeof(s->cfg[i].data) + 1);
		sample_fill(r, s->cfg[i].data, s->cfg[i].len);
	}
	s->child_count = sample_below(r, BATON_CHILDREN_MAX + 1);
	for (unsigned i = 0; i < s->child_count; i++)
		any_child(r, &s->children[i], i);
}

void sample_random_session(struct baton_session *s, struct sample_random *r)
{
	memset(s, 0, sizeof(*s));
	s->spi_i = sample_next(r) | 1;
	s->spi_r = sample_next(r) | 1;
	if (sample_below(r, 8)) {
		s->owner.type = BATON_ID_FQDN;
		s->owner.len = (uint16_t)(1 + sample_below(r, 64));
		sample_fill(r, s->owner.data, s->owner.len);
	}
	s->epoch = any_u32(r);
	s->version = sample_next(r);
	s->flags = (uint8_t)sample_below(r, 16);
	any_addr(r, &s->local, true);
	any_addr(r, &s->remote, true);
	any_id(r, &s->local_id);
	any_id(r, &s->remote_id);
	if (sample_below(r, 2)) {
		s->remote_eap_id.type = BATON_ID_EAP;
		s->remote_eap_id.len = (uint16_t)sample_below(r, BATON_ID_MAX + 1);
		sample_fill(r, s->remote_eap_id.data, s->remote_eap_id.len);
	}
	any_suite(r, &s->suite);
	any_key(r, &s->sk_d, true);
	any_key(r, &s->sk_ei, true);
	any_key(r, &s->sk_er, true);
	any_key(r, &s->sk_ai, false);
	any_key(r, &s->sk_ar, false);
	any_key(r, &s->sk_pi, false);
	any_key(r, &s->sk_pr, false);
	s->msgid_in = any_u32(r);
	s->msgid_out = any_u32(r);
	s->stores = (uint8_t)sample_below(r, BATON_STORES_MAX + 1);
	s->ranks = (uint8_t)sample_next(r);
	s->stale = sample_below(r, 2);
	if (sample_below(r, 2)) {
		s->response.msgid = any_u32(r);
		sample_fill(r, s->response.request, sizeof(s->response.request));
		s->response.len = (uint16_t)(BATON_IKE_HEADER_LEN + sample_below(r, 1000));
		sample_fill(r, s->response.bytes, s->response.len);
		s->response.bytes[24] = s->response.bytes[25] = 0;
		s->response.bytes[26] = (uint8_t)(s->response.len >> 8);
		s->response.bytes[27] = (uint8_t)s->response.len;
	}
	any_life(r, &s->life);
	any_name(r, s->name);
	s->extensions = any_u32(r);
	s->conditions = any_u32(r);
	any_lists(r, s);
}
