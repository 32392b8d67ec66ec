# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Beginnings and endings that several scenarios share.

# Networks, gateways, connected clients, traffic that flows.
begin() {
	local store gw n
	network_up
	# all start at the same time, and are waited for then
	client_hosts_start
	gateways_start
	gateways_up
	clients_up
	traffic_up
	wait_traffic 30
	if [ "$LAB_MODE" = baton ]; then
		for gw in $LAB_GATEWAYS; do
			n=$(clients_of "$gw")
			[ "$n" != 0 ] || continue
			for store in $(stores_for "$gw"); do
				wait_for 30 "$store stores all sessions of $gw" stored_whole "$gw" "$n" "$store"
			done
		done
	fi
	remember_spis start
	BACKLOG_DROPPED=$(backlog_dropped)
	fact sessions "$LAB_CLIENTS"
	# not always at the same point of a sender's interval
	pause "0.$((RANDOM % 900 + 100))"
}

# What is left to do before the captures are read. Once: a story that comes to its end does
# it itself.
FINISHED=''
finish() {
	[ -z "$FINISHED" ] || return 0
	FINISHED=yes
	[ -z "${PID[srv/traffic]-}" ] || traffic_down
	network_totals
	fact backlog_dropped "$(($(backlog_dropped) - BACKLOG_DROPPED))"
}

# owns GW N: that many sessions are GW's own.
owns() { [ "$(from_status "$1" own)" = "$2" ]; }

# Where gateways have addresses of their own. all_followed GW: its clients have answered at its address, all of them.
all_followed() { owns "$1" "$LAB_CLIENTS" && none_moved "$1"; }
none_moved() { [ "$(from_status "$1" moved)" = 0 ]; }
# sends_to HOST GW: the SAs of HOST's client lead there.
sends_to() { [[ $(ip -n "$NS$1" xfrm state) == *"dst $(address_of "$2")"* ]]; }
# send_to GW: of all of them.
send_to() {
	local h
	for h in $(seq "$LAB_HOSTS"); do sends_to "cl-$h" "$1" || return 1; done
}

# at_own_address GW: no session is at another one, and no SA in the kernel.
at_own_address() {
	local mine other sessions
	mine=$(address_of "$1")
	other=$(address_of "${PEER[$1]}")
	sessions=$(ctl "$1" --json sessions)
	[[ $sessions == *"\"local\": \""*"$mine"* && $sessions != *"$other"* && $(ip -n "$NS$1" xfrm state) != *"$other "* ]]
}
# follow GW: all clients of gateways with their own addresses come there.
follow() {
	local h
	wait_for 40 "$1 has all sessions" owns "$1" "$LAB_CLIENTS"
	wait_for 60 "all clients have followed to $1" all_followed "$1"
	wait_traffic 60
	check "$1 has everything at its own address" at_own_address "$1"
	for h in $(seq "$LAB_HOSTS"); do check "cl-$h sends to $1" sends_to "cl-$h" "$1"; done
	check "the clients' IKE SAs are those of the beginning" spis_unchanged start
}

nobody_authenticated() {
	on_the_wire "no client set up an IKE SA anew" ike_auth_after_failure eq 0
}

nothing_repeated() {
	on_the_wire "no (SPI, sequence number) twice" repeated_sequence_numbers eq 0
	on_the_wire "nothing was accepted twice" replays_accepted eq 0
	on_the_wire "nothing of a client's left in clear" wan_clear_packets eq 0
}

# What every scenario with a takeover ends with.
nobody_noticed() {
	nobody_authenticated
	nothing_repeated
	on_the_wire "no session is lost" lost_sessions eq 0
	on_the_wire "the cluster network carries ESP and IKE only" cluster_clear_packets eq 0
}
