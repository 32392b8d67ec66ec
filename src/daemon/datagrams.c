/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/datagrams.h"

#include "daemon/log.h"
#include <baton/message.h>
#include <baton/secret.h>
#include <errno.h>
#include <string.h>

#define OUT 128u
#define OUT_BYTES ((size_t)4 * 65536)
#define BIG 8192u /* of such datagrams, not so many that they leave the processor's cache */
#define FEW 4u

struct baton_datagrams {
	unsigned got, most; /* most: how many to take at a time */
	struct mmsghdr in_msgs[BATON_DATAGRAMS_IN];
	struct iovec in_iov[BATON_DATAGRAMS_IN];
	struct sockaddr_storage from[BATON_DATAGRAMS_IN];
	unsigned waiting;
	size_t out_len;
	struct mmsghdr out_msgs[OUT];
	struct iovec out_iov[OUT];
	uint8_t in[BATON_DATAGRAMS_IN][BATON_MESSAGE_MAX];
	uint8_t out[OUT_BYTES];
};

struct baton_datagrams *baton_datagrams_new(void)
{
	struct baton_datagrams *d = baton_locked_alloc(sizeof(*d));

	if (d)
		d->most = BATON_DATAGRAMS_IN;
	for (unsigned i = 0; d && i < BATON_DATAGRAMS_IN; i++) {
		d->in_iov[i] = (struct iovec){d->in[i], sizeof(d->in[i])};
		d->in_msgs[i].msg_hdr.msg_iov = &d->in_iov[i];
		d->in_msgs[i].msg_hdr.msg_iovlen = 1;
		d->in_msgs[i].msg_hdr.msg_name = &d->from[i];
	}
	return d;
}

void baton_datagrams_free(struct baton_datagrams *d)
{
	baton_locked_free(d, sizeof(*d));
}

unsigned baton_datagrams_receive(struct baton_datagrams *d, int fd, bool *more)
{
	int n;

	baton_datagrams_done(d);
	for (unsigned i = 0; i < BATON_DATAGRAMS_IN; i++)
		d->in_msgs[i].msg_hdr.msg_namelen = sizeof(d->from[i]);
	n = recvmmsg(fd, d->in_msgs, d->most, MSG_DONTWAIT, NULL);
	d->got = n > 0 ? (unsigned)n : 0;
	*more = d->got == d->most;
	if (d->got)
		d->most = d->in_msgs[0].msg_len < BIG ? BATON_DATAGRAMS_IN : FEW;
	return d->got;
}

const void *baton_datagrams_get(const struct baton_datagrams *d, unsigned i, size_t *len,
				const struct sockaddr_storage **from)
{
	*len = d->in_msgs[i].msg_len;
	*from = &d->from[i];
	return d->in[i];
}

void baton_datagrams_done(struct baton_datagrams *d)
{
	for (unsigned i = 0; i < d->got; i++)
		baton_wipe(d->in[i], d->in_msgs[i].msg_len);
	d->got = 0;
}

void baton_datagrams_send(struct baton_datagrams *d, int fd, const void *buf, size_t len,
			  struct sockaddr_storage *to, socklen_t to_len)
{
	struct msghdr *m;

	if (d->waiting == OUT || d->out_len + len > OUT_BYTES)
		baton_datagrams_flush(d, fd);
	if (len > OUT_BYTES)
		return; /* longer than any datagram */
	memcpy(d->out + d->out_len, buf, len);
	d->out_iov[d->waiting] = (struct iovec){d->out + d->out_len, len};
	d->out_len += len;
	m = &d->out_msgs[d->waiting].msg_hdr;
	*m = (struct msghdr){
		.msg_iov = &d->out_iov[d->waiting],
		.msg_iovlen = 1,
		.msg_name = to,
		.msg_namelen = to_len,
	};
	d->waiting++;
}

void baton_datagrams_flush(struct baton_datagrams *d, int fd)
{
	for (unsigned sent = 0; sent < d->waiting;) {
		int n = sendmmsg(fd, d->out_msgs + sent, d->waiting - sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			sent += (unsigned)n;
			continue;
		}
		/* EAGAIN: no SA yet, the kernel has asked charon for one. Retransmission is the
		 * cure, as for any loss. The next one may be for another peer. */
		baton_log(BATON_LOG_DEBUG, "send_failed", "errno=%d", errno);
		sent++;
	}
	baton_wipe(d->out, d->out_len);
	d->waiting = 0;
	d->out_len = 0;
}
