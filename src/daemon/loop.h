/* SPDX-License-Identifier: BSD-2-Clause */
/* A small event loop on epoll: descriptors, one deadline, signals as a descriptor. Single-threaded.
 */
#ifndef BATON_DAEMON_LOOP_H
#define BATON_DAEMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct baton_source {
	int fd;
	/* events: EPOLLIN | EPOLLOUT | EPOLLHUP ... */
	void (*ready)(struct baton_source *s, uint32_t events);
	void *ctx;
};

struct baton_loop {
	int epoll;
	bool stop;
	/* Called before each wait: does what is due, returns when it wants to be called next (ms,
	 * baton_now_ms()). */
	uint64_t (*turn)(void *ctx, uint64_t now_ms);
	void *ctx;
};

/* Milliseconds of CLOCK_MONOTONIC: never compared between nodes. Never 0. */
uint64_t baton_now_ms(void);
uint64_t baton_now_us(void);

int baton_loop_init(struct baton_loop *l);
/* s must stay valid until removed; a source may be removed (not freed) from within a callback of
 * the same round. */
int baton_loop_add(struct baton_loop *l, struct baton_source *s, uint32_t events);
int baton_loop_change(struct baton_loop *l, struct baton_source *s, uint32_t events);
void baton_loop_remove(struct baton_loop *l, struct baton_source *s);
int baton_loop_run(struct baton_loop *l);

#endif
