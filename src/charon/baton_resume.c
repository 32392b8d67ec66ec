/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. process_message() of a restored IKE_SA is replaced, as is its
 * destroy(), to forget what is known of it here.
 *
 * A request that was answered before the failure is answered with the same bytes: charon
 * would do so as well, but has no way to be told. This ends with the peer's next request.
 *
 * It is the same with what we have answered: to set the message ID of the next request of our own
 * (baton_settle.c, baton_sync.c) makes charon forget its last response.
 *
 * A request may have a higher message ID than the one expected, for liveness checks are
 * not stored one by one. If it is authentic, the peer has had answers to all before it. It
 * is never lower: what changed anything was stored before it was answered. charon's only
 * way to set the expected ID drops an exchange of its own; so it is made to answer the
 * missing checks once more.
 */
#include "baton_resume.h"
#include "baton_request.h"
#include "baton_settle.h"
#include "baton_sync.h"

#include <daemon.h>
#include <collections/hashtable.h>
#include <threading/mutex.h>
#include <baton/message.h>

typedef typeof(((ike_sa_t*)0)->process_message) process_message_t;
typedef typeof(((ike_sa_t*)0)->destroy) destroy_t;

/**
 * A restored IKE_SA. Used by whoever has it checked out.
 */
typedef struct {
	/** requests below this message ID may come */
	uint32_t limit;
	/** message ID of the last request, and what it was answered */
	uint32_t msgid;
	uint8_t hash[BATON_REQUEST_HASH_LEN];
	chunk_t response;
} resumed_t;

/** the originals, the same for every IKE_SA */
static process_message_t real_process_message;
static destroy_t real_destroy;

/** resumed_t by IKE_SA */
static hashtable_t *all;
static mutex_t *mutex;

static resumed_t *find(ike_sa_t *ike_sa)
{
	resumed_t *resumed;

	mutex->lock(mutex);
	resumed = all->get(all, ike_sa);
	mutex->unlock(mutex);
	return resumed;
}

/**
 * Send one IKE message the way its request came
 */
static void send_message(message_t *request, chunk_t bytes)
{
	host_t *me = request->get_destination(request);
	host_t *other = request->get_source(request);

	charon->sender->send(charon->sender, packet_create_from_data(me->clone(me),
									other->clone(other), chunk_clone(bytes)));
}

/**
 * Answer with the stored response; the lengths in it were checked when it was decoded
 */
static void answer(ike_sa_t *ike_sa, resumed_t *resumed, message_t *request)
{
	chunk_t left = resumed->response;
	uint32_t len;

	DBG1(DBG_IKE, "baton: request with message ID %u was answered before, sending the "
		 "same response", resumed->msgid);
	ike_sa->set_statistic(ike_sa, STAT_INBOUND, (uint32_t)time_monotonic(NULL));
	while (left.len >= BATON_IKE_HEADER_LEN)
	{
		len = untoh32(left.ptr + BATON_IKE_HEADER_LEN - 4);
		send_message(request, chunk_create(left.ptr, min(len, left.len)));
		left = chunk_skip(left, len);
	}
}

/**
 * Is this the request that was answered last?
 */
static bool is_answered(ike_sa_t *ike_sa, resumed_t *resumed, message_t *request)
{
	uint8_t hash[BATON_REQUEST_HASH_LEN];

	return resumed->response.len &&
		   request->get_message_id(request) == resumed->msgid &&
		   ike_sa->get_message_id(ike_sa, FALSE) == resumed->msgid + 1 &&
		   baton_request_hash(request->get_packet_data(request), hash) &&
		   memeq_const(hash, resumed->hash, sizeof(hash));
}

/**
 * Has it the peer's integrity check value? Found out with a copy.
 */
static bool is_authentic(ike_sa_t *ike_sa, message_t *message)
{
	host_t *me = message->get_destination(message);
	host_t *other = message->get_source(message);
	message_t *copy;
	bool success;

	copy = message_create_from_packet(packet_create_from_data(other->clone(other),
					me->clone(me), chunk_clone(message->get_packet_data(message))));
	success = copy->parse_header(copy) == SUCCESS &&
			  copy->parse_body(copy, ike_sa->get_keymat(ike_sa)) == SUCCESS;
	copy->destroy(copy);
	return success;
}

/**
 * The keys of an IKE_SA from the peer's side
 */
typedef struct {
	keymat_t public;
	keymat_t *ours;
} mirror_t;

METHOD(keymat_t, mirror_get_version, ike_version_t,
	mirror_t *this)
{
	return this->ours->get_version(this->ours);
}

METHOD(keymat_t, mirror_get_aead, aead_t*,
	mirror_t *this, bool in)
{
	return this->ours->get_aead(this->ours, !in);
}

/**
 * Make the liveness check of a message ID, as the peer had sent it
 */
