# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The gateways: charon, batond, keepalived; how they die, leave and come back.
#
# LAB_MODE: baton; or for comparison ha (strongSwan's plugin of that name) or
# reauth (plain strongSwan: the clients notice by DPD and connect anew).

write_cluster_connection() {
	local gw=$1 peer=${PEER[$1]} mine=${GW_CLUSTER[$1]} theirs=${GW_CLUSTER[${PEER[$1]}]} text
	text=$(< "$LAB/../dist/swanctl/baton-cluster.conf")
	text=${text//192.0.2.1/@mine@}
	text=${text//192.0.2.2/@theirs@}
	text=${text//gw-a$SERVER_ID/@me@}
	text=${text//gw-b$SERVER_ID/@peer@}
	text=${text//@mine@/$mine}
	text=${text//@theirs@/$theirs}
	text=${text//@me@/$gw$SERVER_ID}
	text=${text//@peer@/$peer$SERVER_ID}
	printf '%s\n' "${text//CHANGE-ME/the secret of the cluster of the lab}" \
		> "$WORK/$gw/swanctl/conf.d/baton-cluster.conf"
}

write_gateway_connections() {
	local gw=$1 dir=$WORK/$1/swanctl c pool=clients file=$LAB_GATEWAY_CONF
	[ -n "$file" ] || file=$LAB/conf/gateway.conf
	echo 'include conf.d/*.conf' > "$dir/swanctl.conf"
	fill "$file" "gateway=$WAN_VIP" "pool=$pool" "gateway_dpd=$LAB_GATEWAY_DPD" \
		> "$dir/conf.d/clients.conf"
	# the ha plugin has a pool of its own
	[ "$LAB_MODE" != ha ] || sed -i '/^pools {/,/^}/d' "$dir/conf.d/clients.conf"
	[ "$LAB_MODE" != baton ] || write_cluster_connection "$gw"
	for c in $(seq $((LAB_CLIENTS + 9))); do
		printf 'secrets {\n\teap-c%s {\n\t\tid = c%s\n\t\tsecret = "password of c%s"\n\t}\n}\n' \
			"$c" "$c" "$c"
	done > "$dir/conf.d/eap.conf"
	cp "$PKI/ca.pem" "$dir/x509ca/"
	cp "$PKI/gateway.pem" "$dir/x509/"
	cp "$PKI/gateway.key" "$dir/private/"
}

gateway_charon_up() {
	local gw=$1 settings='' plugin='' dir=''
	case $LAB_MODE in
	baton)
		plugin=baton
		settings="baton { socket = $WORK/$gw/baton/charon.sock }"
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
	charon_up "$gw" "$plugin" "$settings" "" "$dir"
	write_gateway_connections "$gw"
}

batond_up() {
	local gw=$1 dir=$WORK/$1
	[ "$LAB_MODE" = baton ] || return 0
	mkdir -p "$dir/baton"
	fill "$LAB/conf/batond.conf" "gw=$gw" "run=$dir/baton" "cluster=${GW_CLUSTER[$gw]}" \
		"peer=${PEER[$gw]}" "peer_cluster=${GW_CLUSTER[${PEER[$gw]}]}" \
		"level=$LAB_BATOND_LOG" > "$dir/batond.conf"
	run_on "$gw" batond "$BUILD/src/daemon/batond" -f -c "$dir/batond.conf"
	wait_for 20 "batond of $gw answers" test -S "$dir/baton/ctl.sock"
}

keepalived_up() {
	local gw=$1 priority=150 dir=$WORK/$1
	[ "$gw" = gw-a ] || priority=100
	mkdir -p "$dir/baton"
	fill "$LAB/conf/keepalived.conf" "gw=$gw" "priority=$priority" "n=${GW_NUMBER[$gw]}" \
		"peer_n=${GW_NUMBER[${PEER[$gw]}]}" "wan_vip=$WAN_VIP" "prot_vip=$PROT_VIP" \
		"advert_int=$LAB_ADVERT_INT" "release=$dir/baton/release" \
		"become_master=$LAB/lib/become-master $LAB_MODE $OUT/$gw $dir $BUILD/src/ctl/batonctl ${PEER[$gw]}$SERVER_ID" \
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

is_master() { at_least "${2-1}" master "$OUT/$1/notify"; }

gateway_up() {
	batond_up "$1"
	gateway_charon_up "$1"
}

gateways_up() {
	captures_ready
	gateway_up gw-a
	gateway_up gw-b
	charon_ready gw-a
	charon_ready gw-b
	load_connections gw-a
	load_connections gw-b
	[ "$LAB_MODE" != ha ] || echo +1 > "$WORK/gw-a/run/charon.ha"
	[ "$LAB_MODE" != baton ] || cluster_ready
	keepalived_up gw-a
	wait_for 20 "gw-a has the shared addresses" has_address gw-a
	keepalived_up gw-b
	say "gateways are up; gw-a has the shared addresses"
}

peer_up() { ctl "$1" --json status 2> /dev/null | grep -q '"state": "up"'; }

cluster_ready() {
	wait_for 30 "gw-a has found gw-b" peer_up gw-a
	wait_for 30 "gw-b has found gw-a" peer_up gw-b
}

# Every session of GW is stored at its peer, as it is now.
all_stored() {
	local n behind
	n=$(ctl "$1" --json status | sed -n 's/.*"sessions_stored": \([0-9]*\).*/\1/p')
	behind=$(ctl "$1" --json status | sed -n 's/.*"sessions_behind": \([0-9]*\).*/\1/p')
	[ "$n" = "$2" ] && [ "$behind" = 0 ]
}

# power GW LINE: a command for the ip that waits in GW.
power() { echo "$2" >&"${POWER[${GW_NUMBER[$1]}]}"; }

# kill -9 of everything and the plug pulled, in that order, within a few milliseconds.
crash() {
	local gw=$1 vrrp
	vrrp=$(< "$WORK/$gw/vrrp.pid")
	note "failure $gw"
	kill -KILL "${PID[$gw/charon]}" "${PID[$gw/keepalived]}" "$vrrp" ${PID[$gw/batond]-}
	power "$gw" 'link set wan down'
	power "$gw" 'link set prot down'
	power "$gw" 'link set clus down'
	say "$gw crashes"
	unset "PID[$gw/charon]" "PID[$gw/keepalived]" "PID[$gw/batond]"
}

takeover_done() { at_least "$2" takeover_done "$OUT/$1/notify"; }

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
