#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Gets the source of the installed strongSwan, whose headers the charon plugin
# needs (Debian has no strongswan-dev), and prints the folder it lies in.
#
#	tools/strongswan-headers.sh [CACHE-FOLDER]	default: .cache/strongswan
#
# apt is given a private list, made of the machine's own deb entries as
# deb-src: no host is named here, and neither /etc/apt nor /var/lib/apt is
# touched. The source may be of an older Debian revision than the binaries
# (security updates): what counts is the upstream version.
set -eu

package=strongswan-libcharon
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${1:-$root/.cache/strongswan}

die()
{
	echo "strongswan-headers: $*" >&2
	exit 1
}

version=$(dpkg-query -W -f '${source:Upstream-Version}' $package 2>/dev/null) || version=
[ -n "$version" ] || die "$package is not installed: apt-get install $package"
command -v dpkg-source >/dev/null || die "dpkg-source is missing: apt-get install dpkg-dev"

mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
source="$cache/strongswan-$version"
if [ -e "$source/src/libcharon/daemon.h" ]; then
	echo "$source"
	exit 0
fi

apt_dir=$(mktemp -d "$cache/apt.XXXXXX")
trap 'rm -rf "$apt_dir"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$apt_dir/parts" "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial"
chmod 755 "$apt_dir" "$apt_dir/parts" # apt's own user reads and writes below, where it may

# "deb [options] uri suite component..." becomes "deb-src ..."
one_line()
{
	sed -n 's/^[[:space:]]*deb\([[:space:]]\)/deb-src\1/p' "$1"
}

# A stanza whose Types name deb becomes one of deb-src; disabled ones and others go.
deb822()
{
	awk '
	function flush() {
		if (is_deb && enabled)
			printf "%s\n", stanza
		stanza = ""; is_deb = 0; enabled = 1
	}
	BEGIN { enabled = 1 }
	/^[[:space:]]*$/ { flush(); next }
	/^#/ { next }
	tolower($1) == "types:" {
		for (i = 2; i <= NF; i++)
			if ($i == "deb")
				is_deb = 1
		stanza = stanza "Types: deb-src\n"
		next
	}
	tolower($1) == "enabled:" && tolower($2) ~ /^(no|false|without|off|disable)$/ { enabled = 0 }
	{ stanza = stanza $0 "\n" }
	END { flush() }' "$1"
}

eval "$(apt-config shell etc Dir::Etc/d parts Dir::Etc::sourceparts/d list Dir::Etc::sourcelist/f)"
for file in "$list" "$parts"/*.list; do
	[ -r "$file" ] && one_line "$file"
done >"$apt_dir/parts/private.list" || true
for file in "$parts"/*.sources; do
	[ -r "$file" ] && deb822 "$file"
done >"$apt_dir/parts/private.sources" || true
[ -s "$apt_dir/parts/private.list" ] || [ -s "$apt_dir/parts/private.sources" ] ||
	die "found no deb entry below $etc"

# COMMAND ARGUMENTS... with our list and our folders in the place of the machine's
with_private_list()
{
	command=$1
	shift
	"$command" -q \
		-o Dir::Etc::sourcelist=/dev/null \
		-o Dir::Etc::sourceparts="$apt_dir/parts" \
		-o Dir::State::lists="$apt_dir/lists" \
		-o Dir::Cache="$apt_dir/cache" \
		-o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Languages=none \
		"$@"
}

private_apt()
{
	with_private_list "$@" >&2
}

private_cache()
{
	with_private_list apt-cache "$@"
}

private_apt apt-get update
# Newest revision of the installed upstream version first; a mirror may list one that it does not hold.
revisions=$(private_cache showsrc --only-source strongswan |
	awk -v v="$version" '$1 == "Version:" { u = $2; sub(/^[0-9]+:/, "", u); sub(/-[^-]*$/, "", u)
		if (u == v) print $2 }' | sort -uVr)
[ -n "$revisions" ] || die "the package sources have no strongswan $version (the installed one)"
for revision in $revisions; do
	(cd "$cache" && private_apt apt-get source --only-source "strongswan=$revision") || true
	rm -f "$cache"/strongswan_*
	[ -e "$source/src/libcharon/daemon.h" ] && break
done
[ -e "$source/src/libcharon/daemon.h" ] || die "could not get the source of strongswan $version"
echo "$source"
