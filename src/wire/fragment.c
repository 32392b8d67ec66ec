/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragmentation: docs/protocol.md, "FRAGMENT", in the spirit of RFC 7383.
 *
 * Theory of operation. A message is cut into pieces of one size, the last may
 * be shorter; each piece travels behind a copy of the message's header. The
 * size of the pieces and so the place of each follow from any one fragment:
 * number, total, offset and lengths must agree with each other, and with
 * those of the fragments before. Overlaps and gaps thus cannot be expressed,
 * and "all have come" is a full bit set.
 *
 * A responder keeps no responses: asked again, it may answer with other bytes
 * under the same message ID. The tag, a hash of the message, keeps pieces of
 * the two from being put together. Receivers only compare it.
 */
#include "wire/parts.h"

#include <endian.h>
#include <string.h>

#define FRAGMENT_HEAD                                                                              \
	(BATON_IKE_HEADER_LEN + 4u + 16u) /* IKE header, generic header, fixed fields */

struct piece {
	uint16_t number, total; /* number from 1 */
	uint32_t message_len, offset, tag;
	uint32_t chunk; /* bytes of every piece but the last */
	size_t len;
	const uint8_t *data;
};

uint32_t baton_fragment_tag(const void *buf, size_t len)
{
	const uint8_t *msg = buf;
	uint64_t h = len, word;

	for (; len >= 8; msg += 8, len -= 8) {
		memcpy(&word, msg, 8);
		h = (h ^ le64toh(word)) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	for (; len; msg++, len--)
		h = (h ^ *msg) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(h >> 32);
}

/* The header of a message about to be cut: its caller built it, but it may be a peer's, handed on.
 */
static int outgoing_header(struct baton_header *h, const void *msg, size_t len)
{
	struct baton_reader r;

	if (len > BATON_MESSAGE_MAX)
		return -BATON_E_LIMIT;
	baton_reader_init(&r, msg, len);
	return baton_header_decode(h, &r);
}

int baton_fragment(const void *msg, size_t len, size_t mtu, unsigned index, void *out,
		   size_t out_size)
{
	uint32_t tag = len > mtu ? baton_fragment_tag(msg, len) : 0;

	return baton_fragment_tagged(msg, len, mtu, tag, index, out, out_size);
}

int baton_fragment_tagged(const void *msg, size_t len, size_t mtu, uint32_t tag, unsigned index,
			  void *out, size_t out_size)
{
	struct baton_builder b;
	struct baton_header h;
	size_t chunk, total, offset, piece;
	int err;

	if (len <= mtu) {
		if (index > 0)
			return 0;
		if (len > out_size)
			return -BATON_E_NOSPACE;
		memcpy(out, msg, len);
		return (int)len;
	}
	err = outgoing_header(&h, msg, len);
	if (err)
		return err;
	if (mtu < FRAGMENT_HEAD + BATON_IKE_HEADER_LEN)
		return -BATON_E_LIMIT;
	chunk = mtu - FRAGMENT_HEAD;
	total = (len + chunk - 1) / chunk;
	if (total > BATON_FRAGMENTS_MAX)
		return -BATON_E_LIMIT;
	if (index >= total)
		return 0;
	offset = index * chunk;
	piece = len - offset < chunk ? len - offset : chunk;
	baton_build_begin(&b, out, out_size, &h);
	baton_build_open(&b, BATON_PL_FRAGMENT);
	baton_put_u16(&b.w, (uint16_t)(index + 1));
	baton_put_u16(&b.w, (uint16_t)total);
	baton_put_u32(&b.w, (uint32_t)len);
	baton_put_u32(&b.w, (uint32_t)offset);
	baton_put_u32(&b.w, tag);
	baton_put_bytes(&b.w, (const uint8_t *)msg + offset, piece);
	baton_build_close(&b);
	return baton_build_end(&b);
}

int baton_is_fragment(const void *buf, size_t len)
{
	struct baton_reader r;
	struct baton_header h;
	int err;

	baton_reader_init(&r, buf, len);
	err = baton_header_decode(&h, &r);
	if (err)
		return err;
	return h.next_payload == BATON_PL_FRAGMENT;
}

/* Do the piece's own numbers agree? */
static void check_piece(struct baton_reader *b, struct piece *p)
{
	bool last = p->number == p->total;
	uint32_t before; /* pieces before the last */

	if (p->number < 1 || p->number > p->total || p->total < 2) {
		baton_reader_fail(b, -BATON_E_VALUE, "fragment number");
		return;
	}
	if (p->total > BATON_FRAGMENTS_MAX || p->message_len > BATON_MESSAGE_MAX ||
	    p->offset > BATON_MESSAGE_MAX) {
		baton_reader_fail(b, -BATON_E_LIMIT, "total fragments");
		return;
	}
	before = p->total - 1u;
	p->chunk = last ? p->offset / before : (uint32_t)p->len;
	if (p->chunk < BATON_IKE_HEADER_LEN || p->len == 0 || p->len > p->chunk)
		baton_reader_fail(b, -BATON_E_LENGTH, "fragment data");
	else if (p->offset != (p->number - 1u) * p->chunk)
		baton_reader_fail(b, -BATON_E_LENGTH, "offset");
	else if (p->message_len <= before * p->chunk || p->message_len > p->total * p->chunk ||
		 (last && p->offset + p->len != p->message_len))
		baton_reader_fail(b, -BATON_E_LENGTH, "message length");
}

/* The first piece starts with the header of the whole message: it must be the one the fragments
 * show. */
static void check_first(struct baton_reader *b, const struct baton_header *h, const struct piece *p)
{
	struct baton_builder bld;
	uint8_t want[BATON_IKE_HEADER_LEN];

	if (b->err || p->number != 1)
		return;
	baton_build_begin(&bld, want, sizeof(want), h);
	baton_patch_u8(&bld.w, 16, p->data[16]); /* the first payload, which fragments replace */
	baton_patch_u8(&bld.w, 17, p->data[17]); /* the version's minor part is free */
	baton_patch_u32(&bld.w, 24, p->message_len);
	if (memcmp(want, p->data, sizeof(want)) != 0 || p->data[16] == BATON_PL_FRAGMENT ||
	    p->data[17] >> 4 != 2)
		baton_reader_fail(b, -BATON_E_VALUE, "header in the first fragment");
}

static int get_piece(struct baton_header *h, struct piece *p, const void *buf, size_t len)
{
	struct baton_payload_view view;
	struct baton_reader r, *b = &view.body;
	uint8_t next;

	baton_reader_init(&r, buf, len);
	baton_header_decode(h, &r);
	next = h->next_payload;
	if (!r.err && next != BATON_PL_FRAGMENT)
		baton_reader_fail(&r, -BATON_E_MISSING, "FRAGMENT");
	if (baton_payload_next(&r, &next, &view) <= 0)
		return r.err;
	p->number = baton_get_u16(b, "fragment number");
	p->total = baton_get_u16(b, "total fragments");
	p->message_len = baton_get_u32(b, "message length");
	p->offset = baton_get_u32(b, "offset");
	p->tag = baton_get_u32(b, "tag");
	p->len = baton_reader_left(b);
	p->data = baton_get_bytes(b, p->len, "fragment data");
	if (!b->err)
		check_piece(b, p);
	check_first(b, h, p);
	baton_reader_join(&r, b);
	if (!r.err && (next != BATON_PL_NONE || baton_reader_left(&r)))
		baton_reader_fail(&r, -BATON_E_VALUE, "payload after FRAGMENT");
	return r.err;
}

static bool same_message(const struct baton_reassembly *r, const struct baton_header *h,
			 uint32_t tag)
{
	return r->header.spi_i == h->spi_i && r->header.spi_r == h->spi_r &&
	       r->header.exchange == h->exchange && r->header.flags == h->flags &&
	       r->header.msgid == h->msgid && r->tag == tag;
}

void baton_reassembly_reset(struct baton_reassembly *r)
{
	if (r->total)
		baton_wipe(r->buf, r->len);
	r->header = (struct baton_header){0};
	r->total = r->have = 0;
	r->chunk = r->tag = 0;
	memset(r->seen, 0, sizeof(r->seen));
	r->len = 0;
}

int baton_reassemble(struct baton_reassembly *r, const void *buf, size_t len)
{
	struct baton_header h;
	struct piece p = {0};
	int err = get_piece(&h, &p, buf, len);
	uint64_t bit, *seen;

	if (err || !p.data) /* without an error there are data */
		return err ? err : -BATON_E_MISSING;
	/* After the last piece, the same message again is a new one: the requester repeated it. */
	if (r->have == r->total || !same_message(r, &h, p.tag)) {
		baton_reassembly_reset(r);
		r->header = h;
		r->tag = p.tag;
		r->total = p.total;
		r->chunk = p.chunk;
		r->len = p.message_len;
	}
	if (p.total != r->total || p.message_len != r->len || p.chunk != r->chunk)
		return -BATON_E_VALUE;
	seen = &r->seen[(p.number - 1u) / 64];
	bit = (uint64_t)1 << ((p.number - 1u) % 64);
	if (*seen & bit) /* repeated: it must say the same */
		return memcmp(r->buf + p.offset, p.data, p.len) ? -BATON_E_DUPLICATE : 0;
	memcpy(r->buf + p.offset, p.data, p.len);
	*seen |= bit;
	r->have++;
	return r->have == r->total;
}
