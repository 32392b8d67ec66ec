/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold of a store's table after every message: for fuzz_service.c and fuzz_steps.c. */
#ifndef BATON_TEST_STORE_CHECK_H
#define BATON_TEST_STORE_CHECK_H

#include "core/service.h"
#include "fuzz.h"

#define STORE_CHECK_MAX 16u /* sessions of the table */

/* Nothing has been seen yet. */
void store_check_begin(void);
/* What was seen of a record before may rise, not fall; the table's own counts are true. */
void store_check(struct baton_table *t, uint64_t now_ms);
/* A number that two tables in the same state have in common: what a request may change. */
uint64_t store_check_state(const struct baton_table *t);

#endif
