/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SAs that wait for their first report.
 *
 * The kernel starts the report timer of an SA (XFRMA_ETIMER_THRESH) when it
 * sends a report, and at no other time: an SA that was given an age, and has
 * never reported, never will. So an age is armed in two steps: a packet
 * threshold of 1 makes the next packet report and start the timer; that report
 * makes us set the threshold that was asked for. This table remembers it in
 * between. Idle SAs stay here, hence a hash table.
 */
#ifndef BATON_XFRM_ARMING_H
#define BATON_XFRM_ARMING_H

#include "xfrm/xfrm.h"

struct baton_arming {
	struct baton_sa_id id; /* protocol 0 = empty slot */
	uint32_t packets, jiffies;
};

struct baton_arming_table {
	struct baton_arming *slots;
	unsigned size; /* a power of two, or 0 */
	unsigned count;
};

/* A table starts zeroed. Inserts or replaces. 0 or -BATON_E_FULL (also when out of memory). */
int baton_arming_put(struct baton_arming_table *t, const struct baton_arming *a);
/* Takes the entry out. False when there is none; out may be NULL. */
bool baton_arming_take(struct baton_arming_table *t, const struct baton_sa_id *id,
		       struct baton_arming *out);
void baton_arming_free(struct baton_arming_table *t);

#endif
