/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. In most cases the peer was the initiator of the IKE_SA, so RFC 4555 does
 * not let us order it to use another address. But we may send it a new list of our addresses, from
 * the address that we have now; charon as a peer, and who else reads RFC 4555, 3.6 as
 * charon does, then uses where that came from. It is an authenticated request with a
 * COOKIE2 that has to come back: whoever answers has the keys, and has seen it.
 *
 * charon's own MOBIKE task does this, but for one thing: it puts in a COOKIE2 only with
 * UPDATE_SA_ADDRESSES. So its methods are wrapped. charon knows the task by its type and
 * looks into it, which is why it is not one of our own making.
 *
 * Where we were the initiator it is ours to move the IKE_SA (baton_update.c).
 *
 * A peer that has this plugin too gets another message (baton_update.c), and makes sure of the
 * address before it uses it.
 *
 * A peer that knows neither, or answers as if it did not (Libreswan leaves the COOKIE2 out, and stays
 * where it is), is sent to us by REDIRECT, if it has said that it knows that (RFC 5685): it connects
 * anew, and at once. Another one finds out by itself.
 *
 * While the task is there the session is stored as MOVED: should this gateway fail too, or
 * charon be restarted, the peer is told again.
 */
#include "baton_move.h"
#include "baton_update.h"

#include <daemon.h>
#include <collections/hashtable.h>
#include <processing/jobs/callback_job.h>
#include <sa/ikev2/tasks/ike_mobike.h>
#include <sa/ikev2/tasks/ike_redirect.h>
#include <threading/mutex.h>

/** a peer that has not followed is told again after that many seconds */
#define AGAIN_S 10

/**
 * A task that is under way
 */
typedef struct {
	ike_sa_t *ike_sa;
	uint32_t epoch;
	uint8_t cookie[BATON_COOKIE2_SIZE];
	bool sent;
} moving_t;

/** the originals, the same for every task */
static typeof(((task_t*)0)->build) real_build;
static typeof(((task_t*)0)->process) real_process;
static typeof(((task_t*)0)->migrate) real_migrate;
static typeof(((task_t*)0)->destroy) real_destroy;

/** moving_t by task_t */
static hashtable_t *all;

/** epochs, as pointers, by unique IDs of IKE_SAs whose peers make sure of the address, or stay away */
static hashtable_t *provisional;

/** unique IDs of IKE_SAs whose peers are to be told when it is their turn */
static hashtable_t *expected;
static mutex_t *mutex;
static baton_teller_t *teller;

static moving_t *find(task_t *task)
{
	moving_t *moving;

	mutex->lock(mutex);
	moving = all->get(all, task);
	mutex->unlock(mutex);
	return moving;
}

static status_t build(task_t *task, message_t *message)
{
	moving_t *moving = find(task);
	status_t status = real_build(task, message);

	if (!moving || status != NEED_MORE ||
		message->get_exchange_type(message) != INFORMATIONAL)
	{
		return status;
	}
	if (!baton_cookie2_add(message, moving->cookie))
	{
		return FAILED;
	}
	moving->sent = TRUE;
	DBG1(DBG_IKE, "baton: telling '%Y' that %H is our address now",
		 moving->ike_sa->get_other_eap_id(moving->ike_sa),
		 moving->ike_sa->get_my_host(moving->ike_sa));
	return status;
}

/**
 * By what an IKE_SA is found
 */
static void *key_of(ike_sa_t *ike_sa)
{
	return (void*)(uintptr_t)ike_sa->get_unique_id(ike_sa);
}

/**
 * It will not follow
 */
static void send_away(ike_sa_t *ike_sa, uint32_t epoch)
{
	host_t *me = ike_sa->get_my_host(ike_sa);
	identification_t *here;
	ike_redirect_t *redirect;

	mutex->lock(mutex);
	provisional->put(provisional, key_of(ike_sa), (void*)(uintptr_t)epoch);
	mutex->unlock(mutex);
	if (!ike_sa->supports_extension(ike_sa, EXT_IKE_REDIRECTION))
	{
		DBG1(DBG_IKE, "baton: '%Y' does not follow to %H, and knows no REDIRECT: it has to "
			 "connect anew", ike_sa->get_other_eap_id(ike_sa), me);
		return;
	}
	DBG1(DBG_IKE, "baton: '%Y' does not follow to %H, redirecting it",
		 ike_sa->get_other_eap_id(ike_sa), me);
	here = identification_create_from_sockaddr(me->get_sockaddr(me));
	redirect = ike_redirect_create(ike_sa, here);
	here->destroy(here);
	ike_sa->queue_task(ike_sa, &redirect->task);
}

