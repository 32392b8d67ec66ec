/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * An extension of MOBIKE between this plugin at a gateway and at a client: a gateway that has
 * taken over says so, with the epoch it has, and the client makes sure of the new address
 * before it uses it (docs/protocol.md, 5.4.2).
 */
#ifndef BATON_UPDATE_H_
#define BATON_UPDATE_H_

#include <encoding/message.h>
#include <sa/ike_sa.h>
#include <sa/task.h>

/** Notify types, private use; outside of this file of no meaning */
#define BATON_ADDRESS_UPDATE_SUPPORTED 40990
#define BATON_ADDRESS_UPDATE 40991

/** RFC 4555 allows 8 to 64 */
#define BATON_COOKIE2_SIZE 16

/** What an ike_sa_t remembers of it; charon's own begin at the other end */
#define BATON_EXT_ADDRESS_UPDATE ((ike_extension_t)(1 << 30))

/**
 * Draw a COOKIE2, and add it to a request.
 */
bool baton_cookie2_add(message_t *message, uint8_t cookie[BATON_COOKIE2_SIZE]);

/**
 * Is there none, as if the peer did not know MOBIKE?
 */
bool baton_cookie2_is_missing(message_t *message);

/**
 * Has a response that COOKIE2? If not, the IKE_SA is to be closed (RFC 4555, 3.7).
 */
bool baton_cookie2_came_back(message_t *message,
							 const uint8_t cookie[BATON_COOKIE2_SIZE]);

/**
 * Negotiate it: to be called with every message in plain.
 *
 * @param client		is this the side that connects?
 */
void baton_update_negotiate(ike_sa_t *ike_sa, message_t *message, bool incoming,
							bool client);

/**
 * The epoch that a message of a gateway, or the response to it, names.
 *
 * @return				FALSE if it names none, or is malformed
 */
bool baton_update_epoch(message_t *message, uint32_t *epoch);

/**
 * Add it to a request of the gateway, or to the client's response: the address is in use already.
 */
void baton_update_add(message_t *message, uint32_t epoch);

/**
 * What is refused, and counted, for the log.
 */
typedef enum {
	BATON_REFUSED_LENGTH,
	BATON_REFUSED_EPOCH,
	BATON_REFUSED_ROLE,
	BATON_REFUSED_COOKIE2,
	BATON_REFUSED_SYNC,
	BATON_REFUSED_RAISE,
	BATON_REFUSED_COUNT,
} baton_refused_t;
void baton_update_refuse(baton_refused_t why, host_t *from);

/**
 * A task that tells the client of this gateway's address.
 *
 * @param epoch			of the session
 */
task_t *baton_update_create(ike_sa_t *ike_sa, uint32_t epoch);

/**
 * A task that moves an IKE_SA that this gateway has set up itself to its address: that is the
 * initiator's to decide (RFC 4555, 3.5), and no extension.
 *
 * @param answered		called when the peer has
 */
task_t *baton_update_create_ours(ike_sa_t *ike_sa,
								 void (*answered)(ike_sa_t *ike_sa));

/**
 * Is it a task of the one kind, or of the other?
 */
bool baton_update_is(task_t *task);
bool baton_update_is_ours(task_t *task);

#endif /** BATON_UPDATE_H_ */
