/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. The owner before may have sent a request with the message ID that is
 * ours to use next, and have died, or lost the session, before it could tell that the peer
 * had answered. The peer has executed that request. To any other with the same ID it repeats
 * its response (RFC 7296, 2.1), or, as charon does, says nothing.
 *
 * So the first request in a restored IKE_SA is an empty one. Whatever the peer answers is
 * authentic, and an answer to that message ID; what it says is of no interest. Whoever has
 * something to ask waits for it here, and not in charon's queue, where some tasks go first.
 *
 * When nothing comes the message ID has been used, or the peer is away. The next one is tried,
 * and the first again, in turns, each for twice as long as the one before: a peer takes no
 * notice of the wrong one. A turn is long enough for charon to repeat what it has sent. To the
 * stores the first one is told until there is an answer.
 *
 * A turn resets charon's task manager, which forgets its own last response as well: should that
 * have been lost in the same seconds, the peer asks in vain and gives the IKE_SA up.
 *
 * That costs a round trip, so it is done when there is something to send and not before: a
 * takeover alone sends nothing.
 */
#include "baton_settle.h"

#include <daemon.h>
#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <processing/jobs/callback_job.h>
#include <threading/mutex.h>

/** how long the first turn is, and how many there are before charon gives up as usual */
#define TURN_S 10
#define TURNS 4

/** IKE_SAs that have been restored and have not had a response, by their unique ID */
static hashtable_t *restored;
static mutex_t *mutex;

/**
 * Something to ask
 */
typedef struct {
	baton_settled_t then;
	void *data;
} waiting_t;

/**
 * The empty request
 */
typedef struct {
	task_t public;
	ike_sa_t *ike_sa;
	uint32_t mid;
	linked_list_t *waiting;
} settle_t;

/**
 * An IKE_SA whose peer is silent
 */
typedef struct {
	ike_sa_id_t *id;
	u_int turn;
} turn_t;

static void *key_of(ike_sa_t *ike_sa)
{
	return (void*)(uintptr_t)ike_sa->get_unique_id(ike_sa);
}

static void destroy_waiting(waiting_t *waiting)
{
	free(waiting->data);
	free(waiting);
}

static void destroy_turn(turn_t *turn)
{
	turn->id->destroy(turn->id);
	free(turn);
}

METHOD(task_t, build, status_t,
	settle_t *this, message_t *message)
{
	return NEED_MORE;
}

METHOD(task_t, process, status_t,
	settle_t *this, message_t *message)
{
	waiting_t *waiting;
	status_t status = SUCCESS;

	while (status != DESTROY_ME &&
		   this->waiting->remove_first(this->waiting, (void**)&waiting) == SUCCESS)
	{
		status = waiting->then(this->ike_sa, waiting->data);
		destroy_waiting(waiting);
	}
	return status == DESTROY_ME ? FAILED : SUCCESS;
}

METHOD(task_t, get_type, task_type_t,
	settle_t *this)
{
	/* before all else but MOBIKE and deletes; charon looks into it no further */
	return TASK_IKE_REDIRECT;
}

METHOD(task_t, migrate, void,
	settle_t *this, ike_sa_t *ike_sa)
{
	this->ike_sa = ike_sa;
}

METHOD(task_t, destroy, void,
	settle_t *this)
{
	this->waiting->destroy_function(this->waiting, (void*)destroy_waiting);
	free(this);
}

static settle_t *find_in(ike_sa_t *ike_sa, task_queue_t queue)
{
	enumerator_t *enumerator;
	settle_t *found = NULL;
	task_t *task;

	enumerator = ike_sa->create_task_enumerator(ike_sa, queue);
	while (!found && enumerator->enumerate(enumerator, &task))
	{
		if (task->destroy == _destroy)
		{
			found = (settle_t*)task;
		}
	}
	enumerator->destroy(enumerator);
	return found;
}

/**
 * The empty request of an IKE_SA, if it has no answer yet
 */
static settle_t *find(ike_sa_t *ike_sa)
{
	return find_in(ike_sa, TASK_QUEUE_ACTIVE) ?: find_in(ike_sa, TASK_QUEUE_QUEUED);
}

static bool is_restored(ike_sa_t *ike_sa)
{
	bool found;

	mutex->lock(mutex);
	found = restored->get(restored, key_of(ike_sa)) != NULL;
	mutex->unlock(mutex);
	return found;
}

/**
 * Would a task that is queued go first?
 */
