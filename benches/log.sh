#!/usr/bin/env bash
# How fast `configmgr_backup_exporter log` reads a large Smsbkup.log, beside mtail with a program for the same job.
#
# usage: benches/log.sh [MEGABYTES]      (default 500; ROUNDS=5 and CORE=last are taken from the environment)
#
# Needs mtail, python3 and taskset. PEER_ONLY=1 leaves our own command out.
set -euo pipefail
cd "$(dirname "$0")/.."

megabytes=${1:-500}
target=$(cargo metadata --format-version 1 --no-deps |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
log=$target/bench/smsbkup-$megabytes.log

# Built first: the generator shares its dependencies, apart from a few features that only tests need.
if [[ -z ${PEER_ONLY:-} ]]; then
    cargo build --release --bin configmgr_backup_exporter
    exporter=("$target/release/configmgr_backup_exporter")
else
    exporter=()
fi
mkdir -p "$target/bench"
trap 'rm -f "$log" "$log.json"' EXIT
cargo bench --quiet --bench generate -- "$log" "$megabytes"
python3 benches/measure.py "$log" "${exporter[@]}"
