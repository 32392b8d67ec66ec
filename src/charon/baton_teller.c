/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. An IKE_SA that has changed is marked dirty and told by a job,
 * which gets it when charon is done with it; or earlier, when a response leaves.
 *
 * Deletions are kept until batond has confirmed them, and told again after a
 * reconnect: what was deleted must not come back to life. All else is told anew then.
 *
 * One mutex protects everything. It is taken with the bus or the link locked or with
 * an IKE_SA checked out, never the other way round.
 */
#include "baton_teller.h"
#include "baton_convert.h"
#include "baton_snapshot.h"

#include <daemon.h>
#include <collections/hashtable.h>
#include <processing/jobs/callback_job.h>
#include <threading/mutex.h>

#include <inttypes.h>

/** deletions that are remembered while batond is away */
#define DELETES_MAX 65536

/** connections of this prefix carry batond's own traffic, and stay here */
#define OWN_PREFIX "baton-"

typedef struct private_baton_teller_t private_baton_teller_t;

/**
 * An IKE_SA that batond knows, or is to know
 */
typedef struct {
	uint64_t spi_i;
	uint64_t spi_r;
	/** changed since it was told */
	bool dirty;
	/** a job will tell it */
	bool queued;
	/** that it does not fit was logged */
	bool refused;
} entry_t;

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
	 * Protects all below
	 */
	mutex_t *mutex;

	/**
	 * IKE_SAs, entry_t by their SPIs
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

static u_int hash(const void *key)
{
	const entry_t *entry = key;

	return (u_int)(entry->spi_i ^ entry->spi_r ^ entry->spi_r >> 32);
}

static bool equals(const void *a, const void *b)
{
	const entry_t *x = a, *y = b;

	return x->spi_i == y->spi_i && x->spi_r == y->spi_r;
}

/**
 * Find the entry of an IKE_SA, with the mutex held
 */
static entry_t *find_entry(private_baton_teller_t *this, ike_sa_t *ike_sa)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);
	entry_t key = {
		.spi_i = be64toh(id->get_initiator_spi(id)),
		.spi_r = be64toh(id->get_responder_spi(id)),
	};

	return this->entries->get(this->entries, &key);
}

/**
 * Add the entry of an IKE_SA, with the mutex held
 */
static entry_t *add_entry(private_baton_teller_t *this, ike_sa_t *ike_sa)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);
	entry_t *entry;

	entry = find_entry(this, ike_sa);
	if (!entry)
	{
		INIT(entry,
			.spi_i = be64toh(id->get_initiator_spi(id)),
			.spi_r = be64toh(id->get_responder_spi(id)),
		);
		this->entries->put(this->entries, entry, entry);
	}
	return entry;
}

/**
 * Is this an IKE_SA to be stored?
 */
