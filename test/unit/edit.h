/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Breaking encoded messages on purpose: finds payloads in a chain and adds,
 * removes, resizes and overwrites them, keeping every length around them
 * true, so that a test meets the one check it is about.
 */
#ifndef BATON_TEST_EDIT_H
#define BATON_TEST_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum edit_level {
	EDIT_MESSAGE,	  /* a whole message: its payloads */
	EDIT_SESSION,	  /* a SESSION body: its payloads */
	EDIT_FIRST_CHILD, /* a SESSION body: the payloads of its first CHILD */
};
struct edit {
	uint8_t *buf; /* room for a message of the largest size */
	size_t len;
	enum edit_level level;
};

/* Offset of the generic header of the nth (from 0) payload of that type. The test fails when there
 * is none. */
size_t edit_find(const struct edit *e, uint8_t type, unsigned nth);
/* Puts a payload in front of the others. */
void edit_add(struct edit *e, uint8_t type, bool critical, const void *body, size_t len);
void edit_remove(struct edit *e, uint8_t type, unsigned nth);
/* A second one of the same type. */
void edit_repeat(struct edit *e, uint8_t type, unsigned nth);
/* Makes its body longer (by zeroes) or shorter. */
void edit_resize(struct edit *e, uint8_t type, unsigned nth, int delta);

#endif
