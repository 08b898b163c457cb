#!/usr/bin/env bash
# Runs the static checks. See usage below, or ci/lint.sh --help.
set -euo pipefail

usage() {
  cat <<'TXT'
usage: ci/lint.sh

Checks all that is under version control without running it, goes on after a failure, and prints a line for each check:

  gofmt, shellcheck (where it is installed)
  go vet, go mod tidy -diff        of this module and the nested ones
  staticcheck                      of this module, the version that ci/setup.sh has pinned
  govulncheck                      the same; where its database can be reached

That imports go down the ladder, and that the exported surface is that of api.txt, are tests: go test -run 'Ladder|API' .
With CI=true or PUSHWIRE_REQUIRE=1 a missing staticcheck is a failure.
TXT
}

case ${1:-} in
  '') ;;
  -h | --help) usage && exit 0 ;;
  *) usage >&2 && exit 2 ;;
esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
good=0

# check NAME COMMAND...: one line when COMMAND is good, its output when it is not. A tool that finds nothing prints nothing,
# so any output is a failure too.
check() {
  local name=$1
  shift
  if "$@" >"$tmp/check" 2>&1 && [[ ! -s $tmp/check ]]; then
    echo "$name: good"
  else
    echo "$name:"
    sed 's/^/    /' "$tmp/check"
    good=1
  fi
}

# tracked PATTERN...: the files under version control and the new ones, so that nothing of .cache/ is looked at.
tracked() { git ls-files --cached --others --exclude-standard -- "$@" | while read -r f; do [[ ! -f $f ]] || echo "$f"; done; }

mapfile -t files < <(tracked '*.go')
check gofmt gofmt -l "${files[@]}"
if command -v shellcheck >/dev/null; then
  mapfile -t files < <(tracked '*.sh' .ci/run)
  check shellcheck shellcheck "${files[@]}"
else
  echo "shellcheck: left out, it is not installed"
fi

mapfile -t modules < <(tracked go.mod '*/go.mod' | xargs -n 1 dirname)
for dir in "${modules[@]}"; do
  check "go vet ($dir)" go -C "$dir" vet ./...
  check "go mod tidy -diff ($dir)" go -C "$dir" mod tidy -diff
done

if [[ -x .cache/bin/staticcheck ]]; then
  check staticcheck .cache/bin/staticcheck ./...
else
  echo "staticcheck: left out, ci/setup.sh installs it"
  if [[ ${CI:-} == true || ${PUSHWIRE_REQUIRE:-} == 1 ]]; then good=1; fi
fi
if [[ -x .cache/bin/govulncheck ]]; then
  status=0
  timeout 120 .cache/bin/govulncheck ./... >"$tmp/vuln" 2>&1 || status=$?
  case $status in
    0) echo "govulncheck: good" ;;
    3) sed 's/^/    /' "$tmp/vuln" && good=1 ;; # 3: vulnerabilities were found
    *) echo "govulncheck: left out, its database can't be reached from here" ;;
  esac
fi
exit "$good"
