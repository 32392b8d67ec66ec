/* SPDX-License-Identifier: BSD-2-Clause */
/* Many random schedules, each named by its seed. */
#ifndef BATON_TEST_PROP_H
#define BATON_TEST_PROP_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern uint64_t prop_seed; /* of the schedule that runs */
extern int prop_traced;

/* What happens, for a reader of one schedule (BATON_PROP_SEED). */
#define TRACE(...)                                                                                 \
	do {                                                                                       \
		if (prop_traced)                                                                   \
			printf(__VA_ARGS__);                                                       \
	} while (0)

/* Ends the program, naming the schedule, when a promise is broken. */
#define PROP(promise)                                                                              \
	do {                                                                                       \
		if (!(promise)) {                                                                  \
			fprintf(stderr, "%s:%d: seed %llu: broken: %s\n", __FILE__, __LINE__,      \
				(unsigned long long)prop_seed, #promise);                          \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* What a program runs in the unit tests, where sanitizers make it slow: `make check` and `make
 * soak` say another number. */
#define PROP_RUNS 20000

/*
 * Runs schedule() with as many seeds as this program's share (percent) of BATON_PROP_RUNS, from
 * BATON_PROP_FROM (1) on; or once with BATON_PROP_SEED. Says every now and then how far it is.
 */
int prop_run(const char *name, void (*schedule)(uint64_t seed), uint64_t share);

#endif
