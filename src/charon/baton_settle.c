/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. The owner before may have sent a request with the message ID that is
 * ours to use next, and have died, or lost the session, before it could tell that the peer
 * had answered. The peer has executed that request. To any other with the same ID it repeats
 * its response (RFC 7296, 2.1), or, as charon does, says nothing.
 *
 * So the first request in a restored IKE_SA is an empty one. Whatever the peer answers is
 * authentic, and an answer to that message ID; what it says is of no interest. The requests
 * that are queued meanwhile follow with message IDs that the peer has not seen.
 *
 * When nothing comes the message ID has been used, or the peer is away. The next one is tried,
 * and the first again, in turns, each for twice as long as the one before: a peer takes no
 * notice of the wrong one. A turn is long enough for charon to repeat what it has sent.
 *
 * That costs a round trip, so it is done when there is something to send and not before: a
 * takeover alone sends nothing.
 */
#include "baton_settle.h"

#include <daemon.h>
#include <collections/hashtable.h>
#include <processing/jobs/callback_job.h>
#include <threading/mutex.h>

/** how long the first turn is, and how many there are before charon gives up as usual */
#define TURN_S 10
#define TURNS 4

/** what is known of an IKE_SA, as pointers, by its unique ID; settled ones are not in it */
typedef enum {
	SETTLED,
	RESTORED,
	ASKED,
} state_t;
static hashtable_t *states;
static mutex_t *mutex;

static void *key_of(ike_sa_t *ike_sa)
{
	return (void*)(uintptr_t)ike_sa->get_unique_id(ike_sa);
}

/**
 * Change its state if it is this one
 */
static bool change(ike_sa_t *ike_sa, state_t from, state_t to)
{
	bool changed;

	mutex->lock(mutex);
	changed = (state_t)(uintptr_t)states->get(states, key_of(ike_sa)) == from;
	if (changed && to == SETTLED)
	{
		states->remove(states, key_of(ike_sa));
	}
	else if (changed)
	{
		states->put(states, key_of(ike_sa), (void*)(uintptr_t)to);
	}
	mutex->unlock(mutex);
	return changed;
}

/**
 * An IKE_SA whose peer is silent
 */
typedef struct {
	ike_sa_id_t *id;
	uint32_t mid;
	u_int turn;
} turn_t;

static void destroy_turn(turn_t *turn)
{
	turn->id->destroy(turn->id);
	free(turn);
}

static bool is_asked(ike_sa_t *ike_sa)
{
	return change(ike_sa, ASKED, ASKED);
}

/**
 * Job: the other message ID
 */
static job_requeue_t next_turn(turn_t *turn)
{
	ike_sa_t *ike_sa;
	bool again;

	ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, turn->id);
	if (!ike_sa)
	{
		return JOB_REQUEUE_NONE;
	}
	again = is_asked(ike_sa);
	if (again)
	{
		turn->turn++;
		DBG1(DBG_IKE, "baton: '%Y' is silent, trying message ID %u",
			 ike_sa->get_other_eap_id(ike_sa), turn->mid + turn->turn % 2);
		ike_sa->set_message_id(ike_sa, TRUE, turn->mid + turn->turn % 2);
		if (ike_sa->initiate(ike_sa, NULL, NULL) == DESTROY_ME)
		{
			charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
			return JOB_REQUEUE_NONE;
		}
	}
	charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	return again && turn->turn < TURNS ? JOB_RESCHEDULE(TURN_S << turn->turn) :
										 JOB_REQUEUE_NONE;
}

METHOD(task_t, build, status_t,
	task_t *this, message_t *message)
{
	return NEED_MORE;
}

METHOD(task_t, process, status_t,
	task_t *this, message_t *message)
{
	return SUCCESS;
}

METHOD(task_t, get_type, task_type_t,
	task_t *this)
{
	return TASK_IKE_DPD;
}

METHOD(task_t, migrate, void,
	task_t *this, ike_sa_t *ike_sa)
{
}

METHOD(task_t, destroy, void,
	task_t *this)
{
	free(this);
}

/*
 * Described in header
 */
void baton_settle_restored(ike_sa_t *ike_sa)
{
	mutex->lock(mutex);
	states->put(states, key_of(ike_sa), (void*)(uintptr_t)RESTORED);
	mutex->unlock(mutex);
}

/*
 * Described in header
 */
void baton_settle(ike_sa_t *ike_sa)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);
	turn_t *turn;
	task_t *task;

	if (!change(ike_sa, RESTORED, ASKED))
	{
		return;
	}
	INIT(turn,
		.id = id->clone(id),
		.mid = ike_sa->get_message_id(ike_sa, TRUE),
	);
	lib->scheduler->schedule_job(lib->scheduler, (job_t*)
			callback_job_create((callback_job_cb_t)next_turn, turn,
								(void*)destroy_turn, NULL), TURN_S);
	INIT(task,
		.build = _build,
		.process = _process,
		.get_type = _get_type,
		.migrate = _migrate,
		.destroy = _destroy,
	);
	ike_sa->queue_task(ike_sa, task);
	ike_sa->initiate(ike_sa, NULL, NULL);
}

/**
 * Is it the empty request that is answered? After a turn others may have gone first.
 */
static bool is_active(ike_sa_t *ike_sa)
{
	enumerator_t *enumerator;
	task_t *task;
	bool found = FALSE;

	enumerator = ike_sa->create_task_enumerator(ike_sa, TASK_QUEUE_ACTIVE);
	while (!found && enumerator->enumerate(enumerator, &task))
	{
		found = task->build == _build;
	}
	enumerator->destroy(enumerator);
	return found;
}

/*
 * Described in header
 */
void baton_settle_response(ike_sa_t *ike_sa, message_t *message)
{
	if (change(ike_sa, ASKED, SETTLED))
	{
		if (message->get_exchange_type(message) != INFORMATIONAL && is_active(ike_sa))
		{
			DBG1(DBG_IKE, "baton: message ID %u had been used before",
				 message->get_message_id(message));
			message->set_exchange_type(message, INFORMATIONAL);
		}
	}
	else
	{
		change(ike_sa, RESTORED, SETTLED);
	}
}

/*
 * Described in header
 */
void baton_settle_forget(ike_sa_t *ike_sa)
{
	mutex->lock(mutex);
	states->remove(states, key_of(ike_sa));
	mutex->unlock(mutex);
}

/*
 * Described in header
 */
void baton_settle_init(void)
{
	states = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32);
	mutex = mutex_create(MUTEX_TYPE_DEFAULT);
}

/*
 * Described in header
 */
void baton_settle_deinit(void)
{
	states->destroy(states);
	mutex->destroy(mutex);
}