static status_t process(task_t *task, message_t *message)
{
	moving_t *moving = find(task);

	if (moving && moving->sent && baton_cookie2_is_missing(message))
	{
		moving->sent = FALSE;
		send_away(moving->ike_sa, moving->epoch);
	}
	else if (moving && moving->sent)
	{
		if (!baton_cookie2_came_back(message, moving->cookie))
		{
			return FAILED;
		}
		moving->sent = FALSE;
		DBG1(DBG_IKE, "baton: '%Y' knows our address %H",
			 moving->ike_sa->get_other_eap_id(moving->ike_sa),
			 moving->ike_sa->get_my_host(moving->ike_sa));
		teller->changed(teller, moving->ike_sa);
	}
	return real_process(task, message);
}

static void migrate(task_t *task, ike_sa_t *ike_sa)
{
	moving_t *moving = find(task);

	real_migrate(task, ike_sa);
	task->build = build; /* the original has set its own */
	if (moving)
	{
		moving->ike_sa = ike_sa;
		moving->sent = FALSE;
	}
}

static void destroy(task_t *task)
{
	moving_t *moving;

	mutex->lock(mutex);
	moving = all->remove(all, task);
	mutex->unlock(mutex);
	free(moving);
	real_destroy(task);
}

/**
 * The epoch in which a peer was told that has not followed yet; 0: there is none
 */
static uint32_t waits_in(ike_sa_t *ike_sa)
{
	uint32_t epoch;

	mutex->lock(mutex);
	epoch = (uint32_t)(uintptr_t)provisional->get(provisional, key_of(ike_sa));
	mutex->unlock(mutex);
	return epoch;
}

/**
 * Has an IKE_SA such a task under way, or queued?
 */
static bool has_task(ike_sa_t *ike_sa, bool (*is)(task_t *task))
{
	enumerator_t *enumerator;
	task_queue_t queues[] = { TASK_QUEUE_ACTIVE, TASK_QUEUE_QUEUED };
	task_t *task;
	bool found = FALSE;
	u_int i;

	for (i = 0; i < countof(queues) && !found; i++)
	{
		enumerator = ike_sa->create_task_enumerator(ike_sa, queues[i]);
		while (!found && enumerator->enumerate(enumerator, &task))
		{
			found = is(task);
		}
		enumerator->destroy(enumerator);
	}
	return found;
}

/**
 * Job: tell it again
 */
static job_requeue_t tell_again(ike_sa_id_t *id)
{
	ike_sa_t *ike_sa;
	uint32_t epoch;

	ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, id);
	if (!ike_sa)
	{
		return JOB_REQUEUE_NONE;
	}
	epoch = waits_in(ike_sa);
	if (epoch && !has_task(ike_sa, baton_update_is))
	{
		ike_sa->queue_task(ike_sa, baton_update_create(ike_sa, epoch));
		if (ike_sa->initiate(ike_sa, NULL, NULL) == DESTROY_ME)
		{
			charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
			return JOB_REQUEUE_NONE;
		}
	}
	charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	return epoch ? JOB_RESCHEDULE(AGAIN_S) : JOB_REQUEUE_NONE;
}

/**
 * Tell a peer that makes sure of the address first, until it has followed
 */
static void tell(ike_sa_t *ike_sa, uint32_t epoch)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);

	mutex->lock(mutex);
	provisional->put(provisional, key_of(ike_sa), (void*)(uintptr_t)epoch);
	mutex->unlock(mutex);
	ike_sa->queue_task(ike_sa, baton_update_create(ike_sa, epoch));
	lib->scheduler->schedule_job(lib->scheduler, (job_t*)
			callback_job_create((callback_job_cb_t)tell_again, id->clone(id),
								(void*)id->destroy, NULL), AGAIN_S);
}

/*
 * Described in header
 */
void baton_move_expect(ike_sa_t *ike_sa)
{
	mutex->lock(mutex);
	expected->put(expected, key_of(ike_sa), ike_sa);
	mutex->unlock(mutex);
}

/**
 * It is its turn, or there will be none
 */
