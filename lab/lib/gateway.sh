# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The gateways: charon, batond, keepalived; how they die, leave and come back.
#
# LAB_MODE: baton; or for comparison ha (strongSwan's plugin of that name) or
# reauth (plain strongSwan: the clients notice by DPD and connect anew).

# gateways [BUT]: a line each.
gateways() {
	local gw
	for gw in $LAB_GATEWAYS; do [ "$gw" = "${1-}" ] || echo "$gw"; done
}

# peers_of NODE: whom it exchanges sessions with. A gateway: the others and the nodes that only
# store; those: the gateways.
peers_of() {
	gateways "$1"
	case $1 in gw-*) stores ;; esac
}

# Do keepalived and VRRP move addresses? Not where each gateway has its own, nor where all have the same.
with_vrrp() { [ -z "$LAB_OWN_ADDRESSES$LAB_BALANCED" ]; }

# address_of GW: where its clients reach it.
address_of() {
	local own=$WAN_VIP
	[ -z "$LAB_OWN_ADDRESSES" ] || own=$(wan_network "$1").${GW_NUMBER[$1]}
	if [[ $LAB_IPV6 = yes || " $LAB_IPV6 " == *" $1 "* ]]; then
		v6_of "$own"
	else
		echo "$own"
	fi
}

# home_of CLIENT: the gateway it connects to; clients_of GW: how many these are.
home_of() {
	local gateways
	read -ra gateways <<< "$LAB_HOMES"
	[ -n "$LAB_OWN_ADDRESSES" ] || gateways=(gw-a)
	echo "${gateways[($1 - 1) / LAB_HOSTS % ${#gateways[@]}]}"
}
clients_of() {
	local c n=0
	for c in $(seq "$LAB_CLIENTS"); do [ "$(home_of "$c")" != "$1" ] || n=$((n + 1)); done
	echo "$n"
}

# The virtual addresses that GW gives to its own clients, before those of the others: of 10.50.0.0/20,
# or a part of it.
pools_of() {
	if [ -z "$LAB_OWN_ADDRESSES" ]; then
		echo clients
		return
	fi
	echo "$1"
	gateways "$1"
	echo newcomers
}

write_pools() {
	local gw first=1 count
	echo 'pools {'
	for gw in $LAB_GATEWAYS; do
		count=$(clients_of "$gw")
		[ "$count" != 0 ] || count=1
		printf '\t%s {\n\t\taddrs = 10.50.%d.%d-10.50.%d.%d\n\t}\n' "$gw" $((first / 256)) $((first % 256)) \
			$(((first + count - 1) / 256)) $(((first + count - 1) % 256))
		first=$((first + count))
	done
	printf '\tnewcomers {\n\t\taddrs = 10.50.15.1-10.50.15.9\n\t}\n}\n'
}

# stores_for GW: those of them that store its sessions.
stores_for() {
	local peer
	for peer in $(peers_of "$1"); do
		[[ " $LAB_NO_STORE " == *" $peer "* ]] || echo "$peer"
	done
}

