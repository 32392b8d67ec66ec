/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_snapshot.h"
#include "baton_convert.h"
#include "baton_keymat.h"
#include "baton_move.h"

#include <daemon.h>

/**
 * Seconds that remain until an absolute time; 0 if there is none, 1 if it is over
 */
static uint32_t remaining(time_t when)
{
	time_t now = time_monotonic(NULL);

	if (!when)
	{
		return 0;
	}
	return when > now ? (uint32_t)(when - now) : 1;
}

/**
 * Copy a name, FALSE if it is too long
 */
static bool copy_name(char *to, const char *name)
{
	return snprintf(to, BATON_NAME_MAX, "%s", name) < BATON_NAME_MAX;
}

/**
 * Bits of an enum that is only told bit by bit
 */
static void add_bits(ike_sa_t *ike_sa, struct baton_session *s)
{
	u_int i;

	for (i = 0; i < 31; i++)
	{
		if (ike_sa->supports_extension(ike_sa, 1 << i))
		{
			s->extensions |= 1u << i;
		}
		if (ike_sa->has_condition(ike_sa, 1 << i))
		{
			s->conditions |= 1u << i;
		}
	}
	baton_from_extensions(s->extensions, s);
	if (s->conditions & COND_NAT_HERE)
	{
		s->flags |= BATON_IKE_NAT_LOCAL;
	}
	if (s->conditions & COND_NAT_THERE)
	{
		s->flags |= BATON_IKE_NAT_REMOTE;
	}
	if (s->conditions & COND_NAT_FAKE)
	{
		s->flags |= BATON_IKE_ENCAP_FORCED;
	}
}

/**
 * Addresses: of the peer's MOBIKE, and given to the peer
 */
static const char *add_addresses(ike_sa_t *ike_sa, struct baton_session *s)
{
	enumerator_t *enumerator;
	host_t *host, *other = ike_sa->get_other_host(ike_sa);
	const char *error = NULL;

	enumerator = ike_sa->create_peer_address_enumerator(ike_sa);
	while (enumerator->enumerate(enumerator, &host) &&
		   s->extra_addr_count < BATON_EXTRA_ADDRS_MAX)
	{	/* losing some of many is no harm, the peer's current one is safe */
		if (!host->ip_equals(host, other) &&
			baton_from_host(host, &s->extra_addrs[s->extra_addr_count]))
		{
			s->extra_addr_count++;
		}
	}
	enumerator->destroy(enumerator);

	enumerator = ike_sa->create_virtual_ip_enumerator(ike_sa, FALSE);
	while (!error && enumerator->enumerate(enumerator, &host))
	{
		if (s->vip_count == BATON_VIPS_MAX ||
			!baton_from_host(host, &s->vips[s->vip_count++]))
		{
			error = "virtual IP addresses";
		}
	}
	enumerator->destroy(enumerator);
	return error;
}

/**
 * Identities; the EAP identity is where authentication left it
 */
static bool add_identities(ike_sa_t *ike_sa, struct baton_session *s)
{
	enumerator_t *enumerator;
	identification_t *eap_id;
	auth_cfg_t *cfg;
	bool success;

	success = baton_from_id(ike_sa->get_my_id(ike_sa), &s->local_id) &&
			  baton_from_id(ike_sa->get_other_id(ike_sa), &s->remote_id);
	enumerator = ike_sa->create_auth_cfg_enumerator(ike_sa, FALSE);
	while (success && enumerator->enumerate(enumerator, &cfg))
	{
		eap_id = cfg->get(cfg, AUTH_RULE_EAP_IDENTITY);
		if (eap_id && eap_id->get_type(eap_id) != ID_ANY)
		{
			success = baton_from_id(eap_id, &s->remote_eap_id);
			s->remote_eap_id.type = BATON_ID_EAP;
		}
	}
	enumerator->destroy(enumerator);
	return success;
}

/**
 * Keys of the IKE_SA
 */
static bool add_keys(ike_sa_t *ike_sa, struct baton_session *s)
{
	baton_ike_keys_t *keys;
	bool success;

	keys = baton_vault_alloc(sizeof(*keys));
	success = keys && baton_keymat_get_keys(ike_sa->get_keymat(ike_sa), keys);
	if (success)
	{
		s->sk_d = keys->d;
		s->sk_ai = keys->ai;
		s->sk_ar = keys->ar;
		s->sk_ei = keys->ei;
		s->sk_er = keys->er;
		s->sk_pi = keys->pi;
		s->sk_pr = keys->pr;
	}
	baton_vault_free(keys);
	return success;
}

