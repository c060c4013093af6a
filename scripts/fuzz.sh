#!/usr/bin/env bash
# Runs every fuzz target of the tree for the given time each (default 60s).
. "$(dirname "$0")/lib.sh"
TIME="${1:-60s}" rc=0
while IFS=: read -r file func; do
	pkg="./$(dirname "$file")"
	say "fuzz $pkg $func $TIME"
	go test -run '^$' -fuzz "^$func\$" -fuzztime "$TIME" "$pkg" >&2 || rc=1
done < <(grep -rnoE '^func (Fuzz[A-Za-z0-9_]+)' --include='*_test.go' internal | sed -E 's/:[0-9]+:func /:/')
exit $rc
