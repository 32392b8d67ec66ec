/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/control.h"

#include <baton/error.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* How long one read or write may take; false: no time is left. */
static bool limit(int fd, int64_t left_ms)
{
	struct timeval tv = {left_ms / 1000, left_ms % 1000 * 1000L};

	if (left_ms <= 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	return true;
}

static int dial(const char *path, int timeout_ms)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	limit(fd, timeout_ms);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

int baton_control(const char *path, const char *command, const char *argument, int timeout_ms,
		  void (*progress)(const json_t *o), json_t **answer)
{
	const int64_t end_ms = now_ms() + timeout_ms;
	json_t *o = json_pack("{s:s, s:s*}", "command", command, "argument", argument);
	int fd = dial(path, timeout_ms);
	json_error_t why;
	FILE *f;

	*answer = NULL;
	if (fd < 0 || !(f = fdopen(fd, "r+"))) {
		if (fd >= 0)
			close(fd);
		json_decref(o);
		return -BATON_E_UNREACHABLE;
	}
	json_dumpf(o, f, JSON_COMPACT);
	fputc('\n', f);
	fflush(f);
	json_decref(o);
	while ((*answer = json_loadf(f, JSON_DISABLE_EOF_CHECK, &why)) &&
	       !json_is_true(json_object_get(*answer, "done"))) {
		if (progress)
			progress(*answer);
		json_decref(*answer);
		*answer = NULL;
		/* who reports progress for ever has not answered either */
		if (!limit(fd, end_ms - now_ms()))
			break;
	}
	fclose(f);
	return *answer ? 0 : -BATON_E_TRUNCATED;
}