write_cluster_connection() {
	local gw=$1 peer=$2 mine=${GW_CLUSTER[$1]} theirs=${GW_CLUSTER[$2]} text
	text=$(< "$LAB/../dist/swanctl/baton-cluster.conf")
	text=${text//192.0.2.1/@mine@}
	text=${text//192.0.2.2/@theirs@}
	text=${text//gw-a$SERVER_ID/@me@}
	text=${text//gw-b$SERVER_ID/@peer@}
	text=${text//@mine@/$mine}
	text=${text//@theirs@/$theirs}
	text=${text//@me@/$gw$SERVER_ID}
	text=${text//@peer@/$peer$SERVER_ID}
	text=${text//baton-cluster/baton-$peer}
	printf '%s\n' "${text//CHANGE-ME/the secret of the cluster of the lab}" \
		> "$WORK/$gw/swanctl/conf.d/baton-$peer.conf"
}

write_cluster_connections() {
	local peer
	for peer in $(peers_of "$1"); do write_cluster_connection "$1" "$peer"; done
}

write_gateway_connections() {
	local gw=$1 dir=$WORK/$1/swanctl c pools file=$LAB_GATEWAY_CONF
	[ -n "$file" ] || file=$LAB/conf/gateway.conf
	mapfile -t pools < <(pools_of "$gw")
	echo 'include conf.d/*.conf' > "$dir/swanctl.conf"
	fill "$file" "gateway=$(address_of "$gw")" "pool=$(IFS=,; echo "${pools[*]}")" "gateway_dpd=$LAB_GATEWAY_DPD" \
		> "$dir/conf.d/clients.conf"
	# the ha plugin has a pool of its own
	if [ "$LAB_MODE" = ha ] || [ -n "$LAB_OWN_ADDRESSES" ]; then
		sed -i '/^pools {/,/^}/d' "$dir/conf.d/clients.conf"
	fi
	[ -z "$LAB_OWN_ADDRESSES" ] || write_pools > "$dir/conf.d/pools.conf"
	[ "$LAB_MODE" != baton ] || write_cluster_connections "$gw"
	for c in $(seq $((LAB_CLIENTS + 9))); do
		printf 'secrets {\n\teap-c%s {\n\t\tid = c%s\n\t\tsecret = "password of c%s"\n\t}\n}\n' \
			"$c" "$c" "$c"
	done > "$dir/conf.d/eap.conf"
	cp -r "$PKI/gateway/." "$dir/"
}

gateway_charon_up() {
	local gw=$1 settings='' plugin='' dir=''
	case $LAB_MODE in
	baton)
		plugin=baton
		settings="baton {
			socket = $WORK/$gw/baton/charon.sock
			${LAB_ANNOUNCE:+addresses = $LAB_ANNOUNCE}
			${LAB_MOVE_PACE:+move_pace = $LAB_MOVE_PACE}
		}"
		dir=$BUILD/src/charon
		;;
	ha)
		plugin=ha
		settings="ha {
			local = ${GW_CLUSTER[$gw]}
			remote = ${GW_CLUSTER[${PEER[$gw]}]}
			segment_count = 1
			fifo_interface = yes
			monitor = yes
			heartbeat_delay = 200
			heartbeat_timeout = 600
			resync = yes
			pools { clients = 10.50.0.0/20 }
		}"
		;;
	esac
	charon_up "$gw" "$plugin" "$settings" "$LAB_RETRANSMISSION" "$dir"
	write_gateway_connections "$gw"
}

# batond_start NODE: with the gateway role if it is one, with the store role unless LAB_NO_STORE
# names it; it follows the gateways if LAB_FOLLOW names it.
batond_start() {
	local gw=$1 dir=$WORK/$1 peer peers='' gateway=no store=yes lines=''
	[ "$LAB_MODE" = baton ] || return 0
	mkdir -p "$dir/baton"
	for peer in $(peers_of "$gw"); do
		peers+="[peer $peer$SERVER_ID]"$'\n'"address = ${GW_CLUSTER[$peer]}"$'\n'
		[[ " $LAB_NO_STORE " != *" $peer "* ]] || peers+="store = no"$'\n'
		[[ " $LAB_FOLLOW " != *" $gw "* || $peer != gw-* ]] || peers+="follow = yes"$'\n'
		peers+=$'\n'
	done
	[[ $gw != gw-* ]] || gateway=yes
	[[ $gw != gw-* || -z $LAB_OWN_ADDRESSES ]] ||
		lines="addresses = $(address_of "$gw")"$'\n'"on_member_gone = share"$'\n'
	[[ " $LAB_NO_STORE " != *" $gw "* ]] || store=no
	fill "$LAB/conf/batond.conf" "gw=$gw" "run=$dir/baton" "cluster=${GW_CLUSTER[$gw]}" \
		"peers=$peers" "gateway=$gateway" "store=$store" "level=$LAB_BATOND_LOG" \
		"lease=$LAB_LEASE" "hold=$LAB_HOLD" "gateway_lines=$lines$LAB_GATEWAY_LINES" > "$dir/batond.conf"
	run_on "$gw" batond "$BUILD/src/daemon/batond" -f -c "$dir/batond.conf"
}

batond_up() {
	batond_start "$1"
	batond_ready "$1"
}

batond_ready() {
	[ "$LAB_MODE" != baton ] || wait_for 20 "batond of $1 answers" test -S "$WORK/$1/baton/ctl.sock"
}

# A crash of batond alone; batond_up starts another.
kill_batond() {
	end "$1/batond" KILL
	say "batond of $1 is killed"
}

# store_start NODE: a node that only stores. Its charon is there for the SAs of the cluster.
store_start() {
	batond_start "$1"
	charon_up "$1" "" "" ""
	echo 'include conf.d/*.conf' > "$WORK/$1/swanctl/swanctl.conf"
	write_cluster_connections "$1"
}

keepalived_up() {
	local gw=$1 priority=150 dir=$WORK/$1
	[ "$gw" = gw-a ] || priority=100
	mkdir -p "$dir/baton"
	fill "$LAB/conf/keepalived.conf" "gw=$gw" "priority=$priority" "n=${GW_NUMBER[$gw]}" \
		"peer_n=${GW_NUMBER[${PEER[$gw]}]}" "wan_vip=$WAN_VIP" "prot_vip=$PROT_VIP" \
		"advert_int=$LAB_ADVERT_INT" "release=$dir/baton/release" \
		"become_master=$LAB/lib/become-master ${LAB_ON_MASTER:-$LAB_MODE} $OUT/$gw $dir $BUILD/src/ctl/batonctl ${PEER[$gw]}$SERVER_ID" \
		> "$dir/keepalived.conf"
	run_on "$gw" keepalived keepalived -n -l -D -P -f "$dir/keepalived.conf" \
		-p "$dir/keepalived.pid" -r "$dir/vrrp.pid"
}

ctl() {
	local gw=$1
	shift
	"$BUILD/src/ctl/batonctl" --socket "$WORK/$gw/baton/ctl.sock" "$@"
}

# has_address HOST: holds the shared addresses, both.
has_address() {
	[[ $(ip -n "$NS$1" -4 -o addr show) == *"$WAN_VIP"*"$PROT_VIP"* ]]
}

has_no_address() { ! has_address "$1"; }

is_master() { at_least "${2-1}" master "$OUT/$1/notify"; }

gateway_up() {
	batond_up "$1"
	gateway_charon_up "$1"
}

gateways_start() {
	local node
	captures_ready
	for node in $LAB_GATEWAYS; do
		batond_start "$node"
		gateway_charon_up "$node"
	done
	for node in $(stores); do store_start "$node"; done
}

gateways_up() {
	local node nodes
	mapfile -t nodes < <(gateways; stores)
	alive gw-a/charon || gateways_start
	for node in "${nodes[@]}"; do batond_ready "$node"; done
	load_all_connections "${nodes[@]}"
	[ "$LAB_MODE" != ha ] || echo +1 > "$WORK/gw-a/run/charon.ha"
	[ "$LAB_MODE" != baton ] || cluster_ready
	if ! with_vrrp; then
		say "gateways are up"
		return
	fi
	keepalived_up gw-a
	wait_for 20 "gw-a has the shared addresses" has_address gw-a
	keepalived_up gw-b
	say "gateways are up; gw-a has the shared addresses"
}

# of_peer NODE PEER: what NODE says of it: state, sessions stored there, sessions behind.
of_peer() {
	ctl "$1" status 2> /dev/null | sed -n "s/^peer $2\\$SERVER_ID .*): \\([a-z]*\\) for .*; \\([0-9]*\\) sessions stored there, \\([0-9]*\\) behind .*/\\1 \\2 \\3/p"
}

# peer_up NODE [PEER]; without PEER the other gateway.
peer_up() { [[ $(of_peer "$1" "${2-${PEER[$1]}}") == 'up '* ]]; }

cluster_ready() {
	local node
	for node in $LAB_GATEWAYS $(stores); do
		wait_for 30 "$node has found its peers" has_peers_up "$node" "$(peers_of "$node" | wc -l)"
	done
}
has_peers_up() { [ "$(count_lines '^peer .*: up for ' <(ctl "$1" status 2> /dev/null))" = "$2" ]; }

# all_stored GW N [STORE]: N sessions of GW are stored there (at the other gateway), as they
# are now. put_at: they are stored, but what has changed since may be under way.
all_stored() {
	local state
	state=$(of_peer "$1" "${3-${PEER[$1]}}")
	[ "${state#* }" = "$2 0" ]
}

put_at() {
	local state
	state=$(of_peer "$1" "${3-${PEER[$1]}}")
	[[ ${state#* } == "$2 "* ]]
}

# versions_stored GW STORE: all of GW's sessions are there in their latest version; message IDs
# and sequence numbers, which are told apart from those, may be under way.
versions_stored() {
	ctl "$1" sessions | awk -v store="$2$SERVER_ID:" -v owner="$1$SERVER_ID" '
		$3 == "owner" { own = $4 == owner; version = $8 + 0 }
		own && $1 == "stored" && $3 == store { seen++; wrong += $5 + 0 != version }
		END { exit wrong || !seen }'
}

# stored_whole GW N STORE: all N of GW's sessions are there so.
stored_whole() { put_at "$@" && versions_stored "$1" "$3"; }

# versions_followed OWNER NODE: NODE has a copy of all of OWNER's sessions, in their latest version.
versions_followed() {
	local own copy
	own=$(versions_of "$1" "$1")
	copy=$(versions_of "$2" "$1")
	[ -n "$own" ] && [ "$own" = "$copy" ]
}

versions_of() {
	ctl "$1" sessions | awk -v owner="$2$SERVER_ID" '$3 == "owner" && $4 == owner { print $1, $2, $6, $8 + 0 }' | sort
}

# follows_within NODE OWNER MS: NODE's copy of OWNER's sessions is no older than that.
follows_within() {
	local lag
	lag=$(ctl "$1" --json status | tr -d ' \n' | sed "s/.*\"server_id\":\"$2[^{}]*{[^}]*}[^}]*\"follow_lag_ms\":\([-0-9]*\).*/\1/")
	[[ $lag =~ ^[0-9]+$ ]] && [ "$lag" -le "$3" ]
}

# current_for STORE GW: for how many seconds yet its copies of GW's sessions prove a claim.
current_for() {
	ctl "$1" --json status | tr -d ' \n' |
		sed -n "s/.*\"server_id\":\"$2[^{}]*{[^}]*}[^}]*\"current_for_s\":\([0-9]*\).*/\1/p"
}
# current_for_at_least STORE GW SECONDS: GW has said so a moment ago, if these are nearly all of 7/8 of its hold.
current_for_at_least() {
	local now
	now=$(current_for "$1" "$2")
	[ "${now:-0}" -ge "$3" ]
}
# counts_in GW N: it relies on so many stores.
counts_in() { [ "$(ctl "$1" --json status | grep -c '"counted_in": true')" = "$2" ]; }

# power GW LINE: a command for the ip that waits in GW.
power() { echo "$2" >&"${POWER[${GW_NUMBER[$1]}]}"; }

# kill -9 of everything and the plug pulled, in that order, within a few milliseconds.
crash() {
	local gw=$1 vrrp=''
	! with_vrrp || vrrp=$(< "$WORK/$gw/vrrp.pid")
	note "failure $gw"
	kill -KILL "${PID[$gw/charon]}" ${PID[$gw/keepalived]:+"${PID[$gw/keepalived]}" "$vrrp"} ${PID[$gw/batond]:+"${PID[$gw/batond]}"}
	power_off "$gw"
	say "$gw crashes"
	unset "PID[$gw/charon]" "PID[$gw/keepalived]" "PID[$gw/batond]"
}

# The machine is off, as at the beginning of a story in which it comes later.
power_off() {
	power "$1" 'link set wan down'
	power "$1" 'link set prot down'
	power "$1" 'link set clus down'
}

takeover_done() { at_least "$2" takeover_done "$OUT/$1/notify"; }

# wait_contest GW: GW, master, has heard that the other gateway was master too, and has
# asked it for its sessions.
wait_contest() {
	wait_for 30 "$1 has heard of another master, and taken over" at_least 1 'contested_done 0' \
		"$OUT/$1/notify"
	say "$1 has heard of another master: $(grep -v ': 0 sessions' "$OUT/$1/contested.out" | head -n 1)"
}

# wait_takeover GW [TIMES]: GW is master, for the TIMES-th time, and has done its work.
wait_takeover() {
	local gw=$1 times=${2-1}
	wait_for 20 "$gw becomes master" is_master "$gw" "$times"
	wait_for 20 "$gw has the shared addresses" has_address "$gw"
	if [ "$LAB_MODE" = baton ]; then
		wait_for 60 "$gw has taken over" takeover_done "$gw" "$times"
		note "takeover $gw"
		cp "$OUT/$gw/takeover.json" "$OUT/takeover-$gw-$times.json"
		say "$gw has taken over: $(tr -d '{}\n"' < "$OUT/$gw/takeover.json" | tr -s ' ')"
	else
		say "$gw has the shared addresses"
	fi
}

# Without shared addresses: the stores; else the other gateway.
first_peer() { if with_vrrp; then echo "${PEER[$1]}"; else stores; fi; }

# power_on GW [PEER]: the machine comes up again: nothing in its kernel but what a boot configures.
# Its peer (the other gateway) is up.
power_on() {
	local gw=$1 dir=$WORK/$1 peer
	on "$gw" /bin/sh -ec '
		ip xfrm policy flush
		ip xfrm state flush
		! nft list table inet baton > /dev/null 2>&1 || nft delete table inet baton
		ip -batch - <<- END
			addr flush dev wan
			addr flush dev prot
			addr add $2.$1/24 dev wan
			addr add 10.30.0.$1/24 dev prot
			link set wan up
			link set prot up
			link set clus up
			route add default via $2.1
		END' sh "${GW_NUMBER[$gw]}" "$(wan_network "$gw")"
	[ -z "$LAB_IPV6" ] || ipv6_at_gateway "$gw"
	rm -rf "${dir:?}/baton" "${dir:?}/run"
	say "$gw boots"
	gateway_up "$gw"
	charon_ready "$gw"
	load_connections "$gw"
	for peer in ${2-$(first_peer "$gw")}; do wait_for 30 "$gw has found $peer" peer_up "$gw" "$peer"; done
	! with_vrrp || keepalived_up "$gw"
}

# What the kernel of GW has not let out, for the lease of its SA was used up.
stopped_at_lease() {
	on "$1" nft list counters table inet baton | sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}
at_most_stopped() { [ "$(stopped_at_lease "$1")" -le "$2" ]; }
stops_at_lease() { [ "$(stopped_at_lease "$1")" -ge "$2" ]; }

# leases_stored NODE: a line for each outbound SA: its SPI, and the lease that NODE stores for it.
leases_stored() {
	ctl "$1" --json sessions | tr ',{}' '\n' | sed -n 's/.*"\(spi_out\|out_lease\)": *"*\([0-9a-f]*\).*/\1 \2/p' |
		awk '$1 == "spi_out" { spi = $2 } $1 == "out_lease" { print spi, $2 }'
}

# highest_sent: a line for each SPI on the WAN so far: it, and its highest number, in hexadecimal.
highest_sent() {
	tcpdump -nr "$OUT/wan.pcap" 2> /dev/null |
		sed -n 's/.*ESP(spi=0x\([0-9a-f]*\),seq=0x\([0-9a-f]*\)).*/\1 \2/p' | awk '
			length($2) > length(max[$1]) || length($2) == length(max[$1]) && "x" $2 > "x" max[$1] { max[$1] = $2 }
			END { for (spi in max) print spi, max[spi] }'
}

# within_leases NODE: no ESP packet on the WAN so far has a number above the lease NODE stores.
within_leases() {
	local spi number lease seen=0
	declare -A leases=()
	while read -r spi lease; do leases[$spi]=$lease; done < <(leases_stored "$1")
	while read -r spi number; do
		lease=${leases[$spi]-}
		[ -n "$lease" ] || continue
		seen=$((seen + 1))
		[ $((16#$number)) -le "$lease" ] || return 1
	done < <(highest_sent)
	[ "$seen" -ge "$LAB_CLIENTS" ]
}

# The operator's planned switch: GW asks keepalived to give the addresses away.
release() {
	note "switch $1"
	ctl "$1" release >> "$OUT/$1/batonctl.out" || fail "batonctl release at $1"
	say "$1 is released"
}

resume() { ctl "$1" resume >> "$OUT/$1/batonctl.out" || fail "batonctl resume at $1"; }

# kernel_sas GW: how many SAs with clients (those of the cluster have a reqid of their own).
kernel_sas() {
	on "$1" ip xfrm state | grep -c 'reqid [0-9]* mode tunnel' || true
}

no_kernel_sas() { [ "$(kernel_sas "$1")" = 0 ]; }

# ike_sas GW: how many IKE SAs with clients charon has.
ike_sas() { spis "$1" | wc -l; }

no_ike_sas() { [ "$(ike_sas "$1")" = 0 ]; }
has_ike_sas() { [ "$(ike_sas "$1")" = "$2" ]; }

# of_kernel GW NAME: a counter of /proc/net/xfrm_stat.
of_kernel() { on "$1" awk -v n="$2" '$1 == n { print $2 }' /proc/net/xfrm_stat; }

of_kernel_at_least() { [ "$(of_kernel "$1" "$2")" -ge "$3" ]; }

# from_status GW KEY: a number of batonctl status.
from_miss() { ctl "$1" --json status | python3 -c "import json, sys; print(json.load(sys.stdin)['miss']['$2'])"; }
from_status() { ctl "$1" --json status | sed -n "s/.*\"$2\": \([0-9]*\).*/\1/p"; }

stored_for_others() { [ "$(from_status "$1" stored_for_others)" = "$2" ]; }

# says GW PATTERN: a line of batonctl status.
says() { at_least 1 "$2" <(ctl "$1" status); }

# session_of GW HOST: that of HOST's client, as batonctl names it.
session_of() {
	ctl "$1" sessions | awk -v remote="=== 10.10.${2#cl-}." '
		$1 ~ /_i$/ { i = $1; r = $2 }
		index($0, remote) { sub("_i", "", i); sub("_r", "", r); print i ":" r }'
}

# sessions_of GW: who owns what there, without what changes with every packet.
sessions_of() { ctl "$1" sessions | grep -E '^[0-9a-f]{16}_i '; }

# wrong_batond GW SED-EXPRESSION COMMAND...: batond of GW, configured otherwise and beside
# the running one, started by COMMAND; its output is in $OUT/GW/wrong.out.
wrong_batond() {
	local gw=$1 dir=$WORK/$1
	mkdir -p "$dir/wrong"
	sed -e "$2" -e "s|^run_dir = .*|run_dir = $dir/wrong|" "$dir/batond.conf" > "$dir/wrong.conf"
	shift 2
	on "$gw" "$@" "$BUILD/src/daemon/batond" -c "$dir/wrong.conf" > "$OUT/$gw/wrong.out" 2>&1
}

# refuses_config GW PATTERN SED-EXPRESSION: it does not start, and says why.
refuses_config() {
	local status=0
	wrong_batond "$1" "$3" timeout 20 || status=$?
	[ "$status" = 3 ] && at_least 1 "wrong.conf:[0-9]+: .*$2" "$OUT/$1/wrong.out"
}

# Without CAP_NET_ADMIN no policy can be put on the socket.
refuses_without_privilege() {
	local status=0
	wrong_batond "$1" '' timeout 20 setpriv --bounding-set -net_admin || status=$?
	[ "$status" = 4 ] && at_least 1 'cannot put an IPsec policy on the cluster socket' \
		"$OUT/$1/wrong.out"
}
