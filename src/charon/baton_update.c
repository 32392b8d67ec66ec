/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_update.h"

#include <daemon.h>
#include <encoding/payloads/notify_payload.h>
#include <sa/ikev2/tasks/ike_natd.h>

#define EPOCH_SIZE 4

typedef struct private_baton_update_t private_baton_update_t;

struct private_baton_update_t {

	/**
	 * Implements task_t
	 */
	task_t public;

	/**
	 * The IKE_SA it is about
	 */
	ike_sa_t *ike_sa;

	/**
	 * Its epoch
	 */
	uint32_t epoch;

	/**
	 * Where the IKE_SA is ours: NAT detection, and whom to tell of the answer
	 */
	ike_natd_t *natd;
	void (*answered)(ike_sa_t *ike_sa);

	/**
	 * Has to come back
	 */
	uint8_t cookie[BATON_COOKIE2_SIZE];
};

/*
 * Described in header
 */
void baton_update_negotiate(ike_sa_t *ike_sa, message_t *message, bool incoming,
							bool client)
{
	bool request = message->get_request(message);

	if (message->get_exchange_type(message) != IKE_AUTH)
	{
		return;
	}
	if (incoming)
	{
		if (request != client &&
			message->get_notify(message, BATON_ADDRESS_UPDATE_SUPPORTED))
		{
			ike_sa->enable_extension(ike_sa, BATON_EXT_ADDRESS_UPDATE);
		}
	}
	else if (request == client && message->get_notify(message, MOBIKE_SUPPORTED) &&
			 (client || ike_sa->supports_extension(ike_sa, BATON_EXT_ADDRESS_UPDATE)))
	{
		message->add_notify(message, FALSE, BATON_ADDRESS_UPDATE_SUPPORTED,
							chunk_empty);
	}
}

/*
 * Described in header
 */
bool baton_update_epoch(message_t *message, uint32_t *epoch)
{
	notify_payload_t *notify;
	chunk_t data;

	notify = message->get_notify(message, BATON_ADDRESS_UPDATE);
	if (!notify)
	{
		return FALSE;
	}
	data = notify->get_notification_data(notify);
	if (data.len != EPOCH_SIZE)
	{
		baton_update_refuse(BATON_REFUSED_LENGTH, message->get_source(message));
		return FALSE;
	}
	*epoch = untoh32(data.ptr);
	return TRUE;
}

/*
 * Described in header
 */
void baton_update_add(message_t *message, uint32_t epoch)
{
	uint8_t data[EPOCH_SIZE];

	htoun32(data, epoch);
	message->add_notify(message, FALSE, BATON_ADDRESS_UPDATE,
						chunk_from_thing(data));
}

/*
 * Described in header
 */
void baton_update_refuse(baton_refused_t why, host_t *from)
{
	static const char *reasons[BATON_REFUSED_COUNT] = {
		[BATON_REFUSED_LENGTH] = "ADDRESS_UPDATE, its length is wrong",
		[BATON_REFUSED_EPOCH] = "ADDRESS_UPDATE, there was one of a higher epoch",
		[BATON_REFUSED_ROLE] = "ADDRESS_UPDATE, it is not for us",
		[BATON_REFUSED_COOKIE2] = "response, its COOKIE2 is wrong: closing the IKE_SA",
		[BATON_REFUSED_SYNC] = "response, it does not synchronize message IDs",
		[BATON_REFUSED_RAISE] = "IPSEC_REPLAY_COUNTER_SYNC, malformed, or of before",
	};
	static refcount_t counts[BATON_REFUSED_COUNT];

	DBG1(DBG_IKE, "baton: refused from %H: %s (%u so far)", from, reasons[why],
		 ref_get(&counts[why]));
}

/*
 * Described in header
 */
bool baton_cookie2_add(message_t *message, uint8_t cookie[BATON_COOKIE2_SIZE])
{
	rng_t *rng = lib->crypto->create_rng(lib->crypto, RNG_STRONG);
	bool success = rng && rng->get_bytes(rng, BATON_COOKIE2_SIZE, cookie);

	DESTROY_IF(rng);
	if (success)
	{
		message->add_notify(message, FALSE, COOKIE2,
							chunk_create(cookie, BATON_COOKIE2_SIZE));
	}
	return success;
}

/*
 * Described in header
 */
bool baton_cookie2_is_missing(message_t *message)
{
	return !message->get_notify(message, COOKIE2);
}

/*
 * Described in header
 */
