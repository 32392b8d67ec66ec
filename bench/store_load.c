/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Load for a batond in the store role: a peer that stores, updates and retrieves
 * sessions as fast as the protocol lets it (64 requests under way, messages as
 * full as they may be), and tells what came of it. For bench/store.
 *
 * One run does one thing and prints "name=value" words. It shows a batond the
 * sessions of one gateway; those differ in their SPIs, keys and version alone,
 * so they are encoded once and patched.
 */
#include "core/exchange.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES (16 << 20)
#define DEADLINE_MS 20000u
#define QUEUE 192u		  /* datagrams sent with one call */
#define ROOM ((size_t)256 * 1024) /* bytes of them */
#define SPOTS 8u
#define PAGE_BYTES 64000u
#define LATENCY_BLOCK 50u /* of one kind, then as many of the other */

/* The session, encoded, and where it holds what differs. */
struct template
{
	uint8_t body[4096];
	size_t len;
	size_t spi_r[SPOTS], spi_in[SPOTS], spi_out, version;
	unsigned spi_r_count, spi_in_count;
};

struct load {
	unsigned sessions, version, mtu, next, end; /* next: what the next request is about */
	unsigned answered, bad, count;
	pid_t server;
	int fd;
	struct sockaddr_in to, echo;
	struct template t;
	struct baton_exchange x;
	bool (*request)(struct load *l, uint64_t now_ms); /* false: nothing left to ask */
	uint64_t position, bytes;			  /* bulk */
	bool ended;
	uint8_t out[ROOM];
	size_t out_len;
	unsigned queued;
	struct iovec out_iov[QUEUE];
	struct mmsghdr out_msgs[QUEUE];
	struct baton_message msg;
	struct baton_status statuses[BATON_ITEMS_MAX];
	uint8_t buf[BATON_MESSAGE_MAX], in[32][65536];
};

static const struct baton_id self = {BATON_ID_FQDN, 18, "load.bench.example"};

static void die(const char *what)
{
	fprintf(stderr, "store_load: %s: %s\n", what, errno ? strerror(errno) : "failed");
	exit(1);
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t now_ms(void)
{
	return (uint64_t)(now_s() * 1000) + 1;
}

/* Processor seconds of the server so far; 0 when none was named. */
static double server_cpu_s(const struct load *l)
{
	char path[64], line[1024], *p;
	unsigned long user = 0, kernel = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)l->server);
	f = l->server ? fopen(path, "re") : NULL;
	if (!f)
		return 0;
	p = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	for (unsigned i = 0; p && i < 12; i++)
		p = strchr(p + 1, ' ');
	if (p) {
		user = strtoul(p, &p, 10);
		kernel = strtoul(p, NULL, 10);
	}
	fclose(f);
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- a session ----------------------------------------------------------------------------- */
#define MARK_SPI_I UINT64_C(0x1f3f5f7f9fbfdfef)
#define MARK_SPI_R UINT64_C(0xd1e2c3b4a5968778)
#define MARK_VERSION UINT64_C(0x0a1b2c3d4e5f6a7b)
#define MARK_SPI_IN UINT32_C(0xc9d8e7f6)
#define MARK_SPI_OUT UINT32_C(0xb6a7c8d9)

static void set_id(struct baton_id *id, uint8_t type, const char *text)
{
	*id = (struct baton_id){.type = type, .len = (uint16_t)strlen(text)};
	memcpy(id->data, text, id->len);
}

static void set_key(struct baton_secret *key, size_t len)
{
	uint8_t bytes[BATON_SECRET_MAX];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)random();
	baton_secret_set(key, bytes, len);
}

static void set_ip4(struct baton_addr *a, const char *text, uint16_t port)
{
	*a = (struct baton_addr){.family = AF_INET, .port = port};
	inet_pton(AF_INET, text, a->ip);
}

