/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much a bulk retrieval asks for at a time.
 *
 * The requester drives: one page is under way, and the next is asked for when it
 * is there. A response of many fragments has to come through whole, so on a path
 * that loses datagrams small pages arrive and large ones do not. A page that
 * needed a repetition halves the next one, one that did not doubles it.
 */
#ifndef BATON_CORE_PAGES_H
#define BATON_CORE_PAGES_H

#include "core/exchange.h"

#define BATON_PAGE_FIRST 16384u
#define BATON_PAGE_LEAST 1024u /* one datagram; a session that is larger comes all the same */
#define BATON_PAGE_MOST 60000u /* of the 65000 octets of a message */

struct baton_pages {
	uint32_t bytes;
	uint64_t repeated; /* by the exchange, when the page was asked for */
};

void baton_pages_begin(struct baton_pages *p);
/* Max Bytes of the request that is made now. */
uint32_t baton_pages_next(struct baton_pages *p, const struct baton_exchange *x);
/* It was answered, or not in time. */
void baton_pages_ended(struct baton_pages *p, const struct baton_exchange *x, bool answered);

#endif
