/* SPDX-License-Identifier: BSD-2-Clause */
/* One store with its rules, and one session to try them on: for test_ownership.c, test_claim.c
 * and test_standing.c, each of which includes it once. */
#ifndef BATON_TEST_ONE_STORE_H
#define BATON_TEST_ONE_STORE_H

#include "core/ownership.h"
#include "sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MAX 4u
#define NOW_MS 1000000u
#define SPI_IN 0xc1000001u

static const struct baton_id gw_a = {BATON_ID_FQDN, 4, "gw-a"};
static const struct baton_id gw_b = {BATON_ID_FQDN, 4, "gw-b"};
static const struct baton_id here = {BATON_ID_FQDN, 4, "here"};

static struct baton_table t;
static struct baton_ownership o;
static struct baton_session s; /* gw-a's, epoch 3, version 17 */
static unsigned lost;
static uint32_t lost_epoch;

static void losing(void *ctx, struct baton_record *r)
{
	assert_ptr_equal(ctx, &o);
	assert_true(baton_id_equal(r->owner, &here)); /* the old state still shows */
	assert_false(r->deleted);
	lost_epoch = r->epoch;
	lost++;
}

static int setup(void **state)
{
	(void)state;
	sample_session(&s);
	o = (struct baton_ownership){
		.table = &t, .self = &here, .lease = 1000, .losing = losing, .ctx = &o};
	lost = 0;
	return baton_table_init(&t, MAX, 0x5eed);
}

static int teardown(void **state)
{
	(void)state;
	baton_table_free(&t);
	return 0;
}

static int put(const struct baton_id *sender)
{
	return baton_own_put(&o, sender, &s, NOW_MS);
}

static struct baton_record *record(void)
{
	return baton_table_find(&t, 0x0123456789abcdef, 0xfedcba9876543210);
}

static struct baton_counters *counters(void)
{
	return &baton_record_mark(record(), SPI_IN)->counters;
}

static void own_by(const struct baton_id *id)
{
	s.owner = *id;
	assert_int_equal(put(id), BATON_OK);
}

__attribute__((unused)) static int report(const struct baton_id *sender, uint32_t epoch,
					  uint64_t out_seq)
{
	const struct baton_report rep = {
		.kind = BATON_REPORT_CHILD,
		.protocol = BATON_PROTO_ESP,
		.spi_in = SPI_IN,
		.spi_i = s.spi_i,
		.spi_r = s.spi_r,
		.epoch = epoch,
		.counters = {.out_seq = out_seq},
	};

	return baton_own_report(&o, sender, &rep);
}

__attribute__((unused)) static int delete (const struct baton_id *sender, uint32_t epoch,
					   uint64_t version)
{
	return baton_own_delete(&o, sender,
				&(struct baton_delete){s.spi_i, s.spi_r, epoch, version}, NOW_MS);
}

#endif
