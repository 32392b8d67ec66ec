/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Between strongSwan's objects and the plain structures of baton/session.h.
 * The functions to baton return FALSE if the object does not fit, those to
 * strongSwan return NULL.
 */
#ifndef BATON_CONVERT_H_
#define BATON_CONVERT_H_

#include <library.h>
#include <networking/host.h>
#include <selectors/traffic_selector.h>
#include <crypto/proposal/proposal.h>
#include <utils/identification.h>
#include <sa/ike_sa_id.h>
#include <baton/session.h>

bool baton_from_host(host_t *host, struct baton_addr *addr);
host_t *baton_to_host(const struct baton_addr *addr);

bool baton_from_id(identification_t *id, struct baton_id *to);
identification_t *baton_to_id(const struct baton_id *id);

bool baton_from_ts(traffic_selector_t *ts, struct baton_ts *to);
traffic_selector_t *baton_to_ts(const struct baton_ts *ts);

bool baton_from_proposal(proposal_t *proposal, struct baton_suite *suite);
proposal_t *baton_to_proposal(const struct baton_suite *suite,
							  protocol_id_t protocol);

bool baton_from_chunk(chunk_t chunk, struct baton_secret *secret);

/**
 * Key as chunk, not cloned.
 */
chunk_t baton_to_chunk(const struct baton_secret *secret);

/**
 * @param initiator		TRUE if we are the initiator of the IKE_SA
 */
ike_sa_id_t *baton_to_ike_sa_id(uint64_t spi_i, uint64_t spi_r, bool initiator);

/**
 * ike_extension_t, as bits, and what others know these by. From: adds to the session's notifies.
 */
void baton_from_extensions(uint32_t extensions, struct baton_session *s);
uint32_t baton_to_extensions(const struct baton_session *s);

#endif /** BATON_CONVERT_H_ */
