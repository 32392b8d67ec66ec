/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * What the two tasks have in common that go before the first request of our own over a restored
 * IKE_SA (baton_sync.c, baton_settle.c): which message ID does the peer expect?
 */
#ifndef BATON_FIRST_H_
#define BATON_FIRST_H_

#include "baton_teller.h"

#include <sa/ike_sa.h>
#include <sa/task.h>

/**
 * The task under way, by its build(); NULL if there is none.
 */
task_t *baton_first_find(ike_sa_t *ike_sa, typeof(((task_t*)0)->build) build);

/**
 * It is known: go on with that message ID, and without the task.
 *
 * @param build			of the task, which is destroyed
 * @param msgid			for the next request of our own
 * @return				as of ike_sa_t.process_message()
 */
status_t baton_first_done(ike_sa_t *ike_sa, typeof(((task_t*)0)->build) build,
						  uint32_t msgid);

/**
 * Once.
 */
void baton_first_init(baton_teller_t *teller);

#endif /** BATON_FIRST_H_ */
