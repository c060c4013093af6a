#!/usr/bin/env bash
# gofmt, vet, staticcheck on every module of the tree. Few rules, all fatal.
. "$(dirname "$0")/lib.sh"
rc=0
unformatted="$(gofmt -l $(scripts/gofiles.sh))"
if [ -n "$unformatted" ]; then say "gofmt: not formatted (make fmt):"; say "$unformatted"; rc=1; fi
for f in scripts/*.sh .ci/run; do bash -n "$f" || rc=1; done
for m in . e2e tools; do
	[ -f "$m/go.mod" ] || continue
	(cd "$m" && go vet ./...) || rc=1
done
if [ "${1:-}" != quick ]; then
	scripts/setup.sh lint
	if [ -x "$CACHE/tools/staticcheck" ]; then
		for m in . e2e; do
			[ -f "$m/go.mod" ] || continue
			(cd "$m" && "$CACHE/tools/staticcheck" -checks 'all,-ST1000,-ST1003,-ST1005,-ST1016,-ST1020,-ST1021,-ST1022,-ST1023,-QF*' ./...) || rc=1
		done
	fi
fi
exit $rc
