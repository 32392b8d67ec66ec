/* SPDX-License-Identifier: BSD-2-Clause */
#include "daemon/config.h"

#include "core/ownership.h"
#include "core/replica.h"
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SECTION_MAX 49u /* characters of a section's name that inih keeps */

/* inih reads; we count the lines it reads, for file:line in every complaint. */
struct reading {
	struct baton_config *c;
	const char *path;
	FILE *file, *err;
	unsigned line, errors;
	unsigned peer_line[BATON_PEERS_MAX];
};

static void complain(struct reading *r, unsigned line, const char *fmt, const char *a,
		     const char *b)
{
	r->errors++;
	if (!r->err)
		return;
	fprintf(r->err, "%s:%u: ", r->path, line);
	fprintf(r->err, fmt, a, b);
	fputc('\n', r->err);
}

static int set_text(char *to, size_t size, const char *value)
{
	if (strlen(value) >= size || *value == '\0')
		return -BATON_E_VALUE;
	strcpy(to, value);
	return 0;
}

static struct baton_peer_config *find_peer(struct baton_config *c, const char *name)
{
	for (unsigned i = 0; i < c->peer_count; i++)
		if (strcmp(c->peers[i].name, name) == 0)
			return &c->peers[i];
	return NULL;
}

static void add_peer(struct reading *r, const char *name)
{
	struct baton_config *c = r->c;
	struct baton_peer_config *p = &c->peers[c->peer_count];

	if (find_peer(c, name))
		return;
	if (c->peer_count == BATON_PEERS_MAX) {
		complain(r, r->line, "more than 8 peers%s%s", "", "");
		return;
	}
	p->store = true;
	if (set_text(p->name, sizeof(p->name), name) || baton_id_parse(&p->id, name)) {
		complain(r, r->line, "[peer %s]: not a Server ID (host name or IP address)%s", name,
			 "");
		return;
	}
	r->peer_line[c->peer_count++] = r->line;
}

/* inih says nothing of a section without settings, and cuts long names: so a peer begins with its
 * heading. */
static void note_section(struct reading *r, const char *line)
{
	const char *end;
	char name[SECTION_MAX + 1];

	line += strspn(line, " \t");
	end = strchr(line, ']');
	if (!end || strncmp(line, "[peer ", 6))
		return;
	if ((size_t)(end - line) - 1 > SECTION_MAX) {
		complain(r, r->line, "[peer ...]: the name is too long%s%s", "", "");
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(end - line) - 6, line + 6);
	add_peer(r, name);
}

static char *next_line(char *buf, int size, void *ctx)
{
	struct reading *r = ctx;

	if (!fgets(buf, size, r->file))
		return NULL;
	r->line++;
	if (strlen(buf) + 1 == (size_t)size && buf[size - 2] != '\n')
		complain(r, r->line, "line is too long%s%s", "", "");
	note_section(r, buf);
	return buf;
}

static int set_number(uint32_t *to, const char *value, unsigned long min, unsigned long max)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(value, &end, 10);
	if (errno || end == value || *end || !isdigit((unsigned char)*value) || v < min || v > max)
		return -BATON_E_VALUE;
	*to = (uint32_t)v;
	return 0;
}

/* "250ms", "2s" or plain milliseconds. */
static int set_ms(uint32_t *to, const char *value, unsigned long min, unsigned long max)
{
	char buf[24];
	size_t n = strlen(value);
	unsigned long unit = 1;

	if (n == 0 || n >= sizeof(buf))
		return -BATON_E_VALUE;
	strcpy(buf, value);
	if (n > 2 && strcmp(buf + n - 2, "ms") == 0) {
		buf[n - 2] = '\0';
	} else if (buf[n - 1] == 's') {
		buf[n - 1] = '\0';
		unit = 1000;
	}
	if (set_number(to, buf, 0, max / unit))
		return -BATON_E_VALUE;
	*to *= (uint32_t)unit;
	return *to < min ? -BATON_E_VALUE : 0;
}

static int set_bool(bool *to, const char *value)
{
	if (strcmp(value, "yes") && strcmp(value, "no"))
		return -BATON_E_VALUE;
	*to = value[0] == 'y';
	return 0;
}

