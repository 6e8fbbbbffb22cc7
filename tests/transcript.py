#!/usr/bin/python3
"""Checks that the transcript in README.md is what ./demo prints: tests/transcript.py DEMO-OUTPUT-FILE

IDs and verifier keys are compared by their form only, and spaces at the ends of lines not at all. A line of three dots stands for lines that the README leaves out.
"""
import pathlib
import re
import sys


def plain(text):
    text = re.sub(r" +$", "", text, flags=re.M)
    text = re.sub(r"(qwamos/[0-9a-f]{32})\+[0-9a-f]{8}\+[0-9A-Za-z+/]{44}", r"\1+<key>", text)
    return re.sub(r"\b([0-9a-f]{64}|[0-9a-f]{32})\b", lambda found: f"<{len(found[0])} hex digits>", text)


def main():
    readme = (pathlib.Path(__file__).resolve().parent.parent / "README.md").read_text()
    printed = plain(pathlib.Path(sys.argv[1]).read_text())
    shown = re.search(r"^## What the demo shows$.*?^```text\n(.*?)^```$", readme, re.M | re.S)
    if shown is None:
        sys.exit("README.md has no transcript under 'What the demo shows'")
    at = 0
    for part in plain(shown[1]).split("...\n"):
        for line in part.splitlines(keepends=True):
            if not printed.startswith(line, at):
                # The first line of a part may come anywhere later, the others follow at once.
                at = printed.find("\n" + line, at) + 1 if line == part.splitlines(keepends=True)[0] else 0
                if at == 0:
                    sys.exit(f"README.md shows a line that ./demo does not print there:\n{line}")
            at += len(line)
    print("the transcript in README.md is what ./demo prints")


if __name__ == "__main__":
    main()
