/* SPDX-License-Identifier: BSD-2-Clause */
/* Many random schedules, each named by its seed. */
#ifndef BATON_TEST_PROP_H
#define BATON_TEST_PROP_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern uint64_t prop_seed; /* of the schedule that runs */

/* Ends the program, naming the schedule, when a promise is broken. */
#define PROP(promise)                                                                              \
	do {                                                                                       \
		if (!(promise)) {                                                                  \
			fprintf(stderr, "%s:%d: seed %llu: broken: %s\n", __FILE__, __LINE__,      \
				(unsigned long long)prop_seed, #promise);                          \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* Runs schedule() BATON_PROP_RUNS (100000) / divisor times with the seeds 1, 2, ..., or once with
 * BATON_PROP_SEED. */
int prop_run(void (*schedule)(uint64_t seed), uint64_t divisor);

#endif
