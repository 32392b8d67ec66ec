/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. A gateway that has taken over sends ADDRESS_UPDATE from its own
 * address, in an exchange of the IKE_SA, so it has the keys. That may be said of a former
 * owner as well: an update counts unless there was one of a higher epoch. It comes again
 * and again in the same epoch, until we use the address.
 *
 * The new address is provisional then. charon's own path probing is put to work on it: the
 * same liveness check goes to the address we have and to the new one, and the path it is
 * answered on is taken, for the IKE_SA (UPDATE_SA_ADDRESSES) and then for its CHILD_SAs. If
 * the old one answers, nothing changes. Until then nothing but that check, and the answer
 * to the update itself, goes to the new address.
 *
 * A client that uses that address already, for it never followed elsewhere, says so in its response.
 *
 * The gateway that has taken over may also ask for higher sequence numbers (baton_raise.c).
 */
#include "baton_client.h"
#include "baton_raise.h"
#include "baton_sync.h"
#include "baton_update.h"

#include <daemon.h>
#include <collections/hashtable.h>
#include <processing/jobs/callback_job.h>
#include <processing/jobs/initiate_tasks_job.h>
#include <sa/ikev2/tasks/ike_mobike.h>
#include <threading/mutex.h>

typedef struct private_baton_client_t private_baton_client_t;

struct private_baton_client_t {

	/**
	 * Public interface
	 */
	baton_client_t public;

	/**
	 * Epochs of the last updates, as pointers, by unique IDs of IKE_SAs
	 */
	hashtable_t *epochs;

	/**
	 * The same, of IKE_SAs whose next response is to say that the address is in use
	 */
	hashtable_t *used;

	/**
	 * Message IDs with which numbers were raised last, as pointers, likewise
	 */
	hashtable_t *raised;

	/**
	 * Locks them
	 */
	mutex_t *mutex;
};

/**
 * An address to make sure of
 */
typedef struct {
	ike_sa_id_t *id;
	host_t *address;
} check_t;

static void destroy_check(check_t *check)
{
	check->id->destroy(check->id);
	check->address->destroy(check->address);
	free(check);
}

/**
 * Add to the addresses that are probed, once
 */
static void add_address(ike_sa_t *ike_sa, host_t *address)
{
	enumerator_t *enumerator;
	host_t *known;
	bool found = FALSE;

	enumerator = ike_sa->create_peer_address_enumerator(ike_sa);
	while (!found && enumerator->enumerate(enumerator, &known))
	{	/* with an empty list charon gives the address it uses, which is not in it */
		found = known->ip_equals(known, address) &&
				known != ike_sa->get_other_host(ike_sa);
	}
	enumerator->destroy(enumerator);
	if (!found)
	{
		ike_sa->add_peer_address(ike_sa, address->clone(address));
	}
}

/**
 * Job: see which address answers
 */
static job_requeue_t make_sure(check_t *check)
{
	ike_mobike_t *mobike;
	ike_sa_t *ike_sa;

	ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, check->id);
	if (!ike_sa)
	{
		return JOB_REQUEUE_NONE;
	}
	add_address(ike_sa, ike_sa->get_other_host(ike_sa));
	add_address(ike_sa, check->address);
	mobike = ike_mobike_create(ike_sa, TRUE);
	mobike->roam(mobike, FALSE);
	ike_sa->queue_task(ike_sa, &mobike->task);
	if (ike_sa->initiate(ike_sa, NULL, NULL) == DESTROY_ME)
	{
		charon->ike_sa_manager->checkin_and_destroy(charon->ike_sa_manager, ike_sa);
	}
	else
	{
		charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	}
	return JOB_REQUEUE_NONE;
}

static void *key_of(ike_sa_t *ike_sa)
{
	return (void*)(uintptr_t)ike_sa->get_unique_id(ike_sa);
}

/**
 * Is it not older than what we have heard so far?
 */
static bool is_latest(private_baton_client_t *this, ike_sa_t *ike_sa, uint32_t epoch)
{
	void *key = key_of(ike_sa);
	bool latest;

	this->mutex->lock(this->mutex);
	latest = epoch >= (uintptr_t)this->epochs->get(this->epochs, key);
	if (latest)
	{
		this->epochs->put(this->epochs, key, (void*)(uintptr_t)epoch);
	}
	this->mutex->unlock(this->mutex);
	return latest;
}

