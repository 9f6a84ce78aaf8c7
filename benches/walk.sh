#!/usr/bin/env bash
# What a walk of many files costs, beside `find` asking for the same: size and time of each.
#
# usage: benches/walk.sh [FILES]         (default 100000, in folders of 1000; ROUNDS=9 and CORE=last are taken from
#                                         the environment)
#
# Needs GNU find, python3 and taskset. A tree of a tenth is walked too: memory must not depend on the number.
set -euo pipefail
cd "$(dirname "$0")/.."

files=${1:-100000}
target=$(cargo metadata --format-version 1 --no-deps |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
walk=$(cargo bench --no-run --bench walk --message-format=json |
    python3 -c 'import json, sys
print(*(line["executable"] for line in map(json.loads, sys.stdin)
        if line.get("executable") and line["target"]["name"] == "walk"))')
mkdir -p "$target/bench"
tree=$(mktemp -d -p "$target/bench")
trap 'rm -rf "$tree"' EXIT
python3 benches/walk.py "$tree" "$files" "$walk"
