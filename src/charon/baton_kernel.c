/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. charon's objects are structures of method pointers, and
 * these are ours to replace: the replacement looks whether this thread restores
 * something and otherwise calls the original.
 *
 * Adopting: charon was restarted, the kernel was not. An SA that is there stays
 * untouched, with its sequence numbers and the kernel's own timers; installing it
 * is to find it, with the reqid that the new charon now knows as well. One that is
 * not there makes the whole session lost: it is then installed anew.
 */
#include "baton_kernel.h"
#include "baton_reqid.h"
#include "baton_restoring.h"

#include <daemon.h>
#include <threading/mutex.h>

__thread baton_restoring_t *baton_restoring;

typedef typeof(((kernel_interface_t*)0)->add_sa) add_sa_t;
typedef typeof(((kernel_interface_t*)0)->alloc_reqid) alloc_reqid_t;
typedef typeof(((kernel_interface_t*)0)->release_reqid) release_reqid_t;
typedef typeof(((child_cfg_t*)0)->get_lifetime) get_lifetime_t;

/**
 * The originals
 */
static add_sa_t real_add_sa;
static alloc_reqid_t real_alloc_reqid;
static release_reqid_t real_release_reqid;
static get_lifetime_t real_get_lifetime;

/**
 * One configuration's get_lifetime() is replaced at a time
 */
static mutex_t *lifetime_mutex;

static status_t add_sa(kernel_interface_t *this, kernel_ipsec_sa_id_t *id,
					   kernel_ipsec_add_sa_t *data)
{
	kernel_ipsec_query_sa_t query = {};
	uint64_t bytes, packets;
	time_t used;

	if (!baton_restoring || !baton_restoring->adopt)
	{
		return real_add_sa(this, id, data);
	}
	if (data->reqid == baton_restoring->child->reqid &&
		this->query_sa(this, id, &query, &bytes, &packets, &used) == SUCCESS)
	{
		return SUCCESS;
	}
	baton_restoring->lost = TRUE;
	return NOT_FOUND;
}

static status_t alloc_reqid(kernel_interface_t *this, linked_list_t *local_ts,
						linked_list_t *remote_ts, mark_t mark_in, mark_t mark_out,
						uint32_t if_id_in, uint32_t if_id_out, sec_label_t *label,
						uint32_t *reqid)
{
	bool exact = baton_restoring && baton_restoring->adopt;

	return baton_reqid_alloc(local_ts, remote_ts, mark_in, mark_out, if_id_in,
							 if_id_out, label, exact, reqid);
}

static status_t release_reqid(kernel_interface_t *this, uint32_t reqid,
						mark_t mark_in, mark_t mark_out, uint32_t if_id_in,
						uint32_t if_id_out, sec_label_t *label)
{
	if (baton_reqid_release(reqid) == SUCCESS)
	{
		return SUCCESS;
	}
	/* one from before we were loaded */
	return real_release_reqid(this, reqid, mark_in, mark_out, if_id_in,
							  if_id_out, label);
}

static lifetime_cfg_t *get_lifetime(child_cfg_t *this, bool jitter)
{
	lifetime_cfg_t *lifetime;

	lifetime = real_get_lifetime(this, jitter);
	if (baton_restoring && baton_restoring->child)
	{
		lifetime->time.rekey = baton_restoring->child->life.rekey_s;
		lifetime->time.life = baton_restoring->child->life.expire_s;
	}
	return lifetime;
}

/*
 * Described in header
 */
void baton_kernel_lifetimes_begin(child_cfg_t *config)
{
	lifetime_mutex->lock(lifetime_mutex);
	real_get_lifetime = config->get_lifetime;
	config->get_lifetime = get_lifetime;
}

/*
 * Described in header
 */
void baton_kernel_lifetimes_end(child_cfg_t *config)
{
	config->get_lifetime = real_get_lifetime;
	lifetime_mutex->unlock(lifetime_mutex);
}

/*
 * Described in header
 */
void baton_kernel_init(void)
{
	baton_reqid_init();
	lifetime_mutex = mutex_create(MUTEX_TYPE_DEFAULT);
	real_add_sa = charon->kernel->add_sa;
	real_alloc_reqid = charon->kernel->alloc_reqid;
	real_release_reqid = charon->kernel->release_reqid;
	charon->kernel->add_sa = add_sa;
	charon->kernel->alloc_reqid = alloc_reqid;
	charon->kernel->release_reqid = release_reqid;
}

/*
 * Described in header
 */
void baton_kernel_deinit(void)
{
	charon->kernel->add_sa = real_add_sa;
	charon->kernel->alloc_reqid = real_alloc_reqid;
	charon->kernel->release_reqid = real_release_reqid;
	lifetime_mutex->destroy(lifetime_mutex);
	baton_reqid_deinit();
}
