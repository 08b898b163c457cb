#!/usr/bin/env bash
# Installs what the tests need beside Go into .cache/ of this repository. See usage below, or ci/setup.sh --help.
set -euo pipefail

usage() {
  cat <<'TXT'
usage: ci/setup.sh [--without PART[,PART...]] [--clean]

Installs what the tests need beside Go, pinned, into .cache/ at the root of the repository. A second run takes about a
second. Nothing outside .cache/ is touched, except that a missing Chromium, Firefox or QEMU is installed by apt-get where that is
allowed.

  part      what                                                           where
  wstest    Autobahn|Testsuite 25.10.1 on CPython 2.7.18                   .cache/bin/wstest, .cache/py27
  py3       PyPI packages of peers/python/requirements.txt, Python >= 3.10 .cache/py3
  node      npm packages of peers/node/package-lock.json, node >= 20:      .cache/node/node_modules
            peers, terser and TypeScript for httpstream/client
  jetty     Maven Central's jars of peers/java/pom.xml, Java >= 17         .cache/java, .cache/bin/jetty
  ece       crates of peers/rust/Cargo.lock, with OpenSSL's headers        .cache/bin/ece
  chromium  Debian's chromium, or any Chrome that is already there         link .cache/bin/chromium
  nginx     Debian's nginx, or any that is already there                   .cache/nginx, link .cache/bin/nginx
  qemu      Debian's qemu-user-static, or one that is already there        links .cache/bin/qemu-*
  firefox   Debian's firefox-esr, or any Firefox that is already there     link .cache/bin/firefox
  lint      staticcheck and govulncheck                                    .cache/bin

  --without PART   leave parts out, for instance --without wstest,chromium
  --clean          install everything anew

The paths are written to .cache/env.sh, as PUSHWIRE_WSTEST, PUSHWIRE_CHROMIUM, PUSHWIRE_NODE, PUSHWIRE_NODE_MODULES,
PUSHWIRE_PY3, PUSHWIRE_JETTY, PUSHWIRE_ECE, PUSHWIRE_FIREFOX and PUSHWIRE_NGINX; tests that find a variable unset look into
.cache/ by the layout above. What could not be installed is told in one sentence each, and the tests that need it skip; with
CI=true or PUSHWIRE_REQUIRE=1 this script then fails.
TXT
}

readonly VIRTUALENV=20.21.1 PIP27=20.3.4 SETUPTOOLS27=44.0.0 WHEEL27=0.36.2
readonly STATICCHECK=v0.8.2 GOVULNCHECK=v1.9.0

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$root/.cache
log=$cache/setup.log
without=,
missing=()

while (($#)); do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --without) [[ $# -ge 2 ]] || { usage >&2 && exit 2; } && without=",$2," && shift ;;
    --without=*) without=",${1#*=}," ;;
    --clean) rm -rf "${cache:?}"/{bin,py27,py27-src,py3,node,java,nginx,rust,virtualenv,stamps} ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done
mkdir -p "$cache/bin" "$cache/stamps"

# Two runs at the same time would install into the same folders: the second waits for the first.
if command -v flock >/dev/null; then
  exec 9>"$cache/setup.lock"
  flock 9
fi
: >"$log"

say() { printf 'setup: %s\n' "$*"; }

# lacks PART SENTENCE: PART is not there; SENTENCE says what a person should install. Always fails, so that the
# function of the part can end with it.
lacks() {
  missing+=("$1")
  say "$1: $2"
  return 1
}

# quietly COMMAND...: output goes to the log only. The log's end is shown if the command fails.
quietly() {
  printf '+ %s\n' "$*" >>"$log"
  "$@" >>"$log" 2>&1 </dev/null && return
  tail -n 15 "$log" | sed 's/^/    /' >&2
  return 1
}

# fresh PART FILE...: true if PART was installed from the same files by the same versions that this script names.
fresh() {
  [[ -f $cache/stamps/$1 && $(<"$cache/stamps/$1") == "$(signature "$@")" ]]
}

