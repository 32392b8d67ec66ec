/* SPDX-License-Identifier: BSD-2-Clause */
/* batonctl(8) */
#include "client/control.h"
#include "ctl/show.h"

#include <baton/error.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_PATH "/run/baton/ctl.sock"
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

enum argument { NONE, OPTIONAL, REQUIRED, PAIR };
static const struct verb {
	const char *name;
	enum argument argument;
	int timeout_ms;
	void (*show)(const json_t *o);
	const char *help;
} verbs[] = {
	{"status", NONE, 5000, show_status, "role, peers, sessions, how far the stores are behind"},
	{"sessions", OPTIONAL, 30000, show_sessions,
	 "[SERVER-ID]  every session, or those of one owner"},
	{"takeover", REQUIRED, 60000, show_takeover,
	 "SERVER-ID [I/N]  claim a server's sessions (a share of them) and carry them on"},
	{"drain", OPTIONAL, 600000, show_drain,
	 "[SERVER-ID]  give this gateway's sessions to another, or to all others by load"},
	{"move", PAIR, 30000, show_drain,
	 "SPIi:SPIr SERVER-ID  give one session to another gateway"},
	{"release", NONE, 5000, show_release,
	 "let keepalived give the addresses away (planned switch)"},
	{"resume", NONE, 5000, show_release, "undo release, and drain"},
};
#define VERBS (sizeof(verbs) / sizeof(*verbs))

static void usage(FILE *to)
{
	fprintf(to, "usage: batonctl [--socket PATH] [--json] COMMAND\n");
	for (size_t i = 0; i < VERBS; i++)
		fprintf(to, "  %-9s %s\n", verbs[i].name, verbs[i].help);
	fprintf(to, "  %-9s %s\n", "version", "");
	fprintf(to, "exit status: 0 ok, 1 refused or failed, 2 usage, 3 batond not reachable\n");
}

static const struct verb *find(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int run(const char *path, const struct verb *v, const char *argument, bool json)
{
	json_t *answer;
	const char *error;
	int err = baton_control(path, v->name, argument, v->timeout_ms,
				isatty(STDERR_FILENO) ? show_progress : NULL, &answer);

	if (err == -BATON_E_UNREACHABLE) {
		fprintf(stderr, "batonctl: %s: %s (is batond running?)\n", path, strerror(errno));
		return EXIT_UNREACHABLE;
	}
	if (err) {
		fprintf(stderr, "batonctl: batond did not answer in time\n");
		return EXIT_FAILED;
	}
	error = json_string_value(json_object_get(answer, "error"));
	if (json) {
		json_object_del(answer, "done");
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (!error || json_object_get(answer, "sessions")) {
		v->show(answer);
	}
	if (error)
		fprintf(stderr, "batonctl: %s: %s\n", v->name, error);
	err = error ? EXIT_FAILED : EXIT_OK;
	json_decref(answer);
	return err;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	const char *path = SOCKET_PATH;
	const struct verb *v = NULL;
	bool json = false;
	char two[512];
	int c, rest;

	while ((c = getopt_long(argc, argv, "s:jhV", options, NULL)) != -1) {
		if (c == 's') {
			path = optarg;
		} else if (c == 'j') {
			json = true;
		} else if (c == 'V') {
			printf("batonctl %s\n", BATON_VERSION);
			return EXIT_OK;
		} else {
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_OK : EXIT_USAGE;
		}
	}
	rest = argc - optind;
	if (rest == 1 && strcmp(argv[optind], "version") == 0) {
		printf("batonctl %s\n", BATON_VERSION);
		return EXIT_OK;
	}
	if (rest > 0)
		v = find(argv[optind]);
	if (v && (v->show == show_takeover || v->argument == PAIR) && rest == 3) {
		snprintf(two, sizeof(two), "%s %s", argv[optind + 1], argv[optind + 2]);
		return run(path, v, two, json);
	}
	if (!v || rest > 2 || v->argument == PAIR || (v->argument == REQUIRED && rest != 2) ||
	    (v->argument == NONE && rest != 1)) {
		usage(stderr);
		return EXIT_USAGE;
	}
	return run(path, v, rest == 2 ? argv[optind + 1] : NULL, json);
}
