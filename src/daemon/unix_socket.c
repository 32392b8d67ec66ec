/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/unix_socket.h"

#include <baton/error.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int served(const struct sockaddr_un *a, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	int yes = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

int baton_unix_listen(const char *path, int type)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	mode_t mask;
	int fd, err;

	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return -BATON_E_SYSTEM;
	}
	strcpy(a.sun_path, path);
	if (served(&a, type)) {
		errno = EADDRINUSE;
		return -BATON_E_SYSTEM;
	}
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -BATON_E_SYSTEM;
	unlink(path);
	mask = umask(0177);
	err = bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 16);
	umask(mask);
	if (!err)
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -BATON_E_SYSTEM;
}
