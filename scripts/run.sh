#!/usr/bin/env bash
# Fills the demo country into data/demo when that folder is empty, then serves it. PORT=… moves it.
. "$(dirname "$0")/lib.sh"
DATA=data/demo PORT="${PORT:-8480}"

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

if [ -z "$(ls -A "$DATA" 2>/dev/null)" ]; then
	say "Filling the demo country into $DATA (about a minute)…"
	mkdir -p "$DATA"
	# Half a country is none: an interrupted filling leaves nothing behind.
	trap 'rm -rf "$DATA" "$DATA.personas.tmp"; exit 130' INT TERM
	if ! bin/straza demo --data "$DATA" > "$DATA.personas.tmp"; then
		rm -rf "$DATA" "$DATA.personas.tmp"
		die "the demo could not be filled; nothing was left behind in $DATA"
	fi
	mv "$DATA.personas.tmp" "$DATA/personas.txt"
	trap - INT TERM
fi
wanted=$PORT
while port_taken "$PORT"; do PORT=$((PORT + 1)); done
[ "$PORT" = "$wanted" ] || say "Port $wanted is taken; serving on $PORT instead."
cat "$DATA/personas.txt" 2>/dev/null || true
say "Straža is on http://localhost:$PORT — Ctrl-C ends it. Try first: report something at http://localhost:$PORT/report"
exec bin/straza serve --data "$DATA" --demo --listen "127.0.0.1:$PORT"
