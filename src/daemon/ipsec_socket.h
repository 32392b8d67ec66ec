/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cluster socket, and invariant 7: nothing passes outside ESP.
 *
 * The policy hangs on the socket itself (IP_XFRM_POLICY), so no SPD entry of
 * anybody's, flushed or misordered, can open it: the kernel sends a datagram
 * only through an ESP transport SA with our reqid, and drops what has come in
 * clear. Without an SA a send is refused (EAGAIN) and makes the IKE daemon
 * establish one.
 */
#ifndef BATON_DAEMON_IPSEC_SOCKET_H
#define BATON_DAEMON_IPSEC_SOCKET_H

#include <baton/session.h>

/*
 * A bound, non-blocking UDP socket, of one address family only: a dual-stack
 * socket would let IPv4-mapped peers past both policies. require false leaves
 * the policy away, which the configuration allows on loopback only.
 * 0 and *fd, or with errno, *fd -1 and *why the step that failed -BATON_E_CONFIG
 * (the kernel takes no such policy) or -BATON_E_SYSTEM.
 */
int baton_ipsec_socket_open(const struct baton_addr *listen, uint32_t reqid, bool require, int *fd,
			    const char **why);

#endif