/**
 * Traffic selectors of one side
 */
static bool add_selectors(child_sa_t *child_sa, bool local, struct baton_ts *ts,
						  unsigned *count)
{
	enumerator_t *enumerator;
	traffic_selector_t *current;
	bool success = TRUE;

	enumerator = child_sa->create_ts_enumerator(child_sa, local);
	while (success && enumerator->enumerate(enumerator, &current))
	{
		success = *count < BATON_TS_MAX && baton_from_ts(current, &ts[*count]);
		(*count)++;
	}
	enumerator->destroy(enumerator);
	return success;
}

/**
 * SPD entries: one for each pair of selectors, for all directions it is used in
 */
static bool add_policies(child_sa_t *child_sa, struct baton_child *c)
{
	enumerator_t *enumerator;
	traffic_selector_t *local, *remote;
	child_cfg_t *config = child_sa->get_config(child_sa);
	uint8_t directions = BATON_DIR_IN | BATON_DIR_OUT;
	bool success = TRUE;

	if (config->has_option(config, OPT_NO_POLICIES))
	{
		return TRUE;
	}
	if (c->mode != BATON_MODE_TRANSPORT)
	{
		directions |= BATON_DIR_FWD;
	}
	enumerator = child_sa->create_policy_enumerator(child_sa);
	while (success && enumerator->enumerate(enumerator, &local, &remote))
	{
		struct baton_policy *policy = &c->policies[c->policy_count];

		success = c->policy_count < BATON_POLICIES_MAX &&
				  baton_from_ts(local, &policy->local) &&
				  baton_from_ts(remote, &policy->remote);
		if (success)
		{
			policy->directions = directions;
			policy->action = BATON_ACTION_PROTECT;
			policy->priority = config->get_manual_prio(config);
			c->policy_count++;
		}
	}
	enumerator->destroy(enumerator);
	return success;
}

/**
 * Is the CHILD_SA one that the peer and we have, and will go on to have?
 */
static bool is_alive(child_sa_t *child_sa)
{
	switch (child_sa->get_state(child_sa))
	{
		case CHILD_INSTALLED:
		case CHILD_UPDATING:
		case CHILD_REKEYING:
		case CHILD_REKEYED:
			return TRUE;
		default:
			return FALSE;
	}
}

/**
 * Flags of a CHILD_SA
 */
static uint8_t child_flags(child_sa_t *child_sa, child_cfg_t *config,
						   proposal_t *proposal, baton_child_keys_t *keys)
{
	uint16_t esn = NO_EXT_SEQ_NUMBERS;
	uint8_t flags = 0;

	proposal->get_algorithm(proposal, EXTENDED_SEQUENCE_NUMBERS, &esn, NULL);
	flags |= keys->initiator ? BATON_CHILD_INITIATOR : 0;
	flags |= esn == EXT_SEQ_NUMBERS ? BATON_CHILD_ESN : 0;
	flags |= child_sa->has_encap(child_sa) ? BATON_CHILD_ENCAP : 0;
	flags |= config->get_replay_window(config) ? 0 : BATON_CHILD_NO_REPLAY;
	if (child_sa->get_state(child_sa) == CHILD_REKEYED)
	{
		flags |= BATON_CHILD_REKEYED;
	}
	if (child_sa->get_outbound_state(child_sa) & CHILD_OUTBOUND_REGISTERED)
	{
		flags |= BATON_CHILD_PENDING;
	}
	return flags;
}

/**
 * Fill a CHILD_SA
 */
static const char *add_child(child_sa_t *child_sa, baton_child_keys_t *keys,
							 struct baton_child *c)
{
	child_cfg_t *config = child_sa->get_config(child_sa);
	proposal_t *proposal = child_sa->get_proposal(child_sa);

