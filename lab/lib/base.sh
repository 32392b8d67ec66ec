# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Words every scenario uses: telling, checking, waiting.
#
#   $LAB    this folder's parent      $OUT   results of the running scenario
#   $BUILD  the build directory       $WORK  its sockets and scratch files (tmpfs)

now() { printf '%s\n' "$EPOCHREALTIME"; }

# A line of the story, on the terminal and in the results.
say() {
	printf '%s\n' "$*"
	printf '%s %s\n' "$EPOCHREALTIME" "$*" >> "$OUT/story.log"
}

# note NAME [KEY=VALUE...]: a moment that the analysis looks up (failure, notify...).
note() { printf '%s\t%s\n' "$EPOCHREALTIME" "$*" >> "$OUT/events"; }

# fact KEY VALUE: a number for summary.json.
fact() { printf '%s\t%s\n' "$1" "$2" >> "$OUT/facts"; }

# Something a scenario claims. It goes on after a failed one, to tell all it can.
verdict() {
	printf '%s\t%s\n' "$1" "${2//$'\n'/ }" >> "$OUT/checks"
	if [ "$1" = ok ]; then say "  ok    $2"; else say "  FAIL  $2"; fi
}

# check TEXT COMMAND...: TEXT holds if COMMAND succeeds.
check() {
	local text=$1
	shift
	if "$@"; then verdict ok "$text"; else verdict failed "$text"; fi
}

# on_the_wire TEXT FIGURE OP NUMBER: decided when the captures have been read.
# FIGURE is a field of summary.json; OP is one of eq ne le lt ge gt.
on_the_wire() { printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" >> "$OUT/wire"; }

# The scenario cannot go on.
fail() {
	verdict failed "$*"
	exit 1
}

# Sleeps without starting a process.
pause() { read -rt "$1" <> "$WORK/never" || true; }

# wait_for SECONDS TEXT COMMAND...: until COMMAND succeeds, or the scenario fails.
# LAB_PATIENCE stretches every deadline, for slow machines.
wait_for() {
	local deadline text=$2
	deadline=$(($1 * LAB_PATIENCE * 1000000 + ${EPOCHREALTIME/./}))
	shift 2
	until "$@"; do
		if [ "${EPOCHREALTIME/./}" -gt "$deadline" ]; then
			fail "waited in vain until $text"
		fi
		pause 0.05
	done
}

# until_soon COMMAND...: until COMMAND succeeds, but no longer than 3 s.
until_soon() {
	local deadline=$((3 * LAB_PATIENCE * 1000000 + ${EPOCHREALTIME/./}))
	until "$@" || [ "${EPOCHREALTIME/./}" -gt "$deadline" ]; do pause 0.05; done
}

# count_lines PATTERN FILE...
count_lines() {
	local pattern=$1
	shift
	cat -- "$@" 2> /dev/null | grep -cE -- "$pattern" || true
}

# at_least N PATTERN FILE...: true when that many lines match.
at_least() {
	local n=$1
	shift
	[ "$(count_lines "$@")" -ge "$n" ]
}

at_most() {
	local n=$1
	shift
	[ "$(count_lines "$@")" -le "$n" ]
}

# is_past SECONDS: of EPOCHSECONDS
is_past() { [ "$EPOCHSECONDS" -ge "$1" ]; }

# milliseconds between two readings of EPOCHREALTIME
ms_between() { echo $(((${2/./} - ${1/./}) / 1000)); }

# Processes of the scenario: started in the background, ended by their own ids.
declare -A PID=()

# run_on HOST NAME COMMAND...: a long-lived COMMAND on HOST, its output in
# $OUT/HOST/NAME.out, its process id in ${PID[HOST/NAME]}.
run_on() {
	local host=$1 name=$2
	shift 2
	{ [ -d "$OUT/$host" ] && [ -d "$WORK/$host/run" ]; } || mkdir -p "$OUT/$host" "$WORK/$host/run"
	# the shell that ip starts becomes COMMAND, so $! is COMMAND's own id
	ip netns exec "$NS$host" /bin/sh -c 'mount --bind "$1" /run; shift; exec "$@"' sh \
		"$WORK/$host/run" "$@" >> "$OUT/$host/$name.out" 2>&1 < /dev/null &
	PID[$host/$name]=$!
	disown "$!"
}

alive() { [ -n "${PID[$1]-}" ] && kill -0 "${PID[$1]}" 2> /dev/null; }

CLEANING='' # the story is over

# end HOST/NAME [SIGNAL]: and wait until it has gone.
end() {
	local pid=${PID[$1]-} signal=${2-TERM}
	unset "PID[$1]"
	[ -n "$pid" ] || return 0
	kill "-$signal" "$pid" 2> /dev/null || return 0
	local tries=0
	while kill -0 "$pid" 2> /dev/null; do
		pause 0.02
		tries=$((tries + 1))
		[ "$tries" != 250 ] || kill -KILL "$pid" 2> /dev/null || true
		if [ "$tries" = 1500 ]; then
			# a story is not to go on with it; of one that is over it takes nothing back
			[ -n "$CLEANING" ] || verdict failed "$1 does not die of SIGKILL"
			say "$1 does not die, and is left (see overdue.txt)"
			{
				ps -eo pid,stat,time,args --sort=-time | head -n 20
				grep -H . "/proc/$pid/status" "/proc/$pid/task"/*/{wchan,syscall,stack}
				dmesg | tail -n 40
			} >> "$OUT/overdue.txt" 2>&1
			head -n 40 "$OUT/overdue.txt"
			return 0
		fi
	done
	return 0
}

end_all() {
	local key
	for key in "${!PID[@]}"; do kill -TERM "${PID[$key]}" 2> /dev/null || true; done
	for key in "${!PID[@]}"; do end "$key"; done
}
