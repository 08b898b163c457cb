#!/bin/bash
# Builds the echo servers of fastwebsockets and tokio-tungstenite, and prints
# the line that tells bench where they are:
#
#   eval "$(servers/rust/build.sh)"
#
# The crates are those of Cargo.lock; cargo fetches them. Half a minute.
set -euo pipefail
cd "$(dirname "$0")"
if ! command -v cargo >/dev/null; then
  echo "build.sh: there is no cargo: install Rust (Debian: apt-get install cargo); without it the Rust peers are left out" >&2
  exit 1
fi
cargo build --release --locked --quiet >&2
printf 'export PUSHWIRE_BENCH_RUST=%q\n' "$PWD/target/release/rust-echo"