# The repository's own path is in the signature, because virtual environments do not survive a move.
signature() {
  printf '%s %s %s\n' "$root" "$VIRTUALENV $PIP27 $SETUPTOOLS27 $WHEEL27" "$STATICCHECK $GOVULNCHECK"
  (($# < 2)) || sha256sum "${@:2}" | cut -d ' ' -f 1
}

stamp() { signature "$@" >"$cache/stamps/$1"; }

# part NAME FUNCTION: runs FUNCTION unless --without NAME, and tells the time it took.
part() {
  if [[ $without == *",$1,"* ]]; then
    say "$1: left out"
    return
  fi
  local start=$SECONDS
  if "$2"; then say "$1: ready ($((SECONDS - start)) s)"; fi
}

# ---- wstest: CPython 2.7 -----------------------------------------------------------------------------------------

is_python27() { [[ -x $1 && $("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) == 2.7 ]]; }

# python27 prints the path of a CPython 2.7 with its headers: pyenv's, the one on the PATH, or Debian bullseye's
# packages unpacked into .cache.
python27() {
  local found
  if command -v pyenv >/dev/null && found=$(pyenv prefix 2.7.18 2>/dev/null) && is_python27 "$found/bin/python2.7"; then
    echo "$found/bin/python2.7"
  elif found=$(command -v python2.7) && is_python27 "$found"; then
    echo "$found"
  else
    bullseye_python27
  fi
}

# Debian dropped Python 2 after bullseye. Its packages are fetched by apt-get with a configuration of our own, which
# leaves the machine's lists and packages as they are, from the mirror that the machine already uses.
bullseye_python27() {
  local dir=$cache/py27-src python=$cache/py27-src/root/usr/bin/python2.7
  local packages=(python2.7 python2.7-minimal python2.7-dev libpython2.7 libpython2.7-minimal libpython2.7-stdlib
    libpython2.7-dev libssl1.1 libffi7)
  if [[ ! -x $dir/python2.7 ]]; then
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
    local uri
    # shellcheck disable=SC2016 # apt-get's own variables
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
    [[ -n $uri ]] || return 1
    say "wstest: no Python 2.7 here, unpacking Debian bullseye's" >&2
    rm -rf "$dir"
    mkdir -p "$dir"/{state/lists/partial,cache/archives/partial,debs,root}
    : >"$dir/state/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri bullseye main" >"$dir/sources.list"
    cat >"$dir/apt.conf" <<CONF
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "-";
Dir::State "$dir/state";
Dir::State::status "$dir/state/status";
Dir::Cache "$dir/cache";
APT::Sandbox::User "root";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
CONF
    export APT_CONFIG=$dir/apt.conf
    quietly apt-get update || return 1
    (cd "$dir/debs" && quietly apt-get download "${packages[@]}") || return 1
    unset APT_CONFIG
    local deb
    for deb in "$dir"/debs/*.deb; do quietly dpkg -x "$deb" "$dir/root" || return 1; done
    rm -rf "$dir"/{cache,state,debs}
    # Debian says of two modules of the standard library that they are packages; pip will not replace those.
    rm -f "$dir"/root/usr/lib/python2.7/{argparse,wsgiref}.egg-info
    # OpenSSL and libffi of bullseye are not those of the machine: whoever starts this Python needs to say where they are.
    local lib
    lib=$(dirname "$(find "$dir/root/usr/lib" -name libssl.so.1.1 | head -n 1)")
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q "$@"\n' "$lib" "$python" >"$dir/python2.7"
    chmod +x "$dir/python2.7"
    echo "$lib" >"$dir/library-path"
  fi
  export LD_LIBRARY_PATH
  LD_LIBRARY_PATH=$(<"$dir/library-path")
  is_python27 "$python" && echo "$python"
}

setup_wstest() {
  local pins=$root/autobahn/requirements-py27.txt python libraries=
  if fresh wstest "$pins" && [[ -x $cache/bin/wstest ]]; then return; fi
  command -v python3 >/dev/null || { lacks wstest "install Python 3.7 or later (Debian: apt-get install python3-venv)" || return; }
  python=$(python27) || {
    lacks wstest "install CPython 2.7.18 (pyenv install 2.7.18, or a python2.7 with its headers on the PATH)" || return
  }
  if [[ $python == "$cache"/* ]]; then libraries=$(<"$cache/py27-src/library-path"); fi
  if ! command -v cc >/dev/null && ! command -v gcc >/dev/null; then
    lacks wstest "install a C compiler (Debian: apt-get install gcc libc6-dev)" || return
  fi
  say "wstest: installing Autobahn|Testsuite on $("$python" --version 2>&1), about half a minute"
  rm -rf "$cache/py27" "$cache/virtualenv"
  {
    quietly python3 -m venv "$cache/virtualenv" &&
      quietly "$cache/virtualenv/bin/pip" install --no-input "virtualenv==$VIRTUALENV" &&
      LD_LIBRARY_PATH=$libraries quietly "$cache/virtualenv/bin/virtualenv" --python "$python" --download \
        --pip "$PIP27" --setuptools "$SETUPTOOLS27" --wheel "$WHEEL27" "$cache/py27" &&
      LD_LIBRARY_PATH=$libraries quietly "$cache/py27/bin/pip" install --no-input --no-build-isolation --no-deps -r "$pins"
  } || { lacks wstest "the installation failed, its log is .cache/setup.log" || return; }
  {
    printf '#!/bin/sh\n# Written by ci/setup.sh.\n'
    [[ -z $libraries ]] || printf 'LD_LIBRARY_PATH=%q\nexport LD_LIBRARY_PATH\n' "$libraries"
    printf 'exec %q %q "$@"\n' "$cache/py27/bin/python" "$cache/py27/bin/wstest"
  } >"$cache/bin/wstest"
  chmod +x "$cache/bin/wstest"
  # wstest prints "0.10.9" of the library below it and "25.10.1" of its own.
  if ! "$cache/bin/wstest" --autobahnversion >>"$log" 2>&1 || ! "$cache/bin/wstest" --help >>"$log" 2>&1; then
    lacks wstest "wstest is installed but does not start, its log is .cache/setup.log" || return
  fi
  stamp wstest "$pins"
}

# ---- peers -------------------------------------------------------------------------------------------------------

setup_py3() {
  local pins=$root/peers/python/requirements.txt
  if fresh py3 "$pins" && [[ -x $cache/py3/bin/python ]]; then return; fi
  if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    lacks py3 "install Python 3.10 or later with venv (Debian: apt-get install python3-venv)" || return
  fi
  say "py3: installing $(grep -v '^#' "$pins" | tr '\n' ' ')"
  rm -rf "$cache/py3"
  { quietly python3 -m venv "$cache/py3" && quietly "$cache/py3/bin/pip" install --no-input -r "$pins"; } ||
    { lacks py3 "the installation failed, its log is .cache/setup.log" || return; }
  stamp py3 "$pins"
}

setup_node() {
  local dir=$root/peers/node
  if fresh node "$dir/package.json" "$dir/package-lock.json" && [[ -d $cache/node/node_modules ]]; then return; fi
  if ! command -v npm >/dev/null || ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null; then
    lacks node "install Node.js 20 or later with npm (Debian trixie: apt-get install nodejs npm)" || return
  fi
  say "node: npm ci of peers/node/package-lock.json"
  rm -rf "$cache/node"
  mkdir -p "$cache/node"
  cp "$dir"/{package.json,package-lock.json,.npmrc} "$cache/node/"
  (cd "$cache/node" && quietly npm ci --ignore-scripts) ||
    { lacks node "npm ci failed, its log is .cache/setup.log" || return; }
  stamp node "$dir/package.json" "$dir/package-lock.json"
}

setup_jetty() {
  local pom=$root/peers/java/pom.xml
  if fresh jetty "$pom" && [[ -x $cache/bin/jetty ]]; then return; fi
  if ! command -v mvn >/dev/null || ! java --source 17 --version >/dev/null 2>&1 || ! command -v javac >/dev/null; then
    lacks jetty "install a JDK 17 or later with Maven (Debian: apt-get install default-jdk-headless maven)" || return
  fi
  say "jetty: mvn dependency:copy-dependencies of peers/java/pom.xml"
  rm -rf "$cache/java"
  quietly mvn -B -f "$pom" -Dmaven.repo.local="$cache/java/repository" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$cache/java/lib" ||
    { lacks jetty "mvn failed, its log is .cache/setup.log" || return; }
  # The client starts twice as fast without the second compiler.
  printf '#!/bin/sh\n# Written by ci/setup.sh.\nexec java -XX:TieredStopAtLevel=1 -cp %q "$@"\n' "$cache/java/lib/*" >"$cache/bin/jetty"
  chmod +x "$cache/bin/jetty"
  stamp jetty "$pom"
}

setup_ece() {
  local dir=$root/peers/rust
  local files=("$dir/Cargo.toml" "$dir/Cargo.lock" "$dir/src/main.rs")
  if fresh ece "${files[@]}" && [[ -x $cache/bin/ece ]]; then return; fi
  if ! command -v cargo >/dev/null || ! pkg-config --exists openssl 2>/dev/null; then
    lacks ece "install Rust with cargo, pkg-config and OpenSSL's headers (Debian: apt-get install cargo pkg-config libssl-dev)" || return
  fi
  say "ece: cargo build of peers/rust, about half a minute"
  CARGO_TARGET_DIR=$cache/rust quietly cargo build --release --locked --manifest-path "$dir/Cargo.toml" ||
    { lacks ece "cargo build failed, its log is .cache/setup.log" || return; }
  cp "$cache/rust/release/push" "$cache/bin/ece"
  rm -rf "$cache/rust" # a hundred megabytes
  stamp ece "${files[@]}"
}

# find_browser NAME...: prints the path of the first one that is there and is not our own link.
find_browser() {
  local name
  for name in "$@"; do
    if [[ -n $name && $name != "$cache"/bin/* ]] && command -v "$name"; then return; fi
  done
  return 1
}

# debian PART PACKAGE: installs PACKAGE by apt-get, as root or by a sudo that does not ask.
debian() {
  local as_root=()
  if ((EUID != 0)); then as_root=(sudo -n); fi
  if ! command -v apt-get >/dev/null || { ((EUID != 0)) && ! sudo -n true 2>/dev/null; }; then
    lacks "$1" "install $2 (Debian: sudo apt-get install $2)" || return
  fi
  say "$1: apt-get install $2, about a minute"
  { quietly "${as_root[@]}" apt-get update &&
    quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$2"; } ||
    lacks "$1" "apt-get install $2 failed, its log is .cache/setup.log"
}

# browser PART PACKAGE NAME...: links a browser that is there under one of the names, or Debian's PACKAGE, to .cache/bin.
browser() {
  local part=$1 package=$2 found
  shift 2
  if ! found=$(find_browser "$@"); then
    debian "$part" "$package" || return
    found=$(find_browser "$@") || { lacks "$part" "apt-get installed no $package" || return; }
  fi
  ln -sfn "$found" "$cache/bin/$part"
}

setup_chromium() {
  browser chromium chromium "${PUSHWIRE_CHROMIUM:-}" chromium chromium-browser google-chrome-stable google-chrome chrome
}

setup_firefox() { browser firefox firefox-esr "${PUSHWIRE_FIREFOX:-}" firefox-esr firefox; }

# nginx is unpacked and not installed, since Debian's package would start a server on port 80. It needs what every Debian
# has: libc, OpenSSL, PCRE2 and zlib.
setup_nginx() {
  local found dir=$cache/nginx
  if found=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v nginx) && "$found" -v 2>>"$log"; then
    ln -sfn "$found" "$cache/bin/nginx"
    return
  fi
  if "$dir/usr/sbin/nginx" -v 2>>"$log"; then
    ln -sfn "$dir/usr/sbin/nginx" "$cache/bin/nginx"
    return
  fi
  if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
    lacks nginx "install nginx (Debian: apt-get install nginx-light)" || return
  fi
  say "nginx: unpacking Debian's package"
  rm -rf "$dir"
  mkdir -p "$dir"
  { (cd "$dir" && { quietly apt-get download nginx || { quietly apt-get update && quietly apt-get download nginx; }; }) &&
    quietly dpkg -x "$dir"/nginx_*.deb "$dir" && quietly "$dir/usr/sbin/nginx" -v; } ||
    { lacks nginx "Debian's nginx can't be unpacked or does not start, see .cache/setup.log (or: apt-get install nginx-light)" || return; }
  rm -f "$dir"/nginx_*.deb
  ln -sfn "$dir/usr/sbin/nginx" "$cache/bin/nginx"
}

# ---- other processors --------------------------------------------------------------------------------------------

# find_qemu MACHINE: prints the path of the program that runs those of MACHINE.
find_qemu() { command -v "qemu-$1-static" || command -v "qemu-$1"; }

setup_qemu() {
  local machine found
  for machine in aarch64 s390x arm; do
    if ! found=$(find_qemu "$machine"); then
      debian qemu qemu-user-static || return
      found=$(find_qemu "$machine") || { lacks qemu "apt-get installed no qemu-$machine-static" || return; }
    fi
    ln -sfn "$found" "$cache/bin/qemu-$machine"
  done
}

# ---- static analysis ---------------------------------------------------------------------------------------------

setup_lint() {
  # A tool refuses code that is newer than the Go that built it.
  go version >"$cache/go-version"
  if fresh lint "$cache/go-version" && [[ -x $cache/bin/staticcheck && -x $cache/bin/govulncheck ]]; then return; fi
  say "lint: building staticcheck $STATICCHECK and govulncheck $GOVULNCHECK, about a minute"
  # Outside of the repository, so that its go.mod has no say.
  (cd / && GOFLAGS='' GOBIN=$cache/bin quietly go install "honnef.co/go/tools/cmd/staticcheck@$STATICCHECK" &&
    GOFLAGS='' GOBIN=$cache/bin quietly go install "golang.org/x/vuln/cmd/govulncheck@$GOVULNCHECK") ||
    { lacks lint "go install failed, its log is .cache/setup.log" || return; }
  stamp lint "$cache/go-version"
}

command -v go >/dev/null || { say "go: install Go 1.26 or later" && exit 1; }

part wstest setup_wstest
part py3 setup_py3
part node setup_node
part jetty setup_jetty
part ece setup_ece
part chromium setup_chromium
part nginx setup_nginx
part qemu setup_qemu
part firefox setup_firefox
part lint setup_lint

{
  echo '# Written by ci/setup.sh: the paths of what it found. The tests read these variables; those that are set stay.'
  # shellcheck disable=SC2016 # the variable is for the one who reads env.sh
  write() { if [[ -e $2 ]]; then printf 'export %s=${%s:-%q}\n' "$1" "$1" "$2"; fi; }
  write PUSHWIRE_WSTEST "$cache/bin/wstest"
  write PUSHWIRE_CHROMIUM "$cache/bin/chromium"
  write PUSHWIRE_NODE "$(command -v node || true)"
  write PUSHWIRE_NODE_MODULES "$cache/node/node_modules"
  write PUSHWIRE_PY3 "$cache/py3/bin/python"
  write PUSHWIRE_JETTY "$cache/bin/jetty"
  write PUSHWIRE_NGINX "$cache/bin/nginx"
  write PUSHWIRE_FIREFOX "$cache/bin/firefox"
  write PUSHWIRE_ECE "$cache/bin/ece"
} >"$cache/env.sh"

if ((${#missing[@]})); then
  say "missing: ${missing[*]}"
  if [[ ${CI:-} == true || ${PUSHWIRE_REQUIRE:-} == 1 ]]; then exit 1; fi
fi
