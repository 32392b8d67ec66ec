/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. charon's pools give out the next unused address, or one
 * the same identity had before; they cannot be asked for a certain one. So first
 * the pool is asked in the ordinary way: clients restored in the order of their
 * addresses get theirs, and the pool knows. Else the address is kept here, and
 * whenever the pool offers it to somebody it is passed over: the pool is asked
 * again until it offers a free one. What was passed over is given back.
 *
 * So are addresses that clients of other gateways have (baton_elsewhere.h).
 *
 * A client that connects anew before its restored IKE SA has gone gets the address that is kept for it.
 *
 * Every address that is given out is noted, so that a session whose address has
 * been given to a new client meanwhile is not restored on top of it.
 */
#include "baton_vips.h"
#include "baton_elsewhere.h"

#include <daemon.h>
#include <collections/hashtable.h>
#include <threading/mutex.h>

/**
 * Addresses passed over in one request, at most
 */
#define MAX_PASSED 65536

typedef typeof(((attribute_manager_t*)0)->acquire_address) acquire_address_t;
typedef typeof(((attribute_manager_t*)0)->release_address) release_address_t;

static acquire_address_t real_acquire;
static release_address_t real_release;

typedef struct {
	/** address, the key */
	host_t *vip;
	/** who holds it, by which connection */
	identification_t *id;
	char *name;
	/** and from where */
	host_t *peer;
	/** IKE_SAs that hold it */
	u_int refs;
	/** TRUE if we keep it, FALSE if the pool does */
	bool kept;
} lease_t;

static hashtable_t *leases;

/** those that are kept, by identity, connection and family: of each the last one */
static hashtable_t *kept_for;

static mutex_t *mutex;

static u_int hash(const void *key)
{
	host_t *vip = (host_t*)key;

	return chunk_hash(vip->get_address(vip));
}

static bool equals(const void *a, const void *b)
{
	host_t *x = (host_t*)a, *y = (host_t*)b;

	return x->ip_equals(x, y);
}

static u_int hash_holder(const void *key)
{
	const lease_t *lease = key;

	return lease->id->hash(lease->id, (u_int)lease->vip->get_family(lease->vip));
}

static bool equal_holders(const void *a, const void *b)
{
	const lease_t *x = a, *y = b;

	return x->vip->get_family(x->vip) == y->vip->get_family(y->vip) &&
		   x->id->equals(x->id, y->id) && streq(x->name, y->name);
}

/**
 * It is not kept any more
 */
static void let_go(lease_t *lease)
{
	if (kept_for->get(kept_for, lease) == lease)
	{
		kept_for->remove(kept_for, lease);
	}
	lease->kept = FALSE;
}

static void lease_destroy(lease_t *lease)
{
	lease->vip->destroy(lease->vip);
	lease->id->destroy(lease->id);
	free(lease->name);
	lease->peer->destroy(lease->peer);
	free(lease);
}

static void destroy_value(void *value, const void *key)
{
	lease_destroy(value);
}

/**
 * Note that an IKE_SA holds an address
 */
static void add_lease(ike_sa_t *ike_sa, host_t *vip, bool kept)
{
	identification_t *id = ike_sa->get_other_eap_id(ike_sa);
	host_t *peer = ike_sa->get_other_host(ike_sa);
	lease_t *lease;

	lease = leases->get(leases, vip);
	if (lease)
	{
		lease->refs++;
		return;
	}
	INIT(lease,
		.vip = vip->clone(vip),
		.id = id->clone(id),
		.name = strdup(ike_sa->get_name(ike_sa)),
		.peer = peer->clone(peer),
		.refs = 1,
		.kept = kept,
	);
	leases->put(leases, lease->vip, lease);
	if (kept)
	{
		kept_for->remove(kept_for, lease);
		kept_for->put(kept_for, lease, lease);
	}
}

/**
 * Note an address a pool has offered, unless it is kept for somebody
 */
static bool take(ike_sa_t *ike_sa, host_t *vip)
{
	lease_t *lease;
	bool success;

	mutex->lock(mutex);
	lease = leases->get(leases, vip);
	success = !lease || !lease->kept;
	if (success)
	{
		add_lease(ike_sa, vip, FALSE);
	}
	mutex->unlock(mutex);
	return success;
}

/**
 * One IKE_SA less holds an address. Tells if it was kept here
 */
static bool drop(host_t *vip)
{
	lease_t *lease;
	bool kept = FALSE;

	mutex->lock(mutex);
	lease = leases->get(leases, vip);
	if (lease)
	{
		kept = lease->kept;
		if (--lease->refs == 0)
		{
			leases->remove(leases, vip);
			let_go(lease);
			lease_destroy(lease);
		}
	}
	mutex->unlock(mutex);
	return kept;
}

/**
 * A restored client that connects anew, beside the IKE_SA that it has, and asks for the address it
 * has, or for any, gets that one, as it would from a pool that knows it.
 */