static void set_ts(struct baton_ts *ts, const char *from, const char *to)
{
	*ts = (struct baton_ts){.family = AF_INET, .port_end = 65535};
	inet_pton(AF_INET, from, ts->ip_start);
	inet_pton(AF_INET, to, ts->ip_end);
}

static void fill_child(struct baton_child *c)
{
	static const uint8_t directions[] = {BATON_DIR_OUT, BATON_DIR_IN, BATON_DIR_FWD};

	c->spi_in = MARK_SPI_IN;
	c->spi_out = MARK_SPI_OUT;
	c->protocol = BATON_PROTO_ESP;
	c->mode = BATON_MODE_TUNNEL;
	c->flags = BATON_CHILD_ENCAP;
	c->replay_window = 128;
	c->suite.count = 3;
	c->suite.transforms[0] = (struct baton_transform){1, 12, 256}; /* AES-CBC */
	c->suite.transforms[1] = (struct baton_transform){3, 12, 0};   /* HMAC-SHA2-256-128 */
	c->suite.transforms[2] = (struct baton_transform){5, 0, 0};
	set_key(&c->encr_i, 32);
	set_key(&c->encr_r, 32);
	set_key(&c->integ_i, 32);
	set_key(&c->integ_r, 32);
	c->local_ts_count = c->remote_ts_count = 1;
	set_ts(&c->local_ts[0], "10.1.0.0", "10.1.255.255");
	set_ts(&c->remote_ts[0], "10.3.0.1", "10.3.0.1");
	c->policy_count = 3;
	for (unsigned i = 0; i < 3; i++)
		c->policies[i] = (struct baton_policy){
			.directions = directions[i],
			.action = BATON_ACTION_PROTECT,
			.priority = 371327,
			.local = c->local_ts[0],
			.remote = c->remote_ts[0],
		};
	c->life = (struct baton_lifetime){.rekey_s = 3000, .expire_s = 3600};
	c->counters = (struct baton_counters){0, 65536, 0, 0};
	strcpy(c->name, "net");
	c->reqid = 1;
}

/* A client with a certificate and EAP behind a NAT, one tunnel. */
static void fill_session(struct baton_session *s)
{
	static const struct baton_transform suite[] = {
		{1, 12, 256}, {2, 5, 0}, {3, 12, 0}, {4, 31, 0}};

	s->spi_i = MARK_SPI_I;
	s->spi_r = MARK_SPI_R;
	s->owner = self;
	s->epoch = 1;
	s->version = MARK_VERSION;
	s->flags = BATON_IKE_NAT_REMOTE;
	set_ip4(&s->local, "192.0.2.10", 4500);
	set_ip4(&s->remote, "198.51.100.7", 31337);
	set_id(&s->local_id, BATON_ID_FQDN, "vpn.gateways.example.org");
	set_id(&s->remote_id, 3, "some.client.or.other@people.example.org");
	set_id(&s->remote_eap_id, BATON_ID_EAP, "some.client.or.other@people.example.org");
	s->suite.count = 4;
	memcpy(s->suite.transforms, suite, sizeof(suite));
	set_key(&s->sk_d, 32);
	set_key(&s->sk_ai, 32);
	set_key(&s->sk_ar, 32);
	set_key(&s->sk_ei, 32);
	set_key(&s->sk_er, 32);
	set_key(&s->sk_pi, 32);
	set_key(&s->sk_pr, 32);
	s->msgid_in = 6;
	s->msgid_out = 2;
	s->life = (struct baton_lifetime){.rekey_s = 13000, .expire_s = 14400};
	s->notify_count = 2;
	s->notifies[0] = 16396; /* MOBIKE_SUPPORTED */
	s->notifies[1] = 16420; /* IKEV2_MESSAGE_ID_SYNC_SUPPORTED */
	s->vip_count = 1;
	set_ip4(&s->vips[0], "10.3.0.1", 0);
	s->cfg_count = 2;
	s->cfg[0] = (struct baton_cfg_attr){3, 4, {10, 1, 0, 53}};
	s->cfg[1] = (struct baton_cfg_attr){13, 8, {10, 1, 0, 0, 255, 255, 0, 0}};
	strcpy(s->name, "roadwarriors");
	s->extensions = 0x4001;
	s->conditions = 0x0102;
	s->child_count = 1;
	fill_child(&s->children[0]);
}

