/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_child.h"
#include "baton_convert.h"
#include "baton_kernel.h"

#include <daemon.h>
#include <processing/jobs/delete_child_sa_job.h>

/**
 * Find the configuration of a CHILD_SA, gets a reference
 */
static child_cfg_t *find_config(ike_sa_t *ike_sa, const char *name)
{
	peer_cfg_t *peer_cfg = ike_sa->get_peer_cfg(ike_sa);
	child_cfg_t *current, *found = NULL;
	enumerator_t *enumerator;

	enumerator = peer_cfg->create_child_cfg_enumerator(peer_cfg);
	while (!found && enumerator->enumerate(enumerator, &current))
	{
		if (streq(current->get_name(current), name))
		{
			found = current->get_ref(current);
		}
	}
	enumerator->destroy(enumerator);
	return found;
}

/**
 * Make traffic selectors
 */
static linked_list_t *create_selectors(const struct baton_ts *ts, unsigned count)
{
	linked_list_t *list;
	unsigned i;

	list = linked_list_create();
	for (i = 0; i < count; i++)
	{
		list->insert_last(list, baton_to_ts(&ts[i]));
	}
	return list;
}

/**
 * Create the CHILD_SA object
 */
static child_sa_t *create_child(ike_sa_t *ike_sa, child_cfg_t *config,
								const struct baton_child *c)
{
	linked_list_t *local, *remote;
	proposal_t *proposal;
	child_sa_t *child_sa;
	child_sa_create_t data = {
		/* a number from an earlier life is only good if the kernel has it */
		.reqid = baton_restoring->adopt ? c->reqid : 0,
		.mark_in = c->mark_in,
		.mark_out = c->mark_out,
		.if_id_in = c->if_id_in,
		.if_id_out = c->if_id_out,
		.if_id_in_def = ike_sa->get_if_id(ike_sa, TRUE),
		.if_id_out_def = ike_sa->get_if_id(ike_sa, FALSE),
		.encap = (c->flags & BATON_CHILD_ENCAP) != 0,
	};

	child_sa = child_sa_create(ike_sa->get_my_host(ike_sa),
							   ike_sa->get_other_host(ike_sa), config, &data);
	child_sa->set_mode(child_sa, c->mode);
	child_sa->set_protocol(child_sa, c->protocol);
	proposal = baton_to_proposal(&c->suite, c->protocol);
	child_sa->set_proposal(child_sa, proposal);
	proposal->destroy(proposal);
	child_sa->set_state(child_sa, CHILD_INSTALLING);

	local = create_selectors(c->local_ts, c->local_ts_count);
	remote = create_selectors(c->remote_ts, c->remote_ts_count);
	child_sa->set_policies(child_sa, local, remote);
	local->destroy_offset(local, offsetof(traffic_selector_t, destroy));
	remote->destroy_offset(remote, offsetof(traffic_selector_t, destroy));
	return child_sa;
}

/**
 * The CHILD_SA that is to replace one, but is not used to send yet; NULL if there is none
 */
static const struct baton_child *pending_successor(const struct baton_session *session,
												   const struct baton_child *old)
{
	const struct baton_child *c;
	unsigned i;

	for (i = 0; old->flags & BATON_CHILD_REKEYED && i < session->child_count; i++)
	{
		c = &session->children[i];
		if (c != old && c->flags & BATON_CHILD_PENDING && c->reqid == old->reqid &&
			streq(c->name, old->name))
		{
			return c;
		}
	}
	return NULL;
}

/**
 * Is it not used to send: its successor is, or the peer has not seen it yet?
 */
static bool is_receiving_only(const struct baton_child *c)
{
	if (c->flags & BATON_CHILD_REKEYED)
	{
		return !pending_successor(baton_restoring->session, c);
	}
	return (c->flags & BATON_CHILD_PENDING) != 0;
}

/**
 * Install both SAs with their final keys. Whether the peer supports TFC padding
 * is not stored: without, we send none.
 */
