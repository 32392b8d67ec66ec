/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes over the unix sockets of batond: the IKE daemon's plugin, and batonctl.
 *
 * A node without network and kernel, but with its sockets, in a folder of its own. The
 * input is a row of steps. Most become well-formed messages of a plugin, so that the
 * fuzzer comes to sessions that are held, given back, lost and taken over; others are
 * bytes as they are. What batond answers must decode, and its table be sane.
 */
#include "daemon/ctl.h"
#include "sample.h"
#include "store_check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STEP_BYTES 8u
#define STEPS_MAX 24u /* of an input: beyond, they cost time and find nothing new */
#define SESSIONS 6u

static struct baton_node n;
static struct baton_service service;
static char folder[] = "/tmp/baton-fuzz-XXXXXX";
static const struct baton_id other = {BATON_ID_FQDN, 4, "gw-b"};
static struct baton_session session;
static struct baton_message answer;
static struct baton_status statuses[BATON_ITEMS_MAX];
static uint8_t msg[BATON_MESSAGE_MAX], body[BATON_MESSAGE_MAX], got[BATON_MESSAGE_MAX];
static int plugin = -1;
static uint32_t last_install; /* message ID of the SA_INSTALL that came last */
static unsigned turns;

/* ---- the node -------------------------------------------------------------------------------- */

static uint64_t turn(void *ctx, uint64_t now_ms)
{
	(void)ctx;
	n.loop.stop = turns++ > 0;
	return now_ms;
}

/* Everything that waits in a socket is read. */
static void pump(void)
{
	turns = 0;
	n.loop.stop = false;
	FUZZ_CHECK(baton_loop_run(&n.loop) == 0);
	baton_takeover_tick(&n, baton_now_ms());
	(void)baton_confirm_look(&n, baton_now_ms());
}

static int dial(const char *name, int type)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", folder, name);
	FUZZ_CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	return fd;
}

static void leave(void)
{
	char path[64];

	baton_charon_link_close(&n.link);
	baton_ctl_close(&n);
	snprintf(path, sizeof(path), "%s/release", folder);
	unlink(path);
	rmdir(folder);
}

static void make_node(void)
{
	char path[64];

	FUZZ_CHECK(mkdtemp(folder) != NULL);
	baton_log_set_level((enum baton_log_level)0);
	FUZZ_CHECK(baton_id_parse(&n.config.server_id, "gw-a") == 0);
	strcpy(n.config.server_name, "gw-a");
	snprintf(n.config.run_dir, sizeof(n.config.run_dir), "%s", folder);
	n.config.gateway = n.config.store = true;
	n.config.lease = n.own.lease = n.watch.lease = 1000;
	n.config.hold_ms = 10000;
	n.watch.age_ms = 100;
	n.boot = 0xa0a0;
	n.own.table = &n.table;
	n.own.self = &n.config.server_id;
	n.own.losing = baton_retreat_losing;
	n.own.ctx = &n;
	n.service = &service;
	service.own = &n.own;
	service.boot = n.boot;
	service.stores = true;
	baton_install_init(&n);
	TAILQ_INIT(&n.confirms);
	n.loop.turn = turn;
	n.link.opened = baton_gateway_opened;
	n.link.closed = baton_gateway_closed;
	n.link.message = baton_gateway_message;
	n.link.ctx = &n;
	snprintf(path, sizeof(path), "%s/charon.sock", folder);
	FUZZ_CHECK(baton_table_init(&n.table, STORE_CHECK_MAX, 1) == 0);
	FUZZ_CHECK(baton_loop_init(&n.loop) == 0);
	FUZZ_CHECK(baton_ctl_open(&n) == 0);
	FUZZ_CHECK(baton_charon_link_open(&n.link, &n.loop, path) == 0);
	atexit(leave);
}

