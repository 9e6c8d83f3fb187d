#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every known hazard names the test that would fail if it came true.

docs/hazards.md has tables of hazards: a row is `| number | hazard | what tendril does | test |`.

* The hazards have the numbers from 1 to 59, 65 and 66, and each stands in one row.
* The last cell names tests as `suite.name`, or says `not promised`; then the third says so too.
* Each test exists: as a test case of GoogleTest, or for a script `stem_test.py` as a function in it,
  named `stem.function`.
"""

import pathlib
import re
import sys

from check_sizes import TEST_CASE
from tree import CPP, Problem, Report, tree_from_arguments

PAGE = "docs/hazards.md"
HAZARDS = [*range(1, 60), 65, 66]
NOTHING = "not promised"
ROW = re.compile(r"\|\s*(\d+)\s*\|(.*)\|\s*$")
NAMES = re.compile(r"`\w+\.\w+`(, `\w+\.\w+`)*")


def tests_of(tree):
    """Returns the names of all tests that a hazard may name."""
    names = set()
    for path in tree.match("test/", CPP):
        names |= {f"{case.group(2)}.{case.group(3)}"
                  for case in TEST_CASE.finditer(tree.text(path))}
    for path in tree.match("test/", "_test.py"):
        stem = pathlib.PurePath(path).stem.removesuffix("_test")
        names |= {f"{stem}.{name}" for name in re.findall(r"(?m)^def (\w+)\(", tree.text(path))}
    return names


def judge(cells, tests):
    """Says what is wrong with the cells of a row, or returns None."""
    if len(cells) != 3 or not all(cells):
        return "a row is `| number | hazard | what tendril does | test |`, and no cell is empty"
    _, does, named = cells
    if named == NOTHING:
        return None if NOTHING in does.lower() else f"say `{NOTHING}`, and what happens instead"
    if not NAMES.fullmatch(named):
        return f"the last cell names tests as `suite.name`, with commas, or says {NOTHING}"
    missing = [name for name in re.findall(r"`([^`]+)`", named) if name not in tests]
    return "there is no test " + " and no ".join(missing) if missing else None


def main():
    tree, report = tree_from_arguments(), Report()
    tests = tests_of(tree)
    counts = dict.fromkeys(HAZARDS, 0)
    for line, text in tree.lines(PAGE):
        if row := ROW.match(text):
            number = int(row.group(1))
            counts[number] = counts.get(number, 0) + 1
            wrong = judge([cell.strip() for cell in row.group(2).split("|")], tests)
            report.case(f"hazard {number} is tested", [Problem(PAGE, line, wrong)] if wrong else [])
    report.case("each hazard has one row", [
        Problem(PAGE, 0, f"hazard {number} has {count} rows, and should have "
                         f"{int(number in HAZARDS)}")
        for number, count in counts.items() if count != int(number in HAZARDS)])
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