static void take_update(private_baton_client_t *this, ike_sa_t *ike_sa,
						message_t *message)
{
	host_t *from = message->get_source(message);
	uint32_t epoch;
	check_t *check;

	if (!baton_update_epoch(message, &epoch))
	{
		return;
	}
	if (!is_latest(this, ike_sa, epoch))
	{
		baton_update_refuse(BATON_REFUSED_EPOCH, from);
		return;
	}
	if (from->ip_equals(from, ike_sa->get_other_host(ike_sa)))
	{
		this->mutex->lock(this->mutex);
		this->used->put(this->used, key_of(ike_sa), (void*)(uintptr_t)epoch);
		this->mutex->unlock(this->mutex);
		return;
	}
	DBG1(DBG_IKE, "baton: in epoch %u the gateway is at %H, as it says: making sure",
		 epoch, from);
	INIT(check,
		.id = ike_sa->get_id(ike_sa)->clone(ike_sa->get_id(ike_sa)),
		.address = from->clone(from),
	);
	lib->processor->queue_job(lib->processor, (job_t*)
				callback_job_create_with_prio((callback_job_cb_t)make_sure, check,
								(void*)destroy_check, NULL, JOB_PRIO_HIGH));
}

/**
 * Say in a response that the address is in use
 */
static void confirm(private_baton_client_t *this, ike_sa_t *ike_sa,
					message_t *message)
{
	uint32_t epoch;

	this->mutex->lock(this->mutex);
	epoch = (uint32_t)(uintptr_t)this->used->remove(this->used, key_of(ike_sa));
	this->mutex->unlock(this->mutex);
	if (epoch)
	{
		baton_update_add(message, epoch);
	}
}

/**
 * The gateway asks for higher sequence numbers; of one IKE_SA, one request at a time
 */
static void take_raise(private_baton_client_t *this, ike_sa_t *ike_sa,
					   message_t *message)
{
	void *key = key_of(ike_sa);
	uint32_t last;

	this->mutex->lock(this->mutex);
	last = (uint32_t)(uintptr_t)this->raised->get(this->raised, key);
	this->mutex->unlock(this->mutex);
	last = baton_raise(ike_sa, message, last);
	this->mutex->lock(this->mutex);
	this->raised->put(this->raised, key, (void*)(uintptr_t)last);
	this->mutex->unlock(this->mutex);
}

METHOD(listener_t, message, bool,
	private_baton_client_t *this, ike_sa_t *ike_sa, message_t *message,
	bool incoming, bool plain)
{
	if (!ike_sa || !plain)
	{
		return TRUE;
	}
	baton_update_negotiate(ike_sa, message, incoming, TRUE);
	baton_sync_negotiate(ike_sa, message, incoming, TRUE);
	if (message->get_exchange_type(message) != INFORMATIONAL)
	{
		return TRUE;
	}
	if (incoming && message->get_notify(message, IKEV2_MESSAGE_ID_SYNC))
	{	/* charon puts what it has under way back, and leaves it there */
		lib->processor->queue_job(lib->processor, (job_t*)
						initiate_tasks_job_create(ike_sa->get_id(ike_sa)));
	}
	if (incoming && message->get_notify(message, IPSEC_REPLAY_COUNTER_SYNC))
	{
		take_raise(this, ike_sa, message);
	}
	if (!incoming && !message->get_request(message))
	{
		confirm(this, ike_sa, message);
	}
	else if (incoming && message->get_notify(message, BATON_ADDRESS_UPDATE))
	{
		if (message->get_request(message) &&
			ike_sa->supports_extension(ike_sa, BATON_EXT_ADDRESS_UPDATE) &&
			ike_sa->has_condition(ike_sa, COND_ORIGINAL_INITIATOR))
		{
			take_update(this, ike_sa, message);
		}
		else
		{
			baton_update_refuse(BATON_REFUSED_ROLE, message->get_source(message));
		}
	}
	return TRUE;
}

METHOD(listener_t, ike_updown, bool,
	private_baton_client_t *this, ike_sa_t *ike_sa, bool up)
{
	if (!up)
	{
		this->mutex->lock(this->mutex);
		this->epochs->remove(this->epochs, key_of(ike_sa));
		this->used->remove(this->used, key_of(ike_sa));
		this->raised->remove(this->raised, key_of(ike_sa));
		this->mutex->unlock(this->mutex);
	}
	return TRUE;
}

METHOD(baton_client_t, destroy, void,
	private_baton_client_t *this)
{
	this->epochs->destroy(this->epochs);
	this->used->destroy(this->used);
	this->raised->destroy(this->raised);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
baton_client_t *baton_client_create(void)
{
	private_baton_client_t *this;

	INIT(this,
		.public = {
			.listener = {
				.message = _message,
				.ike_updown = _ike_updown,
			},
			.destroy = _destroy,
		},
		.epochs = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8),
		.used = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8),
		.raised = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
