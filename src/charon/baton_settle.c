/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. The stores do not know of requests of the former owner's that the peer
 * has executed and whose responses were not reported. Their message IDs cannot be used again,
 * and charon as a peer ignores a request that does so.
 *
 * So what goes first is a liveness check, with the message ID that the stores know. If it is
 * not answered in a second another one follows, with the next ID, and so on. A peer that had
 * used up some IDs answers from the first that is new to it; one that was away answers all, in
 * order, for all are sent again, and no more are added to them then. When the one with the highest ID is answered, the next is what
 * the peer expects. Each is encrypted once, in order: no IV is drawn for an ID a second time.
 *
 * A peer may repeat its last response, whatever the request says, where charon would ignore
 * that (Libreswan does). It has no other (RFC 7296, 2.1), so that ID was the last it used: what
 * the response is about does not matter.
 *
 * How the task waits for its turn, and gets its responses: baton_msgid.h. The first check is
 * charon's to retransmit.
 */
#include "baton_settle.h"
#include "baton_msgid.h"

#include <daemon.h>
#include <processing/jobs/callback_job.h>

/** so many requests may have been answered and not reported */
#define MAX_AHEAD 8

/** how long to wait before the next: this after the first check, twice this after the second, ... */
#define ROUND_MS 1000

/** but so many times at most; and once, where the peer has answered some of them */
#define MAX_ROUNDS 5

typedef struct private_baton_settle_t private_baton_settle_t;

struct private_baton_settle_t {

	/**
	 * What it has in common with others
	 */
	baton_msgid_t base;

	/**
	 * Message ID of the first check, how many there are, how many need not be sent any more
	 */
	uint32_t first;
	u_int count;
	u_int done;

	/**
	 * Has it answered since they were sent; rounds until they are sent again
	 */
	bool heard;
	u_int wait;

	/**
	 * The checks
	 */
	packet_t *packets[MAX_AHEAD + 1];
};

static void forget_packets(private_baton_settle_t *this)
{
	u_int i;

	for (i = 0; i < this->count; i++)
	{
		DESTROY_IF(this->packets[i]);
		this->packets[i] = NULL;
	}
	this->count = this->done = 0;
}

/**
 * Make the check with the next message ID
 */
static bool add_check(private_baton_settle_t *this)
{
	ike_sa_t *ike_sa = this->base.ike_sa;
	host_t *me = ike_sa->get_my_host(ike_sa);
	host_t *other = ike_sa->get_other_host(ike_sa);
	message_t *message;
	bool success;

	message = message_create(IKEV2_MAJOR_VERSION, IKEV2_MINOR_VERSION);
	message->set_exchange_type(message, INFORMATIONAL);
	message->set_request(message, TRUE);
	message->set_message_id(message, this->first + this->count);
	message->set_source(message, me->clone(me));
	message->set_destination(message, other->clone(other));
	success = ike_sa->generate_message(ike_sa, message,
									   &this->packets[this->count]) == SUCCESS;
	message->destroy(message);
	this->count += success;
	return success;
}

/**
 * Send again what the peer may not have seen, from where we are now to where it is
 */
static void send_checks(private_baton_settle_t *this)
{
	host_t *me = this->base.ike_sa->get_my_host(this->base.ike_sa);
	host_t *other = this->base.ike_sa->get_other_host(this->base.ike_sa);
	packet_t *packet;
	u_int i;

	for (i = this->done; i < this->count; i++)
	{
		packet = this->packets[i]->clone(this->packets[i]);
		packet->set_source(packet, me->clone(me));
		packet->set_destination(packet, other->clone(other));
		charon->sender->send(charon->sender, packet);
	}
}

static job_requeue_t next_round(ike_sa_id_t *id);

METHOD(task_t, build, status_t,
	private_baton_settle_t *this, message_t *message)
{
	forget_packets(this);
	if (baton_msgid_is_over(&this->base, message))
	{
		return SUCCESS;
	}
	this->first = message->get_message_id(message);
	return NEED_MORE;
}

METHOD(task_t, post_build, status_t,
	private_baton_settle_t *this, message_t *message)
{
	ike_sa_id_t *id = this->base.ike_sa->get_id(this->base.ike_sa);

	this->packets[this->count++] = message->get_packet(message);
	this->heard = FALSE;
	this->wait = 1;
	lib->scheduler->schedule_job_ms(lib->scheduler, (job_t*)
			callback_job_create((callback_job_cb_t)next_round, id->clone(id),
								(void*)id->destroy, NULL), ROUND_MS);
	return NEED_MORE;
}

/**
 * Job: not answered yet
 */
static job_requeue_t next_round(ike_sa_id_t *id)
{
	private_baton_settle_t *this;
	ike_sa_t *ike_sa;
	bool again;

	ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, id);
	if (!ike_sa)
	{
		return JOB_REQUEUE_NONE;
	}
	this = (private_baton_settle_t*)baton_msgid_find(ike_sa, _build);
	again = this && this->count;
	if (again && (this->heard || --this->wait == 0))
	{
		if (!this->done && this->count <= MAX_AHEAD && add_check(this))
		{
			DBG1(DBG_IKE, "baton: '%Y' does not answer message ID %u, trying %u",
				 ike_sa->get_other_eap_id(ike_sa), this->first + this->count - 2,
				 this->first + this->count - 1);
		}
		send_checks(this);
		this->heard = FALSE;
		this->wait = this->count < MAX_ROUNDS ? this->count : MAX_ROUNDS;
	}
	charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	return again ? JOB_RESCHEDULE_MS(ROUND_MS) : JOB_REQUEUE_NONE;
}

METHOD(task_t, migrate, void,
	private_baton_settle_t *this, ike_sa_t *ike_sa)
{
	baton_msgid_migrate(&this->base, ike_sa);
	forget_packets(this);
}

METHOD(task_t, destroy, void,
	private_baton_settle_t *this)
{
	forget_packets(this);
	free(this);
}

/*
 * Described in header
 */
void baton_settle_queue(ike_sa_t *ike_sa)
{
	private_baton_settle_t *this;

	INIT(this);
	baton_msgid_create(&this->base, ike_sa, _build, _destroy);
	this->base.public.post_build = _post_build;
	this->base.public.migrate = _migrate;
	ike_sa->queue_task(ike_sa, &this->base.public);
}

/*
 * Described in header
 */
bool baton_settle_answered(ike_sa_t *ike_sa, message_t *message, status_t *status)
{
	private_baton_settle_t *this;
	uint32_t msgid = message->get_message_id(message), check;

	this = (private_baton_settle_t*)baton_msgid_find(ike_sa, _build);
	if (!this)
	{
		return FALSE;
	}
	*status = SUCCESS;
	check = msgid - this->first;
	if (check < this->done || check >= this->count ||
		message->parse_body(message, ike_sa->get_keymat(ike_sa)) != SUCCESS)
	{	/* answered before, or not the peer's */
		return TRUE;
	}
	this->done = check + 1;
	this->heard = TRUE;
	if (this->done < this->count)
	{	/* it will answer the others too */
		return TRUE;
	}
	if (check)
	{
		DBG1(DBG_IKE, "baton: '%Y' expects message ID %u, not %u: our requests go on there",
			 ike_sa->get_other_eap_id(ike_sa), msgid + 1, this->first);
	}
	*status = baton_msgid_known(ike_sa, _build, msgid + 1);
	return TRUE;
}