static int set_level(enum baton_log_level *to, const char *value)
{
	static const struct {
		const char *name;
		enum baton_log_level level;
	} levels[] = {{"error", BATON_LOG_ERROR},
		      {"warning", BATON_LOG_WARNING},
		      {"info", BATON_LOG_INFO},
		      {"debug", BATON_LOG_DEBUG}};

	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		if (strcmp(value, levels[i].name) == 0) {
			*to = levels[i].level;
			return 0;
		}
	return -BATON_E_VALUE;
}

const char *const baton_ack_names[] = {"any", "majority", "all"};

static const char *const replay_mode_names[] = {"resume", "strict", "sync"};
static const char *const replicate_names[] = {"all", "ike"};

/* Which of the names is it? -BATON_E_VALUE when none. */
static int choose(const char *const *names, unsigned count, const char *value)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(value, names[i]) == 0)
			return (int)i;
	return -BATON_E_VALUE;
}

static int set_ack(enum baton_ack *to, const char *value)
{
	int i = choose(baton_ack_names, 3, value);

	*to = i < 0 ? *to : (enum baton_ack)i;
	return i < 0 ? i : 0;
}

static int set_replay_mode(enum baton_replay_mode *to, const char *value)
{
	int i = choose(replay_mode_names, 3, value);

	*to = i < 0 ? *to : (enum baton_replay_mode)i;
	return i < 0 ? i : 0;
}

static int set_replicate(bool *ike_only, const char *value)
{
	int i = choose(replicate_names, 2, value);

	*ike_only = i == 1;
	return i < 0 ? i : 0;
}

static int set_store_loss(struct baton_config *c, const char *value)
{
	if (strcmp(value, "continue") && strcmp(value, "fence"))
		return -BATON_E_VALUE;
	c->fence_on_loss = value[0] == 'f';
	return 0;
}

static int set_member_gone(struct baton_config *c, const char *value)
{
	if (strcmp(value, "ignore") && strcmp(value, "share"))
		return -BATON_E_VALUE;
	c->share_on_gone = value[0] == 's';
	return 0;
}

static int set_server_id(struct baton_config *c, const char *value)
{
	if (set_text(c->server_name, sizeof(c->server_name), value))
		return -BATON_E_VALUE;
	return baton_id_parse(&c->server_id, value);
}

static int set_ipsec(struct baton_config *c, const char *value)
{
	if (strcmp(value, "require") && strcmp(value, "loopback"))
		return -BATON_E_VALUE;
	c->require_ipsec = value[0] == 'r';
	return 0;
}

/* Hexadecimal, up to what follows it, which must be `mark`. */
static int get_spi(const char **at, char mark, uint32_t *spi)
{
	char *end;
	unsigned long v;

	if (!isxdigit((unsigned char)**at))
		return -BATON_E_VALUE;
	errno = 0;
	v = strtoul(*at, &end, 16);
	if (errno || v > UINT32_MAX || (*end != mark && !(mark == ' ' && !*end)))
		return -BATON_E_VALUE;
	*spi = (uint32_t)v;
	*at = end + strspn(end, mark == ' ' ? " " : "-");
	return 0;
}

/* "c1000000-c1ffffff c2000000-c2ffffff" */
static int set_partitions(struct baton_partitions *l, const char *value)
{
	l->count = 0;
	while (*value) {
		struct baton_partition *p = &l->ranges[l->count];

		if (l->count == BATON_PARTITIONS_MAX || get_spi(&value, '-', &p->first) ||
		    get_spi(&value, ' ', &p->last) || p->first > p->last)
			return -BATON_E_VALUE;
		l->count++;
	}
	return 0;
}

