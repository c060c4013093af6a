#!/usr/bin/env bash
# Pictures of the main pages, phone and desktop, light and dark, into docs/screens (made by the e2e module).
. "$(dirname "$0")/lib.sh"
scripts/setup.sh system axe
mkdir -p docs/screens
cd e2e
STRAZA_BIN="$ROOT/bin/straza" STRAZA_SHARED="${STRAZA_SHARED:-$ROOT/../shared}" STRAZA_SHOTS="$ROOT/docs/screens" \
	exec go test -count=1 -tags shots -run '^TestBrowserShots$' -v -timeout 20m .
