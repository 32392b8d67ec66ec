/* SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

#include <baton/message.h>
#include <stdio.h>

void baton_test_print_hex(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x%s", p[i], i + 1 == len || i % 32 == 31 ? "\n" : i % 4 == 3 ? " " : "");
}

static const char *payload_name(uint8_t type)
{
	static const char *const rfc[BATON_PL_SESSION] = {
		[33] = "SA", [35] = "IDi", [36] = "IDr", [41] = "N",
		[42] = "D",  [44] = "TSi", [45] = "TSr", [47] = "CP"};
	static const char *const own[] = {"SESSION",  "CHILD",	  "KEYMAT",  "COUNTERS", "ENDPOINT",
					  "LIFETIME", "POLICY",	  "MESSAGE", "LEASE",	 "CURSOR",
					  "LOCAL",    "FRAGMENT", "DIGEST",  "MEMBER"};

	return type >= BATON_PL_SESSION ? own[type - BATON_PL_SESSION] : rfc[type];
}

void baton_test_print_chain(const uint8_t *p, size_t len, uint8_t type, const char *within)
{
	while (type && len) {
		size_t size = (size_t)(p[2] << 8 | p[3]);
		size_t head = type == BATON_PL_SESSION ? 24 : type == BATON_PL_CHILD ? 20 : size;
		char path[64];

		snprintf(path, sizeof(path), "%s%s", within, payload_name(type));
		printf("# %s\n", path);
		baton_test_print_hex(p, head);
		if (head < size) {
			snprintf(path, sizeof(path), "%s%s: ", within, payload_name(type));
			baton_test_print_chain(p + head, size - head,
					       p[type == BATON_PL_SESSION ? 20 : 4], path);
		}
		type = p[0];
		p += size;
		len -= size;
	}
}
