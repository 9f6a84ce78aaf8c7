#!/usr/bin/env bash
# How fast `configmgr_backup_exporter log` reads a large Application log, beside `evtx_dump` with one thread, and how long
# a poll takes that finds one new record in it.
#
# usage: benches/evtx.sh [CHUNKS]      (of 64 KiB; default 1024. ROUNDS=9 and CORE=last are taken from the environment)
#
# Needs python3 and taskset; builds evtx_dump where EVTX_DUMP does not name one.
set -euo pipefail
cd "$(dirname "$0")/.."

chunks=${1:-1024}
target=$(cargo metadata --format-version 1 --no-deps |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
log=$target/bench/application-$chunks.evtx
peer=${EVTX_DUMP:-$target/evtx_dump/bin/evtx_dump}

[[ -x $peer ]] || CARGO_TARGET_DIR=$target cargo install evtx --version 0.15.1 --locked --root "$target/evtx_dump"
cargo build --release --bin configmgr_backup_exporter
mkdir -p "$target/bench"
trap 'rm -f "$log" "$log.json" "${log%.evtx}.live.evtx"' EXIT
cargo bench --quiet --bench event_log -- "$log" "$chunks"
python3 benches/evtx.py "$log" "$target/release/configmgr_backup_exporter" "$peer"
