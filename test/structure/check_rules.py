#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every rule of greenlets names the test that would fail if it were broken.

docs/greenlet.md has tables of rules: a row is `| number | rule | test | note |`.

* The rules are numbered from 1 to 139, and each number stands in one row.
* The third cell names tests as `suite.name`, and nothing else. Each exists: as a test case of
  GoogleTest, or as test/compile_fail/name.cpp for `compile_fail.name`.
* A rule without a test says `no C++ meaning` in its note. No other cell is empty.
"""

import re
import sys

from check_sizes import TEST_CASE
from tree import CPP, Problem, Report, tree_from_arguments

PAGE = "docs/greenlet.md"
RULES = 139
MEANINGLESS = "no C++ meaning"
COMPILE_FAIL = "test/compile_fail/"
ROW = re.compile(r"\|\s*(\d+)\s*\|(.*)\|\s*$")
NAMES = re.compile(r"`\w+\.\w+`(, `\w+\.\w+`)*")


def tests_of(tree):
    """Returns the names of all tests that a rule may name."""
    refused = (path.rsplit("/", 1)[1] for path in tree.match(COMPILE_FAIL, ".cpp"))
    names = {f"compile_fail.{name.removesuffix('.cpp')}" for name in refused}
    for path in tree.match("test/", CPP):
        names |= {f"{case.group(2)}.{case.group(3)}"
                  for case in TEST_CASE.finditer(tree.text(path))}
    return names


def rows_of(tree):
    """Returns for each row with a number its line, the number, and the cells behind it."""
    rows = ((line, ROW.match(text)) for line, text in tree.lines(PAGE))
    return [(line, int(row.group(1)), [cell.strip() for cell in row.group(2).split("|")])
            for line, row in rows if row]


def judge(cells, tests):
    """Says what is wrong with the cells of a row, or returns None."""
    if len(cells) != 3:
        return "a row is `| number | rule | test | note |`"
    rule, named, note = cells
    if not rule or not note:
        return "a cell is empty: say what the rule is, and what is to be noted or `same`"
    if not named:
        return None if MEANINGLESS in note else f"no test: name one, or note `{MEANINGLESS}`"
    if not NAMES.fullmatch(named):
        return "the third cell names tests as `suite.name`, with commas between them"
    missing = [name for name in re.findall(r"`([^`]+)`", named) if name not in tests]
    return "there is no test " + " and no ".join(missing) if missing else None


def main():
    tree, report = tree_from_arguments(), Report()
    tests, rows = tests_of(tree), rows_of(tree)
    counts = {number: 0 for number in range(1, RULES + 1)}
    for line, number, cells in rows:
        counts[number] = counts.get(number, 0) + 1
        wrong = judge(cells, tests)
        report.case(f"rule {number} is tested", [Problem(PAGE, line, wrong)] if wrong else [])
    report.case(f"the rules are those from 1 to {RULES}", [
        Problem(PAGE, 0, f"rule {number} has {count} rows, and should have "
                         f"{int(1 <= number <= RULES)}")
        for number, count in counts.items() if count != int(1 <= number <= RULES)])
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