static bool is_ours(ike_sa_t *ike_sa)
{
	switch (ike_sa->get_state(ike_sa))
	{
		case IKE_ESTABLISHED:
		case IKE_REKEYING:
			return ike_sa->get_version(ike_sa) == IKEV2 &&
				   !strpfx(ike_sa->get_name(ike_sa), OWN_PREFIX);
		default:
			return FALSE;
	}
}

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
static void log_refusal(entry_t *entry, ike_sa_t *ike_sa, const char *what,
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
 * Tell a session, with the mutex held and the IKE_SA checked out.
 *
 * @param msgid_in		next request expected, 0 for what the IKE_SA says
 */
static void tell_session(private_baton_teller_t *this, entry_t *entry,
						 ike_sa_t *ike_sa, uint32_t msgid_in)
{
	baton_link_t *link = *this->link;
	struct scratch_t *scratch = this->scratch;
	struct baton_header header;
	struct baton_builder builder;
	const char *error;
	int len;

	entry->dirty = FALSE;
	error = baton_snapshot(ike_sa, find_keys, this, &scratch->session);
	if (msgid_in)
	{
		scratch->session.msgid_in = msgid_in;
	}
	if (error)
	{
		log_refusal(entry, ike_sa, error, "does not fit");
	}
	else
	{
		len = baton_session_encode(&scratch->session, scratch->body,
								   sizeof(scratch->body));
		if (len < 0)
		{
			log_refusal(entry, ike_sa, "state", baton_strerror(len));
		}
		else
		{
			header = link->request(link, BATON_SA_STOR);
			baton_build_begin(&builder, scratch->buf, sizeof(scratch->buf), &header);
			baton_build_session(&builder, scratch->body, (size_t)len);
			baton_wipe(scratch->body, (size_t)len);
			link->send(link, scratch->buf, baton_build_end(&builder));
			baton_wipe(scratch->buf, builder.w.pos);
		}
	}
	baton_session_wipe(&scratch->session);
}

/**
 * Tell the message IDs, with the mutex held
 */
static void tell_msgids(private_baton_teller_t *this, entry_t *entry,
						uint32_t in, uint32_t out)
{
	baton_link_t *link = *this->link;
	struct baton_header header = link->request(link, BATON_SA_STOR);
	struct baton_builder builder;
	struct baton_report report = {
		.kind = BATON_REPORT_MSGID,
		.spi_i = entry->spi_i,
		.spi_r = entry->spi_r,
		.msgid_in = in,
		.msgid_out = out,
	};
	uint8_t buf[256];

	baton_build_begin(&builder, buf, sizeof(buf), &header);
	baton_build_reports(&builder, &report, 1);
	link->send(link, buf, baton_build_end(&builder));
}

/**
 * Send a deletion, with the mutex held
 */
static void tell_delete(private_baton_teller_t *this, delete_t *delete)
{
	baton_link_t *link = *this->link;
	struct baton_header header = link->request(link, BATON_SA_STOR);
	struct baton_builder builder;
	struct baton_delete d = {
		.spi_i = delete->spi_i,
		.spi_r = delete->spi_r,
	};
	uint8_t buf[256];

	delete->msgid = header.msgid;
	baton_build_begin(&builder, buf, sizeof(buf), &header);
	baton_build_delete(&builder, &d);
	link->send(link, buf, baton_build_end(&builder));
}

/**
 * Tell that an IKE_SA is gone, with the mutex held; destroys the entry
 */
static void delete_entry(private_baton_teller_t *this, entry_t *entry)
{
	delete_t *delete;

	this->entries->remove(this->entries, entry);
	INIT(delete,
		.spi_i = entry->spi_i,
		.spi_r = entry->spi_r,
	);
	free(entry);
	this->deletes->insert_last(this->deletes, delete);
	tell_delete(this, delete);

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
	entry_t *entry;

	ike_sa = charon->ike_sa_manager->checkout(charon->ike_sa_manager, data->id);
	if (!ike_sa)
	{
		return JOB_REQUEUE_NONE;
	}
	this->mutex->lock(this->mutex);
	entry = find_entry(this, ike_sa);
	if (entry)
	{
		entry->queued = FALSE;
		if (entry->dirty && is_ours(ike_sa))
		{
			tell_session(this, entry, ike_sa, 0);
		}
	}
	this->mutex->unlock(this->mutex);
	charon->ike_sa_manager->checkin(charon->ike_sa_manager, ike_sa);
	return JOB_REQUEUE_NONE;
}

/**
 * Mark an IKE_SA, to be told when charon is done with it; with the mutex held
 */
static void mark_dirty(private_baton_teller_t *this, entry_t *entry,
					   ike_sa_t *ike_sa)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);
	job_data_t *data;

	entry->dirty = TRUE;
	if (!entry->queued)
	{
		entry->queued = TRUE;
		INIT(data,
			.this = this,
			.id = id->clone(id),
		);
		lib->processor->queue_job(lib->processor, (job_t*)
				callback_job_create_with_prio((callback_job_cb_t)tell_job, data,
					(void*)job_data_destroy, (callback_job_cancel_t)return_false,
					JOB_PRIO_HIGH));
	}
}

METHOD(baton_teller_t, add, void,
	private_baton_teller_t *this, ike_sa_t *ike_sa)
{
	if (is_ours(ike_sa))
	{
		this->mutex->lock(this->mutex);
		mark_dirty(this, add_entry(this, ike_sa), ike_sa);
		this->mutex->unlock(this->mutex);
	}
}

