/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions to test with: one that is always the same, and as many random ones as a seed has. */
#ifndef BATON_TEST_SAMPLE_H
#define BATON_TEST_SAMPLE_H

#include <baton/session.h>

/* splitmix64: the same numbers on every machine. */
struct sample_random {
	uint64_t state;
};
uint64_t sample_next(struct sample_random *r);
uint32_t sample_below(struct sample_random *r, uint32_t n); /* 0 .. n-1 */
void sample_fill(struct sample_random *r, void *buf, size_t len);

/* An EAP client with a virtual address behind a NAT, one ESP tunnel with AES-GCM: the session of
 * docs/protocol.md's vectors. */
void sample_session(struct baton_session *s);
/* Any valid session. */
void sample_random_session(struct baton_session *s, struct sample_random *r);

#endif
