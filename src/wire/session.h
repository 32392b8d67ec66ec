/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two halves of the SESSION payload, session.c and session_decode.c, share. */
#ifndef BATON_WIRE_SESSION_H
#define BATON_WIRE_SESSION_H

#include "wire/parts.h"

#define IKE_KEYS 7u
#define IKE_ATTRIBUTES 3u
#define CHILD_KEYS 4u
#define CHILD_ATTRIBUTES 6u
extern const struct key_field ike_keys[IKE_KEYS], child_keys[CHILD_KEYS];
extern const struct local_field ike_attributes[IKE_ATTRIBUTES], child_attributes[CHILD_ATTRIBUTES];

#define IKE_FLAGS                                                                                  \
	(BATON_IKE_INITIATOR | BATON_IKE_NAT_LOCAL | BATON_IKE_NAT_REMOTE |                        \
	 BATON_IKE_ENCAP_FORCED | BATON_IKE_REKEYED | BATON_IKE_ONLY | BATON_IKE_MOVED)
#define CHILD_FLAGS                                                                                \
	(BATON_CHILD_INITIATOR | BATON_CHILD_ESN | BATON_CHILD_ENCAP | BATON_CHILD_NO_REPLAY |     \
	 BATON_CHILD_REKEYED | BATON_CHILD_PENDING)
#define STATUS_TYPES_FROM 16384u /* RFC 7296 3.10.1: below are errors */

#endif
