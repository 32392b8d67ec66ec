/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the seeds: make_corpus DIR. Run it after a change of the encoding; test_corpus says when
 * that is due. */
#include "fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void make_dir(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
}

static void write_seed(void *ctx, const struct corpus_seed *s)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", (const char *)ctx, s->target);
	make_dir(path);
	snprintf(path, sizeof(path), "%s/%s/%s", (const char *)ctx, s->target, s->name);
	f = fopen(path, "wb");
	if (!f || fwrite(s->data, 1, s->size, f) != s->size || fclose(f)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: make_corpus DIR\n");
		return 2;
	}
	make_dir(argv[1]);
	corpus_each(write_seed, argv[1]);
	return 0;
}
