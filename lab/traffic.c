/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * baton-traffic: numbered datagrams through the tunnels, and a record of each
 * that arrives.
 *
 * A flow is a client's inner (virtual) address. Both ends send on every flow at
 * a fixed rate, each on its own clock, so that either direction shows its own
 * silence. A client host sends from each of its addresses that exist at that
 * moment and keeps trying those that do not (a client that re-authenticates may
 * get its address back, on this host or on another); the server sends to each
 * address it has heard from. One socket serves all flows.
 *
 * The log is a sequence of struct record in host byte order, one for each datagram
 * that arrived, in order of arrival; the last has flow 0 and the time of the end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FLOWS_MAX 4096
#define SIZE_MAX_BYTES 1400
#define MAGIC 0x62746e31u
#define BUFFERED_RECORDS 10 /* the lab watches the log grow */

struct datagram {
	uint32_t magic;
	uint32_t flow_be; /* the inner address */
	uint32_t seq;
	uint32_t pad;
	uint64_t sent_ns; /* CLOCK_REALTIME */
};

struct record {
	uint32_t flow_be;
	uint32_t seq;
	uint64_t sent_ns;
	uint64_t received_ns;
};

struct flow {
	uint32_t addr_be;
	uint32_t seq;
	uint64_t due_ns;
	bool active;
};

struct traffic {
	int fd;
	bool server;
	struct sockaddr_in peer; /* client: where the server is; server: the port of the clients */
	struct flow flows[FLOWS_MAX];
	unsigned flow_count;
	uint64_t interval_ns;
	size_t size;
	FILE *log;
};

static volatile sig_atomic_t stopping;

static void stop(int sig)
{
	(void)sig;
	stopping = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A datagram of the flow; a client names its inner address as the source. */
static void send_one(const struct traffic *t, struct flow *f, uint64_t now)
{
	static union {
		struct datagram d;
		uint8_t bytes[SIZE_MAX_BYTES];
	} out;
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control = {0};
	struct in_pktinfo info = {.ipi_spec_dst.s_addr = f->addr_be};
	struct sockaddr_in to = t->peer;
	struct iovec iov = {.iov_base = &out, .iov_len = t->size};
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &iov, .msg_iovlen = 1};

	out.d = (struct datagram){MAGIC, f->addr_be, f->seq, 0, now};
	if (t->server) {
		to.sin_addr.s_addr = f->addr_be;
	} else {
		struct cmsghdr *c;

		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
	/* an error is a lost datagram: the receiver's record shows it as silence */
	if (sendmsg(t->fd, &msg, MSG_DONTWAIT) >= 0)
		f->seq++;
}

static struct flow *flow_of(struct traffic *t, uint32_t addr_be)
{
	for (unsigned i = 0; i < t->flow_count; i++)
		if (t->flows[i].addr_be == addr_be)
			return &t->flows[i];
	if (!t->server || t->flow_count == FLOWS_MAX)
		return NULL;
	t->flows[t->flow_count].addr_be = addr_be;
	return &t->flows[t->flow_count++];
}

static void receive_all(struct traffic *t)
{
	struct datagram d;
	ssize_t n;

	while ((n = recv(t->fd, &d, sizeof(d), MSG_DONTWAIT)) >= 0 || errno == ECONNREFUSED ||
	       errno == EHOSTUNREACH || errno == ENETUNREACH) {
		uint64_t now = now_ns();
		struct flow *f;

		if (n < (ssize_t)sizeof(d) || d.magic != MAGIC || !(f = flow_of(t, d.flow_be)))
			continue;
		if (!f->active) {
			f->active = true;
			f->due_ns = now;
		}
		fwrite(&(struct record){d.flow_be, d.seq, d.sent_ns, now}, sizeof(struct record), 1,
		       t->log);
	}
}

/* Sends what is due and returns when the next datagram will be. */
static uint64_t send_due(struct traffic *t)
{
	uint64_t now = now_ns(), next = now + t->interval_ns;

	for (unsigned i = 0; i < t->flow_count; i++) {
		struct flow *f = &t->flows[i];

		if (!f->active)
			continue;
		if (f->due_ns <= now) {
			send_one(t, f, now);
			f->due_ns += t->interval_ns;
			/* late by more than one: do not catch up with a burst */
			if (f->due_ns <= now)
				f->due_ns = now + t->interval_ns;
		}
		if (f->due_ns < next)
			next = f->due_ns;
	}
	return next;
}

static void run(struct traffic *t)
{
	while (!stopping) {
		uint64_t next = send_due(t), now = now_ns();
		struct timespec wait = {.tv_nsec = (long)(next > now ? next - now : 0)};
		struct pollfd p = {.fd = t->fd, .events = POLLIN};

		wait.tv_sec = wait.tv_nsec / 1000000000;
		wait.tv_nsec %= 1000000000;
		if (ppoll(&p, 1, &wait, NULL) > 0)
			receive_all(t);
	}
	fwrite(&(struct record){.received_ns = now_ns()}, sizeof(struct record), 1, t->log);
}

static void usage(void)
{
	fputs("usage: baton-traffic --log FILE [--rate N] [--size N] --serve ADDRESS PORT\n"
	      "       baton-traffic --log FILE [--rate N] [--size N] ADDRESS PORT FIRST-INNER "
	      "COUNT\n",
	      stderr);
	exit(2);
}

/* The number in text, or -1 when it is none or not of 1..max. */
static int number(const char *text, int max)
{
	char *end;
	long n = strtol(text, &end, 10);

	return end == text || *end || n < 1 || n > max ? -1 : (int)n;
}

static void open_socket(struct traffic *t, const char *address, const char *port)
{
	struct sockaddr_in bound = {.sin_family = AF_INET};
	int buffer = 8 << 20;

	t->peer.sin_family = AF_INET;
	t->peer.sin_port = bound.sin_port = htons((uint16_t)number(port, UINT16_MAX));
	if (inet_pton(AF_INET, address, &t->peer.sin_addr) != 1 || number(port, UINT16_MAX) < 0)
		usage();
	if (t->server)
		bound.sin_addr = t->peer.sin_addr;
	t->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (t->fd < 0 || bind(t->fd, (struct sockaddr *)&bound, sizeof(bound))) {
		perror("baton-traffic: socket");
		exit(1);
	}
	if (setsockopt(t->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)))
		perror("baton-traffic: SO_RCVBUFFORCE");
}