/* "10.50.0.0/16" */
static int get_net(struct baton_net *n, const char *text, size_t len)
{
	char buf[64], *slash, *end;
	unsigned long bits;

	if (len >= sizeof(buf))
		return -BATON_E_VALUE;
	memcpy(buf, text, len);
	buf[len] = '\0';
	slash = strchr(buf, '/');
	if (!slash || !isdigit((unsigned char)slash[1]))
		return -BATON_E_VALUE;
	*slash = '\0';
	bits = strtoul(slash + 1, &end, 10);
	if (*end || baton_addr_parse(&n->addr, buf, 0) || n->addr.port || !bits ||
	    bits > (n->addr.family == AF_INET6 ? 128 : 32))
		return -BATON_E_VALUE;
	n->bits = (uint8_t)bits;
	return 0;
}

/* "192.0.2.10 2001:db8::10" */
static int set_addresses(struct baton_config *c, const char *value)
{
	char buf[64];

	c->address_count = 0;
	for (; *value; value += strspn(value, " ")) {
		size_t len = strcspn(value, " ");
		struct baton_addr *to = &c->addresses[c->address_count];

		if (c->address_count == BATON_ADDRESSES_MAX || len >= sizeof(buf))
			return -BATON_E_VALUE;
		memcpy(buf, value, len);
		buf[len] = '\0';
		if (baton_addr_parse(to, buf, 0) || to->port)
			return -BATON_E_VALUE;
		c->address_count++;
		value += len;
	}
	return 0;
}

/* "10.50.0.0/16 2001:db8:50::/64" */
static int set_clients(struct baton_config *c, const char *value)
{
	c->client_net_count = 0;
	for (; *value; value += strspn(value, " ")) {
		size_t len = strcspn(value, " ");

		if (c->client_net_count == BATON_NETS_MAX ||
		    get_net(&c->client_nets[c->client_net_count], value, len))
			return -BATON_E_VALUE;
		c->client_net_count++;
		value += len;
	}
	return 0;
}

static int set_miss(struct baton_config *c, const char *name, const char *value)
{
	if (strcmp(name, "fetch") == 0)
		return set_bool(&c->fetch_on_miss, value);
	if (strcmp(name, "forward") == 0)
		return set_bool(&c->forward_on_miss, value);
	if (strcmp(name, "queue") == 0)
		return set_number(&c->miss_queue, value, 0, 65535);
	if (strcmp(name, "held") == 0)
		return set_number(&c->miss.held_max, value, 1, 65536);
	if (strcmp(name, "held_per_sa") == 0)
		return set_number(&c->miss.held_per_sa, value, 1, 65536);
	if (strcmp(name, "queries") == 0)
		return set_number(&c->miss.queries_per_s, value, 1, 1000000);
	if (strcmp(name, "queries_per_source") == 0)
		return set_number(&c->miss.queries_per_source, value, 1, 1000000);
	if (strcmp(name, "quiet") == 0)
		return set_ms(&c->miss.quiet_ms, value, 100, 3600000);
	if (strcmp(name, "clients") == 0)
		return set_clients(c, value);
	if (strcmp(name, "spis") == 0)
		return set_partitions(&c->miss.partitions, value);
	return 1;
}

