/* SPDX-License-Identifier: BSD-2-Clause */
#include <baton/error.h>
#include <baton/secret.h>

#include <string.h>
#include <sys/mman.h>

void baton_wipe(void *p, size_t len)
{
	if (p && len)
		explicit_bzero(p, len);
}

int baton_secret_set(struct baton_secret *s, const void *bytes, size_t len)
{
	baton_secret_wipe(s);
	if (len > BATON_SECRET_MAX)
		return -BATON_E_LIMIT;
	if (len)
		memcpy(s->bytes, bytes, len);
	s->len = (uint16_t)len;
	return 0;
}

void baton_secret_wipe(struct baton_secret *s)
{
	explicit_bzero(s, sizeof(*s));
}

int baton_secret_equal(const struct baton_secret *a, const struct baton_secret *b)
{
	unsigned diff = (unsigned)(a->len ^ b->len);

	for (size_t i = 0; i < a->len && i < BATON_SECRET_MAX; i++)
		diff |= (unsigned)(a->bytes[i] ^ b->bytes[i]);
	return diff == 0;
}

void *baton_locked_alloc(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* Both are best effort: a small RLIMIT_MEMLOCK must not stop the gateway; batond warns of
	 * it once, at its start. */
	(void)mlock(p, len);
	(void)madvise(p, len, MADV_DONTDUMP);
	return p;
}

void baton_locked_free(void *p, size_t len)
{
	if (!p)
		return;
	baton_wipe(p, len);
	munmap(p, len);
}
