#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Everything a Debian 12 machine needs to build, check and run the lab: packages
# (as root, or with sudo), the source of the installed strongSwan, and a kernel
# for the lab's guest. Nothing is done twice; --quiet says nothing where nothing
# is to be done. Services are not started by the packages installed here.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cache=${BATON_CACHE:-$top/.cache}
quiet=''
[ "${1-}" != --quiet ] || quiet=yes

tell() { [ -n "$quiet" ] && [ "${2-}" != loud ] || echo "setup: $1"; }
die() {
	echo "setup: $*" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo > /dev/null; then
		sudo "$@"
	else
		die "not root, and there is no sudo: run as root once: $*"
	fi
}

missing() {
	local package
	sed 's/#.*//' "$top/tools/packages" | tr -s ' ' '\n' | while read -r package; do
		[ -n "$package" ] || continue
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] ||
			echo "$package"
	done
}

# invoke-rc.d and deb-systemd-invoke ask this file: no daemon is to start because a
# package of the lab was installed. One that is there already is left alone.
POLICY=/usr/sbin/policy-rc.d
install_packages() {
	local made=''
	tell "installing $*" loud
	if [ ! -e $POLICY ]; then
		printf '#!/bin/sh\nexit 101\n' | as_root tee $POLICY > /dev/null
		as_root chmod 755 $POLICY
		made=yes
	fi
	as_root apt-get -q update &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" ||
		made+=failed
	[ "${made#yes}" = "$made" ] || as_root rm -f $POLICY
	[ "${made%failed}" = "$made" ] || die "apt-get could not install the packages (see above)"
}

get_strongswan() {
	local version
	version=$(dpkg-query -W -f '${source:Upstream-Version}' strongswan-libcharon 2> /dev/null) ||
		version=$(dpkg-query -W -f '${source:Upstream-Version}' strongswan-charon)
	[ -e "$cache/strongswan/strongswan-$version/src/libcharon/daemon.h" ] && return
	tell "getting the source of strongSwan $version, for the plugin's headers" loud
	mkdir -p "$cache"
	# it may say much, for instance of a revision that a mirror has only half of
	"$top/tools/strongswan-headers.sh" "$cache/strongswan" > "$cache/strongswan.log" 2>&1 || {
		cat "$cache/strongswan.log" >&2
		die "no source of strongSwan $version (see above)"
	}
}

# The kernel is unpacked, not installed. Its cloud flavour lacks 9p.
get_guest() {
	local package tmp
	[ -e "$cache/guest/base.img" ] && [ "$cache/guest/base.img" -nt "$top/lab/guest/init" ] && return
	mkdir -p "$cache/guest"
	if [ ! -d "$cache/guest/kernel/boot" ]; then
		package=$(apt-cache depends linux-image-amd64 |
			sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*\)/\1/p' | head -n 1)
		[ -n "$package" ] || die "apt knows no linux-image-amd64 (apt-get update?)"
		tell "getting $package, the kernel of the lab's guest" loud
		tmp=$(mktemp -d "$cache/guest/get.XXXXXX")
		(cd "$tmp" && apt-get -q download "$package" > /dev/null 2>&1) ||
			die "cannot download $package"
		dpkg -x "$tmp"/*.deb "$tmp/kernel"
		mv "$tmp/kernel" "$cache/guest/kernel"
		rm -rf "$tmp"
	fi
	tell "making the lab's guest" loud
	"$top/lab/guest/base" "$cache/guest/kernel" "$cache/guest"
}

# A client of another make. It is unpacked, not installed: it conflicts with strongSwan.
get_libreswan() {
	local tmp
	[ -x "$cache/libreswan/usr/libexec/ipsec/pluto" ] && return
	tell "getting Libreswan, a client for the lab" loud
	mkdir -p "$cache"
	tmp=$(mktemp -d "$cache/get.XXXXXX")
	(cd "$tmp" && apt-get -q download libreswan > /dev/null 2>&1) || die "cannot download libreswan"
	dpkg -x "$tmp"/*.deb "$tmp/root"
	mv "$tmp/root" "$cache/libreswan"
	rm -rf "$tmp"
}

[ "$(dpkg --print-architecture 2> /dev/null)" = amd64 ] ||
	die "needs Debian on amd64 (the lab's guest is of that architecture)"
mapfile -t packages < <(missing)
[ ${#packages[@]} = 0 ] || install_packages "${packages[@]}"
get_strongswan
get_guest
get_libreswan
tell "ready"