static bool is_behind(ike_sa_t *ike_sa)
{
	enumerator_t *enumerator;
	bool behind = FALSE;
	task_t *task;

	enumerator = ike_sa->create_task_enumerator(ike_sa, TASK_QUEUE_QUEUED);
	while (!behind && enumerator->enumerate(enumerator, &task))
	{
		behind = task->get_type(task) == TASK_IKE_MOBIKE ||
				 task->get_type(task) == TASK_IKE_DELETE;
	}
	enumerator->destroy(enumerator);
	return behind;
}

/**
 * Job: the other message ID
 */
static job_requeue_t next_turn(turn_t *turn)
{
	ike_sa_t *ike_sa;
	settle_t *settle;
	uint32_t mid;

	ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, turn->id);
	if (!ike_sa)
	{
		return JOB_REQUEUE_NONE;
	}
	settle = is_restored(ike_sa) ? find_in(ike_sa, TASK_QUEUE_ACTIVE) : NULL;
	turn->turn++;
	if (settle && !is_behind(ike_sa))
	{
		mid = settle->mid + turn->turn % 2;
		DBG1(DBG_IKE, "baton: '%Y' is silent, trying message ID %u",
			 ike_sa->get_other_eap_id(ike_sa), mid);
		ike_sa->set_message_id(ike_sa, TRUE, mid);
		if (ike_sa->initiate(ike_sa, NULL, NULL) == DESTROY_ME)
		{
			charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
			return JOB_REQUEUE_NONE;
		}
	}
	charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	return settle && turn->turn < TURNS ? JOB_RESCHEDULE(TURN_S << turn->turn) :
										  JOB_REQUEUE_NONE;
}

static settle_t *create(ike_sa_t *ike_sa)
{
	settle_t *this;

	INIT(this,
		.public = {
			.build = _build,
			.process = _process,
			.get_type = _get_type,
			.migrate = _migrate,
			.destroy = _destroy,
		},
		.ike_sa = ike_sa,
		.mid = ike_sa->get_message_id(ike_sa, TRUE),
		.waiting = linked_list_create(),
	);
	return this;
}

/**
 * Send it, and look after it
 */
static status_t ask(ike_sa_t *ike_sa, settle_t *settle)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);
	turn_t *turn;

	INIT(turn,
		.id = id->clone(id),
	);
	lib->scheduler->schedule_job(lib->scheduler, (job_t*)
			callback_job_create((callback_job_cb_t)next_turn, turn,
								(void*)destroy_turn, NULL), TURN_S);
	ike_sa->queue_task(ike_sa, &settle->public);
	return ike_sa->initiate(ike_sa, NULL, NULL);
}

/*
 * Described in header
 */
void baton_settle_restored(ike_sa_t *ike_sa)
{
	mutex->lock(mutex);
	restored->put(restored, key_of(ike_sa), ike_sa);
	mutex->unlock(mutex);
}

/*
 * Described in header
 */
void baton_settle_forget(ike_sa_t *ike_sa)
{
	mutex->lock(mutex);
	restored->remove(restored, key_of(ike_sa));
	mutex->unlock(mutex);
}

/*
 * Described in header
 */
status_t baton_settle(ike_sa_t *ike_sa, baton_settled_t then, void *data)
{
	waiting_t *waiting;
	settle_t *settle;
	status_t status;
	bool under_way;

	if (!is_restored(ike_sa))
	{
		status = then(ike_sa, data);
		free(data);
		return status;
	}
	settle = find(ike_sa);
	under_way = settle != NULL;
	if (!under_way)
	{
		settle = create(ike_sa);
	}
	INIT(waiting,
		.then = then,
		.data = data,
	);
	settle->waiting->insert_last(settle->waiting, waiting);
	return under_way ? SUCCESS : ask(ike_sa, settle);
}

/*
 * Described in header
 */
uint32_t baton_settle_message_id(ike_sa_t *ike_sa)
{
	settle_t *settle = is_restored(ike_sa) ? find(ike_sa) : NULL;

	return settle ? settle->mid : ike_sa->get_message_id(ike_sa, TRUE);
}

/*
 * Described in header
 */
void baton_settle_response(ike_sa_t *ike_sa, message_t *message)
{
	baton_settle_forget(ike_sa);
	if (message->get_exchange_type(message) != INFORMATIONAL &&
		find_in(ike_sa, TASK_QUEUE_ACTIVE))
	{
		DBG1(DBG_IKE, "baton: message ID %u had been used before",
			 message->get_message_id(message));
		message->set_exchange_type(message, INFORMATIONAL);
	}
}

/*
 * Described in header
 */
void baton_settle_init(void)
{
	restored = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32);
	mutex = mutex_create(MUTEX_TYPE_DEFAULT);
}

/*
 * Described in header
 */
void baton_settle_deinit(void)
{
	restored->destroy(restored);
	mutex->destroy(mutex);
}
