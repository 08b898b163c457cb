#!/usr/bin/env bash
# Runs every fuzz target of the project for a while. See usage below, or ci/fuzz.sh --help.
set -euo pipefail

usage() {
  cat <<'TXT'
usage: ci/fuzz.sh [-t TIME] [-j N] [NAME...]

Finds all fuzz targets of all packages, nested modules too, runs each for TIME, goes on after a failure and prints a table.
An input that fails is written below the package's testdata/fuzz/; make a named test of it.

  -t TIME   for each target, as 30s, 10m or 1h; default 10s
  -j N      targets at a time, with one worker each; default: the number of processors
  -l        only list the targets
  NAME      of a target, as FuzzServerConn; of one in one package, as frame/FuzzDecoder; or of all in a package, as topic/

fuzz/README.md says what each target holds. TIME includes going through the corpus that the engine has collected in Go's cache;
"go clean -fuzzcache" empties that.
TXT
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

time=10s jobs=$(getconf _NPROCESSORS_ONLN) list='' names=()
while (($#)); do
  case $1 in
    -h | --help) usage && exit 0 ;;
    -t | -j)
      [[ $# -ge 2 ]] || { usage >&2 && exit 2; }
      if [[ $1 == -t ]]; then time=$2; else jobs=$2; fi
      shift
      ;;
    -l) list=yes ;;
    -*) usage >&2 && exit 2 ;;
    *) names+=("$1") ;;
  esac
  shift
done
case $time in
  *[!0-9]*[!smh] | [!0-9]* | '') usage >&2 && exit 2 ;;
  *h) seconds=$((${time%h} * 3600)) ;;
  *m) seconds=$((${time%m} * 60)) ;;
  *s) seconds=${time%s} ;;
  *) seconds=$time time=${time}s ;;
esac

# wanted PACKAGE TARGET: whether it was asked for.
wanted() {
  ((${#names[@]})) || return 0
  local name
  for name in "${names[@]}"; do
    [[ $name == "$2" || $name == "$1/$2" || ${name%/} == "$1" ]] && return 0
  done
  return 1
}

# All targets, a line each: package, target.
targets() {
  git ls-files --cached --others --exclude-standard -- '*_test.go' | sort | while read -r file; do
    [[ -f $file ]] || continue
    sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(f \*testing\.F).*/\1/p' "$file" | while read -r target; do
      if wanted "$(dirname "$file")" "$target"; then echo "$(dirname "$file") $target"; fi
    done
  done
}

all=$(targets)
[[ -n $all ]] || { echo "ci/fuzz.sh: there is no such target" >&2 && exit 2; }
if [[ -n $list ]]; then echo "$all" && exit 0; fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export tmp time seconds

# only_late OUTPUT: whether the engine complains of nothing but that its own time is over. Before Go 1.27 its coordinator now and
# then takes the end of -fuzztime for an error (golang.org/issue/75804): there is no failing input then, and this one line below FAIL.
only_late() {
  local complaint
  complaint=$(sed -n '/^--- FAIL:/,/^FAIL$/p' "$1" | sed '1d;$d')
  [[ $complaint == '    context deadline exceeded' ]] && ! grep -qE 'Failing input|panic:|DATA RACE' "$1"
}
export -f only_late

# one PACKAGE TARGET: runs it, and leaves a row of the table and, of a failure, the output.
one() {
  local name=${1//\//_}.$2 status=0 last verdict=good
  # A target that hangs is stopped, with time for it to build and to go through its corpus.
  (cd "$1" && timeout $((seconds + 180)) go test -run='^$' -fuzz="^$2\$" -fuzztime="$time" -fuzzminimizetime=10x -parallel=1 .) \
    >"$tmp/$name.out" 2>&1 || status=$?
  last=$(grep -o 'execs: .*' "$tmp/$name.out" | tail -n 1 || true)
  if ((status)) && ! only_late "$tmp/$name.out"; then
    verdict=FAILED
    mv "$tmp/$name.out" "$tmp/$name.failed"
  fi
  [[ $last =~ execs:\ ([0-9]+).*interesting:\ ([0-9]+).*total:\ ([0-9]+) ]] || BASH_REMATCH=('' 0 0 0)
  printf '%-18s %-20s %11d %8d %8d  %s\n' "$1" "$2" "${BASH_REMATCH[@]:1:3}" "$verdict" >"$tmp/$name.row"
  cat "$tmp/$name.row"
}
export -f one

printf '%-18s %-20s %11s %8s %8s\n' package target executions new corpus
# shellcheck disable=SC2016 # the words are those of the inner shell
xargs -P "$jobs" -L 1 bash -c 'one "$@"' fuzz <<<"$all"

failed=0
for out in "$tmp"/*.failed; do
  [[ -f $out ]] || continue
  failed=$((failed + 1))
  printf '\n-- %s\n' "$(basename "$out" .failed)"
  tail -n 60 "$out" | cut -c1-500
done
awk '{ n += $3 } END { printf "\n%d targets, %d executions\n", NR, n }' "$tmp"/*.row
((failed == 0)) || { echo "failed: $failed" && exit 1; }
