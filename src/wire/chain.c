/* SPDX-License-Identifier: BSD-2-Clause */
/* The IKE header and the payload chain: RFC 7296 3.1 and 3.2; docs/protocol.md 5.1.1 and 5.1.2. */
#include "wire/chain.h"

#define IKE_VERSION 0x20u /* RFC 7296 3.1: major 2, minor 0 */
#define CRITICAL 0x80u
#define LENGTH_POS 24u
#define NEXT_POS 16u

void chain_open(struct chain *c, uint8_t type)
{
	baton_patch_u8(c->w, c->next_pos, type);
	c->start = c->next_pos = c->w->pos;
	baton_put_u32(c->w, 0); /* next payload, critical, length: patched later */
}

void chain_close(struct chain *c)
{
	size_t len = c->w->pos - c->start;

	if (len > UINT16_MAX && !c->w->err)
		c->w->err = -BATON_E_NOSPACE;
	baton_patch_u16(c->w, c->start + 2, (uint16_t)len);
}

bool seen_once(uint32_t *seen, unsigned slot, struct baton_reader *r)
{
	if (*seen & 1u << slot) {
		baton_reader_fail(r, -BATON_E_DUPLICATE, "payload");
		return false;
	}
	*seen |= 1u << slot;
	return true;
}

void skip_unknown(const struct baton_payload_view *p, struct baton_reader *body)
{
	if (p->critical)
		baton_reader_fail(body, -BATON_E_CRITICAL, "payload type");
	else
		baton_get_bytes(body, baton_reader_left(body), "payload");
}

void body_done(struct baton_reader *r, struct baton_reader *body)
{
	if (!body->err && baton_reader_left(body))
		baton_reader_fail(body, -BATON_E_LENGTH, "payload length");
	baton_reader_join(r, body);
}

void baton_build_begin(struct baton_builder *b, void *buf, size_t size,
		       const struct baton_header *h)
{
	baton_writer_init(&b->w, buf, size);
	baton_put_u64(&b->w, h->spi_i);
	baton_put_u64(&b->w, h->spi_r);
	b->next_pos = b->w.pos;
	baton_put_u8(&b->w, BATON_PL_NONE);
	baton_put_u8(&b->w, IKE_VERSION);
	baton_put_u8(&b->w, h->exchange);
	baton_put_u8(&b->w, h->flags);
	baton_put_u32(&b->w, h->msgid);
	baton_put_u32(&b->w, 0);
}

void baton_build_open(struct baton_builder *b, uint8_t type)
{
	struct chain c = {&b->w, b->next_pos, 0};

	chain_open(&c, type);
	b->next_pos = c.next_pos;
	b->payload_pos = c.start;
}

void baton_build_close(struct baton_builder *b)
{
	struct chain c = {&b->w, b->next_pos, b->payload_pos};

	chain_close(&c);
}

int baton_build_end(struct baton_builder *b)
{
	baton_patch_u32(&b->w, LENGTH_POS, (uint32_t)b->w.pos);
	return b->w.err ? b->w.err : (int)b->w.pos;
}

int baton_header_decode(struct baton_header *h, struct baton_reader *r)
{
	uint8_t version;

	h->spi_i = baton_get_u64(r, "initiator SPI");
	h->spi_r = baton_get_u64(r, "responder SPI");
	h->next_payload = baton_get_u8(r, "next payload");
	version = baton_get_u8(r, "version");
	h->exchange = baton_get_u8(r, "exchange type");
	h->flags = baton_get_u8(r, "flags");
	h->msgid = baton_get_u32(r, "message ID");
	h->length = baton_get_u32(r, "length");
	if (r->err)
		return r->err;
	if (version >> 4 != IKE_VERSION >> 4)
		baton_reader_fail(r, -BATON_E_VERSION, "version");
	else if (h->exchange < BATON_SA_STOR || h->exchange > BATON_SA_REKEY)
		baton_reader_fail(r, -BATON_E_EXCHANGE, "exchange type");
	else if (h->length != r->end)
		baton_reader_fail(r, h->length > r->end ? -BATON_E_TRUNCATED : -BATON_E_LENGTH,
				  "length");
	return r->err;
}

int baton_payload_next(struct baton_reader *r, uint8_t *next, struct baton_payload_view *p)
{
	uint8_t flags;
	uint16_t len;

	if (r->err)
		return r->err;
	if (*next == BATON_PL_NONE) {
		if (baton_reader_left(r))
			baton_reader_fail(r, -BATON_E_LENGTH, "bytes after the last payload");
		return r->err;
	}
	p->type = *next;
	r->payload = *next;
	*next = baton_get_u8(r, "next payload");
	flags = baton_get_u8(r, "critical");
	len = baton_get_u16(r, "payload length");
	p->critical = flags & CRITICAL;
	if (!r->err && len < 4)
		baton_reader_fail(r, -BATON_E_LENGTH, "payload length");
	if (!r->err)
		p->body = baton_get_sub(r, len - 4u, "payload length");
	return r->err ? r->err : 1;
}
