/* SPDX-License-Identifier: BSD-2-Clause */
/* Structured log lines on standard error: "event=NAME key=value ...". Never key material. */
#ifndef BATON_DAEMON_LOG_H
#define BATON_DAEMON_LOG_H

enum baton_log_level {
	BATON_LOG_ERROR = 3,
	BATON_LOG_WARNING = 4,
	BATON_LOG_INFO = 6,
	BATON_LOG_DEBUG = 7
}; /* syslog's numbers */

void baton_log_set_level(enum baton_log_level level);
/* fmt gives the rest of the line: "peer=%s status=%d". Values with blanks are quoted by the caller.
 */
void baton_log(enum baton_log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
