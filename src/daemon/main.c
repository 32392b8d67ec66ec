/* SPDX-License-Identifier: BSD-2-Clause */
/* batond(8): options, signals, privileges. */
#include "daemon/node.h"

#include <cap-ng.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_RUNTIME = 1, EXIT_USAGE = 2, EXIT_CONFIG = 3, EXIT_IPSEC = 4 };

static void usage(FILE *to)
{
	fprintf(to,
		"usage: batond [-f] [-c FILE] [--check-config] [--version]\n"
		"  -c, --config FILE  configuration (default %s)\n"
		"  -f, --foreground   stay in the foreground (always; for scripts that say so)\n"
		"      --check-config read the configuration, complain as FILE:LINE, and exit\n"
		"exit status: 0 ok, 1 failure, 2 usage, 3 configuration, 4 no IPsec policy to be "
		"had\n",
		BATON_CONFIG_PATH);
}

/* Keys live in this process: no core dump, no ptrace by others, no swap. */
static void protect_memory(void)
{
	struct rlimit none = {0, 0}, all = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	/* The table grows after CAP_IPC_LOCK is gone: under a limit, locking would make malloc()
	 * fail then. */
	if (setrlimit(RLIMIT_MEMLOCK, &all) || mlockall(MCL_CURRENT | MCL_FUTURE))
		baton_log(BATON_LOG_WARNING, "memory_not_locked",
			  "reason=\"%s\" note=\"keys may reach swap; set LimitMEMLOCK=infinity\"",
			  strerror(errno));
}

/* CAP_NET_ADMIN is what XFRM and the socket policy need; everything else goes. */
static void drop_privileges(void)
{
	capng_clear(CAPNG_SELECT_BOTH);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN, -1);
	if (capng_apply(CAPNG_SELECT_BOTH))
		baton_log(BATON_LOG_WARNING, "privileges_kept", "note=\"libcap-ng refused\"");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void signalled(struct baton_source *s, uint32_t events)
{
	struct baton_node *n = s->ctx;
	struct signalfd_siginfo info;

	(void)events;
	if (read(s->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo != SIGHUP) {
		n->loop.stop = true;
		return;
	}
	sd_notify(0, "RELOADING=1");
	baton_node_reload(n);
	sd_notify(0, "READY=1");
}

static int catch_signals(struct baton_node *n, struct baton_source *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*s = (struct baton_source){signalfd(-1, &set, SFD_CLOEXEC), signalled, n};
	return s->fd < 0 ? -BATON_E_SYSTEM : baton_loop_add(&n->loop, s, EPOLLIN);
}

static int serve(struct baton_node *n)
{
	struct baton_source signals;
	uint64_t watchdog_us = 0;
	const char *why = "";
	int err = EXIT_OK, code;

	if (mkdir(n->config.run_dir, 0755) && errno != EEXIST)
		baton_log(BATON_LOG_ERROR, "run_dir", "path=%s reason=\"%s\"", n->config.run_dir,
			  strerror(errno));
	errno = 0;
	code = baton_node_start(n, &why);
	if (code) {
		baton_log(BATON_LOG_ERROR, "start_failed", "reason=\"%s\" errno=\"%s\"", why,
			  errno ? strerror(errno) : "none");
		err = code == -BATON_E_CONFIG ? EXIT_IPSEC : EXIT_RUNTIME;
		goto out;
	}
	drop_privileges();
	if (baton_ctl_write_release(n, baton_ctl_read_release(n)))
		baton_log(BATON_LOG_WARNING, "release_file", "reason=\"%s\"", strerror(errno));
	if (catch_signals(n, &signals)) {
		err = EXIT_RUNTIME;
		goto out;
	}
	if (sd_watchdog_enabled(0, &watchdog_us) > 0)
		n->watchdog_ms = watchdog_us / 2000; /* twice as often as it must */
	sd_notify(0, "READY=1");
	if (baton_loop_run(&n->loop))
		err = EXIT_RUNTIME;
	sd_notify(0, "STOPPING=1");
out:
	baton_node_stop(n);
	return err;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"foreground", no_argument, NULL, 'f'},
		{"check-config", no_argument, NULL, 'k'}, {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},	  {0},
	};
	struct baton_node *n;
	const char *path = BATON_CONFIG_PATH;
	bool check = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:fh", options, NULL)) != -1) {
		if (c == 'c') {
			path = optarg;
		} else if (c == 'k') {
			check = true;
		} else if (c == 'V') {
			printf("batond %s\n", BATON_VERSION);
			return EXIT_OK;
		} else if (c != 'f') {
			usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_OK : EXIT_USAGE;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	n = calloc(1, sizeof(*n));
	if (!n)
		return EXIT_RUNTIME;
	n->config_path = path;
	if (baton_config_read(&n->config, path, stderr)) {
		free(n);
		return EXIT_CONFIG;
	}
	if (check) {
		printf("%s: ok\n", path);
		free(n);
		return EXIT_OK;
	}
	protect_memory();
	c = serve(n);
	baton_wipe(n, sizeof(*n));
	free(n);
	return c;
}
