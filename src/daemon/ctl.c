/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket. A request is one line of JSON: {"command": "...",
 * "argument": "..."}; the answer is JSON objects, the last with "done": true
 * and "error" when it failed. Everything but takeover, drain
 * and move is answered at once; these say every second how far it is ("progress", "of", "seconds").
 * One that cannot start because another one runs is refused.
 */
#include "daemon/ctl.h"

#include "daemon/unix_socket.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNS_MAX 16
#define LINE_MAX_BYTES 512

struct ctl_conn {
	struct baton_source source;
	struct baton_ctl *ctl;
	char line[LINE_MAX_BYTES];
	size_t have;
};

struct baton_ctl {
	struct baton_node *node;
	struct baton_source listener;
	struct ctl_conn conns[CONNS_MAX];
	char path[128];
};

static void close_conn(struct ctl_conn *c)
{
	if (c->ctl->node->takeover.waiter == c)
		c->ctl->node->takeover.waiter = NULL;
	if (c->ctl->node->drain.waiter == c)
		c->ctl->node->drain.waiter = NULL;
	baton_loop_remove(&c->ctl->node->loop, &c->source);
	close(c->source.fd);
	c->source.fd = -1;
}

/* batonctl reads eagerly; one that does not within two seconds is not waited for. */
static void reply(struct ctl_conn *c, json_t *o)
{
	struct timeval patience = {.tv_sec = 2};
	int flags = fcntl(c->source.fd, F_GETFL);
	char *text;

	json_object_set_new(o, "done", json_true());
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (text) {
		size_t len = strlen(text), done = 0;

		text[len++] = '\n'; /* in place of the NUL */
		fcntl(c->source.fd, F_SETFL, flags & ~O_NONBLOCK);
		setsockopt(c->source.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		while (done < len) {
			ssize_t n = send(c->source.fd, text + done, len - done, MSG_NOSIGNAL);

			if (n <= 0)
				break;
			done += (size_t)n;
		}
	}
	free(text);
	close_conn(c);
}

static void refuse(struct ctl_conn *c, const char *why)
{
	reply(c, json_pack("{s:s}", "error", why));
}

int baton_ctl_write_release(struct baton_node *n, bool released)
{
	char path[128], tmp[136];
	FILE *f;
	int bad;

	/* keepalived's track_file: replaced whole, never half written */
	snprintf(path, sizeof(path), "%s/release", n->config.run_dir);
	snprintf(tmp, sizeof(tmp), "%s.new", path);
	f = fopen(tmp, "we");
	if (!f)
		return -BATON_E_SYSTEM;
	bad = fprintf(f, "%d\n", released ? 1 : 0) < 0;
	bad |= fclose(f) != 0;
	if (bad || rename(tmp, path))
		return -BATON_E_SYSTEM;
	n->released = released;
	return 0;
}

bool baton_ctl_read_release(const struct baton_node *n)
{
	char path[128];
	FILE *f;
	bool released;

	snprintf(path, sizeof(path), "%s/release", n->config.run_dir);
	f = fopen(path, "re");
	if (!f)
		return false;
	released = fgetc(f) == '1';
	fclose(f);
	return released;
}

static void do_release(struct ctl_conn *c, bool released)
{
	struct baton_node *n = c->ctl->node;

	if (released && n->alone_since_ms) {
		refuse(c, "there are sessions that no peer has: releasing now would drop their "
			  "clients (see: batonctl status)");
		return;
	}
	if (!released && n->drain.active) {
		refuse(c, "a drain or move is under way: wait for its end");
		return;
	}
	if (baton_ctl_write_release(n, released)) {
		refuse(c, "cannot write run_dir/release");
		return;
	}
	if (!released)
		n->own.drained = false;
	baton_log(BATON_LOG_INFO, released ? "released" : "resumed", "file=%s/release",
		  n->config.run_dir);
	reply(c, json_pack("{s:b}", "released", released));
}

/* "SERVER-ID" or "SERVER-ID I/N": the I-th of N shares, from 1. */
static int parse_share(const char *argument, char *subject, size_t size, struct baton_share *share)
{
	size_t len = strcspn(argument, " ");
	unsigned long index, of;
	char *end;

	if (len >= size)
		return -BATON_E_VALUE;
	memcpy(subject, argument, len);
	subject[len] = '\0';
	*share = (struct baton_share){0};
	if (!argument[len])
		return 0;
	index = strtoul(argument + len + 1, &end, 10);
	if (*end != '/')
		return -BATON_E_VALUE;
	of = strtoul(end + 1, &end, 10);
	if (*end || !index || index > of || of > UINT16_MAX)
		return -BATON_E_VALUE;
	*share = (struct baton_share){
		.index = (uint16_t)(index - 1), .of = (uint16_t)of, .count = 1};
	return 0;
}

static void do_takeover(struct ctl_conn *c, const char *argument)
{
	struct baton_node *n = c->ctl->node;
	char subject[LINE_MAX_BYTES];
	struct baton_share share;
	int err;

	if (!n->config.gateway) {
		refuse(c, "this node has no gateway role ([gateway] enabled = no)");
		return;
	}
	err = parse_share(argument, subject, sizeof(subject), &share);
	if (!err)
		err = baton_takeover_start(n, subject, &share, c);
	if (err == -BATON_E_VALUE)
		refuse(c, "not a Server ID (host name or IP address), or not a share (2/3: the "
			  "second of three)");
	else if (err == -BATON_E_NOT_PEER)
		refuse(c, "no peer has that Server ID, and no session here is its own (see: "
			  "batonctl status)");
	else if (err)
		refuse(c, "another takeover is under way");
}

/* "SPIi:SPIr", 16 hexadecimal digits each, as batonctl prints them. */
static int parse_spis(const char *text, struct baton_spis *spis)
{
	char *end;

	if (strspn(text, "0123456789abcdefABCDEF") != 16 || text[16] != ':' ||
	    strspn(text + 17, "0123456789abcdefABCDEF") != 16 || text[33])
		return -BATON_E_VALUE;
	spis->spi_i = strtoull(text, &end, 16);
	spis->spi_r = strtoull(end + 1, &end, 16);
	return spis->spi_i && spis->spi_r ? 0 : -BATON_E_VALUE;
}

/* drain: "SERVER-ID", or nothing; move: "SPIi:SPIr SERVER-ID". */
static void do_drain(struct ctl_conn *c, const char *argument, bool all)
{
	struct baton_node *n = c->ctl->node;
	size_t len = all ? 0 : strcspn(argument, " ");
	char session[40] = "";
	struct baton_spis one;
	struct baton_id to;
	int err;

	if (!n->config.gateway) {
		refuse(c, "this node has no gateway role ([gateway] enabled = no)");
		return;
	}
	if (!all && len < sizeof(session) && argument[len] == ' ')
		memcpy(session, argument, len);
	if (!all && parse_spis(session, &one)) {
		refuse(c, "not a session: two IKE SPIs of 16 hexadecimal digits, a colon between "
			  "(see: batonctl sessions)");
		return;
	}
	if (argument && baton_id_parse(&to, argument + len + !all)) {
		refuse(c, "not a Server ID (host name or IP address)");
		return;
	}
	err = baton_drain_start(n, argument ? &to : NULL, all ? NULL : &one, c);
	if (err == -BATON_E_NOT_PEER)
		refuse(c, "no peer has that Server ID (see: batonctl status)");
	else if (err == -BATON_E_UNREACHABLE)
		refuse(c, "that peer is not heard of (see: batonctl status)");
	else if (err == -BATON_E_NOT_FOUND)
		refuse(c, "that session is not this node's (see: batonctl sessions)");
	else if (err)
		refuse(c, "another drain or move is under way");
}

static void do_sessions(struct ctl_conn *c, const char *owner)
{
	struct baton_id id;

	if (owner && baton_id_parse(&id, owner))
		refuse(c, "not a Server ID (host name or IP address)");
	else
		reply(c, baton_show_sessions(c->ctl->node, owner ? &id : NULL));
}

static void run(struct ctl_conn *c)
{
	json_t *o = json_loads(c->line, 0, NULL);
	const char *command = json_string_value(json_object_get(o, "command"));
	const char *argument = json_string_value(json_object_get(o, "argument"));

	if (!command)
		refuse(c, "not a request");
	else if (strcmp(command, "status") == 0)
		reply(c, baton_show_status(c->ctl->node));
	else if (strcmp(command, "sessions") == 0)
		do_sessions(c, argument);
	else if (strcmp(command, "release") == 0)
		do_release(c, true);
	else if (strcmp(command, "resume") == 0)
		do_release(c, false);
	else if (strcmp(command, "takeover") == 0 && argument)
		do_takeover(c, argument);
	else if (strcmp(command, "drain") == 0)
		do_drain(c, argument, true);
	else if (strcmp(command, "move") == 0 && argument)
		do_drain(c, argument, false);
	else
		refuse(c, "no such command");
	json_decref(o);
}

void baton_ctl_takeover_done(struct baton_node *n, const struct baton_takeover *t)
{
	struct ctl_conn *c = t->waiter;
	json_t *o = baton_show_takeover(t);

	n->takeover.waiter = NULL;
	if (t->failed || t->sessions > t->installed)
		json_object_set_new(
			o, "error",
			json_string("not every session could be installed (see batond's log)"));
	reply(c, o);
}

/* A line in between; one that the socket does not take at once is left out. */
static void tell_progress(const struct ctl_conn *c, unsigned done, unsigned of, uint64_t start_us)
{
	json_t *o = json_pack("{s:i, s:i, s:f}", "progress", (int)done, "of", (int)of, "seconds",
			      (double)(baton_now_us() - start_us) / 1e6);
	char *text = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	if (text)
		(void)send(c->source.fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	free(text);
}

void baton_ctl_takeover_progress(const struct baton_takeover *t)
{
	tell_progress(t->waiter, t->installed + t->failed, t->sessions, t->start_us);
}

void baton_ctl_drain_progress(const struct baton_drain *d)
{
	tell_progress(d->waiter, d->total - d->left, d->total, d->start_us);
}

void baton_ctl_drain_done(struct baton_node *n, const char *error)
{
	struct baton_drain *d = &n->drain;
	struct ctl_conn *c = d->waiter;
	json_t *o = json_pack("{s:s, s:i, s:i, s:f}", "server_id", baton_drain_name(n), "sessions",
			      (int)d->total, "gone", (int)(d->total - d->left), "seconds",
			      (double)(baton_now_us() - d->start_us) / 1e6);

	d->waiter = NULL;
	if (error)
		json_object_set_new(o, "error", json_string(error));
	reply(c, o);
}

static void conn_ready(struct baton_source *s, uint32_t events)
{
	struct ctl_conn *c = s->ctx;
	ssize_t n = recv(s->fd, c->line + c->have, sizeof(c->line) - 1 - c->have, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		close_conn(c);
		return;
	}
	c->have += (size_t)n;
	c->line[c->have] = '\0';
	if (strchr(c->line, '\n'))
		run(c);
	else if (c->have == sizeof(c->line) - 1)
		refuse(c, "request is too long");
}

static void accept_ready(struct baton_source *s, uint32_t events)
{
	struct baton_ctl *ctl = s->ctx;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	for (unsigned i = 0; fd >= 0 && i < CONNS_MAX; i++) {
		struct ctl_conn *c = &ctl->conns[i];

		if (c->source.fd >= 0)
			continue;
		*c = (struct ctl_conn){.source = {fd, conn_ready, c}, .ctl = ctl};
		if (baton_loop_add(&ctl->node->loop, &c->source, EPOLLIN) == 0)
			return;
		c->source.fd = -1;
		break;
	}
	if (fd >= 0)
		close(fd);
}

int baton_ctl_open(struct baton_node *n)
{
	struct baton_ctl *ctl = calloc(1, sizeof(*ctl));
	int fd;

	if (!ctl)
		return -BATON_E_SYSTEM;
	snprintf(ctl->path, sizeof(ctl->path), "%s/ctl.sock", n->config.run_dir);
	for (unsigned i = 0; i < CONNS_MAX; i++)
		ctl->conns[i].source.fd = -1;
	ctl->node = n;
	fd = baton_unix_listen(ctl->path, SOCK_STREAM);
	if (fd < 0) {
		free(ctl);
		return fd;
	}
	n->ctl = ctl;
	ctl->listener = (struct baton_source){fd, accept_ready, ctl};
	return baton_loop_add(&n->loop, &ctl->listener, EPOLLIN);
}

void baton_ctl_close(struct baton_node *n)
{
	if (!n->ctl)
		return;
	for (unsigned i = 0; i < CONNS_MAX; i++)
		if (n->ctl->conns[i].source.fd >= 0)
			close_conn(&n->ctl->conns[i]);
	baton_loop_remove(&n->loop, &n->ctl->listener);
	close(n->ctl->listener.fd);
	unlink(n->ctl->path);
	free(n->ctl);
	n->ctl = NULL;
}
