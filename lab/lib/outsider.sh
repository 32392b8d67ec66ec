# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Somebody else on a network: forges, and sends again what was captured. Its MAC address
# tells its packets from all others in the captures (analyse/summary.py).

OUTSIDER_MAC=02:66:66:66:66:01
declare -A OUTSIDER_ROUTER=([wan]=02:00:00:00:00:01)

# outsider_up NETWORK: a host with a port on that network's bridge.
outsider_up() {
	local ns=${NS}outsider
	mkdir -p "$OUT/outsider"
	ip -batch - <<- END || fail "the outsider has no port on $1"
		netns add $ns
		link add out0 netns $ns address $OUTSIDER_MAC type veth peer name outsider netns $NS$1
	END
	ip -n "$NS$1" link set outsider up master net0
	ip -n "$ns" link set out0 up
}

# forge_datagrams PEER GW: what a stranger and what somebody with PEER's address would
# send to batond of GW, in clear.
forge_datagrams() {
	on outsider /usr/bin/python3 "$LAB/outsider/forge.py" out0 "$(mac_of "$2" clus)" \
		"${GW_CLUSTER[$2]}" "${GW_CLUSTER[$1]}" 10.40.0.66 "$LAB/../docs/protocol.md" \
		> "$OUT/outsider/forge.out" || fail "datagrams cannot be forged"
}
forged() { sed -n 's/^sent \([0-9]*\) datagrams.*/\1/p' "$OUT/outsider/forge.out"; }

# Not one of them came as far as batond.
unseen() {
	[ "$(from_status "$1" strangers_refused)" = 0 ] && ! says "$1" 'refused (from it|by the store role)'
}

# replay_wan GW: ESP of the WAN from before the first failure, to GW and to the clients.
replay_wan() {
	on outsider /usr/bin/python3 "$LAB/outsider/replay.py" "$OUT/wan.pcap" \
		"$(sed -n 's/\tfailure .*//p' "$OUT/events" | head -n 1)" out0 "$WAN_VIP" \
		"$(mac_of "$1" wan)" "${OUTSIDER_ROUTER[wan]}" > "$OUT/outsider/replay.out" ||
		fail "packets cannot be sent again"
}
# replayed to_gateway | to_clients
replayed() { sed -n "s/.*$1=\([0-9]*\).*/\1/p" "$OUT/outsider/replay.out"; }
