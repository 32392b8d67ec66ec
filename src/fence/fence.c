/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sequence lease that the kernel enforces. Theory of operation:
 *
 * - The ledger knows what is wanted for each SA and what the kernel has of it;
 *   what differs is queued. A flush sends the differences: elements to delete
 *   and to add, in one transaction of nf_tables, which packets see before or
 *   after, never in between. Nothing is ever read back from the kernel but our
 *   table's comment and a counter.
 * - Sets have no owner and no timeouts: they stay when we die. That is the
 *   point. It also means that `flush ruleset` takes them away, as reloading
 *   nftables.service does. The next change then names something that is not
 *   there (ENOENT), and we make the whole table anew: with all its elements, in
 *   one transaction. Until then nothing is fenced.
 * - Deleting the table and making it again in one transaction leaves a moment,
 *   when the chains are exchanged, in which nothing is refused. So it is done
 *   only when the table is missing, damaged, or of another layout.
 */
#include "fence/fence.h"

#include "fence/elements.h"
#include "nft/nft.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Elements of a transaction; the last entry may add some. Its messages are about 300 KB. */
#define ELEMENTS_PER_BATCH 4096u

struct baton_fence {
	struct baton_fence_ledger ledger;
	struct baton_nft kernel;
	uint32_t block;
	/* Until baton_fence_sync(), of an adopted table: */
	bool adopted; /* it has elements that we do not know */
	bool other;   /* and another layout: grants wait */
};

static char open_error[BATON_NFT_ERROR_MAX];

/* ---- the whole table --------------------------------------------------------------------- */
enum whole { REMAKE, REFILL };

static void print_new(FILE *out, const void *ctx)
{
	const struct baton_fence *f = ctx;

	baton_fence_print_table(out, f->block);
	baton_fence_print_elements(out, &f->ledger);
}

static void print_refilled(FILE *out, const void *ctx)
{
	const struct baton_fence *f = ctx;

	baton_fence_print_flush(out);
	baton_fence_print_elements(out, &f->ledger);
}

/* Everything that is wanted, in one transaction: in a new table, or in place of what is in it. */
static int put_whole(struct baton_fence *f, enum whole how)
{
	int err = baton_nft_print(&f->kernel, how == REMAKE ? print_new : print_refilled, f);

	if (!err)
		baton_fence_ledger_all_done(&f->ledger);
	return err;
}

/* 0: ours; -BATON_E_NOT_FOUND; -BATON_E_SYSTEM; -BATON_E_VERSION: another layout. */
static int look(struct baton_fence *f)
{
	char ours[BATON_FENCE_COMMENT_MAX], found[BATON_FENCE_COMMENT_MAX];
	int err = baton_nft_comment(&f->kernel, BATON_FENCE_TABLE, found, sizeof(found));

	baton_fence_comment(ours, f->block);
	if (!err && strcmp(ours, found) != 0)
		return -BATON_E_VERSION;
	return err;
}

int baton_fence_sync(struct baton_fence *f)
{
	int err = look(f);

	if (err == -BATON_E_SYSTEM)
		return err;
	/* A table that looks like ours may lack a part. */
	if (err || put_whole(f, REFILL))
		err = put_whole(f, REMAKE);
	if (!err)
		f->adopted = f->other = false;
	return err;
}

/* ---- open and close ---------------------------------------------------------------------- */
int baton_fence_open(struct baton_fence **out, uint32_t block, bool *adopted)
{
	struct baton_fence *f;
	int err, saved;

	*out = NULL;
	*adopted = false;
	open_error[0] = '\0';
	if (block < BATON_FENCE_BLOCK_MIN || block > BATON_FENCE_BLOCK_MAX || (block & (block - 1)))
		return -BATON_E_VALUE;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -BATON_E_SYSTEM;
	f->block = block;
	f->kernel.seq = 1;
	baton_fence_ledger_init(&f->ledger, block);
	err = look(f);
	if (err == -BATON_E_NOT_FOUND) {
		err = put_whole(f, REMAKE);
	} else if (!err || err == -BATON_E_VERSION) {
		*adopted = f->adopted = true;
		f->other = err != 0;
		err = 0;
	}
	if (err) {
		saved = errno;
		memcpy(open_error, f->kernel.error, sizeof(open_error));
		baton_fence_close(f, true);
		errno = saved;
		return err;
	}
	*out = f;
	return 0;
}