	if (child_sa->get_ipcomp(child_sa) != IPCOMP_NONE)
	{
		return "CHILD_SA with IPComp";
	}
	c->spi_in = ntohl(child_sa->get_spi(child_sa, TRUE));
	c->spi_out = ntohl(child_sa->get_spi(child_sa, FALSE));
	c->protocol = (uint8_t)child_sa->get_protocol(child_sa);
	c->mode = (uint8_t)child_sa->get_mode(child_sa);
	c->flags = child_flags(child_sa, config, proposal, keys);
	c->replay_window = config->get_replay_window(config);
	c->encr_i = keys->encr_i;
	c->encr_r = keys->encr_r;
	c->integ_i = keys->integ_i;
	c->integ_r = keys->integ_r;
	c->life.rekey_s = remaining(child_sa->get_lifetime(child_sa, FALSE));
	c->life.expire_s = remaining(child_sa->get_lifetime(child_sa, TRUE));
	c->reqid = child_sa->get_reqid(child_sa);
	c->mark_in = child_sa->get_mark(child_sa, TRUE).value;
	c->mark_out = child_sa->get_mark(child_sa, FALSE).value;
	c->if_id_in = child_sa->get_if_id(child_sa, TRUE);
	c->if_id_out = child_sa->get_if_id(child_sa, FALSE);
	if (!copy_name(c->name, child_sa->get_name(child_sa)))
	{
		return "name of a CHILD_SA";
	}
	if (!baton_from_proposal(proposal, &c->suite))
	{
		return "proposal of a CHILD_SA";
	}
	if (!add_selectors(child_sa, TRUE, c->local_ts, &c->local_ts_count) ||
		!add_selectors(child_sa, FALSE, c->remote_ts, &c->remote_ts_count))
	{
		return "traffic selectors";
	}
	return add_policies(child_sa, c) ? NULL : "policies";
}

/**
 * Fill all CHILD_SAs
 */
static const char *add_children(ike_sa_t *ike_sa, baton_child_keys_cb_t find,
								void *data, struct baton_session *s)
{
	baton_child_keys_t *keys;
	enumerator_t *enumerator;
	child_sa_t *child_sa;
	const char *error = NULL;

	enumerator = ike_sa->create_child_sa_enumerator(ike_sa);
	while (!error && enumerator->enumerate(enumerator, &child_sa))
	{
		if (!is_alive(child_sa))
		{
			continue;
		}
		keys = find(data, child_sa);
		if (!keys)
		{
			error = "keys of a CHILD_SA";
		}
		else if (s->child_count == BATON_CHILDREN_MAX)
		{
			error = "number of CHILD_SAs";
		}
		else
		{
			error = add_child(child_sa, keys, &s->children[s->child_count++]);
		}
	}
	enumerator->destroy(enumerator);
	return error;
}

/*
 * Described in header
 */
const char *baton_snapshot(ike_sa_t *ike_sa, baton_child_keys_cb_t find,
						   void *data, struct baton_session *s)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);
	proposal_t *proposal = ike_sa->get_proposal(ike_sa);
	const char *error;

	baton_session_wipe(s);
	s->spi_i = be64toh(id->get_initiator_spi(id));
	s->spi_r = be64toh(id->get_responder_spi(id));
	s->flags = id->is_initiator(id) ? BATON_IKE_INITIATOR : 0;
	if (ike_sa->get_state(ike_sa) == IKE_REKEYED)
	{
		s->flags |= BATON_IKE_REKEYED;
	}
	if (baton_is_moving(ike_sa))
	{
		s->flags |= BATON_IKE_MOVED;
	}
	s->msgid_in = ike_sa->get_message_id(ike_sa, FALSE);
	s->msgid_out = ike_sa->get_message_id(ike_sa, TRUE);
	s->life.rekey_s = remaining(ike_sa->get_statistic(ike_sa, STAT_REKEY));
	s->life.reauth_s = remaining(ike_sa->get_statistic(ike_sa, STAT_REAUTH));
	s->life.expire_s = remaining(ike_sa->get_statistic(ike_sa, STAT_DELETE));
	add_bits(ike_sa, s);
	if (!add_keys(ike_sa, s))
	{
		return "keys";
	}
	if (!copy_name(s->name, ike_sa->get_name(ike_sa)))
	{
		return "name of the connection";
	}
	if (!baton_from_host(ike_sa->get_my_host(ike_sa), &s->local) ||
		!baton_from_host(ike_sa->get_other_host(ike_sa), &s->remote))
	{
		return "addresses";
	}
	if (!add_identities(ike_sa, s))
	{
		return "identities";
	}
	if (!proposal || !baton_from_proposal(proposal, &s->suite))
	{
		return "proposal";
	}
	error = add_addresses(ike_sa, s);
	return error ?: add_children(ike_sa, find, data, s);
}
