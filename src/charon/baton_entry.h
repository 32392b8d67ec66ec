/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * What the teller knows of each IKE_SA that batond knows, or is to know.
 */
#ifndef BATON_ENTRY_H_
#define BATON_ENTRY_H_

#include "baton_request.h"

#include <collections/hashtable.h>

/**
 * An IKE_SA that batond knows, or is to know
 */
typedef struct {
	uint64_t spi_i;
	uint64_t spi_r;
	/** changed since it was told */
	bool dirty;
	/** a job will tell it */
	bool queued;
	/** that it does not fit was logged */
	bool refused;
	/** next request expected, as it was told last */
	uint32_t told_in;
	/** what the peer was answered last, if its request was more than a liveness check */
	baton_request_t request;
	chunk_t response;
	/** who replaces it, encoded, not told yet */
	chunk_t successor;
	uint64_t successor_spi_i;
	uint64_t successor_spi_r;
} baton_entry_t;

/**
 * A table of entries by their SPIs.
 */
hashtable_t *baton_entries_create(void);

/**
 * The entry of an IKE_SA, NULL if there is none.
 */
baton_entry_t *baton_entry_find(hashtable_t *entries, ike_sa_t *ike_sa);

/**
 * The entry of an IKE_SA, made if there is none.
 */
baton_entry_t *baton_entry_add(hashtable_t *entries, ike_sa_t *ike_sa);

/**
 * Destroy an entry that is in no table.
 */
void baton_entry_destroy(baton_entry_t *entry);

/**
 * Is this an IKE_SA to be stored?
 */
bool baton_entry_is_ours(ike_sa_t *ike_sa);

/**
 * Keep a response, so that the peer may be given the same once more.
 *
 * @param request	NULL if there is nothing to keep
 */
void baton_entry_keep_response(baton_entry_t *entry, const baton_request_t *request,
							   message_t *message);

/**
 * Put the response into a session, if the peer may still ask for it.
 */
void baton_entry_add_response(baton_entry_t *entry, struct baton_session *session);

#endif /** BATON_ENTRY_H_ */
