#!/usr/bin/env bash
# Installs what the gate needs and is not there yet. Safe to run again: what is there is skipped.
#   scripts/setup.sh [system] [python] [axe] [lint] [consumers]      no word: all of them
. "$(dirname "$0")/lib.sh"

APT_UPDATED=
AXE_VERSION=4.14.1
AXE_SHA256=29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}

# apt_install PACKAGE…: once per run the lists are refreshed; a lock held by somebody is waited for.
apt_install() {
	command -v apt-get >/dev/null || return 1
	if [ -z "$APT_UPDATED" ]; then
		as_root apt-get -qq -o DPkg::Lock::Timeout=300 update >&2 || return 1
		APT_UPDATED=1
	fi
	say "setup: installing $*"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
		install --no-install-recommends "$@" >"$CACHE/apt.log" 2>&1 || { tail -n 20 "$CACHE/apt.log" >&2; return 1; }
}

setup_system() {
	mkdir -p "$CACHE"
	if ! pg_bin >/dev/null; then
		# Debian's package would start a cluster of its own; ours is private and thrown away (pg.sh).
		if ! [ -e /etc/postgresql-common/createcluster.conf ]; then
			as_root sh -c 'mkdir -p /etc/postgresql-common && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf' || true
		fi
		apt_install postgresql-15 || missing "PostgreSQL 15" "install the package postgresql-15"
	fi
	if ! command -v chromium >/dev/null; then
		apt_install chromium || missing "Chromium" "install the package chromium"
	fi
	# Noto has every Cyrillic and Latin letter with its diacritics; without it screenshots show boxes.
	if ! ls /usr/share/fonts/truetype/noto/NotoSans-Regular.* >/dev/null 2>&1; then
		apt_install fonts-noto-core fonts-dejavu-core || missing "fonts" "install the package fonts-noto-core"
	fi
	# Whether the database's log is synced before an answer is asked of the system calls.
	if ! command -v strace >/dev/null; then
		apt_install strace || missing "strace" "install the package strace"
	fi
	if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
		apt_install python3 python3-venv || missing "Python 3 with venv" "install the packages python3 python3-venv"
	fi
}

setup_python() {
	local req=e2e/py/requirements.txt venv=e2e/.venv want
	want="$(sha256sum "$req" | cut -d' ' -f1)"
	[ "$(cat "$venv/.stamp" 2>/dev/null || true)" = "$want" ] && return 0
	say "setup: Python clients into $venv"
	rm -rf "$venv"
	if python3 -m venv "$venv" && "$venv/bin/pip" -q --disable-pip-version-check install --no-deps -r "$req" >&2; then
		"$venv/bin/pip" -q check >&2 || say "setup: pip reports clashes between the pinned clients"
		echo "$want" > "$venv/.stamp"
	else
		rm -rf "$venv"
		missing "the Python clients (PyMISP, taxii2-client, stix2-validator)" "pip could not install $req"
	fi
}

# The accessibility engine comes from its npm package, by name, version and checksum; it is not ours, so not in the tree.
setup_axe() {
	local dst="$CACHE/axe/axe-$AXE_VERSION.min.js" tmp
	if [ -f "$dst" ] && echo "$AXE_SHA256  $dst" | sha256sum -c --status; then return 0; fi
	command -v npm >/dev/null || { missing "axe-core $AXE_VERSION" "npm is needed once, to fetch it"; return 0; }
	say "setup: axe-core $AXE_VERSION"
	mkdir -p "$CACHE/axe"
	tmp="$(mktemp -d)"
	if ! (cd "$tmp" && npm pack --silent "axe-core@$AXE_VERSION" >/dev/null && tar -xzf axe-core-*.tgz package/axe.min.js); then
		rm -rf "$tmp"; missing "axe-core $AXE_VERSION" "npm could not fetch it"; return 0
	fi
	echo "$AXE_SHA256  $tmp/package/axe.min.js" | sha256sum -c --status || die "axe-core $AXE_VERSION: checksum differs from the pinned one"
	mv "$tmp/package/axe.min.js" "$dst"
	rm -rf "$tmp"
}

setup_lint() {
	local out="$CACHE/tools"
	if [ -x "$out/staticcheck" ] && [ "$out/staticcheck" -nt tools/go.mod ]; then return 0; fi
	mkdir -p "$out"
	(cd tools && go build -o "$out/staticcheck" honnef.co/go/tools/cmd/staticcheck) ||
		missing "staticcheck" "tools/go.mod could not be built"
}

# The programs that read our rules and zones. Suricata is not in every release of Debian: where the machine's own
# package lists have none, its check is skipped and says so.
setup_consumers() {
	mkdir -p "$CACHE"
	if ! command -v named-checkzone >/dev/null; then
		apt_install bind9-utils || missing "named-checkzone" "install the package bind9-utils"
	fi
	if ! command -v yarac >/dev/null; then
		apt_install yara || missing "YARA" "install the package yara"
	fi
	if ! command -v gpg >/dev/null; then # opens the letters that we encrypt
		apt_install gnupg || missing "GnuPG" "install the package gnupg"
	fi
	if ! command -v suricata >/dev/null; then
		apt_install suricata 2>/dev/null || say "setup: no Suricata in this machine's package lists; its rules are not loaded here"
	fi
	# The rules are written for these: another major version has another language. An old Suricata is passed over.
	if command -v suricata >/dev/null && ! suricata -V 2>&1 | grep -qE 'version ([7-9]|[1-9][0-9])\.'; then
		say "setup: the Suricata of this machine is older than 7; its rules are not loaded here"
	fi
	version_is yarac "yarac --version" '^4\.' && version_is named-checkzone "named-checkzone -v" '^9\.'
}

version_is() {
	command -v "$1" >/dev/null || return 0
	$2 2>&1 | grep -qE "$3" || missing "$1 in the version that is meant" "its version matches no $3"
}

command -v go >/dev/null || die "Go 1.26 or newer is needed (see go.mod); it is not on the PATH"
for part in ${*:-system python axe lint consumers}; do
	case "$part" in
	system | python | axe | lint | consumers) "setup_$part" ;;
	*) die "unknown part $part; parts are system, python, axe, lint, consumers" ;;
	esac
done
