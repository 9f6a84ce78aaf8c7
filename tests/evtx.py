"""Reads event log files with python-evtx and prints the events of classic providers as lines of JSON.

    evtx.py FILE [FILE ...]

Files come in the order of the arguments, events in that of their record ids. It understands templates only,
since python-evtx takes every element for one of a template. Lists of strings and times are taken from their
bytes: python-evtx mistakes some characters for ends of strings, and rounds times.
"""

import json
import sys
from datetime import datetime, timedelta

from Evtx import Nodes
from Evtx.Evtx import Evtx

INTEGERS = (Nodes.UnsignedByteTypeNode, Nodes.UnsignedWordTypeNode, Nodes.UnsignedDwordTypeNode,
            Nodes.UnsignedQwordTypeNode)
SUBSTITUTIONS = (Nodes.NormalSubstitutionNode, Nodes.ConditionalSubstitutionNode)


def system_time(file_time):
    """Text of a count of 100 ns since 1601."""
    seconds, ticks = divmod(file_time, 10_000_000)
    return f"{(datetime(1601, 1, 1) + timedelta(seconds=seconds)).isoformat()}.{ticks:07}Z"


def value(node):
    """What a value of a template instance says."""
    match node:
        case Nodes.NullTypeNode():
            return None
        case Nodes.BXmlTypeNode():
            return document(node.root())
        case Nodes.WstringArrayTypeNode():
            return node.binary().decode("utf-16-le").split("\0")[:-1]
        case Nodes.FiletimeTypeNode():
            return system_time(node.unpack_qword(0))
        case Nodes.Hex64TypeNode():
            return hex(int(node.string(), 16))
        case _ if isinstance(node, INTEGERS):
            return int(node.string())
        case _:
            raise ValueError(f"a {type(node).__name__} is in no classic event")


def document(root):
    """Every element with content and every attribute of a document, by its path."""
    values = [value(node) for node in root.substitutions()]
    found = {}

    def put(path, node):
        if isinstance(node, SUBSTITUTIONS):
            said = values[node.index()]
            found.update(said) if isinstance(said, dict) else found.update({path: said})
        elif isinstance(node, Nodes.ValueNode):
            found[path] = node.value().string()
        elif isinstance(node, Nodes.AttributeNode):
            put(f"{path}@{node.attribute_name().string()}", node.attribute_value())
        elif isinstance(node, Nodes.OpenStartElementNode):
            for child in node.children():
                put(f"{path}/{node.tag_name()}", child)

    for node in root.template().children():
        put("", node)
    return found


def event(record):
    """An event with its names and values in the order of the output."""
    found = document(record.root())
    system = {key.removeprefix("/Event/System/"): said for key, said in found.items()}
    if system["EventRecordID"] != record.record_num():
        raise ValueError(f"record {record.record_num()} has the event of {system['EventRecordID']}")
    return {
        "provider": system["Provider@Name"],
        "id": system["EventID"],
        "qualifiers": system["EventID@Qualifiers"],
        "level": system["Level"],
        "task": system["Task"],
        "keywords": system["Keywords"],
        "time": system["TimeCreated@SystemTime"],
        "record_id": system["EventRecordID"],
        "channel": system["Channel"],
        "computer": system["Computer"],
        "data": found["/EventData/Data"] or [],
    }


def main(paths):
    if not paths:
        print(__doc__, file=sys.stderr)
        return 2
    for path in paths:
        with Evtx(path) as log:
            header = log.get_file_header()
            if not header.verify() or not all(chunk.verify() for chunk in header.chunks()):
                print(f"{path}: a header or a checksum is wrong", file=sys.stderr)
                return 1
            events = [event(record) for record in log.records()]
        for found in sorted(events, key=lambda found: found["record_id"]):
            print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
