#!/usr/bin/env bash
# The named benchmarks of bench/, each figure beside its limit.
. "$(dirname "$0")/lib.sh"
ls bench/*_test.go >/dev/null 2>&1 || die "there are no benchmarks in bench/ yet"
export STRAZA_BIN="$ROOT/bin/straza" STRAZA_SHARED="${STRAZA_SHARED:-$ROOT/../shared}"
exec go test ./bench/... -run '^$' -bench . -benchtime 1x -timeout 120m "$@"
