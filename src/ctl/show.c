/* SPDX-License-Identifier: BSD-2-Clause */
/* batond's answers for people. */
#include "ctl/show.h"

#include <stdio.h>

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

static long long number(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static double real(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static int is(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static void show_refused(const char *head, const json_t *counts)
{
	const char *why;
	json_t *v;

	json_object_foreach((json_t *)counts, why, v)
		printf("  %s: %s: %lld\n", head, why, (long long)json_integer_value(v));
}

void show_status(const json_t *o)
{
	const json_t *s = json_object_get(o, "sessions"), *t = json_object_get(o, "last_takeover");
	size_t i;
	json_t *p;

	printf("%s: up %.0f s, IKE daemon %s%s\n", text(o, "server_id"), real(o, "up_s"),
	       is(o, "ike_daemon_connected") ? "connected" : "NOT connected",
	       is(o, "released")  ? ", RELEASED (batonctl resume takes it back)"
	       : is(o, "drained") ? ", DRAINED: takes no shares (batonctl resume takes it back)"
				  : "");
	printf("sessions: %lld own (%lld held by the IKE daemon), %lld stored for others\n",
	       number(s, "own"), number(s, "held_by_ike_daemon"), number(s, "stored_for_others"));
	if (number(s, "moved"))
		printf("moved here, and the clients have not followed yet: %lld\n",
		       number(s, "moved"));
	if (is(o, "protected"))
		printf("protected\n");
	else
		printf("UNPROTECTED since %.1f s: no store has %lld of the sessions\n",
		       real(o, "unprotected_for_s"), number(o, "sessions_unprotected"));
	json_array_foreach(json_object_get(o, "peers"), i, p) {
		printf("peer %s (%s): %s for %.1f s; %lld sessions stored there, %lld behind by "
		       "%lld ms\n",
		       text(p, "server_id"), text(p, "address"), text(p, "state"),
		       real(p, "state_for_s"), number(p, "sessions_stored"),
		       number(p, "sessions_behind"), number(p, "lag_ms"));
		if (number(p, "follow_lag_ms") >= 0)
			printf("  followed: the copy here is at most %lld ms old\n",
			       number(p, "follow_lag_ms"));
		show_refused("refused from it", json_object_get(p, "refused"));
	}
	json_array_foreach(json_object_get(o, "members"), i, p)
		printf("member %s: %s, %lld sessions\n", text(p, "server_id"), text(p, "state"),
		       number(p, "owns"));
	show_refused("refused by the store role", json_object_get(o, "store_refused"));
	if (t) {
		printf("last takeover: ");
		show_takeover(t);
	}
}

void show_takeover(const json_t *o)
{
	printf("%s: %lld sessions, %lld installed, %lld failed; claim %.1f ms, retrieve %.1f ms, "
	       "install %.1f ms",
	       text(o, "server_id"), number(o, "sessions"), number(o, "installed"),
	       number(o, "failed"), real(o, "claim_ms"), real(o, "retrieve_ms"),
	       real(o, "install_ms"));
	if (number(o, "peers_silent"))
		printf("; %lld peers silent (told when they are back)", number(o, "peers_silent"));
	putchar('\n');
}

void show_drain(const json_t *o)
{
	printf("%s: %lld of %lld sessions gone in %.1f s\n", text(o, "server_id"),
	       number(o, "gone"), number(o, "sessions"), real(o, "seconds"));
}

void show_progress(const json_t *o)
{
	long long done = number(o, "progress"), of = number(o, "of");
	double passed = real(o, "seconds");

	fprintf(stderr, "batonctl: %lld of %lld sessions", done, of);
	if (done > 0)
		fprintf(stderr, ", about %.0f s left", passed * (double)(of - done) / (double)done);
	fputc('\n', stderr);
}

void show_sessions(const json_t *o)
{
	size_t i, k;
	json_t *s, *c;

	json_array_foreach(json_object_get(o, "sessions"), i, s) {
		printf("%s_i %s_r  owner %s epoch %lld version %lld%s\n", text(s, "spi_i"),
		       text(s, "spi_r"), text(s, "owner"), number(s, "epoch"), number(s, "version"),
		       is(s, "held") ? ", held" : "");
		printf("  %s === %s [%s]\n", text(s, "local"), text(s, "remote"),
		       text(s, "remote_id"));
		json_array_foreach(json_object_get(s, "children"), k, c)
			printf("  %s in %s seq %lld (limit %lld), out %s seq %lld (lease %lld)\n",
			       text(c, "protocol"), text(c, "spi_in"), number(c, "in_seq"),
			       number(c, "in_limit"), text(c, "spi_out"), number(c, "out_seq"),
			       number(c, "out_lease"));
		json_array_foreach(json_object_get(s, "stored_at"), k, c)
			printf("  stored at %s: version %lld%s\n", text(c, "server_id"),
			       number(c, "version"), is(c, "current") ? ", current" : ", BEHIND");
	}
}

void show_release(const json_t *o)
{
	puts(is(o, "released") ? "released: keepalived gives the addresses away; batonctl resume "
				 "takes it back"
			       : "resumed");
}
