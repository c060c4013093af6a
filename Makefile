# Straža. `make` prints what can be made; scripts/ holds the longer recipes.

SHELL   := /usr/bin/env bash
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -funcalign=16 -X straza/internal/app.Version=$(VERSION) -X straza/internal/app.Commit=$(COMMIT)

# A binary that may have 45 MB: only what is hot is inlined (2.5 MB), functions begin at every
# 16 bytes, not 32 (0.4 MB), and of pgx's table of Go types (1.4 MB) the store has its own.
TAGS    := nopgxregisterdefaulttypes
HOT     := straza/internal/format/... straza/internal/intel straza/internal/intel/intelmisp straza/internal/catalog \
	straza/internal/kernel/store straza/internal/kernel/access straza/internal/kernel/audit straza/internal/kernel/i18n
COLD    := straza/internal/... github.com/ProtonMail/... github.com/cloudflare/... github.com/go-webauthn/... github.com/google/go-tpm/... \
	github.com/fxamacker/... github.com/yuin/... github.com/wneessen/... github.com/emersion/... github.com/pressly/... \
	github.com/tinylib/... github.com/BurntSushi/... github.com/go-viper/... github.com/golang-jwt/... gopkg.in/... golang.org/x/net/... golang.org/x/text/... \
	github.com/jackc/pgx/v5/... crypto/tls crypto/x509/... encoding/asn1 encoding/xml mime/... net/mail net/smtp
GCFLAGS := $(COLD:%=-gcflags=%=-l) $(HOT:%=-gcflags=%=)

.DEFAULT_GOAL := help
.PHONY: help setup build run dev check test deep lint bench shots cover fmt clean

help: ## print this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what the tests need: PostgreSQL 15, Chromium, fonts, Python clients, Suricata, YARA, BIND's tools, GnuPG, lint
	@scripts/setup.sh

build: ## one static binary at bin/straza
	@mkdir -p bin
	@echo "Building bin/straza"
	@CGO_ENABLED=0 go build -trimpath -tags $(TAGS) $(GCFLAGS) -ldflags '$(LDFLAGS)' -o bin/straza ./cmd/straza

run: build ## fill the demo country if ./data/demo is empty, serve it and say where
	@scripts/run.sh

dev: ## the demo, rebuilt and restarted whenever a source, page or message changes
	@scripts/dev.sh

check: ## the quick gate (< 3 min): build, gofmt, vet, tests on SQLite without the long ones
	@scripts/gate.sh check

test: ## the whole gate (<= 45 min cold): both engines, browser, foreign clients; what .ci/run calls
	@scripts/gate.sh test

deep: ## the long one: race detector, long fuzzing, 500 kills, benches at 1M, axe everywhere
	@scripts/gate.sh deep

lint: ## gofmt, vet, staticcheck
	@scripts/lint.sh

bench: build ## named benchmarks, each figure beside its limit
	@scripts/bench.sh

shots: build ## pictures of the main pages, into docs/screens
	@scripts/shots.sh

cover: ## coverage per package (SQLite, and PostgreSQL when it is there)
	@scripts/cover.sh

fmt: ## gofmt every Go file
	@gofmt -l -w $$(scripts/gofiles.sh)

clean: ## remove what was built and fetched (bin, .cache, e2e/.venv); data/ stays
	@scripts/pg.sh stop --all 2>/dev/null || true
	rm -rf bin .cache e2e/.venv
