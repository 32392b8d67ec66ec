/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/loop.h"

#include <baton/error.h>
#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

uint64_t baton_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

uint64_t baton_now_ms(void)
{
	return baton_now_us() / 1000u + 1u;
}

int baton_loop_init(struct baton_loop *l)
{
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	return l->epoll < 0 ? -BATON_E_SYSTEM : 0;
}

static int control(struct baton_loop *l, int op, struct baton_source *s, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = s};

	return epoll_ctl(l->epoll, op, s->fd, &e) ? -BATON_E_SYSTEM : 0;
}

int baton_loop_add(struct baton_loop *l, struct baton_source *s, uint32_t events)
{
	return control(l, EPOLL_CTL_ADD, s, events);
}

int baton_loop_change(struct baton_loop *l, struct baton_source *s, uint32_t events)
{
	return control(l, EPOLL_CTL_MOD, s, events);
}

void baton_loop_remove(struct baton_loop *l, struct baton_source *s)
{
	control(l, EPOLL_CTL_DEL, s, 0);
}

int baton_loop_run(struct baton_loop *l)
{
	struct epoll_event events[32];

	while (!l->stop) {
		uint64_t now = baton_now_ms(), next = l->turn(l->ctx, now);
		int timeout = next <= now ? 0 : next - now > 60000 ? 60000 : (int)(next - now);
		int n = epoll_wait(l->epoll, events, 32, timeout);

		if (n < 0 && errno != EINTR)
			return -BATON_E_SYSTEM;
		for (int i = 0; i < n; i++) {
			struct baton_source *s = events[i].data.ptr;

			if (s->fd >= 0) /* else closed earlier in this round */
				s->ready(s, events[i].events);
		}
	}
	return 0;
}
