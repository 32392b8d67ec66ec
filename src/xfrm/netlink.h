/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The netlink sockets under xfrm.c: requests in batches, answers by number.
 *
 * The kernel works a batch off while we send it, and queues every answer on
 * our socket; they are read after the send. So the queue must hold the
 * answers of one whole batch, which is why batches are bounded and the
 * socket's buffer is large. A socket whose answers were lost or did not come
 * is closed, and a new one opened for the next request: no late answer can be
 * taken for another's.
 */
#ifndef BATON_XFRM_NETLINK_H
#define BATON_XFRM_NETLINK_H

#include "xfrm/codec.h"

#define BATON_XFRM_BATCH 64u
#define BATON_XFRM_READ_MAX                                                                        \
	65536u /* bytes of one read; the kernel fills at most 32 KiB in a dump */

struct mnl_socket;

struct baton_nl {
	struct mnl_socket *sock; /* NULL after a failure */
	uint32_t portid;
	uint32_t next_seq;
	unsigned count; /* requests in out */
	size_t len;	/* bytes in out */
	_Alignas(8) uint8_t out[BATON_XFRM_BATCH * BATON_XFRM_REQUEST_MAX];
	_Alignas(8) uint8_t in[BATON_XFRM_READ_MAX]; /* may hold keys: wiped after each read */
};

/* A socket with a large buffer; groups: an array that ends with 0. NULL with errno. */
struct mnl_socket *baton_nl_open(const int *groups, bool blocking);
/* One read. Bytes, 0 = nothing there (non-blocking), -1 with errno. Only what the kernel sent
 * counts. */
long baton_nl_read(struct mnl_socket *sock, void *buf, size_t size);

/* Where the next request of the batch is to be written, and with which number; baton_nl_added()
 * with its length closes it. */
void *baton_nl_slot(struct baton_nl *n, uint32_t *seq);
void baton_nl_added(struct baton_nl *n, size_t len);
/* Sends the batch, calls fn with the one answer of each request (in any order), and empties the
 * batch. 0 or -BATON_E_SYSTEM: then some answers are missing. */
typedef void baton_nl_answer(void *ctx, unsigned index, const struct nlmsghdr *h);
int baton_nl_run(struct baton_nl *n, baton_nl_answer *fn, void *ctx);
/* Sends one dump request. fn returns 0 or -BATON_E_*, which ends the dump. */
int baton_nl_dump(struct baton_nl *n, int (*fn)(void *ctx, const struct nlmsghdr *h), void *ctx);
void baton_nl_close(struct baton_nl *n);

#endif
