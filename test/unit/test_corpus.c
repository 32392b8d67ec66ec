/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs every file of test/fuzz/corpus through its fuzz target, and checks that
 * the seeds among them are what test/fuzz/make_corpus.c writes today.
 * With arguments: TARGET FILE... runs those (a crash a fuzzer has found).
 */
#include "fuzz.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FILE_MAX (1u << 20)

static const struct {
	const char *name;
	void (*run)(const uint8_t *data, size_t size);
} targets[] = {{"message", fuzz_message}, {"session", fuzz_session}, {"fragment", fuzz_fragment},
	       {"service", fuzz_service}, {"steps", fuzz_steps},     {"packet", fuzz_packet},
	       {"xfrm", fuzz_xfrm},	  {"config", fuzz_config},   {"sockets", fuzz_sockets}};
#define TARGETS (sizeof(targets) / sizeof(*targets))

static uint8_t data[FILE_MAX];

static long read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t len;

	if (!f)
		return -1;
	len = fread(data, 1, sizeof(data), f);
	fclose(f);
	return (long)len;
}

static void every_file_is_survived(void **state)
{
	(void)state;
	for (size_t i = 0; i < TARGETS; i++) {
		char path[4096];
		struct dirent *e;
		unsigned count = 0;
		DIR *d;

		snprintf(path, sizeof(path), "%s/%s", CORPUS_DIR, targets[i].name);
		d = opendir(path);
		assert_non_null(d);
		while ((e = readdir(d))) {
			long len;

			if (e->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s/%s", CORPUS_DIR, targets[i].name,
				 e->d_name);
			len = read_file(path);
			assert_true(len >= 0);
			targets[i].run(data, (size_t)len);
			count++;
		}
		closedir(d);
		assert_true(count >= 5);
	}
}

static void check_seed(void *ctx, const struct corpus_seed *s)
{
	unsigned *count = ctx;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s/%s", CORPUS_DIR, s->target, s->name);
	if (read_file(path) != (long)s->size || memcmp(data, s->data, s->size) != 0)
		fail_msg("%s is not what make_corpus writes: run it again", path);
	++*count;
}

static void seeds_are_of_today(void **state)
{
	unsigned count = 0;

	(void)state;
	corpus_each(check_seed, &count);
	assert_true(count >= 20);
}

static int run_files(const char *target, char **files)
{
	for (size_t i = 0; i < TARGETS; i++) {
		if (strcmp(target, targets[i].name) != 0)
			continue;
		for (; *files; files++) {
			long len = read_file(*files);

			if (len < 0) {
				perror(*files);
				return 1;
			}
			targets[i].run(data, (size_t)len);
			printf("%s: ok\n", *files);
		}
		return 0;
	}
	fprintf(stderr, "%s: no such target\n", target);
	return 2;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_file_is_survived),
		cmocka_unit_test(seeds_are_of_today),
	};

	if (argc > 1)
		return run_files(argv[1], argv + 2);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
