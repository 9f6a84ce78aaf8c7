"""Compares an OpenMetrics exposition with a text exposition of the same state, read by the official parsers.

    openmetrics.py OPENMETRICS TEXT [OPENMETRICS TEXT ...]

Prints "equal: N samples" for each pair and exits 0, or prints every difference, or what is malformed, and
exits 1. Samples are compared as a multiset of (name, labels, value, timestamp), families by type and help.
Only the differences that the formats prescribe are mapped: how a family of counters or infos is named, and
types that the text format lacks.
"""

import math
import sys
from collections import Counter

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

# What a type of OpenMetrics is called in the text format.
TEXT_TYPES = {"info": "gauge", "stateset": "gauge", "gaugehistogram": "gauge"}
# What OpenMetrics appends to the name of a family, where the text format has it in the name.
SUFFIXES = {"counter": "_total", "info": "_info"}


def number(value):
    """A value that compares by what it says: NaN equals NaN."""
    return "NaN" if math.isnan(value) else float(value)


def read(path, parse, is_openmetrics):
    """The samples and the families of the exposition in a file."""
    with open(path, encoding="utf-8", newline="") as file:
        families = list(parse(file.read()))
    samples = Counter()
    described = Counter()
    for family in families:
        name, kind = family.name, family.type
        if is_openmetrics or kind == "counter":
            # The text parser gives counters the name that OpenMetrics would.
            name += SUFFIXES.get(kind, "")
        described[f"{name}: type {TEXT_TYPES.get(kind, kind)}, help {family.documentation!r}"] += 1
        for sample in family.samples:
            labels = ",".join(f"{key}={value!r}" for key, value in sorted(sample.labels.items()))
            stamp = "" if sample.timestamp is None else f" @{float(sample.timestamp)}"
            samples[f"{sample.name}{{{labels}}} {number(sample.value)}{stamp}"] += 1
    return samples, described


def differences(openmetrics, text):
    """One line for each entry that one side has more often than the other."""
    for only, side in ((openmetrics - text, "OpenMetrics"), (text - openmetrics, "text")):
        for entry, count in sorted(only.items()):
            yield f"only in {side}: {entry}" + (f" ({count} times)" if count > 1 else "")


def compare(openmetrics_path, text_path):
    """Whether the pair says the same; prints the verdict."""
    sides = []
    expositions = ((openmetrics_path, parse_openmetrics, True), (text_path, parse_text, False))
    for path, parse, is_openmetrics in expositions:
        try:
            sides.append(read(path, parse, is_openmetrics))
        except ValueError as error:
            print(f"malformed {'OpenMetrics' if is_openmetrics else 'text'}: {error}")
            return False
    (samples, families), (text_samples, text_families) = sides
    found = [*differences(families, text_families), *differences(samples, text_samples)]
    print("\n".join(found) if found else f"equal: {sum(samples.values())} samples")
    return not found


def main(paths):
    if not paths or len(paths) % 2:
        print(__doc__, file=sys.stderr)
        return 2
    # A list, so that every pair is compared.
    return 0 if all([compare(*pair) for pair in zip(paths[::2], paths[1::2])]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
