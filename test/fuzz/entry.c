/* SPDX-License-Identifier: BSD-2-Clause */
/* libFuzzer's entry; TARGET is set by the build. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TARGET(data, size);
	return 0;
}
