/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages as docs/protocol.md writes its examples: 32 octets a line, a heading for each payload.
 */
#ifndef BATON_TEST_PRINT_H
#define BATON_TEST_PRINT_H

#include <stddef.h>
#include <stdint.h>

void baton_test_print_hex(const uint8_t *p, size_t len);
/* A chain of payloads, the first of that type; within: what stands before each name. */
void baton_test_print_chain(const uint8_t *p, size_t len, uint8_t type, const char *within);

#endif
