/* SPDX-License-Identifier: BSD-2-Clause */
#include <baton/error.h>

#include <stddef.h>

static const char *const texts[] = {
	[BATON_OK] = "ok",
	[BATON_E_TRUNCATED] = "truncated",
	[BATON_E_LENGTH] = "impossible length",
	[BATON_E_VERSION] = "unknown protocol version",
	[BATON_E_EXCHANGE] = "unknown exchange type",
	[BATON_E_CRITICAL] = "unknown critical payload",
	[BATON_E_VALUE] = "value out of range",
	[BATON_E_MISSING] = "a required part is missing",
	[BATON_E_DUPLICATE] = "a part occurs twice",
	[BATON_E_LIMIT] = "too many items",
	[BATON_E_NOSPACE] = "buffer too small",
	[BATON_E_STALE_OWNER] = "stale owner",
	[BATON_E_STALE_VERSION] = "stale version",
	[BATON_E_NOT_FOUND] = "not found",
	[BATON_E_SPI_COLLISION] = "SPI collision",
	[BATON_E_SPI_RANGE] = "SPI outside the partition of its gateway",
	[BATON_E_NOT_PEER] = "not a peer",
	[BATON_E_FULL] = "table full",
	[BATON_E_DELETED] = "session was deleted",
	[BATON_E_SYSTEM] = "system error",
	[BATON_E_BUSY] = "busy",
	[BATON_E_UNREACHABLE] = "unreachable",
	[BATON_E_CONFIG] = "configuration missing",
	[BATON_E_STALE] = "possibly out of date",
};

const char *baton_strerror(int err)
{
	size_t i = (size_t)(err < 0 ? -(long)err : err);

	return i < sizeof(texts) / sizeof(*texts) && texts[i] ? texts[i] : "unknown error";
}
