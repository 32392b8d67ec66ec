/* SPDX-License-Identifier: BSD-2-Clause */
#include "edit.h"

#include <baton/message.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static size_t get16(const uint8_t *p)
{
	return (size_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Walks from the payload at pos, whose type is at next_pos, to the nth of that type; *next_pos
 * follows. SIZE_MAX: none. */
static size_t walk(const uint8_t *buf, size_t len, size_t *next_pos, size_t pos, uint8_t type,
		   unsigned nth)
{
	while (buf[*next_pos] != BATON_PL_NONE && pos + 4 <= len) {
		if (buf[*next_pos] == type && nth-- == 0)
			return pos;
		*next_pos = pos;
		pos += get16(buf + pos + 2);
	}
	return SIZE_MAX;
}

/* The container the edits are in: where its first type stands, its first payload, and the CHILD
 * around it (0 = none). */
struct frame {
	size_t next_pos, first, child;
};

static struct frame frame_of(const struct edit *e)
{
	struct frame f = {16, e->level == EDIT_MESSAGE ? BATON_IKE_HEADER_LEN : 20, 0};

	if (e->level == EDIT_FIRST_CHILD) {
		f.child = walk(e->buf, e->len, &f.next_pos, f.first, BATON_PL_CHILD, 0);
		assert_true(f.child != SIZE_MAX);
		f.next_pos = f.child + 4;
		f.first = f.child + 20;
	}
	return f;
}

static size_t find(const struct edit *e, uint8_t type, unsigned nth, size_t *next_pos)
{
	struct frame f = frame_of(e);
	size_t pos;

	*next_pos = f.next_pos;
	pos = walk(e->buf, e->len, next_pos, f.first, type, nth);
	assert_true(pos != SIZE_MAX);
	return pos;
}

size_t edit_find(const struct edit *e, uint8_t type, unsigned nth)
{
	size_t next_pos;

	return find(e, type, nth, &next_pos);
}

/* Opens (zeroed) or closes a gap at pos, and corrects the lengths around it. */
static void shift(struct edit *e, size_t pos, long delta)
{
	struct frame f = frame_of(e);
	size_t to = (size_t)((long)pos + delta);

	memmove(e->buf + to, e->buf + pos, e->len - pos);
	if (delta > 0)
		memset(e->buf + pos, 0, (size_t)delta);
	e->len = (size_t)((long)e->len + delta);
	if (f.child)
		put16(e->buf + f.child + 2, (size_t)((long)get16(e->buf + f.child + 2) + delta));
	if (e->level == EDIT_MESSAGE) {
		put16(e->buf + 24, e->len >> 16);
		put16(e->buf + 26, e->len & 0xffff);
	}
}

void edit_add(struct edit *e, uint8_t type, bool critical, const void *body, size_t len)
{
	struct frame f = frame_of(e);

	shift(e, f.first, (long)(4 + len));
	e->buf[f.first] = e->buf[f.next_pos];
	e->buf[f.next_pos] = type;
	e->buf[f.first + 1] = critical ? 0x80 : 0;
	put16(e->buf + f.first + 2, 4 + len);
	if (len)
		memcpy(e->buf + f.first + 4, body, len);
}

void edit_remove(struct edit *e, uint8_t type, unsigned nth)
{
	size_t next_pos, pos = find(e, type, nth, &next_pos);
	size_t len = get16(e->buf + pos + 2);

	e->buf[next_pos] = e->buf[pos];
	shift(e, pos + len, -(long)len);
}

void edit_repeat(struct edit *e, uint8_t type, unsigned nth)
{
	static uint8_t copy[UINT16_MAX];
	size_t pos = edit_find(e, type, nth);
	size_t len = get16(e->buf + pos + 2) - 4;

	memcpy(copy, e->buf + pos + 4, len);
	edit_add(e, type, false, copy, len);
}

void edit_resize(struct edit *e, uint8_t type, unsigned nth, int delta)
{
	size_t pos = edit_find(e, type, nth);
	size_t len = get16(e->buf + pos + 2);

	shift(e, pos + len, delta);
	put16(e->buf + pos + 2, (size_t)((long)len + delta));
}
