/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which outbound numbers may be used (docs/protocol.md 5.3.6, 5.3.8). An SA
 * that a store may know of goes up to the part of its lease that every store it
 * counts on has acknowledged, and no further, whatever on_store_loss says. What
 * that setting decides is what is done before the end: `continue` makes a new SA,
 * which no store knows of and which therefore needs no lease; `fence` lets the
 * traffic stop.
 */
#include "daemon/node.h"

#include <inttypes.h>

/* Four elements for a lease: what is left of the last block of it goes unused. */
static uint32_t block_of(uint32_t lease)
{
	uint32_t block = BATON_FENCE_BLOCK_MIN;

	while (block * 2 <= lease / 4)
		block *= 2;
	return block;
}

int baton_lease_open(struct baton_node *n, const char **why)
{
	static char text[256];
	int err;

	if (!n->config.fence)
		return 0;
	err = baton_fence_open(&n->fence, block_of(n->config.lease), &n->fence_adopted);
	if (!err)
		return 0;
	snprintf(text, sizeof(text),
		 "cannot make the nftables table inet baton, which ends SAs at their lease: %s "
		 "(CAP_NET_ADMIN? kernel with nf_tables? [gateway] fence = no does without)",
		 baton_fence_error(NULL));
	*why = text;
	return err;
}

static struct baton_fence_sa fence_sa(const struct baton_sa_id *id)
{
	return (struct baton_fence_sa){.dst = id->dst, .spi = id->spi, .protocol = id->protocol};
}

void baton_lease_grant(struct baton_node *n, struct baton_record *r)
{
	for (unsigned i = 0; n->fence && i < r->mark_count; i++) {
		const struct baton_mark *m = &r->marks[i];
		struct baton_sa_id id = baton_gateway_sa(m, true);
		struct baton_fence_sa sa = fence_sa(&id);
		int err;

		/* Nothing is known to be free yet: what the kernel may have of an earlier
		 * incarnation, or from before a claim that is not proven, stays; an SA that is
		 * only being installed sends nothing. */
		if (r->held ? !m->usable || m->unproven : !m->usable && !m->told)
			continue;
		err = baton_fence_grant(n->fence, &sa, m->counters.out_seq + 1, m->usable);
		if (err)
			baton_log(BATON_LOG_ERROR, "grant_failed",
				  "spi_out=%08x seq=%" PRIu64 " lease=%" PRIu64 " reason=\"%s\"",
				  m->spi_out, m->counters.out_seq, m->usable, baton_strerror(err));
	}
}

void baton_lease_release(struct baton_node *n, const struct baton_record *r,
			 const struct baton_sa_id *ids, unsigned count)
{
	for (unsigned i = 0; n->fence && i < count; i++) {
		struct baton_fence_sa sa = fence_sa(&ids[i]);
		const struct baton_mark *m = baton_table_find_out(&n->table, ids[i].spi,
								  &ids[i].dst);

		if (m && m->record != r && baton_node_owns(n, m->record))
			continue;
		baton_fence_release(n->fence, &sa);
	}
}

void baton_lease_flush(struct baton_node *n)
{
	bool remade = false;

	if (!n->fence)
		return;
	if (baton_fence_flush(n->fence, &remade))
		baton_log(BATON_LOG_ERROR, "fence_failed",
			  "reason=\"%s\" note=\"tried again; SAs may stop at their old lease\"",
			  baton_fence_error(n->fence));
	if (remade)
		baton_log(BATON_LOG_WARNING, "fence_remade",
			  "table=\"inet baton\" note=\"somebody had taken it away\"");
}

static bool all_granted(const struct baton_node *n)
{
	const struct baton_record *r;

	TAILQ_FOREACH(r, &n->table.records, all)
		for (unsigned i = 0; i < r->mark_count; i++)
			if (!r->deleted && r->held && baton_node_owns(n, r) && !r->marks[i].usable)
				return false;
	return true;
}

