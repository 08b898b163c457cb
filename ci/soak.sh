#!/usr/bin/env bash
# Puts a server under thousands of connections for a long time, and fails if its memory, goroutines or descriptors grow. See
# usage below, or ci/soak.sh --help.
set -euo pipefail

usage() {
  cat <<'TXT'
usage: ci/soak.sh [-t TIME] [-n CONNECTIONS] [-r RATE] [-j]

Runs TestSoak of internal/storm, without the race detector, and prints its figures after each twentieth of the time: bytes
resident, heap, stacks, goroutines and descriptors with all connections there and nothing going on. Those at the end (the medians
of the last three looks) have to be within 5 % of those after the first minute (the medians of three looks from then on).

  -t  how long, as 2m; 10m by default
  -n  how many WebSocket connections, 5,000 by default; a tenth as many followers of a topic come on top of them. Each takes two
      descriptors, since both ends are in one process
  -r  what the clients do a second, all together; 2,000 by default
  -j  prints what go test -json does
TXT
}

time=10m conns=5000 rate=2000 json=()
while (($#)); do
  case $1 in
    -h | --help) usage && exit 0 ;;
    -j) json=(-json) ;;
    -t | -n | -r)
      [[ $# -ge 2 ]] || { usage >&2 && exit 2; }
      case $1 in
        -t) time=$2 ;;
        -n) conns=$2 ;;
        -r) rate=$2 ;;
      esac
      shift
      ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
need=$((conns * 2 + conns / 4 + 200))
if [[ $(ulimit -Hn) != unlimited ]] && (($(ulimit -Hn) < need)); then
  echo "$conns connections take $need descriptors, and there may be $(ulimit -Hn): ask for fewer with -n" >&2
  exit 1
fi
exec go test ./internal/storm -run '^TestSoak$' -count=1 -v ${json[@]+"${json[@]}"} -timeout 24h -args -soak.for "$time" -soak.conns "$conns" -soak.rate "$rate"
