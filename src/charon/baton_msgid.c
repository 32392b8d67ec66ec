/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_msgid.h"

#include <daemon.h>

static baton_teller_t *teller;

METHOD(task_t, ignore, status_t,
	baton_msgid_t *this, message_t *message)
{	/* responses do not come here, but for an IKE_SA that is not restored */
	return FAILED;
}

METHOD(task_t, get_type, task_type_t,
	baton_msgid_t *this)
{
	/* of those that charon sends one by one, and looks into no further, the first */
	return TASK_IKE_REDIRECT;
}

METHOD(task_t, migrate, void,
	baton_msgid_t *this, ike_sa_t *ike_sa)
{
	baton_msgid_migrate(this, ike_sa);
}

/*
 * Described in header
 */
void baton_msgid_migrate(baton_msgid_t *this, ike_sa_t *ike_sa)
{
	this->over |= ike_sa != this->ike_sa;
	this->ike_sa = ike_sa;
}

/*
 * Described in header
 */
void baton_msgid_create(baton_msgid_t *this, ike_sa_t *ike_sa,
						baton_msgid_build_t build,
						typeof(((task_t*)0)->destroy) destroy)
{
	this->ike_sa = ike_sa;
	this->public = (task_t){
		.build = build,
		.pre_process = _ignore,
		.process = _ignore,
		.get_type = _get_type,
		.migrate = _migrate,
		.destroy = destroy,
	};
}

/*
 * Described in header
 */
bool baton_msgid_is_over(baton_msgid_t *this, message_t *message)
{
	if (this->over)
	{
		message->set_exchange_type(message, EXCHANGE_TYPE_UNDEFINED);
	}
	return this->over;
}

/**
 * Find it in one of charon's queues, and maybe take it out
 */
static task_t *find(ike_sa_t *ike_sa, task_queue_t queue,
					baton_msgid_build_t build, bool take)
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
task_t *baton_msgid_find(ike_sa_t *ike_sa, baton_msgid_build_t build)
{
	return find(ike_sa, TASK_QUEUE_ACTIVE, build, FALSE);
}

/*
 * Described in header
 */
status_t baton_msgid_known(ike_sa_t *ike_sa, baton_msgid_build_t build,
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
void baton_msgid_init(baton_teller_t *the_teller)
{
	teller = the_teller;
}