static host_t *take_own(ike_sa_t *ike_sa, host_t *requested)
{
	lease_t *lease, holder = {
		.id = ike_sa->get_other_eap_id(ike_sa),
		.name = ike_sa->get_name(ike_sa),
		.vip = requested,
	};
	host_t *peer = ike_sa->get_other_host(ike_sa), *vip = NULL;

	mutex->lock(mutex);
	lease = requested->is_anyaddr(requested) ? kept_for->get(kept_for, &holder)
											 : leases->get(leases, requested);
	if (lease && lease->kept && lease->id->equals(lease->id, holder.id) &&
		peer->equals(peer, lease->peer))
	{
		lease->refs++;
		vip = lease->vip->clone(lease->vip);
	}
	mutex->unlock(mutex);
	return vip;
}

/**
 * An address no pool has, to tell that none in particular is wanted: a pool that
 * is asked for %any would offer once more what the peer just got
 */
static host_t *create_unlikely(int family)
{
	u_char addr[16];
	chunk_t chunk = chunk_create(addr, family == AF_INET ? 4 : 16);

	memset(addr, 0xff, sizeof(addr));
	return host_create_from_chunk(family, chunk, 0);
}

/**
 * The same for an address that nobody has at another gateway either
 */
static bool take_free(ike_sa_t *ike_sa, host_t *vip)
{
	if (!take(ike_sa, vip))
	{
		return FALSE;
	}
	if (baton_is_elsewhere(vip))
	{
		drop(vip);
		return FALSE;
	}
	return TRUE;
}

/**
 * Ask the pools until they offer an address that is not kept for somebody else.
 * A pool may take its time (DHCP): no lock is held meanwhile.
 */
static host_t *acquire_free(attribute_manager_t *this, linked_list_t *pools,
							ike_sa_t *ike_sa, host_t *requested)
{
	linked_list_t *passed;
	host_t *vip, *unlikely;

	passed = linked_list_create();
	unlikely = create_unlikely(requested->get_family(requested));
	vip = real_acquire(this, pools, ike_sa, requested);
	while (vip && !take_free(ike_sa, vip))
	{
		passed->insert_last(passed, vip);
		vip = NULL;
		if (passed->get_count(passed) < MAX_PASSED)
		{
			vip = real_acquire(this, pools, ike_sa, unlikely);
		}
		if (vip && vip->ip_equals(vip, unlikely))
		{	/* a pool that says yes to everything */
			vip->destroy(vip);
			vip = NULL;
		}
	}
	unlikely->destroy(unlikely);
	while (passed->remove_first(passed, (void**)&unlikely) == SUCCESS)
	{
		real_release(this, pools, unlikely, ike_sa);
		unlikely->destroy(unlikely);
	}
	passed->destroy(passed);
	return vip;
}

static host_t *acquire_address(attribute_manager_t *this, linked_list_t *pools,
							   ike_sa_t *ike_sa, host_t *requested)
{
	return take_own(ike_sa, requested) ?: acquire_free(this, pools, ike_sa, requested);
}

static bool release_address(attribute_manager_t *this, linked_list_t *pools,
							host_t *vip, ike_sa_t *ike_sa)
{
	return drop(vip) || real_release(this, pools, vip, ike_sa);
}

/**
 * Keep an address, unless somebody else holds it. Tells if the peer held it before.
 */
static bool keep(ike_sa_t *ike_sa, host_t *vip, bool *held)
{
	identification_t *id = ike_sa->get_other_eap_id(ike_sa);
	lease_t *lease;
	bool success;

	mutex->lock(mutex);
	lease = leases->get(leases, vip);
	*held = lease != NULL;
	success = !lease || id->equals(id, lease->id);
	if (success)
	{
		add_lease(ike_sa, vip, TRUE);
	}
	mutex->unlock(mutex);
	return success;
}

/**
 * The pool knows that an address is held: not ours to keep any more
 */
static void leave_to_pool(host_t *vip)
{
	lease_t *lease;

	mutex->lock(mutex);
	lease = leases->get(leases, vip);
	if (lease)
	{
		let_go(lease);
	}
	mutex->unlock(mutex);
}

/*
 * Described in header
 */
bool baton_vips_reserve(linked_list_t *pools, ike_sa_t *ike_sa, host_t *vip)
{
	host_t *offered;
	bool held;

	if (!keep(ike_sa, vip, &held))
	{
		return FALSE;
	}
	if (!held)
	{
		offered = real_acquire(charon->attributes, pools, ike_sa, vip);
		if (offered && offered->ip_equals(offered, vip))
		{
			leave_to_pool(vip);
		}
		else if (offered)
		{
			real_release(charon->attributes, pools, offered, ike_sa);
		}
		DESTROY_IF(offered);
	}
	return TRUE;
}

/*
 * Described in header
 */
void baton_vips_init(void)
{
	leases = hashtable_create(hash, equals, 32);
	kept_for = hashtable_create(hash_holder, equal_holders, 32);
	mutex = mutex_create(MUTEX_TYPE_DEFAULT);
	real_acquire = charon->attributes->acquire_address;
	real_release = charon->attributes->release_address;
	charon->attributes->acquire_address = acquire_address;
	charon->attributes->release_address = release_address;
}

/*
 * Described in header
 */
void baton_vips_deinit(void)
{
	charon->attributes->acquire_address = real_acquire;
	charon->attributes->release_address = real_release;
	kept_for->destroy(kept_for);
	leases->destroy_function(leases, destroy_value);
	mutex->destroy(mutex);
}
