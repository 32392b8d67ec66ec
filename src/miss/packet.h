/* SPDX-License-Identifier: BSD-2-Clause */
/* Which SA is a packet for? ESP, ESP in UDP (RFC 3948), IKE on ports 500 and 4500; IPv4 and IPv6
 * without extension headers. */
#ifndef BATON_MISS_PACKET_H
#define BATON_MISS_PACKET_H

#include <baton/message.h>

enum baton_packet_kind {
	BATON_PACKET_OTHER,
	BATON_PACKET_ESP,
	BATON_PACKET_IKE,
	BATON_PACKET_TO, /* one of the others, to a client: for the caller to say */
};

/* An address, and how many bits of it count. */
struct baton_net {
	struct baton_addr addr;
	uint8_t bits;
};

struct baton_packet {
	enum baton_packet_kind kind;
	struct baton_addr from, to;
	uint32_t spi;	       /* ESP */
	struct baton_spis ike; /* IKE; spi_r 0: the first message of an IKE_SA_INIT */
};

#define BATON_PACKET_BYTES 128u /* the beginning of a packet, as much as is looked at */

bool baton_net_has(const struct baton_net *n, const struct baton_addr *a);
/* 0, or -BATON_E_TRUNCATED and others where the packet is too short for what it says it is. */
int baton_packet_parse(struct baton_packet *p, const void *buf, size_t len);
/* Gives a whole packet that baton_packet_parse() has understood another destination of the same
 * family, as a NAT would: the checksums of IPv4 and of UDP follow. ESP covers neither. */
int baton_packet_redirect(void *buf, size_t len, const struct baton_addr *to);

#endif
