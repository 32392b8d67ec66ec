/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Which message ID does the peer of a restored IKE_SA expect? Two tasks find out before the first
 * request of our own is sent (baton_sync.c, baton_settle.c); here is what they have in common.
 *
 * Such a task waits in charon's queue, in front of all others but MOBIKE's and deletions, until
 * something is to be sent. Its responses do not reach charon's task manager, but come to the task
 * by baton_resume.c.
 */
#ifndef BATON_MSGID_H_
#define BATON_MSGID_H_

#include "baton_teller.h"

#include <sa/ike_sa.h>
#include <sa/task.h>

/** what identifies a kind of task */
typedef typeof(((task_t*)0)->build) baton_msgid_build_t;

/** the beginning of each of the two */
typedef struct {

	/**
	 * Implements task_t
	 */
	task_t public;

	/**
	 * The IKE_SA it is about
	 */
	ike_sa_t *ike_sa;

	/**
	 * The peer has replaced the IKE_SA: another one's message IDs begin anew
	 */
	bool over;
} baton_msgid_t;

/**
 * Set the methods that both have.
 */
void baton_msgid_create(baton_msgid_t *this, ike_sa_t *ike_sa,
						baton_msgid_build_t build,
						typeof(((task_t*)0)->destroy) destroy);

/**
 * To be asked first by build(): there is nothing to find out any more, and nothing is sent.
 */
bool baton_msgid_is_over(baton_msgid_t *this, message_t *message);

/**
 * Implements task_t.migrate
 */
void baton_msgid_migrate(baton_msgid_t *this, ike_sa_t *ike_sa);

/**
 * The task under way; NULL if there is none.
 */
task_t *baton_msgid_find(ike_sa_t *ike_sa, baton_msgid_build_t build);

/**
 * It is known: go on with that message ID, and without the task.
 *
 * @param build			of the task, which is destroyed
 * @param msgid			for the next request of our own
 * @return				as of ike_sa_t.process_message()
 */
status_t baton_msgid_known(ike_sa_t *ike_sa, baton_msgid_build_t build,
						   uint32_t msgid);

/**
 * Once.
 */
void baton_msgid_init(baton_teller_t *teller);

#endif /** BATON_MSGID_H_ */
