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

/* Where a run that was interrupted goes on: BATON_PROP_STATE names a file that holds the next seed.
 */
static uint64_t read_state(uint64_t otherwise)
{
	const char *path = getenv("BATON_PROP_STATE");
	unsigned long long next = 0;
	FILE *f = path ? fopen(path, "r") : NULL;

	if (!f)
		return otherwise;
	if (fscanf(f, "%llu", &next) != 1)
		next = 0;
	fclose(f);
	return next ? next : otherwise;
}

static void write_state(void)
{
	const char *path = getenv("BATON_PROP_STATE");
	FILE *f = path ? fopen(path, "w") : NULL;

	if (!f)
		return;
	fprintf(f, "%llu\n", (unsigned long long)prop_seed);
	fclose(f);
}

static void say_progress(const char *name, uint64_t done, uint64_t left, time_t began)
{
	double passed = difftime(time(NULL), began);
	unsigned left_s = (unsigned)(passed / (double)done * (double)left);

	printf("%s: %llu schedules, %llu left, about %u:%02u:%02u; next seed %llu\n", name,
	       (unsigned long long)done, (unsigned long long)left, left_s / 3600, left_s / 60 % 60,
	       left_s % 60, (unsigned long long)prop_seed);
	fflush(stdout);
}

int prop_run(const char *name, void (*schedule)(uint64_t seed), uint64_t share)
{
	uint64_t runs = number_of("BATON_PROP_RUNS", PROP_RUNS) * share / 100;
	uint64_t first = number_of("BATON_PROP_FROM", 1), end = first + runs;
	uint64_t one = number_of("BATON_PROP_SEED", 0), begin = read_state(first);
	time_t began = time(NULL), told = began;

	if (one) {
		prop_seed = one;
		prop_traced = 1;
		schedule(one);
		return 0;
	}
	for (prop_seed = begin; prop_seed < end; prop_seed++) {
		if (prop_seed % 256 == 0 && time(NULL) - told >= PROGRESS_S) {
			told = time(NULL);
			say_progress(name, prop_seed - begin, end - prop_seed, began);
			write_state();
		}
		schedule(prop_seed);
	}
	write_state();
	printf("%s: %llu schedules, seeds %llu to %llu\n", name, (unsigned long long)(end - begin),
	       (unsigned long long)begin, (unsigned long long)(end - 1));
	return 0;
}