static bool install_sas(child_sa_t *child_sa, const struct baton_child *c)
{
	bool initiator = (c->flags & BATON_CHILD_INITIATOR) != 0;
	chunk_t encr_in, integ_in, encr_out, integ_out;
	status_t status;

	encr_in = baton_to_chunk(initiator ? &c->encr_r : &c->encr_i);
	integ_in = baton_to_chunk(initiator ? &c->integ_r : &c->integ_i);
	encr_out = baton_to_chunk(initiator ? &c->encr_i : &c->encr_r);
	integ_out = baton_to_chunk(initiator ? &c->integ_i : &c->integ_r);

	status = child_sa->install(child_sa, encr_in, integ_in, htonl(c->spi_in), 0,
							   initiator, TRUE, FALSE);
	if (status == SUCCESS && is_receiving_only(c))
	{	/* another one is used to send: known, but without outbound policy */
		status = child_sa->register_outbound(child_sa, encr_out, integ_out,
								htonl(c->spi_out), 0, initiator, FALSE);
	}
	else if (status == SUCCESS)
	{
		status = child_sa->install(child_sa, encr_out, integ_out,
								htonl(c->spi_out), 0, initiator, FALSE, FALSE);
	}
	return status == SUCCESS;
}

/**
 * Install a CHILD_SA
 */
static int install_child(ike_sa_t *ike_sa, const struct baton_child *c,
						 linked_list_t *children)
{
	child_cfg_t *config;
	child_sa_t *child_sa;
	bool success;

	config = find_config(ike_sa, c->name);
	if (!config)
	{
		DBG1(DBG_CFG, "baton: connection '%s' has no child '%s', which a session "
			 "to be restored uses", ike_sa->get_name(ike_sa), c->name);
		return BATON_E_CONFIG;
	}
	child_sa = create_child(ike_sa, config, c);
	children->insert_last(children, child_sa);
	baton_kernel_lifetimes_begin(config);
	success = install_sas(child_sa, c);
	baton_kernel_lifetimes_end(config);
	config->destroy(config);
	if (!success && !baton_restoring->lost)
	{
		DBG1(DBG_CFG, "baton: installing SAs of CHILD_SA '%s' failed", c->name);
	}
	return success ? BATON_OK : BATON_E_SYSTEM;
}

/*
 * Described in header
 */
int baton_children_install(ike_sa_t *ike_sa, linked_list_t *children)
{
	const struct baton_session *session = baton_restoring->session;
	int status = BATON_OK;
	unsigned i;

	for (i = 0; status == BATON_OK && i < session->child_count; i++)
	{
		baton_restoring->child = &session->children[i];
		status = install_child(ike_sa, &session->children[i], children);
	}
	baton_restoring->child = NULL;
	return status;
}

/**
 * If we rekeyed a CHILD_SA and had no time to delete the old one, nobody else will
 */
static void delete_rekeyed(ike_sa_t *ike_sa, const struct baton_session *session,
						   const struct baton_child *old)
{
	const struct baton_child *c;
	unsigned i;

	for (i = 0; i < session->child_count; i++)
	{
		c = &session->children[i];
		if (!(c->flags & BATON_CHILD_REKEYED) && c->flags & BATON_CHILD_INITIATOR &&
			c->reqid == old->reqid && streq(c->name, old->name))
		{
			lib->processor->queue_job(lib->processor, (job_t*)
							delete_child_sa_job_create(old->protocol,
									htonl(old->spi_in),
									ike_sa->get_my_host(ike_sa), FALSE));
			return;
		}
	}
}

/*
 * Described in header
 */
int baton_children_activate(ike_sa_t *ike_sa,
							const struct baton_session *session,
							linked_list_t *children)
{
	const struct baton_child *c = session->children, *successor;
	enumerator_t *enumerator;
	child_sa_t *child_sa;
	int status = BATON_OK;

	enumerator = children->create_enumerator(children);
	while (status == BATON_OK && enumerator->enumerate(enumerator, &child_sa))
	{
		if (child_sa->install_policies(child_sa) != SUCCESS)
		{
			DBG1(DBG_CFG, "baton: installing policies of CHILD_SA '%s' failed",
				 child_sa->get_name(child_sa));
			status = BATON_E_SYSTEM;
		}
	}
	enumerator->destroy(enumerator);
	if (status != BATON_OK)
	{
		return status;
	}
	while (children->remove_first(children, (void**)&child_sa) == SUCCESS)
	{
		child_sa->set_state(child_sa, CHILD_INSTALLED);
		ike_sa->add_child_sa(ike_sa, child_sa);
		if (c->flags & BATON_CHILD_REKEYED)
		{
			successor = pending_successor(session, c);
			child_sa->set_state(child_sa, CHILD_REKEYED);
			if (successor)
			{	/* used to send when the peer deletes this one */
				child_sa->set_rekey_spi(child_sa, htonl(successor->spi_out));
			}
			delete_rekeyed(ike_sa, session, c);
		}
		c++;
	}
	return BATON_OK;
}