/* Returns 1 when section.name is not a setting, else 0 or -BATON_E_VALUE. */
static int set_main(struct baton_config *c, const char *section, const char *name,
		    const char *value)
{
#define IS(s, n) (strcmp(section, (s)) == 0 && strcmp(name, (n)) == 0)
	if (IS("batond", "server_id"))
		return set_server_id(c, value);
	if (IS("batond", "run_dir"))
		return value[0] == '/' ? set_text(c->run_dir, sizeof(c->run_dir), value)
				       : -BATON_E_VALUE;
	if (IS("batond", "log_level"))
		return set_level(&c->log_level, value);
	if (IS("cluster", "listen"))
		return baton_addr_parse(&c->listen, value, BATON_PORT);
	if (IS("cluster", "ipsec"))
		return set_ipsec(c, value);
	if (IS("cluster", "reqid"))
		return set_number(&c->reqid, value, 1, UINT32_MAX);
	if (IS("cluster", "mtu"))
		return set_number(&c->mtu, value, 512, 65000);
	if (IS("gateway", "enabled"))
		return set_bool(&c->gateway, value);
	if (IS("gateway", "counter_age"))
		return set_ms(&c->counter_age_ms, value, 10, 60000);
	if (IS("gateway", "lease"))
		return set_number(&c->lease, value, 64, 1u << 28);
	if (IS("gateway", "hold"))
		return set_ms(&c->hold_ms, value, 1000, 3600000);
	if (IS("gateway", "fence"))
		return set_bool(&c->fence, value);
	if (IS("gateway", "ack"))
		return set_ack(&c->ack, value);
	if (IS("gateway", "ack_wait"))
		return set_ms(&c->ack_wait_ms, value, 10, 60000);
	if (IS("gateway", "replay_mode"))
		return set_replay_mode(&c->replay_mode, value);
	if (IS("gateway", "replicate"))
		return set_replicate(&c->ike_only, value);
	if (IS("gateway", "rekey_pace"))
		return set_number(&c->rekey_pace, value, 0, 100000);
	if (IS("gateway", "on_member_gone"))
		return set_member_gone(c, value);
	if (IS("gateway", "addresses"))
		return set_addresses(c, value);
	if (IS("gateway", "on_store_loss"))
		return set_store_loss(c, value);
	if (strcmp(section, "miss") == 0)
		return set_miss(c, name, value);
	if (IS("store", "enabled"))
		return set_bool(&c->store, value);
	if (IS("store", "max_sessions"))
		return set_number(&c->max_sessions, value, 1, 10000000);
#undef IS
	return 1;
}

static int set_peer(struct reading *r, const char *peer, const char *name, const char *value)
{
	struct baton_peer_config *p = find_peer(r->c, peer);

	if (!p && !r->errors)
		complain(r, r->line, "[peer %s]: the heading is not at the beginning of its line%s",
			 peer, "");
	if (!p)
		return 0; /* the heading was complained of */
	if (strcmp(name, "address") == 0)
		return baton_addr_parse(&p->addr, value, BATON_PORT);
	if (strcmp(name, "store") == 0)
		return set_bool(&p->store, value);
	if (strcmp(name, "follow") == 0)
		return set_bool(&p->follow, value);
	if (strcmp(name, "spis") == 0)
		return set_partitions(&p->spis, value);
	if (strcmp(name, "ike_spis") == 0)
		return set_partitions(&p->ike_spis, value);
	return 1;
}

static int handle(void *ctx, const char *section, const char *name, const char *value)
{
	struct reading *r = ctx;
	int err = strncmp(section, "peer ", 5) == 0 ? set_peer(r, section + 5, name, value)
						    : set_main(r->c, section, name, value);

	if (err == 1)
		complain(r, r->line, "[%s]: no such setting: %s", section, name);
	else if (err)
		complain(r, r->line, "%s: not a valid value: '%s' (see batond.conf(5))", name,
			 value);
	return 1; /* our own complaint counts; inih goes on with the next line */
}

static bool is_loopback(const struct baton_addr *a)
{
	static const uint8_t six[16] = {[15] = 1};

	return a->family == 2 ? a->ip[0] == 127 : memcmp(a->ip, six, 16) == 0;
}

static void check_whole(struct reading *r)
{
	struct baton_config *c = r->c;

	if (!c->server_id.type)
		complain(r, r->line, "[batond] server_id is missing%s%s", "", "");
	if (c->peer_count && !c->listen.family)
		complain(r, r->line, "[cluster] listen is missing, but there are peers%s%s", "",
			 "");
	/* Takers must be there before copies are out of date (docs/protocol.md 5.3.12). */
	if (c->share_on_gone && c->hold_ms < BATON_SHARE_HOLD_MS)
		complain(r, r->line,
			 "[gateway] on_member_gone = share needs a hold of 8s at least%s%s", "",
			 "");
	if (c->forward_on_miss && !c->fetch_on_miss)
		complain(r, r->line, "[miss] forward = yes needs fetch = yes%s%s", "", "");
	if (!c->require_ipsec && c->listen.family && !is_loopback(&c->listen))
		complain(r, r->line,
			 "[cluster] ipsec = loopback: allowed only with a loopback address in "
			 "listen%s%s",
			 "", "");
	for (unsigned i = 0; i < c->peer_count; i++) {
		struct baton_peer_config *p = &c->peers[i];

		if (!p->addr.family)
			complain(r, r->peer_line[i], "[peer %s]: address is missing%s", p->name,
				 "");
		else if (c->listen.family && p->addr.family != c->listen.family)
			complain(r, r->peer_line[i],
				 "[peer %s]: address is of another family than [cluster] listen%s",
				 p->name, "");
		if (baton_id_equal(&p->id, &c->server_id))
			complain(r, r->peer_line[i], "[peer %s] is this node's own server_id%s",
				 p->name, "");
	}
}

