# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Client hosts of LAB_LIBRESWAN, each with one client, which is Libreswan: an IKE daemon that nobody of ours has touched. Debian's package
# cannot be installed beside strongSwan's; it lies unpacked in the cache (tools/setup.sh).

is_libreswan() { [[ " $LAB_LIBRESWAN " == *" ${1#cl-} "* ]]; }

# whack HOST ARGUMENT...
whack() {
	local host=$1
	shift
	"$LIBRESWAN/usr/libexec/ipsec/whack" --ctlsocket "$WORK/$host/pluto.ctl" "$@"
}

# libreswan_up HOST CLIENT-NUMBER
libreswan_up() {
	local host=$1 dir=$WORK/$1 address encapsulation=auto redirect=no
	[[ " $LAB_ENCAP " != *" $2 "* ]] || encapsulation=yes
	[[ " $LAB_REDIRECT " != *" $2 "* ]] || redirect=yes
	[ -x "$LIBRESWAN/usr/libexec/ipsec/pluto" ] || fail "no Libreswan in $LIBRESWAN: run make setup"
	mkdir -p "$dir/run" "$dir/nss" "$OUT/$host"
	certutil -N -d "sql:$dir/nss" --empty-password
	address=$(ip -n "$NS$host" -4 -o addr show dev wan | awk '{ sub("/.*", "", $4); print $4; exit }')
	fill "$LAB/conf/libreswan.conf" "name=c$2" "address=$address" "gateway=$(address_of "$(home_of "$2")")" \
		"client_dpd=$LAB_CLIENT_DPD" "encapsulation=$encapsulation" "redirect=$redirect" > "$dir/ipsec.conf"
	echo "c$2@psk.example.org @gw.example.org : PSK \"one for all clients of the lab\"" > "$dir/ipsec.secrets"
	run_on "$host" pluto /bin/sh -c '
		mount -t overlay -o "lowerdir=$1/usr/libexec:/usr/libexec" overlay /usr/libexec || exit 1
		exec /usr/libexec/ipsec/pluto --nofork --config "$2/ipsec.conf" --ipsecdir "$2" --secretsfile "$2/ipsec.secrets" \
			--nssdir "$2/nss" --rundir "$2" --no-dnssec --nhelpers 0 --stderrlog' sh "$LIBRESWAN" "$dir"
}

# libreswan_load HOST CLIENT-NUMBER: as soon as it answers.
libreswan_load() {
	local dir=$WORK/$1
	wait_for 40 "Libreswan of $1 answers" test -S "$dir/pluto.ctl"
	"$LIBRESWAN/usr/libexec/ipsec/addconn" --ctlsocket "$dir/pluto.ctl" --config "$dir/ipsec.conf" "c$2" \
		>> "$OUT/$1/addconn.log" 2>&1 || fail "Libreswan of $1 does not take its configuration (see $1/addconn.log)"
	whack "$1" --rereadsecrets >> "$OUT/$1/addconn.log" 2>&1
	whack "$1" --listen >> "$OUT/$1/addconn.log" 2>&1
}

libreswan_connect() {
	whack "$1" --name "c$2" --initiate >> "$OUT/$1/whack.log" 2>&1 ||
		fail "client c$2 does not connect (see $1/whack.log)"
}

# Its IKE SA as Libreswan numbers it: another one has another number.
libreswan_spis() {
	whack "$1" --showstates | sed -n 's/.*\(#[0-9]*\): "\([^"]*\)".*ESTABLISHED_IKE_SA.*/\2 \1/p' | sort
}
