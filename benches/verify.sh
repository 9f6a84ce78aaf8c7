#!/usr/bin/env bash
# How fast `configmgr_backup_exporter verify` reads and judges a data file, beside `cat` that only reads it.
#
# usage: benches/verify.sh [MEGABYTES]   (default 2000; ROUNDS=9 and CORE=last are taken from the environment)
#
# Needs python3 and taskset, and memory for the whole file, which is in the cache before anything is measured.
set -euo pipefail
cd "$(dirname "$0")/.."

megabytes=${1:-2000}
target=$(cargo metadata --format-version 1 --no-deps |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
file=$target/bench/verify-$megabytes.mdf

cargo build --release --bin configmgr_backup_exporter
mkdir -p "$target/bench"
trap 'rm -f "$file"' EXIT
cargo bench --quiet --bench generate -- "$file" "$megabytes"
python3 benches/verify.py "$file" "$target/release/configmgr_backup_exporter"
