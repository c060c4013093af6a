# Sourced by the other scripts: the tree's root, messages, and what CI means.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
CACHE="$ROOT/.cache"
cd "$ROOT"
# What is tested is what the Makefile builds.
export GOFLAGS="${GOFLAGS:+$GOFLAGS }-tags=nopgxregisterdefaulttypes"

say()  { printf '%s\n' "$*" >&2; }
die()  { say "$(basename "$0"): $*"; exit 1; }
in_ci() { [ "${CI:-}" = true ]; }

# missing WHAT HOWTO: an error in CI, a remark elsewhere. In CI nothing may be skipped.
missing() {
	if in_ci; then die "$1 is missing and CI may not go on without it: $2"; fi
	say "setup: $1 is missing: $2 (tests that need it will be skipped)"
}

# pg_bin DIR: the newest-patched PostgreSQL 15 on the machine, or any newer major, or nothing.
pg_bin() {
	local d
	for d in /usr/lib/postgresql/15/bin /usr/lib/postgresql/1[6-9]/bin; do
		[ -x "$d/initdb" ] && { echo "$d"; return 0; }
	done
	if command -v initdb >/dev/null && command -v pg_ctl >/dev/null; then dirname "$(command -v initdb)"; return 0; fi
	return 1
}
