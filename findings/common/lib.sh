# Sourced by every finding: a folder of its own, pinned packages, and one way to compare what was seen.
set -euo pipefail
export LC_ALL=C TZ=UTC PYTHONDONTWRITEBYTECODE=1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
pids=()
finish() {
  local p
  for p in "${pids[@]:-}"; do [ -z "$p" ] || kill "$p" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
cd "$work"

# need_deb PACKAGE VERSION: stops unless exactly this Debian package is installed.
need_deb() {
  local have
  have=$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null || true)
  [ "$have" = "$2" ] || { echo "cannot check: $1 is ${have:-not installed}, this finding is about $2" >&2; exit 2; }
  echo "$1 $2"
}

# need_pip NAME==VERSION...: installs into a virtual environment of this run; env/bin/python runs it.
need_pip() {
  python3 -m venv env
  env/bin/pip -q --disable-pip-version-check install "$@"
  echo "$*"
}

# need_npm NAME@VERSION...: installs into this folder without running install scripts.
need_npm() {
  echo '{"private":true}' >package.json
  npm install --silent --ignore-scripts --no-audit --no-fund --save-exact "$@" >/dev/null
  echo "$*"
}

# expect FILE: compares FILE with the text on standard input; a difference ends the run.
expect() {
  cat >stated.txt
  cat "$1"
  diff -u stated.txt "$1" >difference.txt || { echo "no longer as stated:"; cat difference.txt; exit 1; }
}
