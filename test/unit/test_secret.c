/* SPDX-License-Identifier: BSD-2-Clause */
#include <baton/error.h>
#include <baton/secret.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t zeroes[4096];

static void keeps_what_it_is_given(void **state)
{
	uint8_t key[BATON_SECRET_MAX];
	struct baton_secret s;

	(void)state;
	memset(key, 0x5a, sizeof(key));
	memset(&s, 0xff, sizeof(s));
	assert_int_equal(baton_secret_set(&s, key, 16), 0);
	assert_int_equal(s.len, 16);
	assert_memory_equal(s.bytes, key, 16);
	assert_memory_equal(s.bytes + 16, zeroes, BATON_SECRET_MAX - 16);
	assert_int_equal(baton_secret_set(&s, key, sizeof(key)), 0);
	assert_int_equal(s.len, BATON_SECRET_MAX);
	assert_int_equal(baton_secret_set(&s, NULL, 0), 0);
	assert_int_equal(s.len, 0);
}

static void refuses_a_key_too_long_and_keeps_no_old_one(void **state)
{
	uint8_t key[BATON_SECRET_MAX + 1] = {1};
	struct baton_secret s;

	(void)state;
	assert_int_equal(baton_secret_set(&s, key, 16), 0);
	assert_int_equal(baton_secret_set(&s, key, sizeof(key)), -BATON_E_LIMIT);
	assert_memory_equal(&s, zeroes, sizeof(s));
}

static void equal_only_when_equal(void **state)
{
	struct baton_secret a, b;

	(void)state;
	baton_secret_set(&a, "abcd", 4);
	baton_secret_set(&b, "abcd", 4);
	assert_int_equal(baton_secret_equal(&a, &b), 1);
	baton_secret_set(&b, "abce", 4);
	assert_int_equal(baton_secret_equal(&a, &b), 0);
	baton_secret_set(&b, "abc", 3);
	assert_int_equal(baton_secret_equal(&a, &b), 0);
	assert_int_equal(baton_secret_equal(&b, &a), 0);
	baton_secret_set(&b, "abcd\0", 5); /* the same bytes, longer by a zero */
	assert_int_equal(baton_secret_equal(&a, &b), 0);
	baton_secret_set(&a, NULL, 0);
	baton_secret_set(&b, NULL, 0);
	assert_int_equal(baton_secret_equal(&a, &b), 1);
}

static void wipe_leaves_nothing(void **state)
{
	struct baton_secret s;
	uint8_t buf[100];

	(void)state;
	baton_secret_set(&s, "secret", 6);
	baton_secret_wipe(&s);
	assert_memory_equal(&s, zeroes, sizeof(s));
	memset(buf, 1, sizeof(buf));
	baton_wipe(buf, 50);
	assert_memory_equal(buf, zeroes, 50);
	assert_int_equal(buf[50], 1);
	baton_wipe(NULL, 0);
}

/* VmFlags of the mapping that holds p. */
static void read_flags(const void *p, char *flags, size_t size)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	bool inside = false;
	char line[512];

	assert_non_null(f);
	*flags = 0;
	while (fgets(line, sizeof(line), f)) {
		uintptr_t from, to;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
			inside = (uintptr_t)p >= from && (uintptr_t)p < to;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(flags, size, "%s", line);
	}
	fclose(f);
}

static void locked_memory_is_zeroed_and_not_dumped(void **state)
{
	uint8_t *p = baton_locked_alloc(sizeof(zeroes));
	char flags[512];

	(void)state;
	assert_non_null(p);
	assert_memory_equal(p, zeroes, sizeof(zeroes));
	read_flags(p, flags, sizeof(flags));
	assert_non_null(strstr(flags, " dd")); /* MADV_DONTDUMP */
	memset(p, 0xff, sizeof(zeroes));
	baton_locked_free(p, sizeof(zeroes));
	baton_locked_free(NULL, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_it_is_given),
		cmocka_unit_test(refuses_a_key_too_long_and_keeps_no_old_one),
		cmocka_unit_test(equal_only_when_equal),
		cmocka_unit_test(wipe_leaves_nothing),
		cmocka_unit_test(locked_memory_is_zeroed_and_not_dumped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
