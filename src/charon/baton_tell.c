/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_tell.h"

/*
 * Described in header
 */
void baton_tell_msgids(baton_link_t *link, uint64_t spi_i, uint64_t spi_r,
					   uint32_t in, uint32_t out)
{
	struct baton_header header = link->request(link, BATON_SA_STOR);
	struct baton_builder builder;
	struct baton_report report = {
		.kind = BATON_REPORT_MSGID,
		.spi_i = spi_i,
		.spi_r = spi_r,
		.msgid_in = in,
		.msgid_out = out,
	};
	uint8_t buf[256];

	baton_build_begin(&builder, buf, sizeof(buf), &header);
	baton_build_reports(&builder, &report, 1);
	link->send(link, buf, baton_build_end(&builder));
}

/*
 * Described in header
 */
uint32_t baton_tell_delete(baton_link_t *link, baton_hold_t *hold, uint64_t spi_i,
						   uint64_t spi_r)
{
	struct baton_header header = link->request(link, BATON_SA_STOR);
	struct baton_builder builder;
	struct baton_delete d = {
		.spi_i = spi_i,
		.spi_r = spi_r,
	};
	uint8_t buf[256];

	baton_build_begin(&builder, buf, sizeof(buf), &header);
	baton_build_notify(&builder, BATON_N_CONFIRM);
	baton_build_delete(&builder, &d);
	hold->owe(hold, spi_i, spi_r, header.msgid);
	if (!link->send(link, buf, baton_build_end(&builder)))
	{
		hold->settled(hold, header.msgid, FALSE);
	}
	return header.msgid;
}

/*
 * Described in header
 */
void baton_tell_notify(baton_link_t *link, uint16_t notify)
{
	struct baton_header header = link->request(link, BATON_SA_STOR);
	struct baton_builder builder;
	uint8_t buf[128];

	baton_build_begin(&builder, buf, sizeof(buf), &header);
	baton_build_notify(&builder, notify);
	link->send(link, buf, baton_build_end(&builder));
}