int baton_config_read(struct baton_config *c, const char *path, FILE *err)
{
	struct reading r = {.c = c, .path = path, .err = err};
	int line;

	*c = (struct baton_config){
		.run_dir = BATON_RUN_DIR,
		.log_level = BATON_LOG_INFO,
		.require_ipsec = true,
		.reqid = 4520,
		.mtu = 1280,
		.gateway = true,
		.store = true,
		.counter_age_ms = 100,
		.lease = BATON_LEASE_DEFAULT,
		.hold_ms = BATON_HOLD_MS,
		.ack_wait_ms = 500,
		.rekey_pace = 10,
		.fence = true,
		.max_sessions = 100000,
		.miss_queue = BATON_PORT,
		.miss = {.held_max = 16384,
			 .held_per_sa = 4096,
			 .queries_per_s = 1000,
			 .queries_per_source = 100,
			 .quiet_ms = 5000},
	};
	r.file = fopen(path, "re");
	if (!r.file) {
		if (err)
			fprintf(err, "%s: %s\n", path, strerror(errno));
		return -BATON_E_CONFIG;
	}
	line = ini_parse_stream(next_line, &r, handle, &r);
	if (line > 0)
		complain(&r, (unsigned)line, "not a [section] or name = value%s%s", "", "");
	else if (line < 0)
		complain(&r, r.line, "cannot be read%s%s", "", "");
	fclose(r.file);
	if (!r.errors)
		check_whole(&r);
	return r.errors ? -BATON_E_CONFIG : 0;
}

static bool same_endpoint(const struct baton_addr *a, const struct baton_addr *b)
{
	return baton_addr_equal(a, b) && a->port == b->port;
}

static bool same_clients(const struct baton_config *a, const struct baton_config *b)
{
	bool same = a->client_net_count == b->client_net_count;

	for (unsigned i = 0; same && i < a->client_net_count; i++)
		same = a->client_nets[i].bits == b->client_nets[i].bits &&
		       baton_addr_equal(&a->client_nets[i].addr, &b->client_nets[i].addr);
	return same;
}

const char *baton_config_fixed(const struct baton_config *c, const struct baton_config *next)
{
	if (!baton_id_equal(&c->server_id, &next->server_id))
		return "server_id";
	if (strcmp(c->run_dir, next->run_dir))
		return "run_dir";
	if (!same_endpoint(&c->listen, &next->listen) || c->reqid != next->reqid ||
	    c->require_ipsec != next->require_ipsec || c->mtu != next->mtu)
		return "[cluster]";
	for (unsigned i = 0; i < c->peer_count; i++)
		for (unsigned j = 0; j < next->peer_count; j++)
			if (!c->peers[i].absent &&
			    baton_id_equal(&c->peers[i].id, &next->peers[j].id) &&
			    (!same_endpoint(&c->peers[i].addr, &next->peers[j].addr) ||
			     c->peers[i].store != next->peers[j].store))
				return "address or store of a [peer]";
	if (c->gateway != next->gateway || c->store != next->store)
		return "role";
	if (c->fence != next->fence || (c->fence && c->lease != next->lease))
		return "fence";
	if (c->ike_only != next->ike_only)
		return "replicate"; /* the stores have what was put as it was */
	if (c->fetch_on_miss != next->fetch_on_miss ||
	    c->forward_on_miss != next->forward_on_miss || c->miss_queue != next->miss_queue ||
	    c->miss.held_max != next->miss.held_max || !same_clients(c, next))
		return "[miss] fetch, forward, queue, held or clients";
	if (c->max_sessions != next->max_sessions)
		return "max_sessions";
	return NULL;
}
