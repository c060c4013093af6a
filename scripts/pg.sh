#!/usr/bin/env bash
# A private, throw-away PostgreSQL cluster on a free port of 127.0.0.1, in a temporary folder.
#   pg.sh start [NAME] [--durable]     starts (if it does not run yet) and prints STRAZA_TEST_PG=postgres://…
#   pg.sh env   [NAME]                 prints that line again; fails when it does not run
#   pg.sh crash [NAME]                 immediate stop, as if the power went; the data stay
#   pg.sh again [NAME]                 starts it again after a crash, same port
#   pg.sh stop  [NAME] | --all         stops and deletes it
# fsync is off for speed; --durable keeps it on, for tests that crash the server on purpose.
# PostgreSQL refuses to run as root: as root the cluster runs as the user postgres.
. "$(dirname "$0")/lib.sh"

NAME=test DURABLE= ALL=
VERB="${1:-}"
[ $# -gt 0 ] && shift
for a in "$@"; do
	case "$a" in
	--durable) DURABLE=1 ;;
	--all) ALL=1 ;;
	-*) die "unknown option $a" ;;
	*) NAME="$a" ;;
	esac
done
STATE="$CACHE/pg/$NAME"

pg() {
	if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$BIN/$1" "${@:2}"); else "$BIN/$1" "${@:2}"; fi
}

load() {
	[ -f "$STATE" ] || return 1
	. "$STATE"
}

running() { load && pg pg_ctl -D "$DIR/data" status >/dev/null 2>&1; }

write_conf() {
	cat >> "$DIR/data/postgresql.conf" <<-CONF
		listen_addresses = '127.0.0.1'
		unix_socket_directories = '$DIR'
		max_connections = 300
		shared_buffers = 256MB
		max_wal_size = 2GB
		log_min_messages = fatal
		timezone = 'UTC'
		jit = off
	CONF
	[ -n "$DURABLE" ] || printf 'fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n' >> "$DIR/data/postgresql.conf"
}

launch() { pg pg_ctl -D "$DIR/data" -l "$DIR/log" -w -t 60 -o "-p $PORT" start >/dev/null 2>&1; }

start() {
	BIN="$(pg_bin)" || die "no PostgreSQL on this machine; run scripts/setup.sh"
	if running; then printenv_line; return; fi
	DIR="$(mktemp -d "${TMPDIR:-/tmp}/straza-pg.XXXXXX")"
	chmod 755 "$DIR"
	[ "$(id -u)" != 0 ] || chown postgres "$DIR"
	pg initdb -D "$DIR/data" -U straza --auth=trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null || die "initdb failed"
	write_conf
	# A port may be taken between choosing and binding, so the server itself is the judge.
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		PORT=$((20000 + RANDOM % 12000))
		if launch; then
			mkdir -p "$CACHE/pg"
			printf 'BIN=%q\nDIR=%q\nPORT=%q\n' "$BIN" "$DIR" "$PORT" > "$STATE"
			printenv_line
			return
		fi
	done
	tail -n 20 "$DIR/log" >&2 || true
	die "PostgreSQL did not start"
}

printenv_line() { echo "STRAZA_TEST_PG=postgres://straza@127.0.0.1:$PORT/postgres?sslmode=disable"; }

stop_one() {
	load || return 0
	pg pg_ctl -D "$DIR/data" -m immediate -w stop >/dev/null 2>&1 || true
	# Only ever a folder that start made.
	case "$DIR" in */straza-pg.??????) rm -rf "$DIR" ;; esac
	rm -f "$STATE"
}

# A cluster named NAME-PID belongs to a test run: when that run was killed nobody
# else stops it.
sweep() {
	for f in "$CACHE"/pg/*-[0-9]*; do
		[ -f "$f" ] && ! kill -0 "${f##*-}" 2>/dev/null && (STATE="$f"; stop_one)
	done
	return 0
}

case "$VERB" in
start) sweep; start ;;
env) running || die "cluster $NAME does not run"; printenv_line ;;
crash) load || die "cluster $NAME is unknown"; pg pg_ctl -D "$DIR/data" -m immediate -w stop >/dev/null ;;
again) load || die "cluster $NAME is unknown"; launch || die "cluster $NAME did not come back"; printenv_line ;;
stop)
	if [ -n "$ALL" ]; then
		for f in "$CACHE"/pg/*; do [ -f "$f" ] && { STATE="$f"; stop_one; }; done
	else
		stop_one
	fi ;;
*) sed -n '2,9p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2 ;;
esac