static void begin(void)
{
	static bool ready;
	struct baton_record *r;
	struct baton_install *i;

	if (!ready)
		make_node();
	ready = true;
	if (plugin >= 0)
		close(plugin);
	plugin = dial("charon.sock", SOCK_SEQPACKET);
	pump(); /* the one before has gone, the new one is there */
	STAILQ_CONCAT(&n.waiting, &n.waiting_busy);
	while ((i = STAILQ_FIRST(&n.waiting))) {
		STAILQ_REMOVE_HEAD(&n.waiting, entry);
		free(i);
	}
	baton_confirm_drop(&n);
	while ((r = TAILQ_FIRST(&n.table.records)))
		baton_table_drop(&n.table, r);
	n.takeover = (struct baton_takeover){0};
	n.greeting = n.recover_due = n.recovered = n.released = false;
	n.alone_since_ms = 0;
	last_install = 0;
	store_check_begin();
}

/* ---- the plugin ------------------------------------------------------------------------------ */

static void read_answers(void)
{
	ssize_t len;

	while (plugin >= 0 && (len = recv(plugin, got, sizeof(got), MSG_DONTWAIT)) > 0) {
		answer.statuses = statuses;
		answer.status_max = BATON_ITEMS_MAX;
		FUZZ_CHECK(baton_message_decode(&answer, got, (size_t)len, NULL) == 0);
		if (answer.header.exchange == BATON_SA_INSTALL)
			last_install = answer.header.msgid;
		for (unsigned i = 0; i < answer.session_count; i++) {
			FUZZ_CHECK(baton_session_decode(&session, answer.sessions[i].body,
							answer.sessions[i].len, NULL) == 0);
			baton_session_wipe(&session);
		}
	}
}

