#!/usr/bin/env bash
# Coverage per package and in all; the profile stays at .cache/cover.out for `go tool cover -html`.
. "$(dirname "$0")/lib.sh"
mkdir -p "$CACHE"
go test -count=1 -coverpkg=./internal/... -coverprofile="$CACHE/cover.out" ./... || say "cover: some tests failed; the figures stand for what ran"
go tool cover -func="$CACHE/cover.out" | tail -n 1
