/* SPDX-License-Identifier: BSD-2-Clause */
/* A session comes to another address of the gateway (docs/protocol.md 5.4). */
#ifndef BATON_CORE_RELOCATE_H
#define BATON_CORE_RELOCATE_H

#include <baton/session.h>

/* Local becomes to (the port stays), and MOVED is set. In transport mode the gateway's address is
 * its selector as well: local selectors and policies that are that address alone follow it. Both
 * addresses are of one family. */
void baton_session_relocate(struct baton_session *s, const struct baton_addr *to);

#endif
