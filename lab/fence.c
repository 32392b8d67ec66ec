/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * baton-fence: grants sequence numbers to SAs by hand, for scenarios that have no batond. Commands
 * on standard input, one a line; each is answered with "ok" and what there is to say, or with an
 * error. It ends with its input, and leaves the table as it is.
 *
 *   open BLOCK
 *   grant DESTINATION SPI esp|ah FROM TO
 *   release DESTINATION SPI esp|ah
 *   many COUNT FROM TO     the same grant to COUNT SAs that there are not
 *   flush, sync, read, close
 *   raise DESTINATION SPI esp|ah NUMBER    the SA has used that number: no table is needed
 */
#include "fence/fence.h"
#include "xfrm/xfrm.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct baton_fence *fence;

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void answer(int err, const char *more)
{
	if (err)
		printf("error %s: %m: %s\n", baton_strerror(err), baton_fence_error(fence));
	else
		printf("ok %s\n", more);
	fflush(stdout);
}

static bool read_sa(struct baton_fence_sa *sa, const char *dst, const char *spi,
		    const char *protocol)
{
	*sa = (struct baton_fence_sa){
		.spi = (uint32_t)strtoul(spi, NULL, 0),
		.protocol = strcmp(protocol, "ah") == 0 ? BATON_PROTO_AH : BATON_PROTO_ESP,
	};
	sa->dst.family = strchr(dst, ':') ? AF_INET6 : AF_INET;
	return inet_pton(sa->dst.family, dst, sa->dst.ip) == 1;
}

/* SAs to peers in 10.0.0.0/8. */
static int grant_many(unsigned count, uint64_t from, uint64_t to)
{
	struct baton_fence_sa sa = {.dst = {.family = AF_INET, .ip = {10}},
				    .protocol = BATON_PROTO_ESP};
	int err = 0;

	for (unsigned i = 0; i < count && !err; i++) {
		sa.dst.ip[1] = (uint8_t)(i >> 16);
		sa.dst.ip[2] = (uint8_t)(i >> 8);
		sa.dst.ip[3] = (uint8_t)i;
		sa.spi = 0xc0000000u + i * 2654435761u % 0x10000000u;
		err = baton_fence_grant(fence, &sa, from, to);
	}
	return err;
}

static int raise_number(const struct baton_fence_sa *sa, uint64_t number)
{
	struct baton_sa_set set = {
		.id = {.dst = sa->dst, .spi = sa->spi, .protocol = sa->protocol},
		.out_seq = number,
		.in_seq = BATON_SEQ_KEEP,
	};
	struct baton_xfrm *x;
	int result, err = baton_xfrm_open(&x);

	if (err)
		return err;
	err = baton_xfrm_set_counters(x, &set, 1, &result);
	baton_xfrm_close(x);
	return err;
}

static void run(char *words[6])
{
	struct baton_fence_status status;
	struct baton_fence_sa sa;
	uint64_t began = now_us();
	char text[128] = "";
	bool flag = false;
	int err = -BATON_E_VALUE;

	if (strcmp(words[0], "open") == 0) {
		err = baton_fence_open(&fence, (uint32_t)strtoul(words[1], NULL, 0), &flag);
		snprintf(text, sizeof(text), "%s", flag ? "adopted" : "made");
	} else if (strcmp(words[0], "raise") == 0 && read_sa(&sa, words[1], words[2], words[3])) {
		err = raise_number(&sa, strtoull(words[4], NULL, 0));
	} else if (!fence) {
		err = -BATON_E_MISSING;
	} else if (strcmp(words[0], "grant") == 0 && read_sa(&sa, words[1], words[2], words[3])) {
		err = baton_fence_grant(fence, &sa, strtoull(words[4], NULL, 0),
					strtoull(words[5], NULL, 0));
	} else if (strcmp(words[0], "release") == 0 && read_sa(&sa, words[1], words[2], words[3])) {
		baton_fence_release(fence, &sa);
		err = 0;
	} else if (strcmp(words[0], "many") == 0) {
		err = grant_many((unsigned)strtoul(words[1], NULL, 0), strtoull(words[2], NULL, 0),
				 strtoull(words[3], NULL, 0));
	} else if (strcmp(words[0], "flush") == 0) {
		err = baton_fence_flush(fence, &flag);
		snprintf(text, sizeof(text), "%" PRIu64 " us%s", now_us() - began,
			 flag ? ", remade" : "");
	} else if (strcmp(words[0], "sync") == 0) {
		err = baton_fence_sync(fence);
		snprintf(text, sizeof(text), "%" PRIu64 " us", now_us() - began);
	} else if (strcmp(words[0], "read") == 0) {
		err = baton_fence_read(fence, &status);
		snprintf(text, sizeof(text), "refused %" PRIu64 " sas %u queued %u",
			 status.refused_packets, status.sas, status.queued);
	} else if (strcmp(words[0], "close") == 0) {
		baton_fence_close(fence, false);
		fence = NULL;
		err = 0;
	}
	answer(err, text);
}

int main(void)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin)) {
		char *words[6] = {"", "", "", "", "", ""}, *save = NULL;
		unsigned n = 0;

		for (char *w = strtok_r(line, " \n", &save); w && n < 6;
		     w = strtok_r(NULL, " \n", &save))
			words[n++] = w;
		if (n)
			run(words);
	}
	baton_fence_close(fence, true);
	return 0;
}
