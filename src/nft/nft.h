/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nf_tables over netlink: transactions, and two questions. The kernel works a
 * transaction off while it is sent, so an answer that is not there is a fault.
 * A socket on which anything went wrong is closed, and a new one opened for the
 * next request: no late answer can be taken for another's.
 */
#ifndef BATON_NFT_NFT_H
#define BATON_NFT_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct mnl_socket;

#define BATON_NFT_ERROR_MAX 160

struct baton_nft {
	struct mnl_socket *sock; /* NULL after a failure */
	uint32_t seq;		 /* next */
	char error[BATON_NFT_ERROR_MAX];
};

/* 0 or -BATON_E_SYSTEM. */
int baton_nft_open(struct baton_nft *k);
void baton_nft_close(struct baton_nft *k);

/* A batch whose message number ack asks for an acknowledgement. 0; -BATON_E_NOT_FOUND: something it
 * names is not there; -BATON_E_SYSTEM. The kernel has done all of it or nothing. */
int baton_nft_run(struct baton_nft *k, const void *batch, size_t len, uint32_t first, uint32_t ack);
/* The comment of an inet table, cut to size. 0, -BATON_E_NOT_FOUND (no such table) or
 * -BATON_E_SYSTEM.
 */
int baton_nft_comment(struct baton_nft *k, const char *table, char *comment, size_t size);
/* A counter of an inet table. Errors as above. */
int baton_nft_counter(struct baton_nft *k, const char *table, const char *counter,
		      uint64_t *packets, uint64_t *bytes);
/* Commands of nft as one transaction; for what is done seldom. 0 or -BATON_E_SYSTEM: what nft said
 * is in k->error, errno is EPROTO. */
int baton_nft_command(struct baton_nft *k, const char *text);
/* The same of what print writes. */
int baton_nft_print(struct baton_nft *k, void (*print)(FILE *out, const void *ctx),
		    const void *ctx);

#endif
