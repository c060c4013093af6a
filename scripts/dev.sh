#!/usr/bin/env bash
# Rebuilds and restarts the demo whenever a file under cmd, internal or migrations changes.
. "$(dirname "$0")/lib.sh"
PID=

stamp() { find cmd internal migrations go.mod -type f -not -path '*/testdata/*' -printf '%T@ %p\n' 2>/dev/null | sort | sha256sum; }
halt() {
	[ -n "$PID" ] || return 0
	kill "$PID" 2>/dev/null || true
	wait "$PID" 2>/dev/null || true
	PID=
}
trap 'halt; exit 0' INT TERM

last=
while :; do
	now="$(stamp)"
	if [ "$now" != "$last" ]; then
		last="$now"
		if make -s build; then
			halt
			scripts/run.sh &
			PID=$!
		else
			say "dev: does not build; the old one keeps running"
		fi
	fi
	sleep 1
done
