/* SPDX-License-Identifier: BSD-2-Clause */
#include "prop.h"

uint64_t prop_seed;

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 10) : otherwise;
}

int prop_run(void (*schedule)(uint64_t seed), uint64_t divisor)
{
	uint64_t runs = number_of("BATON_PROP_RUNS", 100000) / divisor;
	uint64_t one = number_of("BATON_PROP_SEED", 0);

	if (one) {
		prop_seed = one;
		schedule(one);
		return 0;
	}
	for (prop_seed = 1; prop_seed <= runs; prop_seed++)
		schedule(prop_seed);
	printf("%llu schedules\n", (unsigned long long)runs);
	return 0;
}
