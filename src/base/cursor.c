/* SPDX-License-Identifier: BSD-2-Clause */
#include <baton/cursor.h>

#include <endian.h>
#include <string.h>

void baton_reader_init(struct baton_reader *r, const void *buf, size_t len)
{
	/* No offset is ever added to a null pointer, not even 0. */
	*r = (struct baton_reader){
		.base = buf ? buf : (const void *)"",
		.end = buf ? len : 0,
		.where = {.field = ""},
	};
}

void baton_reader_fail(struct baton_reader *r, int err, const char *field)
{
	if (r->err)
		return;
	r->err = err;
	r->where = (struct baton_where){r->payload, (unsigned)r->pos, field};
	r->pos = r->end; /* nothing more is read */
}

size_t baton_reader_left(const struct baton_reader *r)
{
	return r->end - r->pos;
}

const uint8_t *baton_get_bytes(struct baton_reader *r, size_t len, const char *field)
{
	const uint8_t *p;

	if (r->err)
		return NULL;
	if (len > baton_reader_left(r)) {
		baton_reader_fail(r, -BATON_E_TRUNCATED, field);
		return NULL;
	}
	p = r->base + r->pos;
	r->pos += len;
	return p;
}

static inline uint64_t get_be(struct baton_reader *r, size_t len, const char *field)
{
	const uint8_t *p = baton_get_bytes(r, len, field);
	uint64_t v = 0;

	if (p)
		memcpy((uint8_t *)&v + sizeof(v) - len, p, len);
	return be64toh(v);
}

uint8_t baton_get_u8(struct baton_reader *r, const char *field)
{
	return (uint8_t)get_be(r, 1, field);
}

uint16_t baton_get_u16(struct baton_reader *r, const char *field)
{
	return (uint16_t)get_be(r, 2, field);
}

uint32_t baton_get_u32(struct baton_reader *r, const char *field)
{
	return (uint32_t)get_be(r, 4, field);
}

uint64_t baton_get_u64(struct baton_reader *r, const char *field)
{
	return get_be(r, 8, field);
}

void baton_get_copy(struct baton_reader *r, void *to, size_t len, const char *field)
{
	const uint8_t *p = baton_get_bytes(r, len, field);

	if (p)
		memcpy(to, p, len);
	else
		memset(to, 0, len);
}

struct baton_reader baton_get_sub(struct baton_reader *r, size_t len, const char *field)
{
	struct baton_reader sub = *r;

	if (baton_get_bytes(r, len, field)) {
		sub.end = sub.pos + len;
	} else {
		sub = *r;
		sub.end = sub.pos;
	}
	return sub;
}

void baton_reader_join(struct baton_reader *r, const struct baton_reader *sub)
{
	if (r->err || !sub->err)
		return;
	r->err = sub->err;
	r->where = sub->where;
	r->pos = r->end;
}

void baton_writer_init(struct baton_writer *w, void *buf, size_t size)
{
	*w = (struct baton_writer){.base = buf, .end = size};
}

void baton_put_bytes(struct baton_writer *w, const void *from, size_t len)
{
	if (w->err)
		return;
	if (len > w->end - w->pos) {
		w->err = -BATON_E_NOSPACE;
		return;
	}
	if (len)
		memcpy(w->base + w->pos, from, len);
	w->pos += len;
}

static inline void put_be(struct baton_writer *w, uint64_t v, size_t len)
{
	v = htobe64(v);
	baton_put_bytes(w, (const uint8_t *)&v + sizeof(v) - len, len);
}

void baton_put_u8(struct baton_writer *w, uint8_t v)
{
	put_be(w, v, 1);
}

void baton_put_u16(struct baton_writer *w, uint16_t v)
{
	put_be(w, v, 2);
}

void baton_put_u32(struct baton_writer *w, uint32_t v)
{
	put_be(w, v, 4);
}

void baton_put_u64(struct baton_writer *w, uint64_t v)
{
	put_be(w, v, 8);
}

static void patch(struct baton_writer *w, size_t pos, uint64_t v, size_t len)
{
	size_t at = w->pos;

	if (w->err || pos + len > at)
		return;
	w->pos = pos;
	put_be(w, v, len);
	w->pos = at;
}

void baton_patch_u8(struct baton_writer *w, size_t pos, uint8_t v)
{
	patch(w, pos, v, 1);
}

void baton_patch_u16(struct baton_writer *w, size_t pos, uint16_t v)
{
	patch(w, pos, v, 2);
}

void baton_patch_u32(struct baton_writer *w, size_t pos, uint32_t v)
{
	patch(w, pos, v, 4);
}
