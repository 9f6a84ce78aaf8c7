#!/usr/bin/env bash
# The Windows programs under Wine, by the clock: size and start beside the Linux program, a walk beside `find`, and
# `verify` beside `cat`.
#
# usage: benches/wine.sh [FILES [MEGABYTES]]   (default 100000 and 2000; ROUNDS=3 and STARTS=10 are taken from the
#                                               environment)
#
# Wine adds a round trip to its server to every file that is opened or listed, so these figures say more of Wine than of
# Windows; they show that nothing in the Windows build is out of proportion.
set -euo pipefail
cd "$(dirname "$0")/.."

files=${1:-100000}
megabytes=${2:-2000}
windows=x86_64-pc-windows-gnu
target=$(cargo metadata --format-version 1 --no-deps |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
export CARGO_TARGET_DIR=$target
cargo build --release --bin configmgr_backup_exporter
cargo build --release --target "$windows" --bin configmgr_backup_exporter
tests/wine/imports "$target/$windows/release/configmgr_backup_exporter.exe"
walk=$(cargo bench --no-run --target "$windows" --bench walk --message-format=json |
    python3 -c 'import json, sys
print(*(line["executable"] for line in map(json.loads, sys.stdin)
        if line.get("executable") and line["target"]["name"] == "walk"))')
mkdir -p "$target/bench"
place=$(mktemp -d -p "$target/bench")
trap 'rm -rf "$place"; tests/wine/run wineboot -k || true' EXIT
cargo bench --quiet --bench generate -- "$place/verify.mdf" "$megabytes"
python3 benches/wine.py "$place" "$files" "$walk" "$target/$windows/release/configmgr_backup_exporter.exe" \
    "$target/release/configmgr_backup_exporter"