static void put_be(uint8_t *at, uint64_t v, size_t len)
{
	while (len--) {
		at[len] = (uint8_t)v;
		v >>= 8;
	}
}

/* Where value stands in the template. */
static unsigned find_all(const struct template *t, uint64_t value, size_t len, size_t *spots)
{
	const uint8_t *p = t->body;
	uint8_t want[8];
	unsigned n = 0;

	put_be(want, value, len);
	while (n < SPOTS && (p = memmem(p, t->len - (size_t)(p - t->body), want, len))) {
		spots[n++] = (size_t)(p - t->body);
		p += len;
	}
	return n;
}

static void make_template(struct template *t)
{
	static struct baton_session s;
	size_t version[SPOTS], out[SPOTS];
	int len;

	fill_session(&s);
	len = baton_session_encode(&s, t->body, sizeof(t->body));
	if (len < 0)
		die(baton_strerror(len));
	t->len = (size_t)len;
	t->spi_r_count = find_all(t, MARK_SPI_R, 8, t->spi_r);
	t->spi_in_count = find_all(t, MARK_SPI_IN, 4, t->spi_in);
	if (find_all(t, MARK_VERSION, 8, version) != 1 || find_all(t, MARK_SPI_OUT, 4, out) != 1)
		die("a session is not as it should be");
	t->version = version[0];
	t->spi_out = out[0];
}

