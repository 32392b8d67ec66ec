# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# charon on every host, its connections, and what to ask of it.

SERVER_ID=.example.org # gw-a.example.org, gw-b.example.org

# fill FILE [WORD=VALUE...]: FILE with each {{WORD}} replaced.
fill() {
	local text pair
	text=$(< "$1")
	shift
	for pair in "$@"; do text=${text//"{{${pair%%=*}}}"/"${pair#*=}"}; done
	printf '%s\n' "$text"
}

# auth_of CLIENT-NUMBER, host_of CLIENT-NUMBER
auth_of() {
	local kinds=(psk eap cert)
	if [ "$LAB_AUTH" = mixed ]; then
		echo "${kinds[($1 - 1) % 3]}"
	else
		echo "$LAB_AUTH"
	fi
}
host_of() { echo "cl-$((($1 - 1) % LAB_HOSTS + 1))"; }

# is_rogue HOST: its charon does what an order says (rogue/rogue_plugin.c).
is_rogue() { [[ " $LAB_ROGUE " == *" $1 "* ]]; }
# order HOST [WORD]: from now on; without a word it behaves.
order() { echo "${2-}" > "$WORK/$1/rogue.orders"; }
# has_obeyed HOST WORD TIMES
has_obeyed() { at_least "$3" "rogue: $2\$" "$OUT/$1/charon.log"; }

# charon_up HOST PLUGINS SETTINGS RETRANSMISSION [MOUNT-PLUGIN-DIR]
charon_up() {
	local host=$1 dir=$WORK/$1
	if is_rogue "$host"; then
		set -- "$host" "$2 rogue" "$3
		rogue {
			orders = $dir/rogue.orders
		}" "$4" "$5:$BUILD/lab/rogue"
	fi
	mkdir -p "$dir/run" "$dir/swanctl/conf.d" "$OUT/$host"
	[ ! -e "$dir/vici" ] || rm "$dir/vici"
	fill "$LAB/conf/strongswan.conf" "plugins=$2" "plugin_settings=$3" "retransmission=$4" \
		"log=$OUT/$host/charon.log" "run=$dir" "level=$LAB_CHARON_LOG" > "$dir/strongswan.conf"
	STRONGSWAN_CONF=$dir/strongswan.conf run_on "$host" charon /bin/sh -c '
		[ -z "$1" ] || mount -t overlay -o "lowerdir=$1:/usr/lib/ipsec/plugins" \
			overlay /usr/lib/ipsec/plugins || exit 1
		exec /usr/sbin/charon-systemd' sh "${5-}"
}

charon_ready() {
	wait_for 40 "charon of $1 answers" test -S "$WORK/$1/vici"
}

# A plugin that was built for another strongSwan is not loaded; HOST has no charon yet.
refuses_other_version() {
	local host=$1 dir=$WORK/other-version version
	# a string of its own, between NULs
	version=$(grep -zaoE '^[0-9]+\.[0-9]+\.[0-9]+$' "$BUILD/src/charon/libstrongswan-baton.so" |
		tr '\0' '\n' | head -n 1)
	mkdir -p "$dir"
	LC_ALL=C sed "s/${version//./\\.}\x0/${version//[0-9]/7}\x0/" \
		"$BUILD/src/charon/libstrongswan-baton.so" > "$dir/libstrongswan-baton.so"
	charon_up "$host" baton "" "" "$dir"
	wait_for 40 "charon of $host has tried to load the plugin" at_least 1 \
		"baton: refusing to load: built for strongSwan ${version//[0-9]/7}, but .* is of another version" \
		"$OUT/$host/charon.log"
	end "$host/charon"
}

# swan HOST ARGUMENT...: where the processor is emulated, half of the time of swanctl is that of OpenSSL, which
# it needs only to load a configuration.
swan() {
	local host=$1 conf=$LAB/conf/swanctl-light.conf
	shift
	[[ $1 != --load* ]] || conf=$WORK/$host/strongswan.conf
	SWANCTL_DIR=$WORK/$host/swanctl STRONGSWAN_CONF=$conf \
		swanctl "$@" --uri "unix://$WORK/$host/vici" 2>> "$OUT/$host/swanctl.log"
}

load_connections() {
	swan "$1" --load-all >> "$OUT/$1/swanctl.log" ||
		fail "the configuration of $1 does not load (see $1/swanctl.log)"
}

# load_all_connections HOST...: of all at the same time, as soon as their charons answer.
load_all_connections() {
	local host job jobs=()
	for host in "$@"; do
		if is_libreswan "$host"; then
			libreswan_load "$host" "${host#cl-}"
			continue
		fi
		charon_ready "$host"
		load_connections "$host" & jobs+=($!)
	done
	for job in "${jobs[@]}"; do wait "$job" || fail "a host's configuration does not load"; done
}

# A crowd that retransmits every half second never gets in again: give it 2 s.
retransmission_of_clients() {
	local timeout=0.5
	[ "$LAB_CLIENTS" -le 8 ] || timeout=2
	[ "$LAB_MODE" != reauth ] || echo "retransmit_timeout = $timeout
	retransmit_base = 1
	retransmit_tries = 3"
}

# write_client HOST NUMBER: one connection.
write_client() {
	local file=$LAB_CLIENT_CONF tries=1
	# plain strongSwan: who does not get back in at once in the crowd goes on trying
	[ "$LAB_MODE" != reauth ] || tries=0
	[ -n "$file" ] || file=$LAB/conf/client-$(auth_of "$2").conf
	fill "$file" "name=c$2" "number=$2" "gateway=$(address_of "$(home_of "$2")")" "client_dpd=$LAB_CLIENT_DPD" \
		"dpd_action=$LAB_DPD_ACTION" "keyingtries=$tries" > "$WORK/$1/swanctl/conf.d/c$2.conf"
	# as behind a NAT: ESP in UDP
	[[ " $LAB_ENCAP " != *" $2 "* ]] ||
		sed -i '0,/version = 2/s//&\n\t\tencap = yes/' "$WORK/$1/swanctl/conf.d/c$2.conf"
	[[ " $LAB_NO_MOBIKE " != *" $2 "* ]] ||
		sed -i '0,/version = 2/s//&\n\t\tmobike = no/' "$WORK/$1/swanctl/conf.d/c$2.conf"
	[[ " $LAB_NO_AEAD " != *" $2 "* ]] ||
		sed -i '0,/proposals = .*/s//proposals = aes128-sha256-x25519/' "$WORK/$1/swanctl/conf.d/c$2.conf"
}

# client_host_up NUMBER CLIENT...: a host and its charon with the clients' connections.
client_host_up() {
	local host=cl-$1 dir=$WORK/cl-$1 plugin='' c
	if is_libreswan "$host"; then
		libreswan_up "$host" "$2"
		return
	fi
	[[ " $LAB_EXTENDED " != *" $1 "* ]] || plugin=baton
	shift
	charon_up "$host" "$plugin" "${plugin:+baton { client = yes \}}" "$(retransmission_of_clients)" \
		"${plugin:+$BUILD/src/charon}"
	echo 'include conf.d/*.conf' > "$dir/swanctl/swanctl.conf"
	cp -r "$PKI/client/." "$dir/swanctl/"
	for c in "$@"; do write_client "$host" "$c"; done
}

client_hosts_start() {
	local h
	for h in $(seq "$LAB_HOSTS"); do
		# shellcheck disable=SC2046 # one word each
		client_host_up "$h" $(seq "$h" "$LAB_HOSTS" "$LAB_CLIENTS")
	done
}

client_hosts_up() {
	alive cl-1/charon || alive cl-1/pluto || client_hosts_start
	# shellcheck disable=SC2046 # one word each
	load_all_connections $(seq -f 'cl-%g' "$LAB_HOSTS")
}

clients_up() {
	local h c
	client_hosts_up
	say "connecting $LAB_CLIENTS client(s)"
	if [ "$LAB_CLIENTS" -le 8 ]; then
		for c in $(seq "$LAB_CLIENTS"); do connect "$c"; done
		return
	fi
	for h in $(seq "$LAB_HOSTS"); do connect_many "cl-$h"; done
	wait_for 120 "all $LAB_CLIENTS clients are connected" all_connected
}

all_connected() {
	at_least "$LAB_CLIENTS" 'CHILD_SA .* established with SPIs' "$OUT"/cl-*/charon.log
}

connect() {
	local host
	host=$(host_of "$1")
	if is_libreswan "$host"; then
		libreswan_connect "$host" "$1"
		return
	fi
	swan "$host" --initiate --child "c$1" --timeout 60 >> "$OUT/$host/swanctl.log" ||
		fail "client c$1 does not connect (see $host/swanctl.log)"
}

# Every connection of a host at once: a change of the start action makes charon act.
connect_many() {
	local file
	for file in "$WORK/$1/swanctl/conf.d"/*.conf; do
		sed -i 's/^\(\t*\)esp_proposals/\1start_action = start\n&/' "$file"
	done
	load_connections "$1"
}

# spis HOST: one line per IKE SA with a client: connection, initiator's and responder's SPI.
spis() {
	if is_libreswan "$1"; then
		libreswan_spis "$1"
		return
	fi
	swan "$1" --list-sas --raw |
		sed -n 's/.*list-sa event {\([^ ]*\) {.*state=ESTABLISHED.* initiator-spi=\([0-9a-f]*\) responder-spi=\([0-9a-f]*\).*/\1 \2 \3/p' |
		grep -v '^baton-' | sort
}

# children_of HOST NAME: inbound and outbound SPI of the CHILD SAs of that configuration.
children_of() {
	{ swan "$1" --list-sas --raw | grep -oE "$2-[0-9]+ \{name=$2 [^}]*state=INSTALLED[^}]*" || true; } |
		sed 's/.*spi-in=\([0-9a-f]*\) spi-out=\([0-9a-f]*\).*/\1 \2/' | sort
}

remember_spis() {
	local h jobs=()
	for h in $(seq "$LAB_HOSTS"); do
		spis "cl-$h" > "$OUT/cl-$h/spis.$1" & jobs+=($!)
	done
	wait "${jobs[@]}"
}

# The clients' IKE SAs are those they were at remember_spis NAME.
spis_unchanged() {
	local h same=0
	remember_spis now
	for h in $(seq "$LAB_HOSTS"); do
		cmp -s "$OUT/cl-$h/spis.$1" "$OUT/cl-$h/spis.now" || same=1
		[ -s "$OUT/cl-$h/spis.now" ] || same=1
	done
	return "$same"
}

# same_as FILE COMMAND...: the output of COMMAND is what FILE holds.
same_as() { cmp -s "$1" <("${@:2}"); }

# all_replaced FILE COMMAND...: COMMAND prints as many lines as FILE has, none of them in FILE.
all_replaced() {
	local now
	now=$("${@:2}")
	[ -n "$now" ] && [ "$(wc -l <<< "$now")" = "$(wc -l < "$1")" ] &&
		! grep -qxFf "$1" <<< "$now"
}

# rekey_children HOST NAME: HOST rekeys its CHILD SAs of that name; all have new SPIs.
rekey_children() {
	local before="$OUT/$1/children.before"
	children_of "$1" "$2" > "$before"
	swan "$1" --rekey --child "$2" >> "$OUT/$1/swanctl.log" || fail "$1 cannot rekey CHILD SA $2"
	wait_for 20 "$1 has rekeyed its CHILD SAs $2" all_replaced "$before" children_of "$1" "$2"
	verdict ok "$1 has rekeyed its $(wc -l < "$before") CHILD SA(s) $2"
}

ike_of() { spis "$1" | sed -n "s/^$2 //p"; }

# rekey_ike HOST NAME: the same for its IKE SAs.
rekey_ike() {
	local before="$OUT/$1/ike.before"
	ike_of "$1" "$2" > "$before"
	swan "$1" --rekey --ike "$2" >> "$OUT/$1/swanctl.log" || fail "$1 cannot rekey IKE SA $2"
	wait_for 20 "$1 has rekeyed its IKE SAs $2" all_replaced "$before" ike_of "$1" "$2"
	verdict ok "$1 has rekeyed its $(wc -l < "$before") IKE SA(s) $2"
}

# Liveness checks of HOST's charon: sent, and answered. A check that was sent just before the other side fell
# silent is sent again, not anew.
# Those of the cluster network's own IKE SAs do not count: lines of a thread belong together.
probes() {
	awk '{ thread = substr($2, 1, 2) }
		/sending DPD request|retransmit [0-9]+ of request/ { probing[thread] = 1 }
		/sending packet: / { n += probing[thread] && !/\[[0-9]+\] to 10\.40\.0\./; probing[thread] = 0 }
		END { print n + 0 }' "$OUT/$1/charon.log"
}
answers() {
	awk '{ thread = substr($2, 1, 2) }
		/received packet: / { cluster[thread] = /from 10\.40\.0\./ }
		/parsed INFORMATIONAL response/ { n += !cluster[thread] }
		END { print n + 0 }' "$OUT/$1/charon.log"
}
more_probes() { [ "$(probes "$1")" -gt "$2" ]; }
more_answers() { [ "$(answers "$1")" -gt "$2" ]; }

charons_get() {
	local signal=$1 host
	shift
	for host in "$@"; do kill "-$signal" "${PID[$host/charon]}"; done
}

# one_probes HOST OTHER...: HOST checks whether the silent OTHERs are alive, and they are.
# They are stopped for so long: who hears the other's check has no reason for one of its own.
one_probes() {
	local host=$1 sent had
	shift
	sent=$(probes "$host")
	charons_get STOP "$@"
	wait_for 20 "$host checks whether the other side is alive" more_probes "$host" "$sent"
	had=$(answers "$host")
	charons_get CONT "$@"
	wait_for 20 "a liveness check by $host is answered" more_answers "$host" "$had"
	verdict ok "a liveness check by $host is answered"
}

# probe_when_idle GW: without traffic either side checks the other's liveness (RFC 7296, 2.4).
probe_when_idle() {
	local host clients
	mapfile -t clients < <(seq -f 'cl-%g' "$LAB_HOSTS")
	traffic_stop
	one_probes "$1" "${clients[@]}"
	for host in "${clients[@]}"; do one_probes "$host" "$1"; done
	traffic_go_on
}

# leave HOST CLIENT: the client deletes its IKE SA.
leave() {
	note idle
	swan "$1" --terminate --ike "$2" --timeout 20 >> "$OUT/$1/swanctl.log" ||
		fail "$2 cannot leave (see $1/swanctl.log)"
	say "$2 has left"
}

# newcomer HOST CLIENT: a client that was not there, or has left, connects from HOST.
NEWCOMERS=''
newcomer() {
	write_client "$1" "${2#c}"
	load_connections "$1"
	NEWCOMERS+=" ${1#cl-}"
	fact newcomer_hosts "$NEWCOMERS"
	swan "$1" --initiate --child "$2" --timeout 60 >> "$OUT/$1/swanctl.log" ||
		fail "newcomer $2 does not connect (see $1/swanctl.log)"
	say "$2 is new"
}

# vip_of HOST: the virtual address of its one client.
vip_of() { swan "$1" --list-sas --raw | sed -n 's/.* local-vips=\[\([0-9.]*\).*/\1/p'; }

# nobody_has ADDRESS HOST...
nobody_has() {
	local address=$1 host
	shift
	[ -n "$address" ] || return 1
	for host in "$@"; do
		[[ $(ip -n "$NS$host" -4 -o addr show) != *" $address/"* ]] || return 1
	done
}
