/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cursor: the only way bytes from outside are read, and the only way
 * messages are written. A cursor never moves past its end. The first failure
 * sticks: later calls do nothing, reads return 0, and err and where tell the
 * first cause, so a decoder may read a whole structure and test once.
 * Integers are big-endian (network byte order) on the wire, host order here.
 */
#ifndef BATON_CURSOR_H
#define BATON_CURSOR_H

#include <baton/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct baton_reader {
	const uint8_t *base; /* first byte of the message, for offsets in errors */
	size_t pos, end;     /* offsets from base */
	int err;	     /* 0 or -BATON_E_* */
	struct baton_where where;
	unsigned payload; /* payload being read, for errors */
};

void baton_reader_init(struct baton_reader *r, const void *buf, size_t len);
/* Reads: field is a static name used in errors. */
uint8_t baton_get_u8(struct baton_reader *r, const char *field);
uint16_t baton_get_u16(struct baton_reader *r, const char *field);
uint32_t baton_get_u32(struct baton_reader *r, const char *field);
uint64_t baton_get_u64(struct baton_reader *r, const char *field);
/* Returns a pointer into the buffer (valid as long as it is) or NULL. */
const uint8_t *baton_get_bytes(struct baton_reader *r, size_t len, const char *field);
void baton_get_copy(struct baton_reader *r, void *to, size_t len, const char *field);
/* A sub-reader over the next len bytes, which r then skips. Errors of a sub-reader are handed up
 * with baton_reader_join(). */
struct baton_reader baton_get_sub(struct baton_reader *r, size_t len, const char *field);
void baton_reader_join(struct baton_reader *r, const struct baton_reader *sub);
size_t baton_reader_left(const struct baton_reader *r);
void baton_reader_fail(struct baton_reader *r, int err, const char *field);

struct baton_writer {
	uint8_t *base;
	size_t pos, end;
	int err; /* 0 or -BATON_E_NOSPACE */
};

void baton_writer_init(struct baton_writer *w, void *buf, size_t size);
void baton_put_u8(struct baton_writer *w, uint8_t v);
void baton_put_u16(struct baton_writer *w, uint16_t v);
void baton_put_u32(struct baton_writer *w, uint32_t v);
void baton_put_u64(struct baton_writer *w, uint64_t v);
void baton_put_bytes(struct baton_writer *w, const void *from, size_t len);
/* Overwrite at an earlier position (length fields, next-payload bytes). */
void baton_patch_u8(struct baton_writer *w, size_t pos, uint8_t v);
void baton_patch_u16(struct baton_writer *w, size_t pos, uint16_t v);
void baton_patch_u32(struct baton_writer *w, size_t pos, uint32_t v);

#endif