static uint64_t spi_r_of(unsigned i)
{
	return (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint32_t spi_in_of(unsigned i)
{
	return (i + 1) * UINT32_C(0x9e3779b1);
}

static void build_session(struct load *l, struct baton_builder *b, unsigned i)
{
	struct template *t = &l->t;
	unsigned of = i % l->sessions; /* beyond all of them: again, in a newer version */

	for (unsigned k = 0; k < t->spi_r_count; k++)
		put_be(t->body + t->spi_r[k], spi_r_of(of), 8);
	for (unsigned k = 0; k < t->spi_in_count; k++)
		put_be(t->body + t->spi_in[k], spi_in_of(of), 4);
	put_be(t->body + t->spi_out, spi_in_of(of) ^ 0x5a5a5a5au, 4);
	put_be(t->body + t->version, l->version + i / l->sessions, 8);
	baton_build_session(b, t->body, t->len);
}

/* ---- the wire ------------------------------------------------------------------------------ */
static void flush(struct load *l)
{
	for (unsigned sent = 0; sent < l->queued;) {
		int n = sendmmsg(l->fd, l->out_msgs + sent, l->queued - sent, 0);

		if (n < 0 && errno != EINTR)
			die("sendmmsg");
		sent += n > 0 ? (unsigned)n : 0;
	}
	l->queued = 0;
	l->out_len = 0;
}

static void send_datagram(void *ctx, const void *buf, size_t len)
{
	struct load *l = ctx;

	if (l->queued == QUEUE || l->out_len + len > ROOM)
		flush(l);
	memcpy(l->out + l->out_len, buf, len);
	l->out_iov[l->queued] = (struct iovec){l->out + l->out_len, len};
	l->out_msgs[l->queued].msg_hdr = (struct msghdr){
		.msg_name = &l->to,
		.msg_namelen = sizeof(l->to),
		.msg_iov = &l->out_iov[l->queued],
		.msg_iovlen = 1,
	};
	l->queued++;
	l->out_len += len;
}

/* Only ever a PING: we own what it stores, and it stores nothing here. */
static void take_request(void *ctx, const void *buf, size_t len)
{
	struct load *l = ctx;
	struct baton_builder b;
	struct baton_reader r;
	struct baton_header h;
	int n;

	baton_reader_init(&r, buf, len);
	if (baton_header_decode(&h, &r))
		return;
	h.flags = BATON_FLAG_RESPONSE;
	h.spi_r = l->x.boot;
	baton_build_begin(&b, l->buf, sizeof(l->buf), &h);
	baton_build_id(&b, BATON_PL_IDI, &self);
	n = baton_build_end(&b);
	if (n > 0)
		baton_exchange_respond(&l->x, l->buf, (size_t)n);
}

static void take_response(void *ctx, void *tag, const void *buf, size_t len)
{
	struct load *l = ctx;

	(void)tag;
	l->msg.statuses = l->statuses;
	l->msg.status_max = BATON_ITEMS_MAX;
	if (!buf || baton_message_decode(&l->msg, buf, len, NULL))
		die("no answer");
	if (l->msg.error)
		l->bad++;
	for (unsigned i = 0; i < l->msg.status_count; i++)
		l->bad += l->statuses[i].status != BATON_OK;
	l->answered += l->msg.status_count + l->msg.session_count;
	for (unsigned i = 0; i < l->msg.session_count; i++)
		l->bytes += l->msg.sessions[i].len;
	if (l->msg.has_cursor) {
		l->position = l->msg.cursor.position;
		l->ended = l->position == 0;
	}
}

static const struct baton_exchange_ops ops = {
	.send = send_datagram, .request = take_request, .response = take_response};

static void receive(struct load *l)
{
	struct mmsghdr msgs[32] = {0};
	struct iovec iov[32];
	int n;

	for (unsigned i = 0; i < 32; i++) {
		iov[i] = (struct iovec){l->in[i], sizeof(l->in[i])};
		msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	n = recvmmsg(l->fd, msgs, 32, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		baton_exchange_input(&l->x, l->in[i], msgs[i].msg_len, now_ms());
}

static int start(struct load *l, struct baton_builder *b, uint64_t now)
{
	int len = baton_build_end(b);

	if (len < 0 ||
	    baton_exchange_start(&l->x, l->buf, (size_t)len, NULL, now, now + DEADLINE_MS))
		die("request");
	return 0;
}

static void begin(struct load *l, struct baton_builder *b, uint8_t exchange)
{
	struct baton_header h = baton_exchange_header(&l->x, exchange);

	baton_build_begin(b, l->buf, sizeof(l->buf), &h);
	baton_build_id(b, BATON_PL_IDI, &self);
}

/* Keeps the window full until everything is asked and answered. */
static void drive(struct load *l)
{
	for (bool more = true; more || l->x.in_flight;) {
		struct pollfd p = {.fd = l->fd, .events = POLLIN};

		while (more && baton_exchange_ready(&l->x))
			more = l->request(l, now_ms());
		flush(l);
		if (poll(&p, 1, 20) > 0)
			receive(l);
		baton_exchange_tick(&l->x, now_ms());
	}
	flush(l);
}

/* ---- what is asked ------------------------------------------------------------------------- */
static bool ask_put(struct load *l, uint64_t now)
{
	struct baton_builder b;

	if (l->next == l->end)
		return false;
	begin(l, &b, BATON_SA_STOR);
	while (l->next < l->end && b.w.pos + l->t.len + 8 < sizeof(l->buf))
		build_session(l, &b, l->next++);
	return start(l, &b, now) == 0;
}

static bool ask_counters(struct load *l, uint64_t now)
{
	struct baton_report reps[BATON_ITEMS_MAX];
	struct baton_builder b;
	unsigned n = 0;

	if (l->next == l->end)
		return false;
	for (; l->next < l->end && n < BATON_ITEMS_MAX; l->next++)
		reps[n++] = (struct baton_report){
			.kind = BATON_REPORT_CHILD,
			.protocol = BATON_PROTO_ESP,
			.spi_in = spi_in_of(l->next % l->sessions),
			.spi_i = MARK_SPI_I,
			.spi_r = spi_r_of(l->next % l->sessions),
			.epoch = 1,
			.counters = {l->version, l->version + 65536, l->version, l->version + 9},
		};
	begin(l, &b, BATON_SA_STOR);
	baton_build_reports(&b, reps, n);
	return start(l, &b, now) == 0;
}

static unsigned any_session(const struct load *l)
{
	return (unsigned)random() % l->sessions;
}

static bool ask_spi(struct load *l, uint64_t now)
{
	struct baton_builder b;

	if (l->next == l->end)
		return false;
	l->next++;
	begin(l, &b, BATON_SA_RETR);
	baton_build_by_spi(&b, BATON_PROTO_ESP, spi_in_of(any_session(l)));
	return start(l, &b, now) == 0;
}

/* One page after the other: only its answer says where the next one begins. */
static bool ask_page(struct load *l, uint64_t now)
{
	const struct baton_cursor at = {l->position, PAGE_BYTES};
	struct baton_builder b;

	if (l->ended)
		return false;
	if (l->x.in_flight)
		return true;
	begin(l, &b, BATON_SA_RETR);
	baton_build_id(&b, BATON_PL_IDR, &self);
	baton_build_cursor(&b, &at);
	return start(l, &b, now) == 0;
}

static void drive_bulk(struct load *l)
{
	while (!l->ended) {
		struct pollfd p = {.fd = l->fd, .events = POLLIN};

		ask_page(l, now_ms());
		flush(l);
		while (l->x.in_flight) {
			if (poll(&p, 1, 20) > 0)
				receive(l);
			baton_exchange_tick(&l->x, now_ms());
			flush(l);
		}
	}
}

/* ---- latency ------------------------------------------------------------------------------- */
static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The round trip of one retrieval, in microseconds; or of an echo of the same sizes. */
static double round_trip(struct load *l, bool echo)
{
	const struct sockaddr_in *to = echo ? &l->echo : &l->to;
	struct baton_header h = baton_exchange_header(&l->x, BATON_SA_RETR);
	struct baton_builder b;
	struct baton_reader r;
	double began;
	ssize_t n;
	int len;

	l->x.next_msgid++;
	baton_build_begin(&b, l->buf, sizeof(l->buf), &h);
	baton_build_id(&b, BATON_PL_IDI, &self);
	baton_build_by_spi(&b, BATON_PROTO_ESP, spi_in_of(any_session(l)));
	len = baton_build_end(&b);
	began = now_s();
	if (len < 0 ||
	    sendto(l->fd, l->buf, (size_t)len, 0, (const struct sockaddr *)to, sizeof(*to)) < 0)
		die("sendto");
	for (;;) {
		struct baton_header got;
		double took;

		n = recv(l->fd, l->in[0], sizeof(l->in[0]), 0);
		took = (now_s() - began) * 1e6;
		if (n < 0)
			return -1; /* lost */
		if (echo)
			return took;
		baton_reader_init(&r, l->in[0], (size_t)n);
		if (baton_header_decode(&got, &r) == 0 && got.flags & BATON_FLAG_RESPONSE &&
		    got.msgid == h.msgid) {
			l->bytes = (uint64_t)n;
			return took;
		}
		baton_exchange_input(&l->x, l->in[0], (size_t)n, now_ms()); /* a PING */
		flush(l);
	}
}

static void latency(struct load *l)
{
	struct timeval patience = {1, 0};
	double *times[2];
	unsigned n[2] = {0, 0};

	setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	times[0] = calloc(l->count + LATENCY_BLOCK, sizeof(double));
	times[1] = calloc(l->count + LATENCY_BLOCK, sizeof(double));
	if (!times[0] || !times[1])
		die("memory");
	while (n[1] < l->count)
		for (unsigned kind = 0; kind < 2; kind++)
			for (unsigned i = 0; i < LATENCY_BLOCK; i++) {
				double took = round_trip(l, kind == 0);

				if (took < 0)
					l->bad++;
				else if (n[kind] < l->count)
					times[kind][n[kind]++] = took;
			}
	for (unsigned kind = 0; kind < 2; kind++) {
		const char *name = kind ? "spi" : "echo";

		qsort(times[kind], n[kind], sizeof(double), by_value);
		printf("%s_p50_us=%.1f %s_p99_us=%.1f ", name, times[kind][n[kind] / 2], name,
		       times[kind][(size_t)n[kind] * 99 / 100]);
		free(times[kind]);
	}
	printf("response_bytes=%llu lost=%u\n", (unsigned long long)l->bytes, l->bad);
}

/* ---- main ---------------------------------------------------------------------------------- */
static void open_socket(struct load *l, uint16_t own)
{
	struct sockaddr_in me = {.sin_family = AF_INET, .sin_port = htons(own)};
	int bytes = BUFFER_BYTES;

	me.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&me, sizeof(me)))
		die("socket");
	if (setsockopt(l->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(l->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(l->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static void run(struct load *l, const char *what)
{
	double began = now_s(), cpu = server_cpu_s(l), took;

	if (strcmp(what, "put") == 0)
		l->request = ask_put;
	else if (strcmp(what, "counters") == 0)
		l->request = ask_counters;
	else if (strcmp(what, "spi") == 0)
		l->request = ask_spi;
	else if (strcmp(what, "bulk") != 0)
		die("no such thing to do");
	if (l->request)
		drive(l);
	else
		drive_bulk(l);
	took = now_s() - began;
	cpu = server_cpu_s(l) - cpu;
	printf("seconds=%.4f items=%u per_s=%.0f cpu_s=%.2f per_cpu_s=%.0f bytes=%llu bad=%u "
	       "retransmitted=%llu\n",
	       took, l->answered, l->answered / took, cpu, cpu > 0 ? l->answered / cpu : 0,
	       (unsigned long long)l->bytes, l->bad, (unsigned long long)l->x.retransmitted);
}

int main(int argc, char **argv)
{
	static struct load load, *l = &load;
	uint16_t port = 0, own = 0, echo = 0;
	struct timespec seed;
	int c;

	l->sessions = 100000;
	l->version = 1;
	l->mtu = 65000;
	while ((c = getopt(argc, argv, "p:o:e:n:v:m:s:c:")) != -1) {
		unsigned v = (unsigned)strtoul(optarg ? optarg : "0", NULL, 10);

		switch (c) {
		case 'p':
			port = (uint16_t)v;
			break;
		case 'o':
			own = (uint16_t)v;
			break;
		case 'e':
			echo = (uint16_t)v;
			break;
		case 'n':
			l->sessions = v;
			break;
		case 'v':
			l->version = v;
			break;
		case 'm':
			l->mtu = v;
			break;
		case 's':
			l->server = (pid_t)v;
			break;
		case 'c':
			l->count = v;
			break;
		default:
			return 2;
		}
	}
	make_template(&l->t);
	if (optind + 1 != argc) {
		fprintf(stderr,
			"usage: store_load -p PORT -o OWN_PORT [-e ECHO_PORT] [-n SESSIONS] [-v "
			"VERSION]\n"
			"	[-m MTU] [-s SERVER_PID] [-c COUNT] "
			"put|counters|spi|bulk|latency|size\n");
		return 2;
	}
	if (strcmp(argv[optind], "size") == 0) {
		printf("body=%zu\n", l->t.len);
		return 0;
	}
	l->to = l->echo = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	l->to.sin_addr.s_addr = l->echo.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l->echo.sin_port = htons(echo);
	l->end = l->count ? l->count : l->sessions;
	clock_gettime(CLOCK_REALTIME, &seed);
	if (baton_exchange_init(&l->x, &ops, l,
				(uint64_t)seed.tv_sec << 32 | (uint64_t)seed.tv_nsec | 1, l->mtu))
		die("memory");
	open_socket(l, own);
	if (strcmp(argv[optind], "latency") == 0)
		latency(l);
	else
		run(l, argv[optind]);
	baton_exchange_free(&l->x);
	close(l->fd);
	return l->bad != 0;
}