static void say(const void *data, size_t len)
{
	if (plugin < 0 || send(plugin, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;
	pump();
	read_answers();
}

static void make_session(const uint8_t *d)
{
	sample_session(&session);
	session.spi_i = session.spi_r = d[2] % SESSIONS + 1u;
	session.child_count = d[3] % 3;
	session.children[0].policy_count = 0;
	session.children[1] = session.children[0];
	for (unsigned i = 0; i < session.child_count; i++) {
		session.children[i].spi_in = 0x1000u + (d[2] % SESSIONS) * 4 + d[4] % 2u + 2 * i;
		session.children[i].spi_out = 0x2000u + d[4] / 2 % 2u + 2 * i;
		session.children[i].counters = (struct baton_counters){d[5], d[5] * 2u, d[5], d[5]};
	}
}

static void put(struct baton_builder *b, const uint8_t *d)
{
	int len;

	make_session(d);
	len = baton_session_encode(&session, body, sizeof(body));
	if (len > 0)
		baton_build_session(b, body, (size_t)len);
	if (d[6] & 1)
		baton_build_notify(b, BATON_N_CONFIRM);
}

static void report(struct baton_builder *b, const uint8_t *d, bool child)
{
	const struct baton_report rep = {
		.kind = child ? BATON_REPORT_CHILD : BATON_REPORT_MSGID,
		.protocol = child ? BATON_PROTO_ESP : 1,
		.spi_in = child ? 0x1000u + (d[2] % SESSIONS) * 4 + d[4] % 4u : 0,
		.spi_i = d[2] % SESSIONS + 1u,
		.spi_r = d[2] % SESSIONS + 1u,
		.epoch = d[3] % 4u,
		.msgid_in = child ? 0 : d[5],
		.msgid_out = child ? 0 : d[6],
	};

	baton_build_reports(b, &rep, 1);
}

static void plugin_step(const uint8_t *d)
{
	unsigned what = d[0] % 8;
	struct baton_header h = {
		.exchange = BATON_SA_STOR, .flags = BATON_FLAG_INITIATOR, .msgid = d[7]};
	struct baton_builder b;
	int len;

	if (what == 5)
		h.exchange = BATON_SA_ARM;
	if (what == 6)
		h = (struct baton_header){.exchange = BATON_SA_INSTALL,
					  .flags = BATON_FLAG_RESPONSE,
					  .msgid = last_install - d[7] % 3u};
	baton_build_begin(&b, msg, sizeof(msg), &h);
	if (what == 0)
		baton_build_notify(&b, BATON_N_HELLO);
	else if (what == 1 || what == 2)
		put(&b, d);
	else if (what == 3)
		report(&b, d, false);
	else if (what == 4)
		baton_build_delete(&b, &(struct baton_delete){d[2] % SESSIONS + 1u,
							      d[2] % SESSIONS + 1u, 1, 1});
	else if (what == 5)
		report(&b, d, true);
	else if (what == 6)
		baton_build_status(&b, &(struct baton_status){.status = d[3] % 24u,
							      .spi_i = d[2] % SESSIONS + 1u,
							      .spi_r = d[2] % SESSIONS + 1u});
	else
		baton_build_notify(&b, BATON_N_SYNCED);
	len = baton_build_end(&b);
	if (len > 0)
		say(msg, (size_t)len);
}

/* ---- another node, and batonctl -------------------------------------------------------------- */

static void other_step(const uint8_t *d)
{
	struct baton_record *r = baton_table_find(&n.table, d[2] % SESSIONS + 1u,
						  d[2] % SESSIONS + 1u);

	if (d[1] & 1) {
		make_session(d);
		session.owner = other;
		session.epoch = d[6] % 8u + 1;
		session.version = d[7];
		(void)baton_own_put(&n.own, &other, &session, baton_now_ms());
		baton_session_wipe(&session);
	} else if (r && !r->deleted) {
		(void)baton_own_claim(&n.own, r, &other, d[7], 0, (struct baton_grant){1, 1});
	}
	pump();
	read_answers();
}

/* A request, in two pieces, and what comes back: JSON objects, one a line, the last of them done.
 */
static void control(const uint8_t *data, size_t len)
{
	int fd = dial("ctl.sock", SOCK_STREAM);
	size_t first = len ? data[0] % len : 0;
	ssize_t have;
	json_t *o;

	pump();
	(void)send(fd, data, first, MSG_NOSIGNAL);
	pump();
	(void)send(fd, data + first, len - first, MSG_NOSIGNAL);
	(void)send(fd, "\n", 1, MSG_NOSIGNAL);
	pump();
	pump(); /* a takeover has a turn to end in */
	have = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	if (have > 0) {
		const char *last;

		got[have] = '\0';
		FUZZ_CHECK(got[have - 1] == '\n');
		got[have - 1] = '\0';
		last = strrchr((char *)got, '\n');
		o = json_loads(last ? last + 1 : (char *)got, 0, NULL);
		FUZZ_CHECK(json_is_object(o));
		json_decref(o);
	}
	close(fd);
	pump();
}

static const char *const requests[] = {
	"{\"command\": \"status\"}",
	"{\"command\": \"sessions\"}",
	"{\"command\": \"takeover\", \"argument\": \"gw-b\"}",
	"{\"command\": \"takeover\", \"argument\": \"gw-b 1/2\"}",
	"{\"command\": \"release\"}",
	"{\"command\": \"resume\"}",
	"{\"command\": \"sessions\", \"argument\": \"gw-b\"}",
	"{\"command\": \"drain\", \"argument\": \"gw-b\"}",
	"{\"command\": \"move\", \"argument\": \"0000000000000001:0000000000000001 gw-b\"}",
	"{\"command\": \"move\", \"argument\": \"gw-b\"}",
};

void fuzz_sockets(const uint8_t *data, size_t size)
{
	if (size > (size_t)STEPS_MAX * STEP_BYTES)
		size = (size_t)STEPS_MAX * STEP_BYTES;
	begin();
	for (; size >= STEP_BYTES; data += STEP_BYTES, size -= STEP_BYTES) {
		unsigned kind = data[0] >> 5;
		size_t len = data[1];

		if (kind < 4) {
			plugin_step(data);
		} else if (kind == 4) {
			other_step(data);
		} else if (kind == 5) {
			const char *text = requests[len % (sizeof(requests) / sizeof(*requests))];

			control((const uint8_t *)text, strlen(text));
		} else { /* as they are: to the plugin's socket, or to batonctl's */
			if (len > size - 2)
				len = size - 2;
			if (kind == 6)
				say(data + 2, len);
			else
				control(data + 2, len);
			len = len / STEP_BYTES * STEP_BYTES;
			data += len;
			size -= len;
			if (size < STEP_BYTES)
				break;
		}
		store_check(&n.table, baton_now_ms());
	}
}
