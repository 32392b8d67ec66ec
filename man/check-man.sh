#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Are the manual pages and the sources of one mind? Every event that batond logs
# must have its place in batond.8, every setting in batond.conf.5, every command in
# batonctl.8 and in the completion; and groff must have nothing to complain of.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
man=$top/man
bad=0

complain()
{
	echo "check-man: $*" >&2
	bad=1
}

# Names of events: the second argument of baton_log(), which may stand on the next line.
events()
{
	cat "$top"/src/daemon/*.c | tr '\n\t' '  ' | sed 's/baton_log(/\n&/g' |
		sed -n 's/^baton_log([^"]*"\([a-z_]*\)"\( : "\([a-z_]*\)"\)\?,.*/\1 \3/p' |
		tr ' ' '\n' | sort -u
}

for event in $(events); do
	grep -q "^\.It.*\b$event\b.*Bq" "$man/batond.8" || complain "batond.8: no event $event"
done
for event in $(sed -n 's/^\.It \(.*\) Bq .*/\1/p' "$man/batond.8" | tr -d ,); do
	grep -q "\"$event\"" "$top"/src/daemon/*.c || complain "batond.8: $event is not logged any more"
done
# Names of settings: compared with IS() or strcmp().
settings()
{
	sed -n 's/.*IS("[a-z]*", "\([a-z_]*\)").*/\1/p; s/.*strcmp(name, "\([a-z_]*\)").*/\1/p' \
		"$top/src/daemon/config.c" | sort -u
}

for setting in $(settings); do
	grep -q "^\.It Ic $setting " "$man/batond.conf.5" || complain "batond.conf.5: no setting $setting"
	grep -q "^[# ]*$setting = " "$top/dist/batond.conf.example" ||
		complain "batond.conf.example: no setting $setting"
done
# shellcheck disable=SC2013
for verb in $(sed -n 's/^\t{"\([a-z]*\)", [A-Z]*, [0-9].*/\1/p' "$top/src/ctl/main.c"); do
	grep -q "Cm .*\b$verb\b" "$man/batonctl.8" || complain "batonctl.8: no command $verb"
	grep -q "\b$verb\b" "$top/dist/completion/batonctl.bash" || complain "completion: no command $verb"
done
if command -v groff > /dev/null; then
	for page in "$man"/*.[1-9]; do
		said=$(groff -man -mdoc -ww -z "$page" 2>&1) || true
		[ -z "$said" ] || complain "$said"
	done
fi
exit $bad
