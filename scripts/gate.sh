#!/usr/bin/env bash
# The gate: check (quick), test (whole), deep (long). Every stage prints how long it took; any failure
# makes the exit code 1. Lint failures do not hide test failures: the later stages still run.
. "$(dirname "$0")/lib.sh"
MODE="${1:-test}"
FAILED=() STAGES=() BEGAN=$(date +%s)
COUNTS="$CACHE/counts"
rm -rf "$COUNTS"; mkdir -p "$COUNTS"

# stage NAME COMMAND…: runs it, notes time and result, never ends the gate by itself.
stage() {
	local name="$1" t0 rc=0
	shift
	t0=$(date +%s)
	say "== $name"
	"$@" || rc=$?
	STAGES+=("$(printf '%-12s %5ds  %s' "$name" "$(($(date +%s) - t0))" "$([ $rc = 0 ] && echo ok || echo FAILED)")")
	[ $rc = 0 ] || FAILED+=("$name")
	return $rc
}

finish() {
	scripts/pg.sh stop gate || true
	echo
	printf '%s\n' "${STAGES[@]}"
	printf '%-12s %5ds\n' "whole gate" "$(($(date +%s) - BEGAN))"
	[ ${#FAILED[@]} = 0 ] || echo "failed stages: ${FAILED[*]}"
	# The runner's own counts, from `go test -json` of every run above, stand last.
	local rc=0
	(cd tools && go run ./gotest -total "$COUNTS" $([ "$MODE" = check ] || echo -live sqlite,postgres,browser,pymisp,taxii,kills,diskfull,nodes,canaries,yara,rpz)) || rc=1
	[ ${#FAILED[@]} = 0 ] || rc=1
	exit $rc
}

start_pg() {
	local line
	line="$(scripts/pg.sh start gate)" || { missing PostgreSQL "scripts/pg.sh could not start it"; return 0; }
	export "${line?}"
}

# tests NAME DIR ARGS…: go test of one module, counted.
tests() {
	local name="$1" dir="$2" tool="$CACHE/tools/gotest"
	shift 2
	(cd "$dir" && "$tool" -out "$COUNTS/$name.json" -- "$@")
}

shared_data() {
	[ -d "${STRAZA_SHARED:-../shared}/data/misp-events" ] || missing "the shared test data" "../shared/data is not beside the tree; set STRAZA_SHARED"
}

mkdir -p "$CACHE/tools"
export STRAZA_BIN="$ROOT/bin/straza" STRAZA_SHARED="${STRAZA_SHARED:-$ROOT/../shared}"
trap 'scripts/pg.sh stop gate >/dev/null 2>&1 || true' EXIT
(cd tools && go build -o "$CACHE/tools/gotest" ./gotest) || die "tools/gotest does not build"

case "$MODE" in
check)
	stage build make -s build || finish
	stage lint scripts/lint.sh quick || true
	stage tools tests tools tools ./gotest/... || true
	stage tests tests main . -short -vet=off ./... || true
	;;
test | deep)
	stage setup scripts/setup.sh || finish
	stage data shared_data || finish
	stage build make -s build || finish
	stage lint scripts/lint.sh || true
	stage postgres start_pg || finish
	[ "$MODE" = deep ] && export STRAZA_DEEP=1 STRAZA_CROWD=600 STRAZA_BENCH_TEN=1
	stage tests tests main . -count=1 -vet=off -timeout=60m ./... || true
	stage tools tests tools tools -count=1 ./gotest/... || true
	stage e2e tests e2e e2e -count=1 -vet=off -timeout=65m ./... || true
	if [ "$MODE" = deep ]; then
		stage race tests race . -race -count=1 -vet=off -timeout=180m ./... || true
		stage fuzz scripts/fuzz.sh "${FUZZTIME:-60s}" || true
		stage bench scripts/bench.sh || true
	fi
	;;
*) die "unknown gate $MODE; gates are check, test, deep" ;;
esac
finish
