/* SPDX-License-Identifier: BSD-2-Clause */
/* A session comes to another address of the gateway (docs/protocol.md 5.4). */
#ifndef BATON_CORE_RELOCATE_H
#define BATON_CORE_RELOCATE_H

#include <baton/session.h>

/* Which of our addresses a session gets: the one it is at, else the first of that family, else the
 * first of the other one if the peer has told an address of its own there (RFC 4555, 3.6), and no
 * selector is tied to the family (transport mode). NULL: none. */
const struct baton_addr *baton_relocate_to(struct baton_session *s, const struct baton_addr *ours,
					   unsigned count);

/* Local becomes to (the port stays), and MOVED is set. In transport mode the gateway's address is
 * its selector as well: local selectors and policies that are that address alone follow it. Is it
 * of the other family, Remote becomes the peer's address there, and the one before takes its
 * place. */
void baton_session_relocate(struct baton_session *s, const struct baton_addr *to);

#endif
