/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. An IKE_SA that has changed is marked dirty and told by a job,
 * which gets it when charon is done with it; or earlier, when a response leaves.
 *
 * A response is told with what its request did, and held back until that is stored
 * (baton_hold.h). It stays with the session until the peer's next request shows that it
 * has arrived. Liveness checks change nothing: they are not told one by one, and whoever
 * carries on accepts a request whose number is a little higher than expected.
 *
 * When the peer rekeys the IKE_SA the response goes over the old one. So the old one stays
 * stored, without its CHILD_SAs, until the peer deletes it; and the new one is told in the
 * same message as the response, not before.
 *
 * Deletions are kept until batond has confirmed them, and told again after a
 * reconnect: what was deleted must not come back to life. All else is told anew then.
 *
 * One mutex protects everything. It is taken with the bus or the link locked or with
 * an IKE_SA checked out, never the other way round.
 */
#include "baton_teller.h"
#include "baton_convert.h"
#include "baton_entry.h"
#include "baton_request.h"
#include "baton_snapshot.h"
#include "baton_tell.h"

#include <daemon.h>
#include <collections/hashtable.h>
#include <processing/jobs/callback_job.h>
#include <threading/mutex.h>

#include <inttypes.h>

/** deletions that are remembered while batond is away */
#define DELETES_MAX 65536

/** so many liveness checks of the peer are answered without telling; more are tolerated
 * after a takeover, for nobody waits until this is stored */
#define UNTOLD_MAX 16

typedef struct private_baton_teller_t private_baton_teller_t;

/**
 * A deletion to be confirmed
 */
typedef struct {
	uint64_t spi_i;
	uint64_t spi_r;
	uint32_t msgid;
} delete_t;

struct private_baton_teller_t {

	/**
	 * Public interface
	 */
	baton_teller_t public;

	/**
	 * Where the link to batond is
	 */
	baton_link_t **link;

	/**
	 * Holds responses back
	 */
	baton_hold_t *hold;

	/**
	 * Protects all below
	 */
	mutex_t *mutex;

	/**
	 * IKE_SAs, baton_entry_t by their SPIs
	 */
	hashtable_t *entries;

	/**
	 * Keys of CHILD_SAs, baton_child_keys_t by their unique ID
	 */
	hashtable_t *children;

	/**
	 * Unconfirmed deletions, delete_t
	 */
	linked_list_t *deletes;

	/**
	 * Scratch, in locked memory, wiped after use
	 */
	struct scratch_t {
		struct baton_session session;
		uint8_t body[BATON_MESSAGE_MAX];
		uint8_t buf[BATON_MESSAGE_MAX];
	} *scratch;
};

/**
 * Data of a job about an IKE_SA
 */
typedef struct {
	private_baton_teller_t *this;
	ike_sa_id_t *id;
} job_data_t;

/**
 * Implements baton_child_keys_cb_t
 */
static baton_child_keys_t *find_keys(void *data, child_sa_t *child_sa)
{
	private_baton_teller_t *this = data;

	return this->children->get(this->children,
						(void*)(uintptr_t)child_sa->get_unique_id(child_sa));
}

/**
 * Keep the keys of a CHILD_SA, or drop them, with the mutex held
 */
static void put_keys(private_baton_teller_t *this, child_sa_t *child_sa,
					 baton_child_keys_t *keys)
{
	void *id = (void*)(uintptr_t)child_sa->get_unique_id(child_sa);

	baton_vault_free(keys ? this->children->put(this->children, id, keys)
						  : this->children->remove(this->children, id));
}

/**
 * Log once why an IKE_SA is not stored
 */
static void log_refusal(baton_entry_t *entry, ike_sa_t *ike_sa, const char *what,
						const char *why)
{
	if (!entry->refused)
	{
		entry->refused = TRUE;
		DBG1(DBG_CFG, "baton: IKE_SA %s[%u] is not stored, its %s: %s",
			 ike_sa->get_name(ike_sa), ike_sa->get_unique_id(ike_sa), what, why);
	}
}

/**
 * Encode a session to scratch->body, with the mutex held and the IKE_SA checked out.
 *
 * @param msgid_in		next request expected, 0 for what the IKE_SA says
 * @return				its length, negative if it is not stored
 */
