/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nf_tables over netlink: transactions, and two questions. The kernel works a
 * transaction off while it is sent, so an answer that is not there is a fault.
 * A socket on which anything went wrong is closed, and a new one opened for the
 * next request: no late answer can be taken for another's.
 */
#ifndef BATON_FENCE_KERNEL_H
#define BATON_FENCE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mnl_socket;

#define BATON_FENCE_ERROR_MAX 160

struct baton_fence_kernel {
	struct mnl_socket *sock; /* NULL after a failure */
	uint32_t seq;		 /* next */
	char error[BATON_FENCE_ERROR_MAX];
};

/* 0 or -BATON_E_SYSTEM. */
int baton_fence_kernel_open(struct baton_fence_kernel *k);
void baton_fence_kernel_close(struct baton_fence_kernel *k);

/* A batch whose message number ack asks for an acknowledgement. 0; -BATON_E_NOT_FOUND: something it
 * names is not there; -BATON_E_SYSTEM. The kernel has done all of it or nothing. */
int baton_fence_kernel_run(struct baton_fence_kernel *k, const void *batch, size_t len,
			   uint32_t first, uint32_t ack);
/* The comment of our table, cut to size. 0, -BATON_E_NOT_FOUND (no such table) or -BATON_E_SYSTEM.
 */
int baton_fence_kernel_comment(struct baton_fence_kernel *k, char *comment, size_t size);
/* The counter of what was refused. Errors as above. */
int baton_fence_kernel_counter(struct baton_fence_kernel *k, uint64_t *packets, uint64_t *bytes);
/* Commands of nft as one transaction; for what is done seldom. 0 or -BATON_E_SYSTEM: what nft said
 * is in k->error, errno is EPROTO. */
int baton_fence_kernel_command(struct baton_fence_kernel *k, const char *text);

#endif
