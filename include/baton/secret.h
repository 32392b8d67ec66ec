/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one type that holds key material. There is no function that prints it.
 *
 * A struct baton_secret may be embedded in larger structures; whoever owns
 * the memory wipes it with baton_secret_wipe() (or baton_wipe() over the
 * whole structure) before letting go of it. Long-lived holders allocate with
 * baton_locked_alloc(): pages that are neither swapped nor dumped.
 */
#ifndef BATON_SECRET_H
#define BATON_SECRET_H

#include <stddef.h>
#include <stdint.h>

#define BATON_SECRET_MAX 96 /* bytes; the longest IKE or ESP key in use is 68 */

struct baton_secret {
	uint16_t len;
	uint8_t bytes[BATON_SECRET_MAX];
};

/* Copies len bytes. Returns 0 or -BATON_E_LIMIT when len > BATON_SECRET_MAX. */
int baton_secret_set(struct baton_secret *s, const void *bytes, size_t len);
void baton_secret_wipe(struct baton_secret *s);
/* Constant time in the length. 1 if equal. */
int baton_secret_equal(const struct baton_secret *a, const struct baton_secret *b);

/* Overwrites memory in a way the compiler may not remove. */
void baton_wipe(void *p, size_t len);

/* Zeroed memory excluded from swap and core dumps (best effort for the swap: RLIMIT_MEMLOCK). NULL
 * when out of memory. Ownership: the caller, who gives it back with baton_locked_free() and the
 * same length. */
void *baton_locked_alloc(size_t len);
void baton_locked_free(void *p, size_t len);

#endif