static int encode_session(private_baton_teller_t *this, baton_entry_t *entry,
						  ike_sa_t *ike_sa, uint32_t msgid_in)
{
	struct scratch_t *scratch = this->scratch;
	const char *error;
	int len = -BATON_E_LIMIT;

	entry->dirty = FALSE;
	error = baton_snapshot(ike_sa, find_keys, this, &scratch->session);
	if (msgid_in)
	{
		scratch->session.msgid_in = msgid_in;
	}
	entry->told_in = scratch->session.msgid_in;
	if (error)
	{
		log_refusal(entry, ike_sa, error, "does not fit");
	}
	else
	{
		baton_entry_add_response(entry, &scratch->session);
		len = baton_session_encode(&scratch->session, scratch->body,
								   sizeof(scratch->body));
		if (len < 0)
		{
			log_refusal(entry, ike_sa, "state", baton_strerror(len));
		}
	}
	baton_session_wipe(&scratch->session);
	return len;
}

/**
 * Tell a session, with the mutex held and the IKE_SA checked out.
 *
 * @param msgid_in		next request expected, 0 for what the IKE_SA says
 * @param confirm		a response waits until it is stored, as well as its successor
 */
static void tell_session(private_baton_teller_t *this, baton_entry_t *entry,
						 ike_sa_t *ike_sa, uint32_t msgid_in, bool confirm)
{
	baton_link_t *link = *this->link;
	struct scratch_t *scratch = this->scratch;
	struct baton_header header;
	struct baton_builder builder;
	int len;

	len = encode_session(this, entry, ike_sa, msgid_in);
	if (len < 0)
	{
		return;
	}
	header = link->request(link, BATON_SA_STOR);
	baton_build_begin(&builder, scratch->buf, sizeof(scratch->buf), &header);
	if (confirm)
	{
		baton_build_notify(&builder, BATON_N_CONFIRM);
		this->hold->owe(this->hold, entry->spi_i, entry->spi_r, header.msgid);
		this->hold->hold(this->hold, entry->spi_i, entry->spi_r, msgid_in - 1);
	}
	if (entry->successor.len)
	{
		baton_build_session(&builder, entry->successor.ptr, entry->successor.len);
		chunk_clear(&entry->successor);
	}
	baton_build_session(&builder, scratch->body, (size_t)len);
	baton_wipe(scratch->body, (size_t)len);
	if (!link->send(link, scratch->buf, baton_build_end(&builder)) && confirm)
	{
		this->hold->settled(this->hold, header.msgid, FALSE);
	}
	baton_wipe(scratch->buf, builder.w.pos);
}

/**
 * Clean up the data of a job
 */
static void job_data_destroy(job_data_t *data)
{
	data->id->destroy(data->id);
	free(data);
}

/**
 * Job: tell an IKE_SA, if nobody has since
 */
static job_requeue_t tell_job(job_data_t *data)
{
	private_baton_teller_t *this = data->this;
	ike_sa_t *ike_sa;
	baton_entry_t *entry;

	ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, data->id);
	if (!ike_sa)
	{
		return JOB_REQUEUE_NONE;
	}
	this->mutex->lock(this->mutex);
	entry = baton_entry_find(this->entries, ike_sa);
	if (entry)
	{
		entry->queued = FALSE;
		if (entry->dirty && baton_entry_is_ours(ike_sa))
		{
			tell_session(this, entry, ike_sa, 0, FALSE);
		}
	}
	this->mutex->unlock(this->mutex);
	charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	return JOB_REQUEUE_NONE;
}

/**
 * Queue a job that tells an IKE_SA when charon is done with it; takes the ID
 */
static void queue_tell(private_baton_teller_t *this, ike_sa_id_t *id)
{
	job_data_t *data;

	INIT(data,
		.this = this,
		.id = id,
	);
	lib->processor->queue_job(lib->processor, (job_t*)
				callback_job_create_with_prio((callback_job_cb_t)tell_job, data,
					(void*)job_data_destroy, (callback_job_cancel_t)return_false,
					JOB_PRIO_HIGH));
}

/**
 * Know the IKE_SA that replaces another one, as soon as it is told
 */
static void know_successor(private_baton_teller_t *this, baton_entry_t *old)
{
	baton_entry_t *entry;

	INIT(entry,
		.spi_i = old->successor_spi_i,
		.spi_r = old->successor_spi_r,
		/* it may have changed since it was encoded: tell it once more */
		.dirty = TRUE,
		.queued = TRUE,
	);
	entry = this->entries->put(this->entries, entry, entry);
	if (entry)
	{
		baton_entry_destroy(entry);
	}
	queue_tell(this, baton_to_ike_sa_id(old->successor_spi_i, old->successor_spi_r,
										FALSE));
}

/**
 * Tell that an IKE_SA is gone, with the mutex held; destroys the entry
 */
