/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A walk through an encoded session's CP payload and the traffic selectors of
 * its CHILD SAs (docs/protocol.md 5.1.5). The session was checked when it came;
 * what is not as expected ends the walk.
 */
#include "wire/clients.h"

#include "wire/session.h"
#include <baton/message.h>
#include <string.h>
#include <sys/socket.h>

#define ATTR_IP4 1u /* INTERNAL_IP4_ADDRESS */
#define ATTR_IP6 8u
#define TS_IPV4 7u
#define TS_IPV6 8u

struct clients {
	struct baton_addr *out;
	unsigned count;
};

static void add(struct clients *c, const uint8_t *ip, size_t len)
{
	struct baton_addr a = {.family = len == 16 ? AF_INET6 : AF_INET};

	memcpy(a.ip, ip, len);
	for (unsigned i = 0; i < c->count; i++)
		if (c->out[i].family == a.family && memcmp(c->out[i].ip, ip, len) == 0)
			return;
	if (c->count < BATON_CLIENTS_MAX)
		c->out[c->count++] = a;
}

static void take_given(struct baton_reader *b, struct clients *c)
{
	baton_get_u32(b, "CFG type");
	while (!b->err && baton_reader_left(b)) {
		uint16_t type = baton_get_u16(b, "attribute");
		uint16_t len = baton_get_u16(b, "attribute length");
		const uint8_t *value = baton_get_bytes(b, len, "attribute");

		if (b->err)
			return;
		if (type == ATTR_IP4 && len >= 4)
			add(c, value, 4);
		else if (type == ATTR_IP6 && len >= 16)
			add(c, value, 16);
	}
}

static void take_selectors(struct baton_reader *b, struct clients *c)
{
	uint8_t count = baton_get_u8(b, "number of selectors");

	baton_get_bytes(b, 3, "reserved");
	for (; count && !b->err; count--) {
		uint8_t type = baton_get_u8(b, "selector type");
		size_t ip = type == TS_IPV6 ? 16 : 4;
		const uint8_t *from, *to;

		baton_get_bytes(b, 7, "protocol, length, ports");
		from = baton_get_bytes(b, ip, "first address");
		to = baton_get_bytes(b, ip, "last address");
		if (!b->err && (type == TS_IPV4 || type == TS_IPV6) && memcmp(from, to, ip) == 0)
			add(c, from, ip);
	}
}

static void take_child(struct baton_reader *b, struct clients *c)
{
	uint8_t next = baton_get_u8(b, "next payload");
	struct baton_payload_view p;
	uint8_t flags;

	baton_get_bytes(b, 2, "protocol, mode");
	flags = baton_get_u8(b, "flags");
	baton_get_bytes(b, 12, "SPIs");
	while (baton_payload_next(b, &next, &p) > 0)
		if (p.type == (flags & BATON_CHILD_INITIATOR ? BATON_PL_TSR : BATON_PL_TSI))
			take_selectors(&p.body, c);
}

unsigned baton_session_clients(const void *body, size_t len,
			       struct baton_addr out[BATON_CLIENTS_MAX])
{
	struct clients c = {out, 0};
	struct baton_payload_view p;
	struct baton_reader r;
	uint8_t next;

	baton_reader_init(&r, body, len);
	baton_get_bytes(&r, 16, "IKE SPIs");
	next = baton_get_u8(&r, "next payload");
	baton_get_bytes(&r, 3, "flags");
	while (baton_payload_next(&r, &next, &p) > 0)
		if (p.type == BATON_PL_CP)
			take_given(&p.body, &c);
		else if (p.type == BATON_PL_CHILD)
			take_child(&p.body, &c);
	return c.count;
}