void baton_fence_close(struct baton_fence *f, bool keep)
{
	if (!f)
		return;
	/* "add" first, so that one that is gone already is no error. */
	if (!keep)
		(void)baton_nft_command(&f->kernel, "add table inet " BATON_FENCE_TABLE
						    "\ndelete table inet " BATON_FENCE_TABLE);
	baton_nft_close(&f->kernel);
	baton_fence_ledger_free(&f->ledger);
	free(f);
}

/* ---- grants ------------------------------------------------------------------------------ */
int baton_fence_grant(struct baton_fence *f, const struct baton_fence_sa *sa, uint64_t from,
		      uint64_t to)
{
	return baton_fence_ledger_grant(&f->ledger, sa, from, to);
}

void baton_fence_release(struct baton_fence *f, const struct baton_fence_sa *sa)
{
	baton_fence_ledger_release(&f->ledger, sa);
}

static int send_changes(struct baton_fence *f, const struct baton_fence_changes *c)
{
	void *buf = malloc(baton_fence_changes_size(c));
	uint32_t first = f->kernel.seq, ack = 0;
	size_t len;
	int err;

	if (!buf)
		return -BATON_E_SYSTEM;
	len = baton_fence_changes_write(c, buf, &f->kernel.seq, &ack);
	if (len) {
		err = baton_nft_run(&f->kernel, buf, len, first, ack);
	} else {
		errno = ENOMEM;
		err = -BATON_E_SYSTEM;
	}
	free(buf);
	return err;
}

/* The first entries of the queue, as many as fit a transaction. */
static int flush_some(struct baton_fence *f)
{
	struct baton_fence_changes changes = {0};
	struct baton_fence_entry *e, *end;
	int err = 0;

	TAILQ_FOREACH(e, &f->ledger.queue, queue) {
		if (changes.count >= ELEMENTS_PER_BATCH)
			break;
		err = baton_fence_changes_add(&changes, &f->ledger, e);
		if (err)
			break;
	}
	end = e;
	if (err) {
		errno = ENOMEM;
		err = -BATON_E_SYSTEM;
	} else {
		err = send_changes(f, &changes);
	}
	baton_fence_changes_free(&changes);
	if (!err)
		while ((e = TAILQ_FIRST(&f->ledger.queue)) != end)
			baton_fence_ledger_done(&f->ledger, e);
	return err;
}

int baton_fence_flush(struct baton_fence *f, bool *remade)
{
	int err = 0;

	*remade = false;
	if (f->other)
		return 0;
	while (!err && f->ledger.queued)
		err = flush_some(f);
	if (err != -BATON_E_NOT_FOUND)
		return err;
	/* Whom a former process fenced would be free, if that table is still there. */
	if (f->adopted && look(f) != -BATON_E_NOT_FOUND) {
		errno = ENOENT;
		return -BATON_E_SYSTEM;
	}
	err = put_whole(f, REMAKE);
	*remade = !err;
	if (!err)
		f->adopted = false;
	return err;
}

/* ---- status ------------------------------------------------------------------------------ */
int baton_fence_read(struct baton_fence *f, struct baton_fence_status *status)
{
	*status = (struct baton_fence_status){
		.sas = f->ledger.count,
		.queued = f->ledger.queued,
	};
	return baton_nft_counter(&f->kernel, BATON_FENCE_TABLE, BATON_FENCE_COUNTER,
				 &status->refused_packets, &status->refused_bytes);
}

const char *baton_fence_error(const struct baton_fence *f)
{
	return f ? f->kernel.error : open_error;
}
