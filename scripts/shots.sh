#!/usr/bin/env bash
# Pictures of the main pages, phone and desktop, light and dark, into docs/shots (made by the e2e module).
. "$(dirname "$0")/lib.sh"
scripts/setup.sh system axe
mkdir -p docs/shots
cd e2e
STRAZA_BIN="$ROOT/bin/straza" STRAZA_SHARED="${STRAZA_SHARED:-$ROOT/../shared}" STRAZA_SHOTS="$ROOT/docs/shots" \
	exec go test -count=1 -tags shots -run '^TestBrowserShots$' -v -timeout 20m .
