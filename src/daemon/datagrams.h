/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cluster socket's datagrams, many with one system call: those that have
 * come, and those that are to leave at the end of a round. Both may hold keys:
 * they lie in locked memory and are wiped once they are done with.
 */
#ifndef BATON_DAEMON_DATAGRAMS_H
#define BATON_DAEMON_DATAGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define BATON_DATAGRAMS_IN 16u

struct baton_datagrams;

/* NULL when memory is out. */
struct baton_datagrams *baton_datagrams_new(void);
void baton_datagrams_free(struct baton_datagrams *d);

/* Takes what has come, without waiting: how many, BATON_DATAGRAMS_IN at most. more: there may be
 * others. */
unsigned baton_datagrams_receive(struct baton_datagrams *d, int fd, bool *more);
/* The datagram with number i of those, and where it is from. It is valid until the next receive. */
const void *baton_datagrams_get(const struct baton_datagrams *d, unsigned i, size_t *len,
				const struct sockaddr_storage **from);
/* Wipes what was received. */
void baton_datagrams_done(struct baton_datagrams *d);

/* Takes a copy that leaves with the next flush, or before when many wait. to stays valid until
 * then. */
void baton_datagrams_send(struct baton_datagrams *d, int fd, const void *buf, size_t len,
			  struct sockaddr_storage *to, socklen_t to_len);
/* Sends what waits. What the kernel does not take is lost, as any datagram may be. */
void baton_datagrams_flush(struct baton_datagrams *d, int fd);

#endif