METHOD(baton_teller_t, changed, void,
	private_baton_teller_t *this, ike_sa_t *ike_sa)
{
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = find_entry(this, ike_sa);
	if (entry)
	{
		mark_dirty(this, entry, ike_sa);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(baton_teller_t, answered, void,
	private_baton_teller_t *this, ike_sa_t *ike_sa, uint32_t msgid)
{
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = find_entry(this, ike_sa);
	if (entry)
	{
		tell_msgids(this, entry, ike_sa->get_message_id(ike_sa, FALSE), msgid + 1);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(baton_teller_t, answering, void,
	private_baton_teller_t *this, ike_sa_t *ike_sa, uint32_t msgid)
{
	uint32_t next = ike_sa->get_message_id(ike_sa, FALSE);
	entry_t *entry;

	if (msgid == next)
	{	/* not so for a synchronization of message IDs, RFC 6311 */
		next++;
	}
	this->mutex->lock(this->mutex);
	entry = find_entry(this, ike_sa);
	if (entry && entry->dirty && is_ours(ike_sa))
	{
		tell_session(this, entry, ike_sa, next);
	}
	else if (entry)
	{
		tell_msgids(this, entry, next, ike_sa->get_message_id(ike_sa, TRUE));
	}
	this->mutex->unlock(this->mutex);
}

METHOD(baton_teller_t, replaced, void,
	private_baton_teller_t *this, ike_sa_t *old, ike_sa_t *new)
{
	entry_t *entry;

	this->mutex->lock(this->mutex);
	if (is_ours(new))
	{
		entry = add_entry(this, new);
		tell_session(this, entry, new, 0);
	}
	entry = find_entry(this, old);
	if (entry)
	{
		delete_entry(this, entry);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(baton_teller_t, gone, void,
	private_baton_teller_t *this, ike_sa_t *ike_sa)
{
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = find_entry(this, ike_sa);
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
 * Send a message that is only a notify
 */
static void tell_notify(private_baton_teller_t *this, uint16_t notify)
{
	baton_link_t *link = *this->link;
	struct baton_header header = link->request(link, BATON_SA_STOR);
	struct baton_builder builder;
	uint8_t buf[128];

	baton_build_begin(&builder, buf, sizeof(buf), &header);
	baton_build_notify(&builder, notify);
	link->send(link, buf, baton_build_end(&builder));
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
			if (is_ours(ike_sa))
			{
				tell_session(this, add_entry(this, ike_sa), ike_sa, 0);
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
		tell_delete(this, delete);
	}
	enumerator->destroy(enumerator);
	tell_notify(this, BATON_N_SYNCED);
	DBG1(DBG_CFG, "baton: told batond %u IKE_SAs and %d deletions", count,
		 this->deletes->get_count(this->deletes));
	this->mutex->unlock(this->mutex);
	return JOB_REQUEUE_NONE;
}

METHOD(baton_teller_t, connected, void,
	private_baton_teller_t *this)
{
	tell_notify(this, BATON_N_HELLO);
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
	unsigned i;

	if (response->error)
	{
		DBG1(DBG_CFG, "baton: batond refused a message: %s",
			 baton_strerror(response->error));
	}
	for (i = 0; i < response->status_count; i++)
	{
		status = &response->statuses[i];
		if (status->status != BATON_OK && status->status != BATON_E_DELETED)
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
}

METHOD(baton_teller_t, add_restored, void,
	private_baton_teller_t *this, ike_sa_t *ike_sa,
	const struct baton_session *session)
{
	enumerator_t *enumerator;
	child_sa_t *child_sa;
	baton_child_keys_t *keys;
	const struct baton_child *c = session->children;

	this->mutex->lock(this->mutex);
	add_entry(this, ike_sa);
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
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = find_entry(this, ike_sa);
	if (entry)
	{
		free(this->entries->remove(this->entries, entry));
	}
	this->mutex->unlock(this->mutex);
}

static void free_entry(void *value, const void *key)
{
	free(value);
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
baton_teller_t *baton_teller_create(baton_link_t **link)
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
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.entries = hashtable_create(hash, equals, 128),
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
