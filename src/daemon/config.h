/* SPDX-License-Identifier: BSD-2-Clause */
/* batond.conf(5). A configuration is read whole or not at all. */
#ifndef BATON_DAEMON_CONFIG_H
#define BATON_DAEMON_CONFIG_H

#include "core/replica.h"
#include "daemon/log.h"
#include "miss/guard.h"
#include "miss/waiting.h"
#include <stdio.h>

#define BATON_CONFIG_PATH "/etc/baton/batond.conf"
#define BATON_RUN_DIR "/run/baton"

#define BATON_ADDRESSES_MAX 8u
#define BATON_SHARE_HOLD_MS 8000u

struct baton_peer_config {
	struct baton_id id;
	char name[BATON_NAME_MAX];
	struct baton_addr addr;
	bool store;			  /* this gateway keeps its sessions there */
	struct baton_partitions spis;	  /* the inbound SPIs that it chooses; none: any */
	struct baton_partitions ike_spis; /* with what its IKE SPIs begin; none: any */
	bool absent; /* of a running node: no such peer any more, its place is empty */
	bool follow; /* this node keeps a copy of the peer's, though it is none of its stores */
};

extern const char *const baton_ack_names[];

/* How SAs that were taken over begin (docs/protocol.md 5.3.10). */
enum baton_replay_mode { BATON_REPLAY_RESUME, BATON_REPLAY_STRICT, BATON_REPLAY_SYNC };

struct baton_config {
	struct baton_id server_id;
	char server_name[BATON_NAME_MAX];
	char run_dir[80]; /* socket paths hang below it: sockaddr_un is short */
	enum baton_log_level log_level;
	struct baton_addr listen;
	bool require_ipsec;
	uint32_t reqid;
	uint32_t mtu;
	unsigned peer_count;
	struct baton_peer_config peers[BATON_PEERS_MAX];
	bool gateway, store;
	uint32_t counter_age_ms;
	uint32_t lease;
	uint32_t hold_ms;
	enum baton_ack ack;
	uint32_t ack_wait_ms; /* for the stores' acknowledgement; then fence_on_loss decides */
	enum baton_replay_mode replay_mode;
	bool ike_only;		/* replicate = ike: the CHILD SAs stay here */
	uint32_t rekey_pace;	/* rekeyings a second after a takeover, 0 = none */
	bool fence;		/* the kernel ends SAs at their lease */
	bool fence_on_loss;	/* on_store_loss = fence, else continue */
	bool share_on_gone;	/* on_member_gone = share, else ignore */
	unsigned address_count; /* where this gateway serves clients; none: wherever */
	struct baton_addr addresses[BATON_ADDRESSES_MAX];
	uint32_t max_sessions;
	bool fetch_on_miss, forward_on_miss; /* [miss] */
	uint32_t miss_queue;
	struct baton_miss_limits miss;
	unsigned client_net_count;
	struct baton_net client_nets[BATON_NETS_MAX];
};

/* Reads path into c. Complaints go to err as "path:line: reason", all of them, not only the first.
 * 0 or -BATON_E_CONFIG. */
int baton_config_read(struct baton_config *c, const char *path, FILE *err);
/* NULL when next may replace c in a running daemon, else what would need a restart. */
const char *baton_config_fixed(const struct baton_config *c, const struct baton_config *next);

/* "gw.example.org", "192.0.2.1" or "2001:db8::1" as a Server ID. 0 or -BATON_E_VALUE. */
int baton_id_parse(struct baton_id *id, const char *text);
/* The inverse, for people; at most size bytes with the NUL. */
const char *baton_id_print(const struct baton_id *id, char *buf, size_t size);
/* "192.0.2.1", "192.0.2.1:4520", "2001:db8::1", "[2001:db8::1]:4520". */
int baton_addr_parse(struct baton_addr *a, const char *text, uint16_t default_port);
const char *baton_addr_print(const struct baton_addr *a, char *buf, size_t size);

#endif
