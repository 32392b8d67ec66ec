/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * strongSwan 5.9.8 has neither a version symbol nor a check of its own when it
 * loads a plugin, but a plugin uses the layout of its structures: the wrong one
 * means calls into the wrong method. Every daemon of strongSwan has its version
 * compiled in, so the running executable is asked.
 */
#include "baton_version.h"
#include "baton_convert.h"

#include <daemon.h>

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXECUTABLE "/proc/self/exe"

/**
 * Does the version stand here by itself, not as a part of another number?
 */
static bool stands_alone(const char *map, size_t len, const char *pos,
						 size_t version_len)
{
	const char *next = pos + version_len;

	return pos > map && (pos[-1] == '\0' || pos[-1] == ' ') &&
		   (next == map + len || !(isdigit(*next) || *next == '.'));
}

/**
 * Look for a version in a mapped executable
 */
static bool contains(const char *map, size_t len, const char *version)
{
	const char *pos = map, *end = map + len;
	size_t version_len = strlen(version);

	while ((pos = memmem(pos, (size_t)(end - pos), version, version_len)))
	{
		if (stands_alone(map, len, pos, version_len))
		{
			return TRUE;
		}
		pos++;
	}
	return FALSE;
}

/*
 * Described in header
 */
bool baton_version_check(void)
{
	char path[PATH_MAX] = EXECUTABLE;
	struct stat st;
	ssize_t n;
	void *map = MAP_FAILED;
	bool found = FALSE;
	int fd;

	n = readlink(EXECUTABLE, path, sizeof(path) - 1);
	path[max(n, 0)] = '\0';
	fd = open(EXECUTABLE, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0)
	{
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	if (map == MAP_FAILED)
	{
		DBG1(DBG_LIB, "baton: refusing to load: cannot read %s to learn its "
			 "version: %s", path, strerror(errno));
	}
	else
	{
		found = contains(map, (size_t)st.st_size, BATON_STRONGSWAN_VERSION);
		munmap(map, (size_t)st.st_size);
		if (!found)
		{
			DBG1(DBG_LIB, "baton: refusing to load: built for strongSwan %s, "
				 "but %s is of another version", BATON_STRONGSWAN_VERSION, path);
		}
	}
	if (fd >= 0)
	{
		close(fd);
	}
	return found;
}

/**
 * Is p a function of the library that holds ike_sa_create()?
 */
static bool is_function(void *p)
{
	Dl_info here, there;

	return dladdr(p, &there) && dladdr((void*)ike_sa_create, &here) &&
		   here.dli_fbase == there.dli_fbase;
}

/*
 * Described in header
 */
bool baton_layout_check(void)
{
	ike_sa_id_t *id;
	ike_sa_t *ike_sa;
	void **slots;
	size_t count = sizeof(ike_sa_t) / sizeof(void*);

	id = baton_to_ike_sa_id(1, 1, FALSE);
	ike_sa = ike_sa_create(id, FALSE, IKEV2);
	id->destroy(id);
	if (!ike_sa)
	{
		return FALSE;
	}
	/* methods fill the public structure, private data follows */
	slots = (void**)ike_sa;
	if (!is_function(slots[count - 1]) || is_function(slots[count]))
	{	/* calling its destroy() would be the very thing to avoid: let it be */
		DBG1(DBG_LIB, "baton: refusing to load: this strongSwan %s was built "
			 "with other options than baton expects (see strongswan_config.h)",
			 BATON_STRONGSWAN_VERSION);
		return FALSE;
	}
	ike_sa->destroy(ike_sa);
	return TRUE;
}