static void delete_entry(private_baton_teller_t *this, baton_entry_t *entry)
{
	delete_t *delete;

	this->entries->remove(this->entries, entry);
	if (entry->successor.len)
	{	/* there was no response after all */
		know_successor(this, entry);
	}
	INIT(delete,
		.spi_i = entry->spi_i,
		.spi_r = entry->spi_r,
	);
	baton_entry_destroy(entry);
	this->deletes->insert_last(this->deletes, delete);
	delete->msgid = baton_tell_delete(*this->link, this->hold, delete->spi_i,
									  delete->spi_r);

	if (this->deletes->get_count(this->deletes) > DELETES_MAX)
	{
		this->deletes->remove_first(this->deletes, (void**)&delete);
		DBG1(DBG_CFG, "baton: too many deletions while batond is away, it will not "
			 "be told of IKE_SA %.16"PRIx64"_i %.16"PRIx64"_r", delete->spi_i,
			 delete->spi_r);
		free(delete);
	}
}

/**
 * Mark an IKE_SA, to be told when charon is done with it; with the mutex held
 */
static void mark_dirty(private_baton_teller_t *this, baton_entry_t *entry,
					   ike_sa_t *ike_sa)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);

	entry->dirty = TRUE;
	if (!entry->queued)
	{
		entry->queued = TRUE;
		queue_tell(this, id->clone(id));
	}
}

METHOD(baton_teller_t, add, void,
	private_baton_teller_t *this, ike_sa_t *ike_sa)
{
	if (baton_entry_is_ours(ike_sa))
	{
		this->mutex->lock(this->mutex);
		mark_dirty(this, baton_entry_add(this->entries, ike_sa), ike_sa);
		this->mutex->unlock(this->mutex);
	}
}