bool baton_cookie2_came_back(message_t *message,
							 const uint8_t cookie[BATON_COOKIE2_SIZE])
{
	notify_payload_t *notify = message->get_notify(message, COOKIE2);

	if (notify && chunk_equals_const(notify->get_notification_data(notify),
						chunk_create((u_char*)cookie, BATON_COOKIE2_SIZE)))
	{
		return TRUE;
	}
	baton_update_refuse(BATON_REFUSED_COOKIE2, message->get_source(message));
	return FALSE;
}

METHOD(task_t, build, status_t,
	private_baton_update_t *this, message_t *message)
{
	baton_update_add(message, this->epoch);
	if (!baton_cookie2_add(message, this->cookie))
	{
		return FAILED;
	}
	DBG1(DBG_IKE, "baton: telling '%Y' that %H is our address now, in epoch %u",
		 this->ike_sa->get_other_eap_id(this->ike_sa),
		 this->ike_sa->get_my_host(this->ike_sa), this->epoch);
	return NEED_MORE;
}

METHOD(task_t, process, status_t,
	private_baton_update_t *this, message_t *message)
{
	if (!baton_cookie2_came_back(message, this->cookie))
	{
		return FAILED;
	}
	DBG1(DBG_IKE, "baton: '%Y' has heard of our address %H",
		 this->ike_sa->get_other_eap_id(this->ike_sa),
		 this->ike_sa->get_my_host(this->ike_sa));
	return SUCCESS;
}

METHOD(task_t, build_ours, status_t,
	private_baton_update_t *this, message_t *message)
{
	message->add_notify(message, FALSE, UPDATE_SA_ADDRESSES, chunk_empty);
	if (!baton_cookie2_add(message, this->cookie))
	{
		return FAILED;
	}
	if (!this->natd)
	{
		this->natd = ike_natd_create(this->ike_sa, TRUE);
	}
	this->natd->task.build(&this->natd->task, message);
	DBG1(DBG_IKE, "baton: moving our IKE_SA with '%Y' to %H",
		 this->ike_sa->get_other_eap_id(this->ike_sa),
		 this->ike_sa->get_my_host(this->ike_sa));
	return NEED_MORE;
}

METHOD(task_t, process_ours, status_t,
	private_baton_update_t *this, message_t *message)
{
	if (!baton_cookie2_came_back(message, this->cookie))
	{
		return FAILED;
	}
	this->natd->task.process(&this->natd->task, message);
	/* there may be a NAT where there was none, or none any more */
	this->ike_sa->update_hosts(this->ike_sa, NULL, NULL, UPDATE_HOSTS_FORCE_CHILDREN);
	DBG1(DBG_IKE, "baton: '%Y' has moved its IKE_SA to %H",
		 this->ike_sa->get_other_eap_id(this->ike_sa),
		 this->ike_sa->get_my_host(this->ike_sa));
	this->answered(this->ike_sa);
	return SUCCESS;
}

METHOD(task_t, get_type, task_type_t,
	private_baton_update_t *this)
{
	/* charon knows tasks by their types; this one it looks into no further */
	return TASK_IKE_DPD;
}

METHOD(task_t, migrate, void,
	private_baton_update_t *this, ike_sa_t *ike_sa)
{
	this->ike_sa = ike_sa;
	if (this->natd)
	{
		this->natd->task.migrate(&this->natd->task, ike_sa);
	}
}

METHOD(task_t, destroy, void,
	private_baton_update_t *this)
{
	if (this->natd)
	{
		this->natd->task.destroy(&this->natd->task);
	}
	free(this);
}

static private_baton_update_t *create(ike_sa_t *ike_sa)
{
	private_baton_update_t *this;

	INIT(this,
		.public = {
			.build = _build,
			.process = _process,
			.get_type = _get_type,
			.migrate = _migrate,
			.destroy = _destroy,
		},
		.ike_sa = ike_sa,
	);
	return this;
}

/*
 * Described in header
 */
task_t *baton_update_create(ike_sa_t *ike_sa, uint32_t epoch)
{
	private_baton_update_t *this = create(ike_sa);

	this->epoch = epoch;
	return &this->public;
}

/*
 * Described in header
 */
task_t *baton_update_create_ours(ike_sa_t *ike_sa,
								 void (*answered)(ike_sa_t *ike_sa))
{
	private_baton_update_t *this = create(ike_sa);

	this->public.build = _build_ours;
	this->public.process = _process_ours;
	this->answered = answered;
	return &this->public;
}

/*
 * Described in header
 */
bool baton_update_is(task_t *task)
{
	return task->build == _build;
}

/*
 * Described in header
 */
bool baton_update_is_ours(task_t *task)
{
	return task->build == _build_ours;
}
