/* SPDX-License-Identifier: BSD-2-Clause */
#include "miss/packet.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define IPV4_HEADER 20u
#define IPV6_HEADER 40u
#define UDP_HEADER 8u
#define IKE_PORT 500u
#define NAT_PORT 4500u

static uint8_t get_ipv4(struct baton_reader *r, struct baton_packet *p)
{
	uint8_t head = baton_get_u8(r, "version"), protocol;
	size_t len = (head & 15u) * (size_t)4;
	uint16_t fragment;

	if (!r->err && len < IPV4_HEADER)
		baton_reader_fail(r, -BATON_E_LENGTH, "header length");
	baton_get_bytes(r, 5, "length");
	fragment = baton_get_u16(r, "fragment offset");
	baton_get_u8(r, "time to live");
	protocol = baton_get_u8(r, "protocol");
	baton_get_u16(r, "checksum");
	p->from.family = p->to.family = AF_INET;
	baton_get_copy(r, p->from.ip, 4, "source");
	baton_get_copy(r, p->to.ip, 4, "destination");
	if (!r->err)
		baton_get_bytes(r, len - IPV4_HEADER, "options");
	return fragment & 0x1fffu ? IPPROTO_NONE : protocol; /* what follows is no header */
}

static uint8_t get_ipv6(struct baton_reader *r, struct baton_packet *p)
{
	uint8_t protocol;

	baton_get_bytes(r, 6, "version");
	protocol = baton_get_u8(r, "next header");
	baton_get_u8(r, "hop limit");
	p->from.family = p->to.family = AF_INET6;
	baton_get_copy(r, p->from.ip, 16, "source");
	baton_get_copy(r, p->to.ip, 16, "destination");
	return protocol;
}

static void get_ike(struct baton_reader *r, struct baton_packet *p)
{
	p->ike.spi_i = baton_get_u64(r, "initiator SPI");
	p->ike.spi_r = baton_get_u64(r, "responder SPI");
	p->kind = BATON_PACKET_IKE;
}

static void get_udp(struct baton_reader *r, struct baton_packet *p)
{
	uint16_t payload;

	p->from.port = baton_get_u16(r, "source port");
	p->to.port = baton_get_u16(r, "destination port");
	payload = baton_get_u16(r, "length");
	baton_get_u16(r, "checksum");
	if (p->to.port == IKE_PORT) {
		get_ike(r, p);
	} else if (p->to.port == NAT_PORT && payload > 8 + 4) { /* else a NAT keepalive */
		p->spi = baton_get_u32(r, "SPI");
		if (p->spi)
			p->kind = BATON_PACKET_ESP;
		else
			get_ike(r, p); /* the non-ESP marker */
	}
}

bool baton_net_has(const struct baton_net *n, const struct baton_addr *a)
{
	unsigned whole = n->bits / 8u, rest = n->bits % 8u;

	if (n->addr.family != a->family || memcmp(n->addr.ip, a->ip, whole) != 0)
		return false;
	return !rest || (n->addr.ip[whole] ^ a->ip[whole]) >> (8u - rest) == 0;
}

int baton_packet_parse(struct baton_packet *p, const void *buf, size_t len)
{
	const uint8_t *bytes = buf;
	struct baton_reader r;
	uint8_t protocol;

	*p = (struct baton_packet){0};
	baton_reader_init(&r, buf, len);
	protocol = len && bytes[0] >> 4 == 6 ? get_ipv6(&r, p) : get_ipv4(&r, p);
	if (protocol == IPPROTO_ESP) {
		p->spi = baton_get_u32(&r, "SPI");
		p->kind = BATON_PACKET_ESP;
	} else if (protocol == IPPROTO_UDP) {
		get_udp(&r, p);
	}
	if (r.err)
		*p = (struct baton_packet){.kind = BATON_PACKET_OTHER};
	return r.err;
}

/* RFC 1624: what a checksum becomes when these octets (an even number) become those. */
static void adjust(uint8_t *sum, const uint8_t *from, const uint8_t *to, size_t len)
{
	uint32_t c = ~((uint32_t)sum[0] << 8 | sum[1]) & 0xffffu;

	for (size_t i = 0; i < len; i += 2) {
		c += ~((uint32_t)from[i] << 8 | from[i + 1]) & 0xffffu;
		c += (uint32_t)to[i] << 8 | to[i + 1];
	}
	while (c >> 16)
		c = (c & 0xffffu) + (c >> 16);
	sum[0] = (uint8_t)(~c >> 8);
	sum[1] = (uint8_t)~c;
}

int baton_packet_redirect(void *buf, size_t len, const struct baton_addr *to)
{
	uint8_t *b = buf;
	bool six = len && b[0] >> 4 == 6;
	size_t header = six ? IPV6_HEADER : len ? (b[0] & 15u) * (size_t)4 : 0;
	size_t size = six ? 16 : 4, at = six ? 24 : 16;
	uint8_t old[16], *udp_sum;

	if (len < header || header < IPV4_HEADER)
		return -BATON_E_TRUNCATED;
	if (to->family != (six ? AF_INET6 : AF_INET))
		return -BATON_E_VALUE;
	memcpy(old, b + at, size);
	memcpy(b + at, to->ip, size);
	if (!six)
		adjust(b + 10, old, to->ip, size);
	if (b[six ? 6 : 9] != IPPROTO_UDP)
		return 0;
	if (len < header + UDP_HEADER)
		return -BATON_E_TRUNCATED;
	udp_sum = b + header + 6;
	if (!udp_sum[0] && !udp_sum[1])
		return 0; /* none (RFC 768) */
	adjust(udp_sum, old, to->ip, size);
	if (!udp_sum[0] && !udp_sum[1])
		udp_sum[0] = udp_sum[1] = 0xff;
	return 0;
}
