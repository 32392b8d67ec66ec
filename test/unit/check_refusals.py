#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""check_refusals.py PROTOCOL.MD REFUSALS.TXT: see the head of refusals.txt."""
import os
import re
import sys


def plain(text):
    """The document without vectors and pictures, each paragraph, item or row in one line."""
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    text = re.sub(r"^    .*$", "", text, flags=re.M)
    blocks = re.split(r"\n\s*\n|\n(?=[|#]|- |\d\. )", text)
    return [" ".join(block.split()) for block in blocks]


CASES = {}  # the test cases of a file


def tests_of(folder, name):
    if name not in CASES:
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            source = f.read()
        CASES[name] = set(re.findall(r"(?:CASE|cmocka_unit_test\w*)\((\w+)", source))
    return CASES[name]


def main():
    document, table = sys.argv[1:]
    bad, phrases = [], []
    with open(document, encoding="utf-8") as f:
        blocks = plain(f.read())
    whole = "\n".join(blocks)
    with open(table, encoding="utf-8") as f:
        lines = [line.rstrip("\n") for line in f if line.strip() and not line.startswith("#")]
    for line in lines:
        parts = [part.strip() for part in line.split("|")]
        phrase, status, test = parts if len(parts) == 3 else ("", "", "")
        phrases.append(phrase)
        if not phrase or ": " not in test:
            bad.append(f"cannot be read: {line}")
            continue
        where, name = test.split(": ", 1)
        if phrase not in whole:
            bad.append(f"the document does not say: {phrase}")
        if status and f"| {status} |" not in whole:
            bad.append(f"no such status: {status}")
        try:
            if where == "lab":
                os.stat(os.path.join(os.path.dirname(table), "../../lab/scenarios", name))
            elif where != "-" and name not in tests_of(os.path.dirname(table), where):
                bad.append(f"no such test: {test}")
        except OSError:
            bad.append(f"no such file: {test}")
    for block in blocks:
        for sentence in re.split(r"(?<=[.:;)])\s+(?=[A-Z(])", block):
            if re.search(r"\brefuse[ds]?\b|MUST NOT", sentence) and not any(p in sentence or sentence in p for p in phrases):
                bad.append(f"no test for: {sentence}")
    print("\n".join(bad) or f"{len(lines)} refusals")
    return bool(bad)


sys.exit(main())
