/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_fresh.h"

#include <daemon.h>

/*
 * Described in header
 */
void baton_fresh_take(struct baton_session *session, linked_list_t *names)
{
	const struct baton_child *c = session->children;
	unsigned i;

	for (i = 0; i < session->child_count; i++)
	{
		if (!(c[i].flags & BATON_CHILD_REKEYED))
		{
			names->insert_last(names, strdup(c[i].name));
		}
	}
	baton_wipe(session->children, sizeof(session->children));
	session->child_count = 0;
}

/**
 * The names of all CHILD_SAs of a connection
 */
static void add_all(peer_cfg_t *peer_cfg, linked_list_t *names)
{
	enumerator_t *enumerator;
	child_cfg_t *child_cfg;

	enumerator = peer_cfg->create_child_cfg_enumerator(peer_cfg);
	while (enumerator->enumerate(enumerator, &child_cfg))
	{
		names->insert_last(names, strdup(child_cfg->get_name(child_cfg)));
	}
	enumerator->destroy(enumerator);
}

/**
 * Find the configuration of a CHILD_SA
 */
static child_cfg_t *find_cfg(peer_cfg_t *peer_cfg, char *name)
{
	enumerator_t *enumerator;
	child_cfg_t *child_cfg, *found = NULL;

	enumerator = peer_cfg->create_child_cfg_enumerator(peer_cfg);
	while (!found && enumerator->enumerate(enumerator, &child_cfg))
	{
		if (streq(child_cfg->get_name(child_cfg), name))
		{
			found = child_cfg->get_ref(child_cfg);
		}
	}
	enumerator->destroy(enumerator);
	return found;
}

/*
 * Described in header
 */
status_t baton_fresh_create(ike_sa_t *ike_sa, linked_list_t *names, bool all)
{
	status_t status = SUCCESS;
	child_cfg_t *child_cfg;
	char *name;

	if (all)
	{
		add_all(ike_sa->get_peer_cfg(ike_sa), names);
	}
	while (status != DESTROY_ME &&
		   names->remove_first(names, (void**)&name) == SUCCESS)
	{
		child_cfg = find_cfg(ike_sa->get_peer_cfg(ike_sa), name);
		if (child_cfg)
		{
			DBG1(DBG_CFG, "baton: making CHILD_SA '%s' of '%Y' anew", name,
				 ike_sa->get_other_eap_id(ike_sa));
			status = ike_sa->initiate(ike_sa, child_cfg, NULL);
		}
		else
		{
			DBG1(DBG_CFG, "baton: there is no child '%s' to make anew for '%Y'", name,
				 ike_sa->get_other_eap_id(ike_sa));
		}
		free(name);
	}
	return status;
}
