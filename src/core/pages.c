/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/pages.h"

void baton_pages_begin(struct baton_pages *p)
{
	p->bytes = BATON_PAGE_FIRST;
}

uint32_t baton_pages_next(struct baton_pages *p, const struct baton_exchange *x)
{
	p->repeated = x->retransmitted;
	return p->bytes;
}

void baton_pages_ended(struct baton_pages *p, const struct baton_exchange *x, bool answered)
{
	if (!answered)
		p->bytes = BATON_PAGE_LEAST;
	else if (x->retransmitted != p->repeated)
		p->bytes /= 2;
	else
		p->bytes *= 2;
	if (p->bytes < BATON_PAGE_LEAST)
		p->bytes = BATON_PAGE_LEAST;
	if (p->bytes > BATON_PAGE_MOST)
		p->bytes = BATON_PAGE_MOST;
}
