"""Prints what a jsonnet expression is, as JSON; imports are relative to the working directory.

    jsonnet.py EXPRESSION
"""

import sys

import _jsonnet


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        print(_jsonnet.evaluate_snippet("expression", arguments[0]))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
