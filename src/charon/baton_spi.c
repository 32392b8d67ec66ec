/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "baton_spi.h"

#include <daemon.h>

#include <stdlib.h>

/**
 * Read a range of first halves of SPIs, "c2000000-c2ffffff"
 */
static bool parse(const char *text, uint32_t *first, uint32_t *last)
{
	unsigned long from, to;
	char *end;

	from = strtoul(text, &end, 16);
	if (end == text || *end != '-')
	{
		return FALSE;
	}
	text = end + 1;
	to = strtoul(text, &end, 16);
	if (end == text || *end || from > to || to > UINT32_MAX)
	{
		return FALSE;
	}
	*first = (uint32_t)from;
	*last = (uint32_t)to;
	return TRUE;
}

/**
 * Choose an SPI. The setting is looked up each time, so that the partition moves
 * when charon reads its settings again; unset, any SPI is good.
 */
static uint64_t choose(void *data)
{
	uint32_t first = 0, last = UINT32_MAX;
	uint64_t spi = 0;
	char *range;
	rng_t *rng;

	range = lib->settings->get_str(lib->settings, "%s.plugins.baton.ike_spis",
								   NULL, lib->ns);
	if (range && !parse(range, &first, &last))
	{
		DBG1(DBG_CFG, "baton: ike_spis: '%s' is no range, as in "
			 "c2000000-c2ffffff: any IKE SPI is chosen", range);
	}
	rng = lib->crypto->create_rng(lib->crypto, RNG_WEAK);
	if (!rng || !rng->get_bytes(rng, sizeof(spi), (void*)&spi))
	{
		DESTROY_IF(rng);
		return 0;
	}
	rng->destroy(rng);
	/* an SPI is octets of the wire to charon */
	spi = ((first + (spi >> 32) % ((uint64_t)last - first + 1)) << 32) |
		  (spi & UINT32_MAX);
	return htobe64(spi);
}

/*
 * Described in header
 */
void baton_spi_init(void)
{
	charon->ike_sa_manager->set_spi_cb(charon->ike_sa_manager, choose, NULL);
}

/*
 * Described in header
 */
void baton_spi_deinit(void)
{
	charon->ike_sa_manager->set_spi_cb(charon->ike_sa_manager, NULL, NULL);
}
