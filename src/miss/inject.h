/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets that another gateway has sent on to this one go to the kernel as if
 * they had come to this machine: through a TUN interface of our own. So they
 * pass the hooks that all others pass, and are decrypted, or routed, like them.
 * Whoever looks at a packet's interface can tell them.
 *
 * The kernel's source check (rp_filter) must not be strict for the interface: it
 * takes what net.ipv4.conf.default.rp_filter says (Debian: 2, loose).
 */
#ifndef BATON_MISS_INJECT_H
#define BATON_MISS_INJECT_H

#include <stddef.h>
#include <stdint.h>

#define BATON_INJECT_NAME "baton0"

struct baton_inject {
	int fd; /* -1: closed */
	uint32_t ifindex;
};

/* 0 or -BATON_E_SYSTEM with errno; *why says what failed. */
int baton_inject_open(struct baton_inject *j, const char **why);
void baton_inject_close(struct baton_inject *j);
/* A packet from its IP header on. 0 or -BATON_E_SYSTEM: the kernel has refused it. */
int baton_inject(const struct baton_inject *j, const void *packet, size_t len);

#endif