static void read_fence(struct baton_node *n)
{
	struct baton_fence_status status;
	int err = baton_fence_read(n->fence, &status);

	if (!err)
		n->fence_refused = status.refused_packets;
	else if (err == -BATON_E_NOT_FOUND && !n->fence_adopted && baton_fence_sync(n->fence) == 0)
		baton_log(BATON_LOG_WARNING, "fence_remade",
			  "table=\"inet baton\" note=\"somebody had taken it away\"");
}

void baton_lease_tidy(struct baton_node *n)
{
	if (!n->fence)
		return;
	read_fence(n);
	if (!n->fence_adopted || !n->link.connected || n->greeting || !n->recovered ||
	    !all_granted(n))
		return;
	if (baton_fence_sync(n->fence) == 0)
		n->fence_adopted = false;
}

void baton_lease_use(struct baton_node *n, struct baton_record *r)
{
	if (baton_node_owns(n, r) && baton_lease_settle(n->peer_list, n->peer_count, r))
		baton_lease_grant(n, r);
}

void baton_lease_use_all(struct baton_node *n)
{
	struct baton_record *r;

	TAILQ_FOREACH(r, &n->table.records, all)
		if (!r->deleted)
			baton_lease_use(n, r);
}

/* The IKE daemon is asked once; what it makes is told by it as any other change. */
void baton_lease_ask_rekey(struct baton_node *n, const struct baton_mark *m)
{
	const struct baton_spis ike = {m->record->spi_i, m->record->spi_r};

	baton_lease_ask_rekey_of(n, &ike, m->record->epoch, m->protocol, m->spi_in);
}

void baton_lease_ask_rekey_of(struct baton_node *n, const struct baton_spis *ike, uint32_t epoch,
			      uint8_t protocol, uint32_t spi_in)
{
	struct baton_header h = {.exchange = BATON_SA_REKEY, .flags = BATON_FLAG_INITIATOR};
	const struct baton_report rep = {
		.kind = BATON_REPORT_CHILD,
		.protocol = protocol,
		.spi_in = spi_in,
		.spi_i = ike->spi_i,
		.spi_r = ike->spi_r,
		.epoch = epoch,
	};
	struct baton_builder b;
	uint8_t buf[256];
	int len;

	h.msgid = n->link.next_msgid++;
	baton_build_begin(&b, buf, sizeof(buf), &h);
	baton_build_reports(&b, &rep, 1);
	len = baton_build_end(&b);
	if (len > 0)
		baton_charon_link_send(&n->link, buf, (size_t)len);
}

void baton_lease_look(struct baton_node *n, struct baton_mark *m)
{
	bool worn = baton_watch_is_worn(m);
	/* After a start the stores have not had the time to say anything yet. */
	bool stuck = baton_watch_is_stuck(&n->watch, m) &&
		     baton_now_ms() - n->started_ms > n->config.hold_ms;
	bool rekey;

	if (m->record->installing)
		return; /* the IKE daemon has it not yet: baton_install_answer() */
	if (!worn && !stuck) {
		m->renewing = false;
		return;
	}
	if (m->renewing)
		return;
	m->renewing = true;
	rekey = worn || !n->config.fence_on_loss;
	if (rekey)
		baton_lease_ask_rekey(n, m);
	baton_log(BATON_LOG_WARNING, "lease_ends",
		  "spi_in=%08x spi_out=%08x seq=%" PRIu64 " lease=%" PRIu64
		  " reason=\"%s\" action=%s",
		  m->spi_in, m->spi_out, m->counters.out_seq, m->usable,
		  worn ? "sequence numbers are nearly used up" : "no store extends the lease",
		  rekey ? "rekey" : "stop_at_lease");
}

void baton_lease_settled(void *ctx, struct baton_peer *p, struct baton_record *r)
{
	struct baton_node *n = ctx;

	(void)p;
	if (r)
		baton_lease_use(n, r);
	else
		baton_lease_use_all(n);
}
