/* SPDX-License-Identifier: BSD-2-Clause */
#include "prop.h"

#include <time.h>

#define PROGRESS_S 10

uint64_t prop_seed;
int prop_traced;

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 10) : otherwise;
}

static void say_progress(const char *name, uint64_t done, uint64_t runs, time_t began)
{
	double passed = difftime(time(NULL), began);

	printf("%s: %llu of %llu schedules, %.0f s, about %.0f s left; next seed %llu\n", name,
	       (unsigned long long)done, (unsigned long long)runs, passed,
	       done ? passed / (double)done * (double)(runs - done) : 0,
	       (unsigned long long)prop_seed);
	fflush(stdout);
}

int prop_run(const char *name, void (*schedule)(uint64_t seed), uint64_t share)
{
	uint64_t runs = number_of("BATON_PROP_RUNS", PROP_RUNS) * share / 100;
	uint64_t first = number_of("BATON_PROP_FROM", 1), one = number_of("BATON_PROP_SEED", 0);
	time_t began = time(NULL), told = began;

	if (one) {
		prop_seed = one;
		prop_traced = 1;
		schedule(one);
		return 0;
	}
	for (prop_seed = first; prop_seed - first < runs; prop_seed++) {
		if (prop_seed % 256 == 0 && time(NULL) - told >= PROGRESS_S) {
			told = time(NULL);
			say_progress(name, prop_seed - first, runs, began);
		}
		schedule(prop_seed);
	}
	printf("%s: %llu schedules, seeds %llu to %llu\n", name, (unsigned long long)runs,
	       (unsigned long long)first, (unsigned long long)(first + runs - 1));
	return 0;
}
