/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. A request is hashed as it came. Of one in fragments the first is
 * hashed, and any thread may get it: these hashes wait in a table of fixed size, in which
 * a newer one replaces an older. Whoever loses his has no response stored; the request is
 * then answered as if for the first time, or not at all.
 *
 * Everything about a whole request happens in one thread, from its decryption to its
 * response.
 */
#include "baton_request.h"

#include <daemon.h>
#include <baton/message.h>

#include <pthread.h>

/** offsets in a message: next payload; number of an encrypted fragment (RFC 7383) */
#define NEXT_PAYLOAD 16
#define FRAGMENT_NUMBER (BATON_IKE_HEADER_LEN + 4)

/** first fragments whose requests are not complete yet */
#define FIRSTS 1024

typedef struct {
	uint64_t spi_i;
	uint64_t spi_r;
	uint32_t msgid;
	uint8_t hash[BATON_REQUEST_HASH_LEN];
} first_t;

static first_t firsts[FIRSTS];
static pthread_mutex_t firsts_mutex = PTHREAD_MUTEX_INITIALIZER;

/** what this thread is working on */
static __thread baton_request_t current;

/**
 * The place of an exchange in the table, with its SPIs and message ID
 */
static first_t *find_first(ike_sa_t *ike_sa, uint32_t msgid, first_t *key)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);

	key->spi_i = id->get_initiator_spi(id);
	key->spi_r = id->get_responder_spi(id);
	key->msgid = msgid;
	return &firsts[(key->spi_i ^ key->spi_r ^ key->spi_r >> 32) % FIRSTS];
}

/*
 * Described in header
 */
bool baton_request_hash(chunk_t packet, uint8_t hash[BATON_REQUEST_HASH_LEN])
{
	hasher_t *hasher;
	bool success;

	hasher = lib->crypto->create_hasher(lib->crypto, HASH_SHA256);
	success = hasher && hasher->get_hash(hasher, packet, hash);
	DESTROY_IF(hasher);
	return success;
}

/*
 * Described in header
 */
void baton_request_received(ike_sa_t *ike_sa, message_t *message)
{
	chunk_t packet = message->get_packet_data(message);
	first_t first, *slot;

	if (packet.len <= FRAGMENT_NUMBER + 2 ||
		packet.ptr[NEXT_PAYLOAD] != PLV2_FRAGMENT ||
		untoh16(packet.ptr + FRAGMENT_NUMBER) != 1 ||
		untoh32(packet.ptr + NEXT_PAYLOAD + 8) != packet.len ||
		!baton_request_hash(packet, first.hash))
	{
		return;
	}
	slot = find_first(ike_sa, message->get_message_id(message), &first);
	pthread_mutex_lock(&firsts_mutex);
	*slot = first;
	pthread_mutex_unlock(&firsts_mutex);
}

/**
 * Was the message put together from fragments?
 */
static bool is_reassembled(message_t *message)
{
	enumerator_t *enumerator;
	void *fragment;
	bool found;

	enumerator = message->get_fragments(message);
	found = enumerator->enumerate(enumerator, &fragment);
	enumerator->destroy(enumerator);
	return found;
}

/**
 * Is there nothing in it but what finds out about NATs? Clients behind one check with that
 * whether their address has changed (RFC 4555, 3.8); if so more than this is to be told.
 */
static bool is_liveness_check(message_t *message)
{
	enumerator_t *enumerator;
	notify_payload_t *notify;
	payload_t *payload;
	bool other = FALSE;

	enumerator = message->create_payload_enumerator(message);
	while (!other && enumerator->enumerate(enumerator, &payload))
	{
		notify = (notify_payload_t*)payload;
		other = payload->get_type(payload) != PLV2_NOTIFY ||
				(notify->get_notify_type(notify) != NAT_DETECTION_SOURCE_IP &&
				 notify->get_notify_type(notify) != NAT_DETECTION_DESTINATION_IP);
	}
	enumerator->destroy(enumerator);
	return !other && message->get_exchange_type(message) == INFORMATIONAL;
}

/**
 * Get back the hash of a first fragment
 */
static bool take_first(ike_sa_t *ike_sa, uint32_t msgid, uint8_t *hash)
{
	first_t first, *slot;
	bool found;

	slot = find_first(ike_sa, msgid, &first);
	pthread_mutex_lock(&firsts_mutex);
	found = slot->spi_i == first.spi_i && slot->spi_r == first.spi_r &&
			slot->msgid == msgid;
	if (found)
	{
		memcpy(hash, slot->hash, sizeof(slot->hash));
	}
	pthread_mutex_unlock(&firsts_mutex);
	return found;
}

/*
 * Described in header
 */
void baton_request_begun(ike_sa_t *ike_sa, message_t *message)
{
	uint32_t msgid = message->get_message_id(message);

	current = (baton_request_t){
		.ike_sa = ike_sa,
		.msgid = msgid,
		.check = is_liveness_check(message),
	};
	current.hashed = is_reassembled(message) ?
			take_first(ike_sa, msgid, current.hash) :
			baton_request_hash(message->get_packet_data(message), current.hash);
}

/*
 * Described in header
 */
const baton_request_t *baton_request_of(ike_sa_t *ike_sa, uint32_t msgid)
{
	return current.ike_sa == ike_sa && current.msgid == msgid ? &current : NULL;
}

/*
 * Described in header
 */
chunk_t baton_response_bytes(message_t *message)
{
	enumerator_t *enumerator;
	packet_t *packet;
	chunk_t bytes = chunk_empty;

	enumerator = message->get_fragments(message);
	while (enumerator->enumerate(enumerator, &packet))
	{
		bytes = chunk_cat("mc", bytes, packet->get_data(packet));
	}
	enumerator->destroy(enumerator);
	if (!bytes.len)
	{
		bytes = chunk_clone(message->get_packet_data(message));
	}
	if (bytes.len > BATON_RESPONSE_MAX)
	{
		chunk_free(&bytes);
	}
	return bytes;
}
