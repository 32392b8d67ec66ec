/* SPDX-License-Identifier: BSD-2-Clause */
/* batond.conf(5): every setting, every complaint and its line, reloading, and names and addresses
 * as text. */
#include "daemon/config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MINIMAL "[batond]\nserver_id = gw-a\n"

static struct baton_config c;
static char complaints[4096];

/* Reads text; the complaints have the file's name taken out: "2: reason\n". */
static int read_text(const char *text)
{
	static char raw[4096];
	char path[32];
	int fd = memfd_create("batond.conf", MFD_CLOEXEC), err;
	FILE *out = fmemopen(raw, sizeof(raw), "w");
	size_t len = strlen(text), n = 0;

	assert_true(fd >= 0 && out);
	assert_int_equal(write(fd, text, len), len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(raw, 0, sizeof(raw));
	err = baton_config_read(&c, path, out);
	fclose(out);
	close(fd);
	for (const char *line = raw; *line; line = strchr(line, '\n') + 1) {
		size_t skip = strlen(path) + 1, end = strcspn(line, "\n") + 1;

		assert_memory_equal(line, path, skip - 1);
		memcpy(complaints + n, line + skip, end - skip);
		n += end - skip;
	}
	complaints[n] = '\0';
	return err;
}

static void refused(const char *text, const char *why)
{
	assert_int_equal(read_text(text), -BATON_E_CONFIG);
	assert_string_equal(complaints, why);
}

static void accepted(const char *text)
{
	int err = read_text(text);

	assert_string_equal(complaints, "");
	assert_int_equal(err, 0);
}

/* One line in a section behind a good beginning: line 5 of the file. */
static void setting_refused(const char *section, const char *line)
{
	char text[512], why[512], name[64], value[256] = "";

	snprintf(text, sizeof(text), MINIMAL "\n[%s]\n%s\n", section, line);
	sscanf(line, "%63[^ =] = %255[^\n]", name, value);
	snprintf(why, sizeof(why), "5: %s: not a valid value: '%s' (see batond.conf(5))\n", name,
		 value);
	refused(text, why);
}

static void setting_accepted(const char *section, const char *line)
{
	char text[512];

	snprintf(text, sizeof(text), MINIMAL "\n[%s]\n%s\n", section, line);
	accepted(text);
}

/* ---- reading ------------------------------------------------------------------------------- */

static void the_server_id_is_enough(void **state)
{
	(void)state;
	accepted(MINIMAL);
	assert_int_equal(c.server_id.type, BATON_ID_FQDN);
	assert_string_equal(c.server_name, "gw-a");
	assert_string_equal(c.run_dir, "/run/baton");
	assert_int_equal(c.log_level, BATON_LOG_INFO);
	assert_true(c.require_ipsec && c.gateway && c.store);
	assert_int_equal(c.listen.family, 0);
	assert_int_equal(c.peer_count, 0);
	assert_int_equal(c.reqid, 4520);
	assert_int_equal(c.mtu, 1280);
	assert_int_equal(c.counter_age_ms, 100);
	assert_int_equal(c.lease, 65536);
	assert_int_equal(c.max_sessions, 100000);
}

static void every_setting_is_read(void **state)
{
	(void)state;
	accepted("; a comment\n"
		 "# and another\n"
		 "[batond]\n"
		 "server_id = 192.0.2.1\n"
		 "run_dir = /tmp/baton-a ; at the end of a line\n"
		 "log_level = debug\n"
		 "[cluster]\n"
		 "listen = [2001:db8::1]:4521\n"
		 "ipsec = require\n"
		 "reqid = 7\n"
		 "mtu = 9000\n"
		 "[peer gw-b.example.org]\n"
		 "address = 2001:db8::2\n"
		 "[peer 2001:db8::3]\n"
		 "address = [2001:db8::3]:99\n"
		 "store = no\n"
		 "follow = yes\n"
		 "[gateway]\n"
		 "enabled = no\n"
		 "counter_age = 250ms\n"
		 "lease = 1024\n"
		 "[store]\n"
		 "enabled = no\n"
		 "max_sessions = 12\n");
	assert_int_equal(c.server_id.type, BATON_ID_IPV4);
	assert_string_equal(c.run_dir, "/tmp/baton-a");
	assert_int_equal(c.log_level, BATON_LOG_DEBUG);
	assert_int_equal(c.listen.family, AF_INET6);
	assert_int_equal(c.listen.port, 4521);
	assert_int_equal(c.reqid, 7);
	assert_int_equal(c.mtu, 9000);
	assert_int_equal(c.peer_count, 2);
	assert_true(c.peers[0].store && !c.peers[0].follow);
	assert_true(!c.peers[1].store && c.peers[1].follow);
	assert_string_equal(c.peers[0].name, "gw-b.example.org");
	assert_int_equal(c.peers[0].id.type, BATON_ID_FQDN);
	assert_int_equal(c.peers[0].addr.port, BATON_PORT);
	assert_int_equal(c.peers[1].id.type, BATON_ID_IPV6);
	assert_int_equal(c.peers[1].addr.port, 99);
	assert_false(c.gateway || c.store);
	assert_int_equal(c.counter_age_ms, 250);
	assert_int_equal(c.lease, 1024);
	assert_int_equal(c.max_sessions, 12);
}

static void log_levels_have_names(void **state)
{
	(void)state;
	setting_accepted("batond", "log_level = error");
	assert_int_equal(c.log_level, BATON_LOG_ERROR);
	setting_accepted("batond", "log_level = warning");
	assert_int_equal(c.log_level, BATON_LOG_WARNING);
	setting_refused("batond", "log_level = loud");
	setting_refused("batond", "log_level = 7");
}

static void times_have_units(void **state)
{
	(void)state;
	setting_accepted("gateway", "counter_age = 50");
	assert_int_equal(c.counter_age_ms, 50);
	setting_accepted("gateway", "counter_age = 2s");
	assert_int_equal(c.counter_age_ms, 2000);
	setting_accepted("gateway", "counter_age = 10ms");
	setting_accepted("gateway", "counter_age = 60s");
	assert_int_equal(c.counter_age_ms, 60000);
	setting_refused("gateway", "counter_age = 9");
	setting_refused("gateway", "counter_age = 0s");
	setting_refused("gateway", "counter_age = 61s");
	setting_refused("gateway", "counter_age = 60001ms");
	setting_refused("gateway", "counter_age = ms");
	setting_refused("gateway", "counter_age = s");
	setting_refused("gateway", "counter_age = 1m");
	setting_refused("gateway", "counter_age = 1 s");
	setting_refused("gateway", "counter_age = 000000000000000000000000100");
	setting_refused("gateway", "counter_age =");
}

static void numbers_have_ranges(void **state)
{
	(void)state;
	setting_accepted("cluster", "reqid = 1");
	setting_accepted("cluster", "reqid = 4294967295");
	assert_int_equal(c.reqid, UINT32_MAX);
	setting_refused("cluster", "reqid = 0");
	setting_refused("cluster", "reqid = 4294967296");
	setting_refused("cluster", "reqid = 99999999999999999999999");
	setting_refused("cluster", "reqid = -1");
	setting_refused("cluster", "reqid = +1");
	setting_refused("cluster", "reqid = 0x10");
	setting_refused("cluster", "reqid = 1 2");
	setting_refused("cluster", "reqid =");
	setting_accepted("cluster", "mtu = 512");
	setting_accepted("cluster", "mtu = 65000");
	setting_refused("cluster", "mtu = 511");
	setting_refused("cluster", "mtu = 65001");
	setting_accepted("gateway", "lease = 64");
	setting_accepted("gateway", "lease = 268435456");
	setting_refused("gateway", "lease = 63");
	setting_refused("gateway", "lease = 268435457");
	setting_accepted("store", "max_sessions = 1");
	setting_accepted("store", "max_sessions = 10000000");
	setting_refused("store", "max_sessions = 0");
	setting_refused("store", "max_sessions = 10000001");
}

static void switches_are_yes_or_no(void **state)
{
	(void)state;
	setting_accepted("gateway", "enabled = yes");
	assert_true(c.gateway);
	setting_accepted("store", "enabled = no");
	assert_false(c.store);
	setting_refused("gateway", "enabled = true");
	setting_refused("store", "enabled = YES");
	setting_refused("store", "enabled =");
}

static void what_is_stored_and_taken_over_has_modes(void **state)
{
	(void)state;
	accepted(MINIMAL);
	assert_int_equal(c.replay_mode, BATON_REPLAY_RESUME);
	assert_int_equal(c.rekey_pace, 10);
	assert_int_equal(c.ack, BATON_ACK_ANY);
	assert_int_equal(c.ack_wait_ms, 500);
	assert_false(c.ike_only || c.fence_on_loss);
	setting_accepted("gateway", "replay_mode = strict");
	assert_int_equal(c.replay_mode, BATON_REPLAY_STRICT);
	setting_accepted("gateway", "replay_mode = sync");
	assert_int_equal(c.replay_mode, BATON_REPLAY_SYNC);
	setting_accepted("gateway", "replay_mode = resume");
	setting_refused("gateway", "replay_mode = none");
	setting_refused("gateway", "replay_mode =");
	setting_accepted("gateway", "replicate = ike");
	assert_true(c.ike_only);
	setting_accepted("gateway", "replicate = all");
	setting_refused("gateway", "replicate = IKE");
	setting_accepted("gateway", "rekey_pace = 0");
	assert_int_equal(c.rekey_pace, 0);
	setting_refused("gateway", "rekey_pace = 100001");
	setting_accepted("gateway", "ack = majority");
	assert_int_equal(c.ack, BATON_ACK_MAJORITY);
	setting_accepted("gateway", "ack = all");
	assert_int_equal(c.ack, BATON_ACK_ALL);
	setting_refused("gateway", "ack = some");
	setting_accepted("gateway", "ack_wait = 10s");
	assert_int_equal(c.ack_wait_ms, 10000);
	setting_refused("gateway", "ack_wait = 9ms");
}

static void run_dir_is_absolute_and_short(void **state)
{
	char line[128] = "run_dir = /";

	(void)state;
	setting_refused("batond", "run_dir = run");
	setting_refused("batond", "run_dir =");
	memset(line + 11, 'x', 78);
	setting_accepted("batond", line);
	assert_int_equal(strlen(c.run_dir), 79);
	line[89] = 'x';
	setting_refused("batond", line);
}

static void server_id_is_a_name_or_an_address(void **state)
{
	char text[128] = "[batond]\nserver_id = ";

	(void)state;
	refused("[batond]\nserver_id = two words\n",
		"2: server_id: not a valid value: 'two words' (see batond.conf(5))\n");
	refused("[batond]\nserver_id =\n",
		"2: server_id: not a valid value: '' (see batond.conf(5))\n");
	memset(text + 21, 'x', 63);
	accepted(text);
	text[84] = 'x';
	assert_int_equal(read_text(text), -BATON_E_CONFIG);
}

static void ipsec_is_required_unless_loopback(void **state)
{
	(void)state;
	setting_refused("cluster", "ipsec = no");
	accepted(MINIMAL "[cluster]\nipsec = loopback\nlisten = 127.0.0.2\n");
	assert_false(c.require_ipsec);
	accepted(MINIMAL "[cluster]\nipsec = loopback\nlisten = ::1\n");
	accepted(MINIMAL "[cluster]\nipsec = loopback\n");
	refused(MINIMAL "[cluster]\nipsec = loopback\nlisten = 192.0.2.1\n",
		"5: [cluster] ipsec = loopback: allowed only with a loopback address in listen\n");
	refused(MINIMAL "[cluster]\nipsec = loopback\nlisten = 2001:db8::1\n",
		"5: [cluster] ipsec = loopback: allowed only with a loopback address in listen\n");
	refused(MINIMAL "[cluster]\nipsec = loopback\nlisten = 0.0.0.0\n",
		"5: [cluster] ipsec = loopback: allowed only with a loopback address in listen\n");
}

/* ---- complaints ---------------------------------------------------------------------------- */

static void an_empty_file_lacks_the_server_id(void **state)
{
	(void)state;
	refused("", "0: [batond] server_id is missing\n");
	refused("[store]\nenabled = yes\n", "2: [batond] server_id is missing\n");
}

static void what_is_no_setting_is_said_so(void **state)
{
	(void)state;
	refused(MINIMAL "colour = red\n", "3: [batond]: no such setting: colour\n");
	refused(MINIMAL "[wall]\ncolour = red\n", "4: [wall]: no such setting: colour\n");
	refused("server_id = gw-a\n", "1: []: no such setting: server_id\n");
	refused(MINIMAL "[cluster]\nlisten = 192.0.2.1\n[peer gw-b]\naddres = 192.0.2.2\n",
		"6: [peer gw-b]: no such setting: addres\n");
}

static void what_is_no_line_is_said_so(void **state)
{
	(void)state;
	refused(MINIMAL "hello\n", "3: not a [section] or name = value\n");
	refused("[batond\nserver_id = gw-a\n", "2: []: no such setting: server_id\n"
					       "1: not a [section] or name = value\n");
}

static void all_complaints_are_made_not_only_the_first(void **state)
{
	(void)state;
	refused("[batond]\nserver_id = gw a\nlog_level = loud\n\n[cluster]\nmtu = 9\nlisten = "
		"here\n",
		"2: server_id: not a valid value: 'gw a' (see batond.conf(5))\n"
		"3: log_level: not a valid value: 'loud' (see batond.conf(5))\n"
		"6: mtu: not a valid value: '9' (see batond.conf(5))\n"
		"7: listen: not a valid value: 'here' (see batond.conf(5))\n");
}

static void a_line_too_long_is_refused(void **state)
{
	static char text[1000] = MINIMAL "# ";

	(void)state;
	memset(text + strlen(text), 'x', 600);
	assert_int_equal(read_text(text), -BATON_E_CONFIG);
	assert_memory_equal(complaints, "3: line is too long\n", 20);
}

static void peers_need_a_name_and_an_address(void **state)
{
	(void)state;
	refused(MINIMAL "[cluster]\nlisten = 192.0.2.1\n[peer gw b]\naddress = 192.0.2.2\n",
		"5: [peer gw b]: not a Server ID (host name or IP address)\n");
	refused(MINIMAL "[cluster]\nlisten = 192.0.2.1\n[peer ]\naddress = 192.0.2.2\n",
		"5: [peer ]: not a Server ID (host name or IP address)\n");
	refused(MINIMAL "[cluster]\nlisten = 192.0.2.1\n[peer gw-b]\naddress = nowhere\n",
		"6: address: not a valid value: 'nowhere' (see batond.conf(5))\n");
	refused(MINIMAL
		"[cluster]\nlisten = 192.0.2.1\n[peer gw-b]\n[peer gw-c]\naddress = 192.0.2.3\n",
		"5: [peer gw-b]: address is missing\n");
	refused(MINIMAL "[cluster]\nlisten = 192.0.2.1\n[peer gw-b]\n",
		"5: [peer gw-b]: address is missing\n");
}

static void a_peers_name_is_not_cut(void **state)
{
	char text[256] = MINIMAL "[cluster]\nlisten = 192.0.2.1\n[peer ";
	size_t at = strlen(text);

	(void)state;
	memset(text + at, 'x', 44);
	strcpy(text + at + 44, "]\naddress = 192.0.2.2\n");
	accepted(text);
	assert_int_equal(c.peers[0].id.len, 44);
	memset(text + at, 'x', 45);
	strcpy(text + at + 45, "]\naddress = 192.0.2.2\n");
	refused(text, "5: [peer ...]: the name is too long\n");
}

static void a_peer_may_be_written_in_two_parts(void **state)
{
	(void)state;
	accepted(MINIMAL
		 "[cluster]\nlisten = 192.0.2.1\n[peer gw-b]\n[store]\nenabled = no\n[peer gw-b]\n"
		 "address = 192.0.2.2\n");
	assert_int_equal(c.peer_count, 1);
}

static void peers_need_listen_of_their_family(void **state)
{
	(void)state;
	refused(MINIMAL "[peer gw-b]\naddress = 192.0.2.2\n",
		"4: [cluster] listen is missing, but there are peers\n");
	refused(MINIMAL "[peer gw-b]\naddress = 2001:db8::2\n[cluster]\nlisten = 192.0.2.1\n",
		"3: [peer gw-b]: address is of another family than [cluster] listen\n");
}

static void a_node_is_not_its_own_peer(void **state)
{
	(void)state;
	refused(MINIMAL "[cluster]\nlisten = 192.0.2.1\n[peer gw-a]\naddress = 192.0.2.2\n",
		"5: [peer gw-a] is this node's own server_id\n");
}

static void there_are_at_most_eight_peers(void **state)
{
	char text[1024] = MINIMAL "[cluster]\nlisten = 192.0.2.1\n";

	(void)state;
	for (int i = 1; i <= 8; i++)
		snprintf(text + strlen(text), 64, "[peer gw-%d]\naddress = 192.0.2.%d\n", i,
			 i + 10);
	accepted(text);
	assert_int_equal(c.peer_count, BATON_PEERS_MAX);
	strcat(text, "[peer gw-9]\naddress = 192.0.2.99\n");
	refused(text, "21: more than 8 peers\n");
}

static void a_file_that_is_not_there_is_said_so(void **state)
{
	char said[256] = "";
	FILE *out = fmemopen(said, sizeof(said), "w");

	(void)state;
	assert_non_null(out);
	assert_int_equal(baton_config_read(&c, "/nonexistent/batond.conf", out), -BATON_E_CONFIG);
	fclose(out);
	assert_string_equal(said, "/nonexistent/batond.conf: No such file or directory\n");
	assert_int_equal(baton_config_read(&c, "/nonexistent/batond.conf", NULL), -BATON_E_CONFIG);
}

static void complaints_need_no_listener(void **state)
{
	(void)state;
	assert_int_equal(baton_config_read(&c, "/dev/null", NULL), -BATON_E_CONFIG);
}

/* ---- reloading ----------------------------------------------------------------------------- */

#define WHOLE                                                                                      \
	"[batond]\nserver_id = gw-a\nrun_dir = /tmp/a\n[cluster]\nlisten = 127.0.0.1\nipsec = "    \
	"require\n"                                                                                \
	"[peer gw-b]\naddress = 127.0.0.2\n"

static const char *fixed(const char *from, const char *to)
{
	static struct baton_config before;

	accepted(from);
	before = c;
	accepted(to);
	return baton_config_fixed(&before, &c);
}

static void reload_takes_levels_and_steps(void **state)
{
	(void)state;
	assert_null(fixed(WHOLE, WHOLE));
	assert_null(
		fixed(WHOLE, WHOLE
		      "[batond]\nlog_level = debug\n[gateway]\ncounter_age = 1s\nhold = 20s\n"));
	assert_null(fixed(WHOLE "[gateway]\nfence = no\n",
			  WHOLE "[gateway]\nfence = no\nlease = 100\n"));
	assert_string_equal(fixed(WHOLE, WHOLE "[gateway]\nlease = 100\n"), "fence");
	assert_string_equal(fixed(WHOLE, WHOLE "[gateway]\nreplicate = ike\n"), "replicate");
	assert_null(fixed(WHOLE, WHOLE "[gateway]\nreplay_mode = strict\nrekey_pace = 1\n"));
}

static void reload_names_what_needs_a_restart(void **state)
{
	(void)state;
	assert_string_equal(fixed(WHOLE, WHOLE "[batond]\nserver_id = gw-c\n"), "server_id");
	assert_string_equal(fixed(WHOLE, WHOLE "[batond]\nrun_dir = /tmp/b\n"), "run_dir");
	assert_string_equal(fixed(WHOLE, WHOLE "[cluster]\nlisten = 127.0.0.1:99\n"), "[cluster]");
	assert_string_equal(fixed(WHOLE, WHOLE "[cluster]\nipsec = loopback\n"), "[cluster]");
	assert_string_equal(fixed(WHOLE, WHOLE "[cluster]\nreqid = 1\n"), "[cluster]");
	assert_string_equal(fixed(WHOLE, WHOLE "[cluster]\nmtu = 1000\n"), "[cluster]");
	assert_string_equal(fixed(WHOLE, WHOLE "[peer gw-b]\naddress = 127.0.0.3\n"),
			    "address or store of a [peer]");
	assert_string_equal(fixed(WHOLE, WHOLE "[peer gw-b]\naddress = 127.0.0.2:99\n"),
			    "address or store of a [peer]");
	assert_string_equal(fixed(WHOLE, WHOLE "[peer gw-b]\nstore = no\n"),
			    "address or store of a [peer]");
	/* peers come and go: src/daemon/peers.c */
	assert_null(fixed(WHOLE, WHOLE "[peer gw-c]\naddress = 127.0.0.3\n"));
	assert_null(fixed(WHOLE "[peer gw-c]\naddress = 127.0.0.3\n",
			  WHOLE "[peer gw-d]\naddress = 127.0.0.3\n"));
	assert_string_equal(fixed(WHOLE, WHOLE "[gateway]\nenabled = no\n"), "role");
	assert_string_equal(fixed(WHOLE, WHOLE "[store]\nenabled = no\n"), "role");
	assert_string_equal(fixed(WHOLE, WHOLE "[store]\nmax_sessions = 5\n"), "max_sessions");
}

/* ---- text ---------------------------------------------------------------------------------- */

static void id_case(const char *text, int err, uint8_t type, const char *printed)
{
	struct baton_id id;
	char buf[128];

	assert_int_equal(baton_id_parse(&id, text), err);
	if (err)
		return;
	assert_int_equal(id.type, type);
	assert_string_equal(baton_id_print(&id, buf, sizeof(buf)), printed);
}

static void ids_as_text(void **state)
{
	(void)state;
	id_case("gw-a.example.org", 0, BATON_ID_FQDN, "gw-a.example.org");
	id_case("gw_a", 0, BATON_ID_FQDN, "gw_a");
	id_case("192.0.2.1", 0, BATON_ID_IPV4, "192.0.2.1");
	id_case("2001:DB8::0001", 0, BATON_ID_IPV6, "2001:db8::1");
	id_case("", -BATON_E_VALUE, 0, NULL);
	id_case("a b", -BATON_E_VALUE, 0, NULL);
	id_case("a/b", -BATON_E_VALUE, 0, NULL);
	id_case("2001:db8::g", -BATON_E_VALUE, 0, NULL);
	id_case("gw\xc3\xa4", -BATON_E_VALUE, 0, NULL);
}

static void members_and_addresses(void **state)
{
	(void)state;
	accepted(MINIMAL "[gateway]\naddresses = 192.0.2.10 2001:db8::10\n"
			 "on_member_gone = share\nhold = 8s\n");
	assert_true(c.share_on_gone);
	assert_int_equal(c.address_count, 2);
	assert_int_equal(c.addresses[1].family, AF_INET6);
	setting_accepted("gateway", "on_member_gone = ignore");
	assert_false(c.share_on_gone);
	setting_refused("gateway", "on_member_gone = claim");
	setting_refused("gateway", "addresses = gw-a");
	setting_refused("gateway", "addresses = 192.0.2.10:500");
	setting_refused("gateway", "addresses = 1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5 1.1.1.6 "
				   "1.1.1.7 1.1.1.8 1.1.1.9");
	refused(MINIMAL "[gateway]\nhold = 7s\non_member_gone = share\n",
		"5: [gateway] on_member_gone = share needs a hold of 8s at least\n");
}

static void printed_ids_hold_no_surprise(void **state)
{
	const struct baton_id id = {BATON_ID_FQDN, 6, "a\n\" b\x80"};
	char buf[64], tiny[8];

	(void)state;
	assert_string_equal(baton_id_print(&id, buf, sizeof(buf)), "a\\x0a\\x22\\x20b\\x80");
	assert_string_equal(baton_id_print(&id, tiny, sizeof(tiny)),
			    "a\\x0a"); /* never half an escape */
	assert_string_equal(baton_id_print(&(struct baton_id){0}, buf, sizeof(buf)), "");
	assert_string_equal(
		baton_id_print(&(struct baton_id){BATON_ID_IPV4, 3, "abc"}, buf, sizeof(buf)),
		"abc");
}

static void addr_case(const char *text, int err, const char *printed)
{
	struct baton_addr a;
	char buf[128];

	assert_int_equal(baton_addr_parse(&a, text, 4520), err);
	if (!err)
		assert_string_equal(baton_addr_print(&a, buf, sizeof(buf)), printed);
}

static void addresses_as_text(void **state)
{
	static const char *const bad[] = {"",
					  "192.0.2",
					  "192.0.2.256",
					  "192.0.2.1:",
					  "192.0.2.1:0",
					  "192.0.2.1:65536",
					  "192.0.2.1:x",
					  "192.0.2.1: 1",
					  "192.0.2.1:+1",
					  "192.0.2.1:-1",
					  ":1",
					  "[",
					  "[]",
					  "[2001:db8::1",
					  "[2001:db8::1]x",
					  "[2001:db8::1]:",
					  "[2001:db8::1]:0",
					  "[192.0.2.1]",
					  "2001:db8::1::2",
					  "2001:db8::1:99999",
					  "host:1"};
	char long_text[100];

	(void)state;
	addr_case("192.0.2.1", 0, "192.0.2.1:4520");
	addr_case("192.0.2.1:1", 0, "192.0.2.1:1");
	addr_case("192.0.2.1:65535", 0, "192.0.2.1:65535");
	addr_case("2001:db8::1", 0, "[2001:db8::1]:4520");
	addr_case("[2001:db8::1]", 0, "[2001:db8::1]:4520");
	addr_case("[2001:db8::1]:7", 0, "[2001:db8::1]:7");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		addr_case(bad[i], -BATON_E_VALUE, NULL);
	memset(long_text, '1', sizeof(long_text));
	long_text[99] = '\0';
	addr_case(long_text, -BATON_E_VALUE, NULL);
}

static void an_address_without_port_or_family_prints(void **state)
{
	char buf[64];

	(void)state;
	assert_string_equal(
		baton_addr_print(&(struct baton_addr){.family = AF_INET, .ip = {10, 0, 0, 1}}, buf,
				 sizeof(buf)),
		"10.0.0.1");
	assert_string_equal(baton_addr_print(&(struct baton_addr){0}, buf, sizeof(buf)), "-");
}

static void packets_of_unknown_sas_have_their_bounds(void **state)
{
	(void)state;
	accepted(MINIMAL);
	assert_false(c.fetch_on_miss);
	assert_int_equal(c.miss_queue, 4520);
	setting_accepted("miss", "fetch = yes");
	assert_true(c.fetch_on_miss);
	setting_accepted("miss", "fetch = yes\nforward = yes");
	assert_true(c.forward_on_miss);
	refused(MINIMAL "[miss]\nforward = yes\n", "4: [miss] forward = yes needs fetch = yes\n");
	setting_accepted("miss", "spis = c1000000-c1ffffff C3-c4");
	assert_int_equal(c.miss.partitions.count, 2);
	assert_int_equal(c.miss.partitions.ranges[0].first, 0xc1000000);
	assert_int_equal(c.miss.partitions.ranges[0].last, 0xc1ffffff);
	assert_int_equal(c.miss.partitions.ranges[1].last, 0xc4);
	accepted(MINIMAL "\n[cluster]\nlisten = 192.0.2.1\n[peer gw-b]\naddress = 192.0.2.2\n"
			 "spis = c2000000-c2ffffff d0-d1\nike_spis = c2000000-c2ffffff\n");
	assert_int_equal(c.peers[0].spis.count, 2);
	assert_true(baton_partitions_have(&c.peers[0].spis, 0xc2ffffff));
	assert_false(baton_partitions_have(&c.peers[0].spis, 0xc3000000));
	assert_int_equal(c.peers[0].ike_spis.count, 1);
	refused(MINIMAL "\n[cluster]\nlisten = 192.0.2.1\n[peer gw-b]\naddress = 192.0.2.2\n"
			"spis = all\n",
		"8: spis: not a valid value: 'all' (see batond.conf(5))\n");
	setting_accepted("miss", "quiet = 2s");
	assert_int_equal(c.miss.quiet_ms, 2000);
	setting_accepted("miss", "clients = 10.50.0.0/16  2001:db8:50::/64");
	assert_int_equal(c.client_net_count, 2);
	assert_int_equal(c.client_nets[0].bits, 16);
	assert_memory_equal(c.client_nets[0].addr.ip, "\x0a\x32\0\0", 4);
	assert_int_equal(c.client_nets[1].addr.family, AF_INET6);
	assert_int_equal(c.client_nets[1].bits, 64);
	setting_refused("miss", "clients = 10.50.0.0");
	setting_refused("miss", "clients = 10.50.0.0/33");
	setting_refused("miss", "clients = 10.50.0.0/0");
	setting_refused("miss", "clients = 10.50.0.0/16x");
	setting_refused("miss", "clients = 10.50.0.0:4/16");
	setting_refused("miss", "clients = here/16");
	setting_refused("miss", "queue = 65536");
	setting_refused("miss", "held = 0");
	setting_refused("miss", "held_per_sa = 65537");
	setting_refused("miss", "queries = 0");
	setting_refused("miss", "queries_per_source = many");
	setting_refused("miss", "quiet = 1ms");
	setting_refused("miss", "spis = c1000000");
	setting_refused("miss", "spis = c2-c1");
	setting_refused("miss", "spis = c1-100000000");
	setting_refused("miss", "spis = -1-2");
	setting_refused("miss", "spis = 1-2,3-4");
	refused(MINIMAL "\n[miss]\nfetches = yes\n", "5: [miss]: no such setting: fetches\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_of_unknown_sas_have_their_bounds),
		cmocka_unit_test(the_server_id_is_enough),
		cmocka_unit_test(every_setting_is_read),
		cmocka_unit_test(log_levels_have_names),
		cmocka_unit_test(times_have_units),
		cmocka_unit_test(numbers_have_ranges),
		cmocka_unit_test(switches_are_yes_or_no),
		cmocka_unit_test(what_is_stored_and_taken_over_has_modes),
		cmocka_unit_test(run_dir_is_absolute_and_short),
		cmocka_unit_test(server_id_is_a_name_or_an_address),
		cmocka_unit_test(ipsec_is_required_unless_loopback),
		cmocka_unit_test(an_empty_file_lacks_the_server_id),
		cmocka_unit_test(what_is_no_setting_is_said_so),
		cmocka_unit_test(what_is_no_line_is_said_so),
		cmocka_unit_test(all_complaints_are_made_not_only_the_first),
		cmocka_unit_test(a_line_too_long_is_refused),
		cmocka_unit_test(peers_need_a_name_and_an_address),
		cmocka_unit_test(a_peers_name_is_not_cut),
		cmocka_unit_test(a_peer_may_be_written_in_two_parts),
		cmocka_unit_test(peers_need_listen_of_their_family),
		cmocka_unit_test(a_node_is_not_its_own_peer),
		cmocka_unit_test(there_are_at_most_eight_peers),
		cmocka_unit_test(a_file_that_is_not_there_is_said_so),
		cmocka_unit_test(complaints_need_no_listener),
		cmocka_unit_test(reload_takes_levels_and_steps),
		cmocka_unit_test(reload_names_what_needs_a_restart),
		cmocka_unit_test(ids_as_text),
		cmocka_unit_test(members_and_addresses),
		cmocka_unit_test(printed_ids_hold_no_surprise),
		cmocka_unit_test(addresses_as_text),
		cmocka_unit_test(an_address_without_port_or_family_prints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
