#!/usr/bin/env bash
# Fetches the browser-side packages again from npm, checks them against
# internal/kernel/web/ui/vendor.txt, and rebuilds internal/kernel/web/ui/vendor
# and icons from them. With --record it writes the checksums anew (then read the
# difference before committing). Needs npm, python3 with fonttools and brotli.
set -euo pipefail
cd "$(dirname "$0")/.."
ui=internal/kernel/web/ui
list=$ui/vendor.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

while read -r name version licence sum; do
  [[ $name == \#* || -z $name ]] && continue
  file=$(cd "$work" && npm pack "$name@$version" --silent)
  got=$(sha256sum "$work/$file" | cut -d' ' -f1)
  if [[ ${1:-} == --record ]]; then
    sed -i "s|^$name $version .*|$name $version $licence $got|" "$list"
  elif [[ $got != "$sum" ]]; then
    echo "$name@$version: checksum $got, want $sum" >&2
    exit 1
  fi
  dir=$work/$(basename "$name")
  mkdir -p "$dir"
  tar xzf "$work/$file" -C "$dir" --strip-components=1
done < "$list"

ds=$work/designsystemet-css/dist
mkdir -p "$ui/vendor/ds"
python3 scripts/bundle-css.py "$ds" "$ui/vendor/ds"
cp "$work/htmx.org/dist/htmx.min.js" "$ui/vendor/"
python3 scripts/cut-fonts.py "$work/source-sans-3/files" "$work/jetbrains-mono/files" "$ui/vendor"
for svg in "$ui"/icons/*.svg; do
  cp "$work/icons/icons/outline/$(basename "$svg")" "$svg"
done
{
  for p in designsystemet-css htmx.org icons source-sans-3 jetbrains-mono; do
    echo "==== $p"
    cat "$work/$p/LICENSE"
    echo
  done
} > "$ui/vendor/LICENSES"
