/* SPDX-License-Identifier: BSD-2-Clause */
/* Talking to batond's control socket. */
#ifndef BATON_CLIENT_CONTROL_H
#define BATON_CLIENT_CONTROL_H

#include <jansson.h>

/*
 * Sends one command (argument may be NULL) and waits for the answer, at most timeout_ms for each
 * word of it. progress (may be NULL) is called with what comes before the last. 0,
 * -BATON_E_UNREACHABLE (errno says why) or -BATON_E_TRUNCATED (batond went away, or said nothing
 * for too long). *answer is the caller's.
 */
int baton_control(const char *path, const char *command, const char *argument, int timeout_ms,
		  void (*progress)(const json_t *o), json_t **answer);

#endif
