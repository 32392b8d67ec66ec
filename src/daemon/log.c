/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static enum baton_log_level threshold = BATON_LOG_INFO;

void baton_log_set_level(enum baton_log_level level)
{
	threshold = level;
}

/* Under systemd the journal stamps the time and reads the level from "<N>"; elsewhere we say both.
 */
static int prefix(char *buf, size_t size, enum baton_log_level level)
{
	static const char *const names[] = {"", "", "", "error", "warning", "", "info", "debug"};
	struct timespec ts;
	struct tm tm;
	char stamp[32];

	if (getenv("JOURNAL_STREAM"))
		return snprintf(buf, size, "<%d>", (int)level);
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	return snprintf(buf, size, "time=%s.%06ldZ level=%s ", stamp, ts.tv_nsec / 1000,
			names[level]);
}

void baton_log(enum baton_log_level level, const char *event, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	if (level > threshold)
		return;
	n = prefix(line, sizeof(line), level);
	n += snprintf(line + n, sizeof(line) - (size_t)n, "event=%s ", event);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s\n", line);
}
