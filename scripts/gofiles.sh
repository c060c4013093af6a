#!/usr/bin/env bash
# Lists every Go file of the tree that people write (fixtures of internal/arch break laws on purpose).
set -euo pipefail
cd "$(dirname "$0")/.."
find . \( -name .git -o -name .cache -o -name .venv -o -name bin -o -name data -o -path ./internal/arch/testdata \) -prune \
	-o -name '*.go' -print
