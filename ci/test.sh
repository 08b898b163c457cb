#!/usr/bin/env bash
# Runs every check and every test of the project, for people and for CI alike. See usage below, or ci/test.sh --help.
set -euo pipefail

usage() {
  cat <<'TXT'
usage: ci/test.sh [--quick] [--only SECTION[,SECTION...]] [-v]

Installs what the tests need (ci/setup.sh), runs every check and every test, and goes on after a failure. The last line is
the sum of the tests that really ran.

  section   what
  setup     ci/setup.sh, into .cache/
  lint      ci/lint.sh: gofmt, shellcheck, go vet, go mod tidy -diff, staticcheck, govulncheck
  race      go test -race of all packages but autobahn, in random order; the foreign peers and the browser are among them
  autobahn  the Autobahn suite in both directions, about a quarter of an hour on two processors
  386       go test for 32 bits: mask, frame, handshake, deflate, eventstream, webpush and the root package
  simd      mask and frame as other processors have them: portable (-tags purego), GOAMD64=v3; there also all of deflate
  machines  on other processors, under qemu-user: mask, frame, handshake, deflate and eventstream on arm64, s390x (big-endian) and
            arm (32 bits); without the tests that take long, unless PUSHWIRE_MACHINES=all, but for mask and frame on arm64
  cross     go vet for windows, darwin, freebsd, linux/arm64 and js
  modules   go test of the nested modules, each benchmark once
  fuzz      ci/fuzz.sh: every fuzz target for 10 s, four minutes on two processors; beside it ci/soak.sh, two minutes with 5,000
            connections

  --quick   only lint and race, with -short: no Autobahn suite, no browser, nothing installed
  --only    only these sections
  -v        print the output of every test

A test that lacks a part skips and says so. With CI=true or PUSHWIRE_REQUIRE=1 a missing part is a failure, and so is every
skip that is not in ci/permitted-skips.txt.
TXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
exec </dev/null

sections=setup,lint,race,autobahn,386,simd,machines,cross,modules,fuzz
short=() verbose=()
while (($#)); do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --quick) sections=lint,race short=(-short) ;;
    --only) [[ $# -ge 2 ]] || { usage >&2 && exit 2; } && sections=$2 && shift ;;
    --only=*) sections=${1#*=} ;;
    -v) verbose=(-v) ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done

bold='' red='' plain=''
if [[ -t 1 ]]; then bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'; fi
strict=()
if [[ ${CI:-} == true || ${PUSHWIRE_REQUIRE:-} == 1 ]]; then strict=(-strict); fi

mkdir -p .cache
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
: >"$tmp/failed"

say() { printf '%s\n' "$*"; }

# section NAME FUNCTION: runs FUNCTION if NAME was asked for, with a heading and its time.
section() {
  [[ ,$sections, == *",$1,"* ]] || return 0
  local start=$SECONDS
  printf '\n%s== %s (at %d:%02d)%s\n' "$bold" "$1" $((SECONDS / 60)) $((SECONDS % 60)) "$plain"
  if "$2"; then
    say "== $1: good, $((SECONDS - start)) s"
  else
    echo "$1" >>"$tmp/failed"
    say "${red}== $1: FAILED, $((SECONDS - start)) s$plain"
  fi
}

# check NAME COMMAND...: one line when COMMAND is good, its output when it is not. A tool that finds nothing prints nothing,
# so any output is a failure too.
check() {
  local name=$1
  shift
  if "$@" >"$tmp/check" 2>&1 && [[ ! -s $tmp/check ]]; then
    say "$name: good"
  else
    say "$name:"
    sed 's/^/    /' "$tmp/check"
    return 1
  fi
}

# gotest RUN ARGUMENTS...: go test through judge.
gotest() {
  local run=$1
  shift
  go test -json ${short[@]+"${short[@]}"} "$@" 2>&1 | judge "$run"
}

# judge RUN: counts the tests of a go test -json, and judges the skips.
judge() {
  "$tmp/testlog" -run "$1" -permitted "$root/ci/permitted-skips.txt" -totals "$tmp/totals" \
    ${strict[@]+"${strict[@]}"} ${verbose[@]+"${verbose[@]}"}
}

# tracked PATTERN...: the files under version control and the new ones, so that nothing of .cache/ is looked at.
tracked() { git ls-files --cached --others --exclude-standard -- "$@" | while read -r f; do [[ ! -f $f ]] || echo "$f"; done; }

lint() { ci/lint.sh; }

race() {
  local packages
  # The longest first, so that none of them is alone at the end: peers mostly waits for programs of others.
  mapfile -t packages < <(go list ./peers . ./deflate ./httpstream && go list ./... | grep -vE '^[^/]*/[^/]*/[^/]*(/(autobahn|peers|deflate|httpstream))?$')
  gotest race -race -shuffle=on -timeout 15m "${packages[@]}"
}

autobahn() {
  local status=0
  # Without -race, which would slow down the suite's peer in 12 and 13: the root's tests run the same paths with it.
  gotest autobahn -shuffle=on -timeout 45m ./autobahn -all || status=1
  if [[ -f autobahn/reports/index.html ]]; then say "reports: autobahn/reports/index.html"; fi
  return $status
}

bits32() {
  if [[ $(go env GOOS) != linux || $(go env GOARCH) != amd64 ]]; then
    say "left out: only linux/amd64 runs 32-bit programs natively"
    return
  fi
  local packages status=0
  mapfile -t packages < <(go list . ./mask/... ./frame/... ./handshake/... ./deflate/... ./eventstream/... ./webpush 2>/dev/null)
  CGO_ENABLED=0 GOARCH=386 gotest 386 -shuffle=on -timeout 10m "${packages[@]}" || status=1
  # What attackers cost is not measured under the race detector; the packages above have theirs among their tests.
  CGO_ENABLED=0 GOARCH=386 gotest 386 -run Attackers ./httpstream || status=1
  return $status
}

# vectorised prints the packages that have assembly of their own, or stand right above some.
vectorised() { go list ./internal/cpu ./internal/utf8scan ./mask ./frame; }

simd() {
  local good=0 packages
  mapfile -t packages < <(vectorised)
  gotest purego -tags purego -shuffle=on -timeout 10m "${packages[@]}" || good=1
  if [[ $(go env GOARCH) == amd64 ]]; then
    GOAMD64=v3 gotest amd64-v3 -shuffle=on -timeout 10m "${packages[@]}" ./deflate || good=1
  fi
  return $good
}

# What takes long under qemu-user and depends on the processor least: the exhaustive forms of tests that stay.
slow_on_machines=(
  BitFlip EverySplit Truncation OneBitFlipped InPiecesEqualsWhole AllThreeByteTexts SampledFourByte UTF8Edges
  LongMessages Differential RoundTripOfStandard NotAllocate OfferAccept ContextTakeover AllShortLengths RandomHeaders
  HigherLevels LevelsWindows AcceptAnswers MemoryIs Linear Thousand ServesOnAfter StuckReader WithoutATimeout
  Shutdown MessageOf100MiB Fuzz
)

# machine GOARCH QEMU ARGUMENTS...: go test for GOARCH, under QEMU where this is another processor.
machine() {
  local arch=$1 qemu=$root/.cache/bin/$2 run=()
  shift 2
  if [[ $(go env GOARCH) != "$arch" ]]; then
    if [[ ! -x $qemu ]]; then
      say "$arch: left out, ci/setup.sh installs qemu-user, which runs its programs here"
      ((${#strict[@]} == 0))
      return
    fi
    run=(-exec "$qemu")
  fi
  CGO_ENABLED=0 GOARCH=$arch GOARM=7 gotest "$arch" ${run[@]+"${run[@]}"} -shuffle=on -timeout 40m "$@"
}

machines() {
  local good=0 packages some=()
  if [[ ${PUSHWIRE_MACHINES:-} != all ]]; then
    some=(-short -skip "$(IFS='|' && echo "${slow_on_machines[*]}")")
  fi
  mapfile -t packages < <(vectorised)
  machine arm64 qemu-aarch64 "${packages[@]}" || good=1
  mapfile -t packages < <(go list ./handshake ./deflate ./eventstream)
  machine arm64 qemu-aarch64 ${some[@]+"${some[@]}"} "${packages[@]}" || good=1
  mapfile -t packages < <(go list ./mask ./frame ./handshake ./deflate ./eventstream)
  machine s390x qemu-s390x ${some[@]+"${some[@]}"} "${packages[@]}" || good=1
  machine arm qemu-arm ${some[@]+"${some[@]}"} "${packages[@]}" || good=1
  return $good
}

cross() {
  local good=0 target
  for target in windows/amd64 darwin/arm64 freebsd/amd64 linux/arm64 js/wasm; do
    CGO_ENABLED=0 GOOS=${target%/*} GOARCH=${target#*/} check "$target" go vet ./... || good=1
  done
  return $good
}

modules() {
  local good=0 dir name
  while read -r dir; do
    name=$(basename "$dir")
    say "-- $dir"
    (
      cd "$dir"
      gotest "$name" -shuffle=on -timeout 10m -bench . -benchtime 1x ./...
    ) || good=1
  done < <(tracked '*/go.mod' | xargs -r -n 1 dirname)
  return $good
}

# Both take a given time, whatever else the machine does.
fuzz() {
  local status=0 soaking conns=5000 limit
  limit=$(ulimit -Hn)
  if [[ $limit != unlimited ]] && ((limit < 12000)); then # it takes two descriptors a connection, and some
    conns=$(((limit - 500) * 2 / 5))
  fi
  ci/soak.sh -t 2m -n "$conns" -j | judge soak >"$tmp/soak" &
  soaking=$!
  ci/fuzz.sh -t 10s || status=1
  say "-- soak: 2 minutes, $conns connections"
  wait "$soaking" || status=1
  cat "$tmp/soak"
  return $status
}

setup() { ci/setup.sh; }

section setup setup
if [[ -f .cache/env.sh ]]; then
  # shellcheck disable=SC1091 # written by ci/setup.sh
  . .cache/env.sh
fi
go build -o "$tmp/testlog" ./ci/internal/testlog

section lint lint
section race race
section autobahn autobahn
section 386 bits32
section simd simd
section machines machines
section cross cross
section modules modules
section fuzz fuzz

printf '\n%d:%02d in all\n' $((SECONDS / 60)) $((SECONDS % 60))
if [[ -s $tmp/failed ]]; then say "${red}failed: $(paste -sd ' ' "$tmp/failed")$plain"; fi
"$tmp/testlog" -sum -totals "$tmp/totals"
[[ ! -s $tmp/failed ]]