static void expect_no_more(ike_sa_t *ike_sa)
{
	mutex->lock(mutex);
	expected->remove(expected, key_of(ike_sa));
	mutex->unlock(mutex);
}

static bool is_expected(ike_sa_t *ike_sa)
{
	bool is;

	mutex->lock(mutex);
	is = expected->get(expected, key_of(ike_sa)) != NULL;
	mutex->unlock(mutex);
	return is;
}

/*
 * Described in header
 */
void baton_move_forget(ike_sa_t *ike_sa)
{
	expect_no_more(ike_sa);
	mutex->lock(mutex);
	provisional->remove(provisional, key_of(ike_sa));
	mutex->unlock(mutex);
}

/*
 * Described in header
 */
void baton_move_followed(ike_sa_t *ike_sa)
{
	if (waits_in(ike_sa))
	{
		baton_move_forget(ike_sa);
		DBG1(DBG_IKE, "baton: '%Y' has followed to %H",
			 ike_sa->get_other_eap_id(ike_sa), ike_sa->get_my_host(ike_sa));
		teller->changed(teller, ike_sa);
	}
}

/*
 * Described in header
 */
void baton_move_confirmed(ike_sa_t *ike_sa, message_t *message)
{
	uint32_t epoch;

	if (message->get_request(message) ||
		message->get_exchange_type(message) != INFORMATIONAL)
	{
		baton_update_refuse(BATON_REFUSED_ROLE, message->get_source(message));
	}
	else if (baton_update_epoch(message, &epoch) && epoch == waits_in(ike_sa))
	{
		baton_move_followed(ike_sa);
	}
}

/**
 * The peer has answered
 */
static void changed(ike_sa_t *ike_sa)
{
	teller->changed(teller, ike_sa);
}

/**
 * The list of RFC 4555
 */
static void tell_list(ike_sa_t *ike_sa, uint32_t epoch)
{
	ike_mobike_t *mobike = ike_mobike_create(ike_sa, TRUE);
	task_t *task = &mobike->task;
	moving_t *moving;

	mobike->addresses(mobike);
	INIT(moving,
		.ike_sa = ike_sa,
		.epoch = epoch,
	);
	mutex->lock(mutex);
	real_build = task->build;
	real_process = task->process;
	real_migrate = task->migrate;
	real_destroy = task->destroy;
	all->put(all, task, moving);
	mutex->unlock(mutex);
	task->build = build;
	task->process = process;
	task->migrate = migrate;
	task->destroy = destroy;
	ike_sa->queue_task(ike_sa, task);
}

/*
 * Described in header
 */
status_t baton_move(ike_sa_t *ike_sa, uint32_t epoch)
{
	if (!ike_sa->supports_extension(ike_sa, EXT_MOBIKE))
	{
		send_away(ike_sa, epoch);
	}
	else if (ike_sa->has_condition(ike_sa, COND_ORIGINAL_INITIATOR))
	{	/* it is ours to decide; the peer would take a list as a list */
		ike_sa->queue_task(ike_sa, baton_update_create_ours(ike_sa, changed));
	}
	else if (ike_sa->supports_extension(ike_sa, BATON_EXT_ADDRESS_UPDATE))
	{	/* it is to make sure of the address, not to take it at once */
		tell(ike_sa, epoch);
	}
	else
	{
		tell_list(ike_sa, epoch);
	}
	expect_no_more(ike_sa);
	return ike_sa->initiate(ike_sa, NULL, NULL);
}

/**
 * Is it one of ours?
 */
static bool is_ours(task_t *task)
{
	return task->build == build && find(task);
}

/*
 * Described in header
 */
bool baton_is_moving(ike_sa_t *ike_sa)
{
	return is_expected(ike_sa) || waits_in(ike_sa) || has_task(ike_sa, is_ours) ||
		   has_task(ike_sa, baton_update_is_ours);
}

/*
 * Described in header
 */
void baton_move_init(baton_teller_t *the_teller)
{
	teller = the_teller;
	all = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32);
	provisional = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32);
	expected = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32);
	mutex = mutex_create(MUTEX_TYPE_DEFAULT);
}

/*
 * Described in header
 */
void baton_move_deinit(void)
{
	all->destroy_function(all, (void*)free);
	provisional->destroy(provisional);
	expected->destroy(expected);
	mutex->destroy(mutex);
}
