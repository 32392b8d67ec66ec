/* SPDX-License-Identifier: BSD-2-Clause */
#include "miss/inject.h"

#include <baton/error.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The interface is up, and *index is its number. */
static int set_up(uint32_t *index)
{
	struct ifreq r = {.ifr_name = BATON_INJECT_NAME};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -1;
	err = ioctl(fd, SIOCGIFINDEX, &r);
	if (!err) {
		*index = (uint32_t)r.ifr_ifindex;
		r.ifr_flags = IFF_UP;
		err = ioctl(fd, SIOCSIFFLAGS, &r);
	}
	close(fd);
	return err;
}

int baton_inject_open(struct baton_inject *j, const char **why)
{
	struct ifreq r = {.ifr_name = BATON_INJECT_NAME, .ifr_flags = IFF_TUN | IFF_NO_PI};
	int err;

	*why = "cannot open /dev/net/tun (kernel module tun? DeviceAllow= of the unit?)";
	j->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (j->fd < 0)
		return -BATON_E_SYSTEM;
	*why = "cannot make the interface " BATON_INJECT_NAME
	       " (CAP_NET_ADMIN? another program's?)";
	if (ioctl(j->fd, TUNSETIFF, &r) == 0 && set_up(&j->ifindex) == 0)
		return 0;
	err = errno;
	baton_inject_close(j);
	errno = err;
	return -BATON_E_SYSTEM;
}

void baton_inject_close(struct baton_inject *j)
{
	if (j->fd >= 0)
		close(j->fd);
	*j = (struct baton_inject){.fd = -1};
}

int baton_inject(const struct baton_inject *j, const void *packet, size_t len)
{
	if (j->fd < 0 || write(j->fd, packet, len) != (ssize_t)len)
		return -BATON_E_SYSTEM;
	return 0;
}
