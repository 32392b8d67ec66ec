/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_entry.h"

#include <daemon.h>

/** connections of this prefix carry batond's own traffic, and stay here */
#define OWN_PREFIX "baton-"

static u_int hash(const void *key)
{
	const baton_entry_t *entry = key;

	return (u_int)(entry->spi_i ^ entry->spi_r ^ entry->spi_r >> 32);
}

static bool equals(const void *a, const void *b)
{
	const baton_entry_t *x = a, *y = b;

	return x->spi_i == y->spi_i && x->spi_r == y->spi_r;
}

/*
 * Described in header
 */
hashtable_t *baton_entries_create(void)
{
	return hashtable_create(hash, equals, 128);
}

/*
 * Described in header
 */
baton_entry_t *baton_entry_find(hashtable_t *entries, ike_sa_t *ike_sa)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);
	baton_entry_t key = {
		.spi_i = be64toh(id->get_initiator_spi(id)),
		.spi_r = be64toh(id->get_responder_spi(id)),
	};

	return entries->get(entries, &key);
}

/*
 * Described in header
 */
baton_entry_t *baton_entry_add(hashtable_t *entries, ike_sa_t *ike_sa)
{
	ike_sa_id_t *id = ike_sa->get_id(ike_sa);
	baton_entry_t *entry;

	entry = baton_entry_find(entries, ike_sa);
	if (!entry)
	{
		INIT(entry,
			.spi_i = be64toh(id->get_initiator_spi(id)),
			.spi_r = be64toh(id->get_responder_spi(id)),
		);
		entries->put(entries, entry, entry);
	}
	return entry;
}

/*
 * Described in header
 */
void baton_entry_destroy(baton_entry_t *entry)
{
	chunk_free(&entry->response);
	chunk_clear(&entry->successor);
	free(entry);
}

/*
 * Described in header
 */
bool baton_entry_is_ours(ike_sa_t *ike_sa)
{
	switch (ike_sa->get_state(ike_sa))
	{
		case IKE_ESTABLISHED:
		case IKE_REKEYING:
		case IKE_REKEYED:
			return ike_sa->get_version(ike_sa) == IKEV2 &&
				   !strpfx(ike_sa->get_name(ike_sa), OWN_PREFIX);
		default:
			return FALSE;
	}
}

/*
 * Described in header
 */
void baton_entry_keep_response(baton_entry_t *entry, const baton_request_t *request,
							   message_t *message)
{
	chunk_free(&entry->response);
	if (request && request->hashed)
	{
		entry->request = *request;
		entry->response = baton_response_bytes(message);
	}
}

/*
 * Described in header
 */
void baton_entry_add_response(baton_entry_t *entry, struct baton_session *session)
{
	if (entry->response.len && entry->request.msgid + 1 == session->msgid_in)
	{
		session->response.msgid = entry->request.msgid;
		session->response.len = (uint16_t)entry->response.len;
		memcpy(session->response.request, entry->request.hash,
			   sizeof(session->response.request));
		memcpy(session->response.bytes, entry->response.ptr, entry->response.len);
	}
}
