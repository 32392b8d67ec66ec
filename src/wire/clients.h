/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose traffic a session carries. */
#ifndef BATON_WIRE_CLIENTS_H
#define BATON_WIRE_CLIENTS_H

#include <baton/session.h>

#define BATON_CLIENTS_MAX 8u

/* The addresses that the peer of an encoded session has inside its tunnels: those it was given
 * (CP), and its selectors that name one address. Each once, without port. How many there are in
 * out; of more than BATON_CLIENTS_MAX the first ones. */
unsigned baton_session_clients(const void *body, size_t len,
			       struct baton_addr out[BATON_CLIENTS_MAX]);

#endif
