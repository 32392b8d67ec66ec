/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fuzz targets. Each takes any bytes, and aborts when the code under test
 * breaks a promise (a sanitizer sees the rest). The same functions run under
 * libFuzzer (entry.c) and over the stored corpus in test/unit/test_corpus.c.
 */
#ifndef BATON_TEST_FUZZ_H
#define BATON_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* A datagram or packet: header, chain, bodies; each session in it is decoded too. What was read is
 * written again and read again. */
void fuzz_message(const uint8_t *data, size_t size);
/* A SESSION body: what decodes must encode, to bytes that decode to the same. */
void fuzz_session(const uint8_t *data, size_t size);
/* First byte even: datagrams (16-bit length, bytes) into one reassembly. Odd: a message is made of
 * the rest, cut, shuffled and put together again. */
void fuzz_fragment(const uint8_t *data, size_t size);

/* Datagrams (16-bit length, which peer, seconds that passed, bytes) to a store: exchange, service
 * and table, whose state is checked after each. */
void fuzz_service(const uint8_t *data, size_t size);
/* Well-formed requests to a store, eight bytes each: what is asked, by whom, of which session. */
void fuzz_steps(const uint8_t *data, size_t size);
/* First byte even: what a netlink socket may give, one message after the other. Odd: one message of
 * the type in the second byte. */
void fuzz_xfrm(const uint8_t *data, size_t size);
/* What comes over batond's unix sockets: steps of the IKE daemon's plugin, of batonctl, of another
 * node. */
void fuzz_sockets(const uint8_t *data, size_t size);
/* Packets from the kernel's queue, and whether they wait. */
void fuzz_packet(const uint8_t *data, size_t size);
/* A batond.conf. */
void fuzz_config(const uint8_t *data, size_t size);

#define FUZZ_CHECK(promise)                                                                        \
	do {                                                                                       \
		if (!(promise))                                                                    \
			__builtin_trap();                                                          \
	} while (0)

/* The seeds of a target, always the same: test/fuzz/corpus/TARGET/NAME. */
struct corpus_seed {
	const char *target, *name;
	const uint8_t *data;
	size_t size;
};
void corpus_each(void (*fn)(void *ctx, const struct corpus_seed *s), void *ctx);
/* Part of it: service, steps, sockets, xfrm, config. */
void corpus_each_daemon(void (*fn)(void *ctx, const struct corpus_seed *s), void *ctx);

#endif
