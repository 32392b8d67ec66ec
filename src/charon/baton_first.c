/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_first.h"

#include <daemon.h>

static baton_teller_t *teller;

/**
 * Find it in one of charon's queues, and maybe take it out
 */
static task_t *find(ike_sa_t *ike_sa, task_queue_t queue,
					typeof(((task_t*)0)->build) build, bool take)
{
	enumerator_t *enumerator;
	task_t *task, *found = NULL;

	enumerator = ike_sa->create_task_enumerator(ike_sa, queue);
	while (!found && enumerator->enumerate(enumerator, &task))
	{
		if (task->build == build)
		{
			found = task;
			if (take)
			{
				ike_sa->remove_task(ike_sa, enumerator);
			}
		}
	}
	enumerator->destroy(enumerator);
	return found;
}

/*
 * Described in header
 */
task_t *baton_first_find(ike_sa_t *ike_sa, typeof(((task_t*)0)->build) build)
{
	return find(ike_sa, TASK_QUEUE_ACTIVE, build, FALSE);
}

/*
 * Described in header
 */
status_t baton_first_done(ike_sa_t *ike_sa, typeof(((task_t*)0)->build) build,
						  uint32_t msgid)
{
	task_t *task;

	ike_sa->set_statistic(ike_sa, STAT_INBOUND, (uint32_t)time_monotonic(NULL));
	/* puts active tasks back into the queue */
	ike_sa->set_message_id(ike_sa, TRUE, msgid);
	task = find(ike_sa, TASK_QUEUE_QUEUED, build, TRUE);
	if (task)
	{
		task->destroy(task);
	}
	teller->answered(teller, ike_sa, msgid - 1);
	return ike_sa->initiate(ike_sa, NULL, NULL);
}

/*
 * Described in header
 */
void baton_first_init(baton_teller_t *the_teller)
{
	teller = the_teller;
}
