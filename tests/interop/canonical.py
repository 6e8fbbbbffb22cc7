"""Canonical JSON by Python's own json, over the domain where DESIGN section 3 promises the same bytes: one JSON text a line in, one out."""
import json
import sys


def main():
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        value = json.loads(line)
        out.write(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")


main()
