/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_convert.h"
#include "baton_sync.h"

#include <daemon.h>

/*
 * Described in header
 */
bool baton_from_host(host_t *host, struct baton_addr *addr)
{
	chunk_t ip = host->get_address(host);

	memset(addr, 0, sizeof(*addr));
	if (host->is_anyaddr(host) || ip.len > sizeof(addr->ip))
	{
		return FALSE;
	}
	addr->family = (uint8_t)host->get_family(host);
	addr->port = host->get_port(host);
	memcpy(addr->ip, ip.ptr, ip.len);
	return TRUE;
}

/*
 * Described in header
 */
host_t *baton_to_host(const struct baton_addr *addr)
{
	return host_create_from_chunk(addr->family,
						chunk_create((u_char*)addr->ip,
									 addr->family == AF_INET ? 4 : 16),
						addr->port);
}

/*
 * Described in header
 */
bool baton_from_id(identification_t *id, struct baton_id *to)
{
	chunk_t data = id->get_encoding(id);

	memset(to, 0, sizeof(*to));
	if (id->get_type(id) == ID_ANY || data.len > sizeof(to->data))
	{
		return FALSE;
	}
	to->type = (uint8_t)id->get_type(id);
	to->len = (uint16_t)data.len;
	memcpy(to->data, data.ptr, data.len);
	return TRUE;
}

/*
 * Described in header
 */
identification_t *baton_to_id(const struct baton_id *id)
{
	chunk_t data = chunk_create((u_char*)id->data, id->len);

	if (id->type == BATON_ID_EAP)
	{	/* the type is found in the data, as where the identity was received */
		return identification_create_from_data(data);
	}
	return identification_create_from_encoding(id->type, data);
}

/*
 * Described in header
 */
bool baton_from_ts(traffic_selector_t *ts, struct baton_ts *to)
{
	chunk_t from_addr, to_addr;

	memset(to, 0, sizeof(*to));
	switch (ts->get_type(ts))
	{
		case TS_IPV4_ADDR_RANGE:
			to->family = AF_INET;
			break;
		case TS_IPV6_ADDR_RANGE:
			to->family = AF_INET6;
			break;
		default:
			return FALSE;
	}
	from_addr = ts->get_from_address(ts);
	to_addr = ts->get_to_address(ts);
	to->protocol = ts->get_protocol(ts);
	to->port_start = ts->get_from_port(ts);
	to->port_end = ts->get_to_port(ts);
	memcpy(to->ip_start, from_addr.ptr, min(from_addr.len, sizeof(to->ip_start)));
	memcpy(to->ip_end, to_addr.ptr, min(to_addr.len, sizeof(to->ip_end)));
	return TRUE;
}

/*
 * Described in header
 */
traffic_selector_t *baton_to_ts(const struct baton_ts *ts)
{
	bool v4 = ts->family == AF_INET;
	size_t len = v4 ? 4 : 16;

	return traffic_selector_create_from_bytes(ts->protocol,
						v4 ? TS_IPV4_ADDR_RANGE : TS_IPV6_ADDR_RANGE,
						chunk_create((u_char*)ts->ip_start, len), ts->port_start,
						chunk_create((u_char*)ts->ip_end, len), ts->port_end);
}

/*
 * Described in header
 */
bool baton_from_proposal(proposal_t *proposal, struct baton_suite *suite)
{
	transform_type_t types[] = {
		ENCRYPTION_ALGORITHM, PSEUDO_RANDOM_FUNCTION, INTEGRITY_ALGORITHM,
		KEY_EXCHANGE_METHOD, EXTENDED_SEQUENCE_NUMBERS,
	};
	enumerator_t *enumerator;
	uint16_t alg, bits;
	u_int i;

	memset(suite, 0, sizeof(*suite));
	for (i = 0; i < countof(types); i++)
	{
		enumerator = proposal->create_enumerator(proposal, types[i]);
		while (enumerator->enumerate(enumerator, &alg, &bits))
		{
			if (suite->count == BATON_TRANSFORMS_MAX)
			{
				enumerator->destroy(enumerator);
				return FALSE;
			}
			suite->transforms[suite->count++] = (struct baton_transform){
				.type = (uint8_t)types[i],
				.id = alg,
				.key_bits = bits,
			};
		}
		enumerator->destroy(enumerator);
	}
	return suite->count > 0;
}

/*
 * Described in header
 */
proposal_t *baton_to_proposal(const struct baton_suite *suite,
							  protocol_id_t protocol)
{
	proposal_t *proposal;
	u_int i;

	proposal = proposal_create(protocol, 0);
	for (i = 0; i < suite->count; i++)
	{
		proposal->add_algorithm(proposal, suite->transforms[i].type,
						suite->transforms[i].id, suite->transforms[i].key_bits);
	}
	return proposal;
}

/*
 * Described in header
 */
bool baton_from_chunk(chunk_t chunk, struct baton_secret *secret)
{
	return baton_secret_set(secret, chunk.ptr, chunk.len) == 0;
}

/*
 * Described in header
 */
chunk_t baton_to_chunk(const struct baton_secret *secret)
{
	return chunk_create((u_char*)secret->bytes, secret->len);
}

/*
 * Described in header
 */
ike_sa_id_t *baton_to_ike_sa_id(uint64_t spi_i, uint64_t spi_r, bool initiator)
{
	return ike_sa_id_create(IKEV2_MAJOR_VERSION, htobe64(spi_i), htobe64(spi_r),
							initiator);
}

/**
 * Extensions that other implementations know as a notify
 */
static const struct {
	ike_extension_t extension;
	uint16_t notify;
} notifies[] = {
	{ EXT_MOBIKE,					MOBIKE_SUPPORTED },
	{ EXT_IKE_FRAGMENTATION,		FRAGMENTATION_SUPPORTED },
	{ EXT_IKE_MESSAGE_ID_SYNC,		IKEV2_MESSAGE_ID_SYNC_SUPPORTED },
	{ BATON_EXT_REPLAY_SYNC,		IKEV2_REPLAY_COUNTER_SYNC_SUPPORTED },
	{ EXT_IKE_CHILDLESS,			CHILDLESS_IKEV2_SUPPORTED },
	{ EXT_IKE_REDIRECTION,			REDIRECT_SUPPORTED },
};

/*
 * Described in header
 */
void baton_from_extensions(uint32_t extensions, struct baton_session *s)
{
	u_int i;

	for (i = 0; i < countof(notifies); i++)
	{
		if (extensions & notifies[i].extension)
		{
			s->notifies[s->notify_count++] = notifies[i].notify;
		}
	}
}

/*
 * Described in header
 */
uint32_t baton_to_extensions(const struct baton_session *s)
{
	uint32_t extensions = 0;
	u_int i, j;

	for (i = 0; i < s->notify_count; i++)
	{
		for (j = 0; j < countof(notifies); j++)
		{
			if (s->notifies[i] == notifies[j].notify)
			{
				extensions |= notifies[j].extension;
			}
		}
	}
	return extensions;
}
