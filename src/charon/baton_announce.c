/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_announce.h"

#include <daemon.h>
#include <encoding/payloads/notify_payload.h>

/** what charon itself keeps to: some peers do not like more */
#define MAX_ADDRESSES 8

/**
 * Remove the list; FALSE: there was none
 */
static bool remove_list(message_t *message)
{
	enumerator_t *enumerator;
	payload_t *payload;
	bool found = FALSE;

	enumerator = message->create_payload_enumerator(message);
	while (enumerator->enumerate(enumerator, &payload))
	{
		if (payload->get_type(payload) != PLV2_NOTIFY)
		{
			continue;
		}
		switch (((notify_payload_t*)payload)->get_notify_type(
													(notify_payload_t*)payload))
		{
			case ADDITIONAL_IP4_ADDRESS:
			case ADDITIONAL_IP6_ADDRESS:
			case NO_ADDITIONAL_ADDRESSES:
				message->remove_payload_at(message, enumerator);
				payload->destroy(payload);
				found = TRUE;
				break;
			default:
				break;
		}
	}
	enumerator->destroy(enumerator);
	return found;
}

/**
 * Add one of the addresses, unless the peer knows it as the source of this message
 */
static u_int add(message_t *message, char *address)
{
	host_t *host = host_create_from_string(address, 0);
	host_t *me = message->get_source(message);
	u_int added = 0;

	if (!host)
	{
		DBG1(DBG_CFG, "baton: addresses: '%s' is no address, not announced",
			 address);
	}
	else if (!me || !host->ip_equals(host, me))
	{
		message->add_notify(message, FALSE,
							host->get_family(host) == AF_INET ?
								ADDITIONAL_IP4_ADDRESS : ADDITIONAL_IP6_ADDRESS,
							host->get_address(host));
		added = 1;
	}
	DESTROY_IF(host);
	return added;
}

/*
 * Described in header
 */
void baton_announce(message_t *message)
{
	enumerator_t *enumerator;
	char *address, *list;
	u_int added = 0;

	if (!remove_list(message))
	{
		return;
	}
	list = lib->settings->get_str(lib->settings, "%s.plugins.baton.addresses", "",
								  lib->ns);
	enumerator = enumerator_create_token(list, ",", " ");
	while (added < MAX_ADDRESSES && enumerator->enumerate(enumerator, &address))
	{
		added += add(message, address);
	}
	enumerator->destroy(enumerator);
	if (!added)
	{
		message->add_notify(message, FALSE, NO_ADDITIONAL_ADDRESSES, chunk_empty);
	}
}
