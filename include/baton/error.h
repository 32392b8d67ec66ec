/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors. Every function that can fail returns 0 or one of these, negated.
 * The numbers travel on the wire as the Status of a LEASE payload
 * (docs/protocol.md, "Status"), so they are never renumbered.
 */
#ifndef BATON_ERROR_H
#define BATON_ERROR_H

enum baton_error {
	BATON_OK = 0,
	BATON_E_TRUNCATED = 1,	    /* fewer bytes than a length field promised */
	BATON_E_LENGTH = 2,	    /* a length field that cannot be true */
	BATON_E_VERSION = 3,	    /* not IKEv2's major version */
	BATON_E_EXCHANGE = 4,	    /* unknown exchange type */
	BATON_E_CRITICAL = 5,	    /* unknown payload with the critical bit */
	BATON_E_VALUE = 6,	    /* a field outside its range */
	BATON_E_MISSING = 7,	    /* a payload or field that must be there is not */
	BATON_E_DUPLICATE = 8,	    /* a payload that may occur once occurs twice */
	BATON_E_LIMIT = 9,	    /* more items than the stated maximum */
	BATON_E_NOSPACE = 10,	    /* the caller's buffer is too small */
	BATON_E_STALE_OWNER = 11,   /* the writer's epoch is older than the store's */
	BATON_E_STALE_VERSION = 12, /* the store has a newer version of the session */
	BATON_E_NOT_FOUND = 13,	    /* no such session */
	BATON_E_SPI_COLLISION = 14, /* an inbound SPI already names another SA */
	BATON_E_NOT_PEER = 15,	    /* the sender is not a configured peer */
	BATON_E_FULL = 16,	    /* a table has reached its stated maximum */
	BATON_E_DELETED = 17,	    /* the session was deleted; it does not come back */
	BATON_E_SYSTEM = 18,	    /* the operating system refused; errno says why */
	BATON_E_BUSY = 19,	    /* another operation of the same kind is under way */
	BATON_E_UNREACHABLE = 20,   /* no answer within the deadline */
	BATON_E_CONFIG = 21,	    /* this gateway lacks the configuration a session names */
	BATON_E_STALE = 22,	    /* the copy may be out of date: only its IKE SA may be used */
	BATON_E_SPI_RANGE = 23,	    /* an inbound SPI outside the sender's partition */
};

/* A short English phrase for err (either sign); never NULL, static storage. */
const char *baton_strerror(int err);

/* Where decoding failed: payload type and byte offset in the message. Field names are static. */
struct baton_where {
	unsigned payload;  /* payload type, 0 = header */
	unsigned offset;   /* from the first byte of the message */
	const char *field; /* "" when nothing failed */
};

#endif
