# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Numbered datagrams in both directions through every tunnel (traffic.c).

TRAFFIC_PORT=7000

traffic_up() {
	local h rate=("$BUILD/lab/baton-traffic" --rate "$LAB_RATE" --size "$LAB_SIZE")
	mkdir -p "$OUT/traffic"
	run_on srv traffic "${rate[@]}" --log "$OUT/traffic/srv.bin" --serve "$SRV" "$TRAFFIC_PORT"
	for h in $(seq "$LAB_HOSTS"); do
		run_on "cl-$h" traffic "${rate[@]}" --log "$OUT/traffic/cl-$h.bin" \
			"$SRV" "$TRAFFIC_PORT" 10.50.0.1 "$LAB_CLIENTS"
	done
	note traffic_up
	fact rate "$LAB_RATE"
	say "traffic: $LAB_RATE packets/s each way through each tunnel"
	[ -z "$LAB_LIVE" ] || live_up
}

received_by_clients() {
	local h sum=0
	for h in $(seq "$LAB_HOSTS"); do sum=$((sum + $(received "cl-$h"))); done
	echo "$sum"
}

# bar PACKETS: one mark for each 20 ms of one flow.
bar() {
	local marks='########################################'
	local n=$(($1 * 50 / (LAB_RATE * LAB_CLIENTS)))
	[ "$n" -gt 0 ] || marks='...'
	printf '%-30s' "${marks:0:$((n > 30 ? 30 : n > 0 ? n : 3))}"
}

# A line every half second: what arrived at either end since the last.
live_up() {
	(
		set +eE
		trap - EXIT ERR
		began=${EPOCHREALTIME/./} up=$(received srv) down=$(received_by_clients)
		while pause 0.45; do
			now_up=$(received srv) now_down=$(received_by_clients)
			at=$((${EPOCHREALTIME/./} - began))
			printf '   %5d.%d s  to the server %s to the clients %s\n' $((at / 1000000)) \
				$((at / 100000 % 10)) "$(bar $((now_up - up)))" "$(bar $((now_down - down)))"
			up=$now_up down=$now_down
		done
	) &
	PID[live]=$!
	disown "$!"
}

traffic_down() {
	local h
	end live
	note traffic_down
	for h in $(seq "$LAB_HOSTS"); do end "cl-$h/traffic"; done
	end srv/traffic
}

# How many datagrams HOST has recorded, a few not yet written left out.
received() {
	local bytes
	bytes=$(stat -c %s "$OUT/traffic/$1.bin" 2> /dev/null) || bytes=0
	echo $((bytes / 24))
}

more_received() { [ "$(received "$1")" -ge "$2" ]; }

# wait_traffic SECONDS: both ends have received what a healthy path brings in a second.
wait_traffic() {
	local host clients
	local -A goal=()
	for host in srv $(seq -f 'cl-%g' "$LAB_HOSTS"); do
		clients=$LAB_CLIENTS
		[ "$host" = srv ] || clients=$((LAB_CLIENTS / LAB_HOSTS))
		goal[$host]=$(($(received "$host") + 20 + clients * LAB_RATE))
	done
	for host in "${!goal[@]}"; do
		wait_for "$1" "traffic arrives at $host" more_received "$host" "${goal[$host]}"
	done
}

# wait_alive HOST: what the server sends arrives there.
wait_alive() {
	wait_for 20 "traffic arrives at $1" more_received "$1" "$(($(received "$1") + 20 + LAB_RATE))"
}

# No traffic for a while; gaps are not looked for from here on.
traffic_signal() {
	local h
	for h in srv $(seq -f 'cl-%g' "$LAB_HOSTS"); do kill "-$1" "${PID[$h/traffic]}"; done
}

traffic_stop() {
	note idle
	traffic_signal STOP
}

traffic_go_on() { traffic_signal CONT; }
