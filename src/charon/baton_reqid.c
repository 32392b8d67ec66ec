/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_reqid.h"

#include <collections/hashtable.h>
#include <threading/mutex.h>

/**
 * Smaller ones are left to the configuration
 */
#define FIRST_REQID 0x10000

typedef struct entry_t entry_t;

/**
 * What shares a reqid: selectors, marks, interface IDs and label
 */
struct entry_t {
	uint32_t reqid;
	u_int refs;
	mark_t mark_in;
	mark_t mark_out;
	uint32_t if_id_in;
	uint32_t if_id_out;
	sec_label_t *label;
	linked_list_t *local;
	linked_list_t *remote;
};

/**
 * Entries by reqid, and by all else
 */
static hashtable_t *by_reqid, *by_ts;

static mutex_t *mutex;

/**
 * Destroy an entry
 */
static void entry_destroy(entry_t *entry)
{
	entry->local->destroy_offset(entry->local,
								 offsetof(traffic_selector_t, destroy));
	entry->remote->destroy_offset(entry->remote,
								 offsetof(traffic_selector_t, destroy));
	DESTROY_IF(entry->label);
	free(entry);
}

/**
 * Compare all but selectors
 */
static bool shared_equals(const entry_t *a, const entry_t *b)
{
	return a->mark_in.value == b->mark_in.value &&
		   a->mark_in.mask == b->mark_in.mask &&
		   a->mark_out.value == b->mark_out.value &&
		   a->mark_out.mask == b->mark_out.mask &&
		   a->if_id_in == b->if_id_in && a->if_id_out == b->if_id_out &&
		   sec_labels_equal(a->label, b->label);
}

/**
 * Compare lists of selectors
 */
static bool ts_equals(linked_list_t *a, linked_list_t *b)
{
	return a->equals_offset(a, b, offsetof(traffic_selector_t, equals));
}

/**
 * Hash a list of selectors
 */
static u_int ts_hash(linked_list_t *list, u_int hash)
{
	enumerator_t *enumerator;
	traffic_selector_t *ts;

	enumerator = list->create_enumerator(list);
	while (enumerator->enumerate(enumerator, &ts))
	{
		hash = ts->hash(ts, hash);
	}
	enumerator->destroy(enumerator);
	return hash;
}

static u_int hash_by_ts(const void *key)
{
	const entry_t *entry = key;

	return ts_hash(entry->local, ts_hash(entry->remote,
							entry->mark_in.value ^ entry->mark_out.value));
}

static bool equals_by_ts(const void *a, const void *b)
{
	const entry_t *x = a, *y = b;

	return shared_equals(x, y) && ts_equals(x->local, y->local) &&
		   ts_equals(x->remote, y->remote);
}

static u_int hash_by_reqid(const void *key)
{
	return ((const entry_t*)key)->reqid;
}

static bool equals_by_reqid(const void *a, const void *b)
{
	return ((const entry_t*)a)->reqid == ((const entry_t*)b)->reqid;
}

/**
 * A random reqid that is not in use
 */
static uint32_t random_reqid(void)
{
	entry_t probe = {};
	rng_t *rng;
	uint32_t value;

	rng = lib->crypto->create_rng(lib->crypto, RNG_WEAK);
	do
	{
		if (!rng || !rng->get_bytes(rng, sizeof(value), (uint8_t*)&value))
		{
			value = (uint32_t)random();
		}
		probe.reqid = (value & 0x7fffffff) | FIRST_REQID;
	}
	while (by_reqid->get(by_reqid, &probe));
	DESTROY_IF(rng);
	return probe.reqid;
}

/*
 * Described in header
 */
status_t baton_reqid_alloc(linked_list_t *local_ts, linked_list_t *remote_ts,
						mark_t mark_in, mark_t mark_out, uint32_t if_id_in,
						uint32_t if_id_out, sec_label_t *label, bool exact,
						uint32_t *reqid)
{
	entry_t *entry = NULL, *wanted;
	bool taken;

	INIT(wanted,
		.reqid = *reqid,
		.mark_in = mark_in,
		.mark_out = mark_out,
		.if_id_in = if_id_in,
		.if_id_out = if_id_out,
		.label = label ? label->clone(label) : NULL,
		.local = local_ts->clone_offset(local_ts,
								offsetof(traffic_selector_t, clone)),
		.remote = remote_ts->clone_offset(remote_ts,
								offsetof(traffic_selector_t, clone)),
	);

	mutex->lock(mutex);
	if (*reqid)
	{	/* an explicit one needs no match of the selectors, they may have been
		 * narrowed; but a number from an earlier life must not meet another's */
		entry = by_reqid->get(by_reqid, wanted);
		taken = entry != NULL;
		if (entry && (!shared_equals(entry, wanted) ||
					  (exact && !equals_by_ts(entry, wanted))))
		{
			entry = NULL;
		}
	}
	else
	{
		taken = TRUE;
	}
	if (!entry)
	{
		entry = by_ts->get(by_ts, wanted);
	}
	if (!entry)
	{
		entry = wanted;
		wanted = NULL;
		if (!exact || taken)
		{
			entry->reqid = random_reqid();
		}
		by_reqid->put(by_reqid, entry, entry);
		by_ts->put(by_ts, entry, entry);
	}
	entry->refs++;
	*reqid = entry->reqid;
	mutex->unlock(mutex);

	if (wanted)
	{
		entry_destroy(wanted);
	}
	return SUCCESS;
}

/*
 * Described in header
 */
status_t baton_reqid_release(uint32_t reqid)
{
	entry_t *entry, probe = { .reqid = reqid };

	mutex->lock(mutex);
	entry = by_reqid->get(by_reqid, &probe);
	if (entry && --entry->refs == 0)
	{
		by_reqid->remove(by_reqid, entry);
		by_ts->remove(by_ts, entry);
		entry_destroy(entry);
	}
	mutex->unlock(mutex);
	return entry ? SUCCESS : NOT_FOUND;
}

/*
 * Described in header
 */
void baton_reqid_init(void)
{
	by_reqid = hashtable_create(hash_by_reqid, equals_by_reqid, 32);
	by_ts = hashtable_create(hash_by_ts, equals_by_ts, 32);
	mutex = mutex_create(MUTEX_TYPE_DEFAULT);
}

static void destroy_value(void *value, const void *key)
{
	entry_destroy(value);
}

/*
 * Described in header
 */
void baton_reqid_deinit(void)
{
	by_ts->destroy(by_ts);
	by_reqid->destroy_function(by_reqid, destroy_value);
	mutex->destroy(mutex);
}