/* The flows of a client start evenly spread over one interval. */
static void add_flows(struct traffic *t, const char *first, const char *count)
{
	struct in_addr a;
	uint64_t now = now_ns();

	if (inet_pton(AF_INET, first, &a) != 1 || number(count, FLOWS_MAX) < 0)
		usage();
	t->flow_count = (unsigned)number(count, FLOWS_MAX);
	for (unsigned i = 0; i < t->flow_count; i++) {
		t->flows[i].addr_be = htonl(ntohl(a.s_addr) + i);
		t->flows[i].due_ns = now + t->interval_ns * i / t->flow_count;
		t->flows[i].active = true;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"log", required_argument, NULL, 'l'},
						{"rate", required_argument, NULL, 'r'},
						{"size", required_argument, NULL, 's'},
						{"serve", no_argument, NULL, 'S'},
						{0}};
	static char buffer[BUFFERED_RECORDS *
			   sizeof(struct record)]; /* glibc sizes only the caller's */
	static struct traffic t = {.interval_ns = 20000000, .size = 64};
	struct sigaction on_stop = {.sa_handler = stop};
	int opt, n;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'l') {
			t.log = fopen(optarg, "we");
		} else if (opt == 'r' && (n = number(optarg, 1000000)) > 0) {
			t.interval_ns = 1000000000u / (unsigned)n;
		} else if (opt == 's' &&
			   (n = number(optarg, SIZE_MAX_BYTES)) >= (int)sizeof(struct datagram)) {
			t.size = (size_t)n;
		} else if (opt == 'S') {
			t.server = true;
		} else {
			usage();
		}
	}
	if (!t.log || argc - optind != (t.server ? 2 : 4))
		usage();
	sigaction(SIGTERM, &on_stop, NULL);
	sigaction(SIGINT, &on_stop, NULL);
	setvbuf(t.log, buffer, _IOFBF, sizeof(buffer));
	open_socket(&t, argv[optind], argv[optind + 1]);
	if (!t.server)
		add_flows(&t, argv[optind + 2], argv[optind + 3]);
	run(&t);
	if (fclose(t.log)) {
		perror("baton-traffic: log");
		return 1;
	}
	return 0;
}
