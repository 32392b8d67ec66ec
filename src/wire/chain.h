/* SPDX-License-Identifier: BSD-2-Clause */
/* Payload chains (RFC 7296 3.2), of a message or inside a container. */
#ifndef BATON_WIRE_CHAIN_H
#define BATON_WIRE_CHAIN_H

#include <baton/message.h>

/* A chain being written: each payload's type is patched into the one before. */
struct chain {
	struct baton_writer *w;
	size_t next_pos; /* where the type of the next payload goes */
	size_t start;	 /* of the open payload */
};

void chain_open(struct chain *c, uint8_t type);
void chain_close(struct chain *c);

/* Which once-only payloads have been seen. Fails r with DUPLICATE the second time. slot < 32. */
bool seen_once(uint32_t *seen, unsigned slot, struct baton_reader *r);
/* A payload whose type has no meaning where it stands: skipped, or refused when critical. */
void skip_unknown(const struct baton_payload_view *p, struct baton_reader *body);
/* All of the body must have been read: what is left over is a length that lies. Hands errors up to
 * r. */
void body_done(struct baton_reader *r, struct baton_reader *body);

#endif
