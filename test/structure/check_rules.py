#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every rule that people may rely on names the test that would fail if it were broken.

docs/greenlet.md and docs/rules.md have tables of rules: a row is `| id | rule | test | note |`.

* In greenlet.md the rules are numbered from 1 to 139. In rules.md they have a letter or two for what
  they are about, and a number: H1 to H47 for the hub, and so on. Each id stands in one row.
* The third cell names tests as `suite.name`, and nothing else. Each exists: as a test case of
  GoogleTest, or as test/compile_fail/name.cpp for `compile_fail.name`.
* A rule without a test says `no C++ meaning` or `not promised` in its note. No other cell is empty.
"""

import re
import sys

from check_sizes import TEST_CASE
from tree import CPP, Problem, Report, tree_from_arguments

# How many rules of each group there are on each page.
PAGES = {
    "docs/greenlet.md": {"": 139},
    "docs/rules.md": {
        "H": 47, "EV": 28, "L": 29, "Q": 38, "LO": 7, "WT": 10, "MO": 11, "AL": 17, "LK": 10, "DB": 6,
        "T": 23, "AT": 22, "WF": 7, "TO": 10, "TG": 14, "TR": 40,
        "AF": 13,
        "P": 31, "AG": 10, "AW": 8, "SH": 6,
        "TP": 30, "CV": 13,
        "GR": 56, "EG": 5, "ST": 28, "U": 8, "SK": 33, "SS": 15, "S": 32, "W": 43,
        "AO": 24,
        "D": 13,
        "F": 11, "SE": 8,
        "SP": 20, "PR": 5,
        "SG": 10, "SN": 3,
        "HC": 35,
    },
}
UNTESTED = ("no C++ meaning", "not promised")
COMPILE_FAIL = "test/compile_fail/"
ROW = re.compile(r"\|\s*([A-Z]*\d+)\s*\|(.*)\|\s*$")
NAMES = re.compile(r"`\w+\.\w+`(, `\w+\.\w+`)*")


def tests_of(tree):
    """Returns the names of all tests that a rule may name."""
    refused = (path.rsplit("/", 1)[1] for path in tree.match(COMPILE_FAIL, ".cpp"))
    names = {f"compile_fail.{name.removesuffix('.cpp')}" for name in refused}
    for path in tree.match("test/", CPP):
        names |= {f"{case.group(2)}.{case.group(3)}"
                  for case in TEST_CASE.finditer(tree.text(path))}
    return names


def rows_of(tree, page):
    """Returns for each row with an id its line, the id, and the cells behind it."""
    rows = ((line, ROW.match(text)) for line, text in tree.lines(page))
    return [(line, row.group(1), [cell.strip() for cell in row.group(2).split("|")])
            for line, row in rows if row]


def judge(cells, tests):
    """Says what is wrong with the cells of a row, or returns None."""
    if len(cells) != 3:
        return "a row is `| id | rule | test | note |`"
    rule, named, note = cells
    if not rule or not note:
        return "a cell is empty: say what the rule is, and what is to be noted or `same`"
    if not named:
        excused = any(words in note.lower() for words in map(str.lower, UNTESTED))
        return None if excused else "no test: name one, or note one of: " + ", ".join(UNTESTED)
    if not NAMES.fullmatch(named):
        return "the third cell names tests as `suite.name`, with commas between them"
    missing = [name for name in re.findall(r"`([^`]+)`", named) if name not in tests]
    return "there is no test " + " and no ".join(missing) if missing else None


def main():
    tree, report = tree_from_arguments(), Report()
    tests = tests_of(tree)
    for page, groups in PAGES.items():
        wanted = {f"{group}{number}" for group, count in groups.items()
                  for number in range(1, count + 1)}
        counts = dict.fromkeys(sorted(wanted), 0)
        for line, name, cells in rows_of(tree, page):
            counts[name] = counts.get(name, 0) + 1
            wrong = judge(cells, tests)
            report.case(f"rule {name} is tested", [Problem(page, line, wrong)] if wrong else [])
        report.case(f"{page} has each of its rules once", [
            Problem(page, 0, f"rule {name} has {count} rows, and should have {int(name in wanted)}")
            for name, count in counts.items() if count != int(name in wanted)])
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