METHOD(baton_teller_t, changed, void,
	private_baton_teller_t *this, ike_sa_t *ike_sa)
{
	baton_entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = baton_entry_find(this->entries, ike_sa);
	if (entry)
	{
		mark_dirty(this, entry, ike_sa);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(baton_teller_t, answered, void,
	private_baton_teller_t *this, ike_sa_t *ike_sa, uint32_t msgid)
{
	baton_entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = baton_entry_find(this->entries, ike_sa);
	if (entry)
	{
		entry->told_in = ike_sa->get_message_id(ike_sa, FALSE);
		baton_tell_msgids(*this->link, entry->spi_i, entry->spi_r, entry->told_in,
						  msgid + 1);
	}
	this->mutex->unlock(this->mutex);
}

/**
 * A response that tells the peer of a change, with the mutex held
 */
static void answer_change(private_baton_teller_t *this, baton_entry_t *entry,
						  ike_sa_t *ike_sa, const baton_request_t *request,
						  message_t *message)
{
	bool replaced = entry->successor.len != 0;

	baton_entry_keep_response(entry, request, message);
	tell_session(this, entry, ike_sa, request->msgid + 1, TRUE);
	if (replaced)
	{
		know_successor(this, entry);
	}
}

METHOD(baton_teller_t, answering, void,
	private_baton_teller_t *this, ike_sa_t *ike_sa, message_t *message)
{
	uint32_t msgid = message->get_message_id(message);
	uint32_t next = ike_sa->get_message_id(ike_sa, FALSE);
	const baton_request_t *request = baton_request_of(ike_sa, msgid);
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);
	baton_entry_t *entry;

	if (msgid != next)
	{	/* not so for a synchronization of message IDs, RFC 6311 */
		request = NULL;
	}
	next += msgid == next;
	this->mutex->lock(this->mutex);
	entry = baton_entry_find(this->entries, ike_sa);
	if (request && request->check && !(entry && entry->dirty))
	{
		request = NULL;
	}
	if (!entry && request)
	{	/* it deletes the IKE_SA, if that was ours */
		this->hold->hold(this->hold, be64toh(id->get_initiator_spi(id)),
						 be64toh(id->get_responder_spi(id)), msgid);
	}
	else if (entry && request && baton_entry_is_ours(ike_sa))
	{
		answer_change(this, entry, ike_sa, request, message);
	}
	else if (entry)
	{
		baton_entry_keep_response(entry, NULL, message);
		if (entry->dirty && baton_entry_is_ours(ike_sa))
		{
			tell_session(this, entry, ike_sa, next, FALSE);
		}
		else if (next - entry->told_in >= UNTOLD_MAX)
		{
			entry->told_in = next;
			baton_tell_msgids(*this->link, entry->spi_i, entry->spi_r, next,
							  ike_sa->get_message_id(ike_sa, TRUE));
		}
	}
	this->mutex->unlock(this->mutex);
}

/**
 * If the peer replaces an IKE_SA the new one is told with the response, not before
 */
static bool keep_successor(private_baton_teller_t *this, baton_entry_t *entry,
						   ike_sa_t *new)
{
	ike_sa_id_t *id = new->get_id(new);
	baton_entry_t scratch = {};
	int len;

	if (!entry || !baton_entry_is_ours(new) || id->is_initiator(id))
	{
		return FALSE;
	}
	len = encode_session(this, &scratch, new, 0);
	if (len < 0)
	{
		return FALSE;
	}
	chunk_clear(&entry->successor);
	entry->successor = chunk_clone(chunk_create(this->scratch->body, (size_t)len));
	entry->successor_spi_i = be64toh(id->get_initiator_spi(id));
	entry->successor_spi_r = be64toh(id->get_responder_spi(id));
	baton_wipe(this->scratch->body, (size_t)len);
	return TRUE;
}

METHOD(baton_teller_t, replaced, void,
	private_baton_teller_t *this, ike_sa_t *old, ike_sa_t *new)
{
	baton_entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = baton_entry_find(this->entries, old);
	if (!keep_successor(this, entry, new))
	{
		if (baton_entry_is_ours(new))
		{
			tell_session(this, baton_entry_add(this->entries, new), new, 0, FALSE);
		}
		if (entry)
		{
			delete_entry(this, entry);
		}
	}
	this->mutex->unlock(this->mutex);
}

METHOD(baton_teller_t, gone, void,
	private_baton_teller_t *this, ike_sa_t *ike_sa)
{
	baton_entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = baton_entry_find(this->entries, ike_sa);
	if (entry)
	{
		delete_entry(this, entry);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(baton_teller_t, set_keys, void,
	private_baton_teller_t *this, child_sa_t *child_sa, baton_child_keys_t *keys)
{
	this->mutex->lock(this->mutex);
	put_keys(this, child_sa, keys);
	this->mutex->unlock(this->mutex);
}

/**
 * Get the IDs of all IKE_SAs
 */
static linked_list_t *get_ids(void)
{
	enumerator_t *enumerator;
	linked_list_t *ids;
	ike_sa_t *ike_sa;
	ike_sa_id_t *id;

	ids = linked_list_create();
	enumerator = charon->ike_sa_manager->create_enumerator(charon->ike_sa_manager,
														   TRUE);
	while (enumerator->enumerate(enumerator, &ike_sa))
	{
		id = ike_sa->get_id(ike_sa);
		ids->insert_last(ids, id->clone(id));
	}
	enumerator->destroy(enumerator);
	return ids;
}

/**
 * Job: tell everything. Changes that happen meanwhile are told by the hooks.
 */
static job_requeue_t tell_all(private_baton_teller_t *this)
{
	enumerator_t *enumerator;
	linked_list_t *ids;
	ike_sa_id_t *id;
	ike_sa_t *ike_sa;
	delete_t *delete;
	u_int count = 0;

	ids = get_ids();
	while (ids->remove_first(ids, (void**)&id) == SUCCESS)
	{
		ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, id);
		if (ike_sa)
		{
			this->mutex->lock(this->mutex);
			if (baton_entry_is_ours(ike_sa))
			{
				tell_session(this, baton_entry_add(this->entries, ike_sa), ike_sa, 0, FALSE);
				count++;
			}
			this->mutex->unlock(this->mutex);
			charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
		}
		id->destroy(id);
	}
	ids->destroy(ids);

	this->mutex->lock(this->mutex);
	enumerator = this->deletes->create_enumerator(this->deletes);
	while (enumerator->enumerate(enumerator, &delete))
	{
		delete->msgid = baton_tell_delete(*this->link, this->hold, delete->spi_i,
										  delete->spi_r);
	}
	enumerator->destroy(enumerator);
	baton_tell_notify(*this->link, BATON_N_SYNCED);
	DBG1(DBG_CFG, "baton: told batond %u IKE_SAs and %d deletions", count,
		 this->deletes->get_count(this->deletes));
	this->mutex->unlock(this->mutex);
	return JOB_REQUEUE_NONE;
}

METHOD(baton_teller_t, connected, void,
	private_baton_teller_t *this)
{
	baton_tell_notify(*this->link, BATON_N_HELLO);
	lib->processor->queue_job(lib->processor, (job_t*)
				callback_job_create_with_prio((callback_job_cb_t)tell_all, this, NULL,
					(callback_job_cancel_t)return_false, JOB_PRIO_HIGH));
}

METHOD(baton_teller_t, stored, void,
	private_baton_teller_t *this, const struct baton_message *response)
{
	const struct baton_status *status;
	enumerator_t *enumerator;
	delete_t *delete;
	bool lost = FALSE;
	unsigned i;

	if (response->error)
	{
		DBG1(DBG_CFG, "baton: batond refused a message: %s",
			 baton_strerror(response->error));
	}
	for (i = 0; i < response->status_count; i++)
	{
		status = &response->statuses[i];
		lost |= status->status == BATON_E_STALE_OWNER;
		if (status->status != BATON_OK && status->status != BATON_E_DELETED &&
			status->status != BATON_E_UNREACHABLE)
		{
			DBG1(DBG_CFG, "baton: batond refused IKE_SA %.16"PRIx64"_i "
				 "%.16"PRIx64"_r: %s", status->spi_i, status->spi_r,
				 baton_strerror(status->status));
		}
	}
	this->mutex->lock(this->mutex);
	enumerator = this->deletes->create_enumerator(this->deletes);
	while (enumerator->enumerate(enumerator, &delete))
	{
		if (delete->msgid == response->header.msgid)
		{
			this->deletes->remove_at(this->deletes, enumerator);
			free(delete);
		}
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
	this->hold->settled(this->hold, response->header.msgid, lost);
}

METHOD(baton_teller_t, add_restored, void,
	private_baton_teller_t *this, ike_sa_t *ike_sa,
	const struct baton_session *session)
{
	enumerator_t *enumerator;
	child_sa_t *child_sa;
	baton_child_keys_t *keys;
	baton_entry_t *entry;
	const struct baton_child *c = session->children;

	this->mutex->lock(this->mutex);
	entry = baton_entry_add(this->entries, ike_sa);
	entry->told_in = session->msgid_in;
	if (session->response.len)
	{
		entry->request.msgid = session->response.msgid;
		memcpy(entry->request.hash, session->response.request,
			   sizeof(entry->request.hash));
		chunk_free(&entry->response);
		entry->response = chunk_clone(chunk_create((u_char*)session->response.bytes,
												   session->response.len));
	}
	enumerator = ike_sa->create_child_sa_enumerator(ike_sa);
	while (enumerator->enumerate(enumerator, &child_sa))
	{
		keys = baton_vault_alloc(sizeof(*keys));
		if (keys)
		{
			*keys = (baton_child_keys_t){
				.initiator = (c->flags & BATON_CHILD_INITIATOR) != 0,
				.encr_i = c->encr_i,
				.encr_r = c->encr_r,
				.integ_i = c->integ_i,
				.integ_r = c->integ_r,
			};
			put_keys(this, child_sa, keys);
		}
		c++;
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
}

METHOD(baton_teller_t, forget, void,
	private_baton_teller_t *this, ike_sa_t *ike_sa)
{
	baton_entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = baton_entry_find(this->entries, ike_sa);
	if (entry)
	{
		baton_entry_destroy(this->entries->remove(this->entries, entry));
	}
	this->mutex->unlock(this->mutex);
}

static void free_entry(void *value, const void *key)
{
	baton_entry_destroy(value);
}

static void free_keys(void *value, const void *key)
{
	baton_vault_free(value);
}

METHOD(baton_teller_t, destroy, void,
	private_baton_teller_t *this)
{
	this->entries->destroy_function(this->entries, free_entry);
	this->children->destroy_function(this->children, free_keys);
	this->deletes->destroy_function(this->deletes, free);
	this->mutex->destroy(this->mutex);
	baton_locked_free(this->scratch, sizeof(*this->scratch));
	free(this);
}

/*
 * Described in header
 */
baton_teller_t *baton_teller_create(baton_link_t **link, baton_hold_t *hold)
{
	private_baton_teller_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.changed = _changed,
			.answered = _answered,
			.answering = _answering,
			.replaced = _replaced,
			.gone = _gone,
			.set_keys = _set_keys,
			.add_restored = _add_restored,
			.forget = _forget,
			.connected = _connected,
			.stored = _stored,
			.destroy = _destroy,
		},
		.link = link,
		.hold = hold,
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.entries = baton_entries_create(),
		.children = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 128),
		.deletes = linked_list_create(),
		.scratch = baton_locked_alloc(sizeof(struct scratch_t)),
	);

	if (!this->scratch)
	{
		destroy(this);
		return NULL;
	}
	return &this->public;
}