static message_t *create_check(ike_sa_t *ike_sa, message_t *like, uint32_t msgid)
{
	mirror_t mirror = {
		.public = {
			.get_version = _mirror_get_version,
			.get_aead = _mirror_get_aead,
		},
		.ours = ike_sa->get_keymat(ike_sa),
	};
	host_t *me = like->get_destination(like);
	host_t *other = like->get_source(like);
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);
	message_t *message, *check = NULL;
	packet_t *packet;

	id = id->clone(id);
	id->switch_initiator(id);
	message = message_create(IKEV2_MAJOR_VERSION, IKEV2_MINOR_VERSION);
	message->set_exchange_type(message, INFORMATIONAL);
	message->set_request(message, TRUE);
	message->set_message_id(message, msgid);
	message->set_ike_sa_id(message, id);
	message->set_source(message, other->clone(other));
	message->set_destination(message, me->clone(me));
	if (message->generate(message, &mirror.public, &packet) == SUCCESS)
	{
		check = message_create_from_packet(packet);
		if (check->parse_header(check) != SUCCESS)
		{
			check->destroy(check);
			check = NULL;
		}
	}
	message->destroy(message);
	id->destroy(id);
	return check;
}

/**
 * Have charon answer once more the liveness checks that were answered, but not stored,
 * before this request. The peer ignores these responses.
 */
static void skip_to(ike_sa_t *ike_sa, message_t *request)
{
	uint32_t msgid = request->get_message_id(request);
	uint32_t expected = ike_sa->get_message_id(ike_sa, FALSE);
	message_t *check;
	bool success = is_authentic(ike_sa, request);

	if (success)
	{
		DBG1(DBG_IKE, "baton: request with message ID %u instead of %u, the liveness "
			 "checks before it were answered before the failure", msgid, expected);
	}
	while (success && expected < msgid)
	{
		check = create_check(ike_sa, request, expected);
		success = check && real_process_message(ike_sa, check) == SUCCESS &&
				  ike_sa->get_message_id(ike_sa, FALSE) == ++expected;
		DESTROY_IF(check);
	}
}

/**
 * Is there a request of our own that has no response yet?
 */
static bool is_waiting(ike_sa_t *ike_sa)
{
	enumerator_t *enumerator;
	task_t *task;
	bool found;

	enumerator = ike_sa->create_task_enumerator(ike_sa, TASK_QUEUE_ACTIVE);
	found = enumerator->enumerate(enumerator, &task);
	enumerator->destroy(enumerator);
	return found;
}

static status_t process_message(ike_sa_t *ike_sa, message_t *message)
{
	resumed_t *resumed = find(ike_sa);
	uint32_t msgid = message->get_message_id(message);
	status_t status;

	if (resumed && !message->get_request(message))
	{
		if (baton_sync_answered(ike_sa, message, &status) ||
			baton_settle_answered(ike_sa, message, &status))
		{
			return status;
		}
		if (!is_waiting(ike_sa))
		{	/* charon would take it for one, and end the IKE_SA for its exchange type */
			DBG1(DBG_IKE, "baton: response with message ID %u is to a request of before, "
				 "ignored", msgid);
			return SUCCESS;
		}
	}
	else if (resumed)
	{
		if (is_answered(ike_sa, resumed, message))
		{
			answer(ike_sa, resumed, message);
			return SUCCESS;
		}
		if (msgid > ike_sa->get_message_id(ike_sa, FALSE) && msgid < resumed->limit)
		{
			skip_to(ike_sa, message);
		}
	}
	return real_process_message(ike_sa, message);
}

static void resumed_destroy(resumed_t *resumed)
{
	chunk_free(&resumed->response);
	free(resumed);
}

static void destroy(ike_sa_t *ike_sa)
{
	resumed_t *resumed;

	mutex->lock(mutex);
	resumed = all->remove(all, ike_sa);
	mutex->unlock(mutex);
	if (resumed)
	{
		resumed_destroy(resumed);
	}
	real_destroy(ike_sa);
}

/*
 * Described in header
 */
void baton_resume(ike_sa_t *ike_sa, const struct baton_session *session)
{
	resumed_t *resumed;

	INIT(resumed,
		.limit = session->msgid_in + BATON_MSGID_WINDOW,
		.msgid = session->response.msgid,
		.response = chunk_clone(chunk_create((u_char*)session->response.bytes,
											 session->response.len)),
	);
	memcpy(resumed->hash, session->response.request, sizeof(resumed->hash));
	real_process_message = ike_sa->process_message;
	real_destroy = ike_sa->destroy;
	mutex->lock(mutex);
	all->put(all, ike_sa, resumed);
	mutex->unlock(mutex);
	ike_sa->process_message = process_message;
	ike_sa->destroy = destroy;
}

/*
 * Described in header
 */
void baton_resume_keep(ike_sa_t *ike_sa, message_t *response)
{
	uint32_t msgid = response->get_message_id(response);
	const baton_request_t *request = baton_request_of(ike_sa, msgid);
	resumed_t *resumed = find(ike_sa);

	if (!resumed)
	{
		return;
	}
	chunk_free(&resumed->response);
	if (request && request->hashed)
	{
		resumed->msgid = msgid;
		memcpy(resumed->hash, request->hash, sizeof(resumed->hash));
		resumed->response = baton_response_bytes(response);
	}
}

/*
 * Described in header
 */
void baton_resume_init(void)
{
	mutex = mutex_create(MUTEX_TYPE_DEFAULT);
	all = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 128);
}

static void free_resumed(void *value, const void *key)
{
	resumed_destroy(value);
}

/*
 * Described in header
 */
void baton_resume_deinit(void)
{
	all->destroy_function(all, free_resumed);
	mutex->destroy(mutex);
}
