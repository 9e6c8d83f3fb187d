#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Nothing is too long to be read in one go.

    rule            limit
    header-lines    a public header has at most 400 lines
    source-lines    a source, private header, test, example or benchmark has at most 500
    function-lines  a function has at most 60, from its first word to its last bracket
    test-lines      so has a test case
    folder-headers  a floor has at most 14 public headers
    conditionals    at most 1 preprocessor conditional per 1000 lines of the library, outside the
                    floors that deal with compiler and platform (support, context)
    line-length     a line of C++ has at most 100 characters

An exception needs a line in exceptions.txt. The notes give median, ninth decile and maximum, to be
compared with the targets: headers 120/250/400, sources 200/400/500, functions 8/25/60, 25 lines a
test on average.
"""

import re
import statistics
import sys

import declarations
from tree import (CPP, Problem, Report, floor_of, read_reasons, spread, tree_from_arguments,
                  unused_reasons)

EXCEPTIONS = "test/structure/exceptions.txt"
LIMITS = {
    "header-lines": 400,
    "source-lines": 500,
    "function-lines": 60,
    "test-lines": 60,
    "folder-headers": 14,
    "conditionals": 1,
    "line-length": 100,
}
CONDITIONAL = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif)\b")
TEST_CASE = re.compile(r"\b(TENDRIL_\w*TEST|(?:TYPED_)?TEST(?:_[FP])?)\s*\(\s*(\w+),\s*(\w+)")


class Budget:
    """Compares numbers with their limits, unless an exception is listed."""

    def __init__(self, tree):
        self.excused, self.problems = read_reasons(tree, EXCEPTIONS)
        self.used = set()

    def judge(self, rule, number, path, line, what, advice):
        """Returns the problems of one number: none or one."""
        if number <= LIMITS[rule]:
            return []
        entry = f"{rule} {path}" + (f"#{what}" if rule in ("function-lines", "test-lines") else "")
        if entry in self.excused:
            self.used.add(entry)
            return []
        text = f"{what}: {number}, and {LIMITS[rule]} is the limit ({rule}); {advice}"
        return [Problem(path, line, text)]


def functions_of(tree, path):
    """Returns the triples (rule, name, declaration) of the functions with a body, and problems."""
    try:
        found = declarations.read(tree.text(path))
    except declarations.Unreadable as error:
        return [], [Problem(path, 0, f"cannot be read: {error}")]
    functions = []
    for declared in found:
        if declared.kind == "function" and declared.has_body:
            case = TEST_CASE.match(declared.head)
            name = f"{case.group(2)}.{case.group(3)}" if case else declared.name
            functions.append(("test-lines" if case else "function-lines", name, declared))
    return functions, []


def check_file(tree, path, budget, numbers):
    """Returns the problems of one C++ file, and adds its sizes to `numbers`."""
    lines = tree.lines(path)
    rule = "header-lines" if path.startswith("include/") else "source-lines"
    if not path.startswith(("test/", "docs/", "benchmarks/")):
        numbers[rule].append(len(lines))
    problems = budget.judge(
        rule, len(lines), path, 0, "lines", "look for the second idea in it and give it a file")
    functions, unreadable = functions_of(tree, path)
    problems += unreadable
    for kind, name, declared in functions:
        numbers[kind].append(declared.length)
        problems += budget.judge(
            kind, declared.length, path, declared.first_line, name,
            "keep the branches and move the straight lines to helpers")
    for number, line in lines:
        problems += budget.judge("line-length", len(line), path, number, "characters", "break it")
    return problems


def check_folders(tree, budget, report):
    """A folder with too many headers wants a wall."""
    headers = {}
    for path in tree.public_headers():
        headers.setdefault(path.rsplit("/", 1)[0], []).append(path)
    for folder, inside in headers.items():
        problems = budget.judge(
            "folder-headers", len(inside), folder, 0, "headers", "split the floor in two")
        report.case(f"{folder} has few headers", problems)


def check_conditionals(tree, budget, report):
    """Platforms are told apart by whole files, not by lines."""
    library = tree.match(("include/tendril/", "lib/"), CPP)
    plain = [path for path in library if floor_of(path) not in ("support", "context")]
    lines = [(path, *pair) for path in plain for pair in tree.lines(path)]
    found = [(path, number) for path, number, line in lines if CONDITIONAL.match(line)]
    share = round(1000 * len(found) / max(len(lines), 1), 2)
    report.note(f"{len(found)} preprocessor conditionals in {len(lines)} lines")
    advice = "move it to support/config.hpp, or choose a whole file in meson.build"
    problems = budget.judge("conditionals", share, "lib", 0, "per 1000 lines", advice)
    where = [Problem(*place, "a preprocessor conditional") for place in found]
    report.case("the library has few preprocessor conditionals", problems and problems + where)


def main():
    tree, report = tree_from_arguments(), Report()
    budget = Budget(tree)
    numbers = {rule: [] for rule in LIMITS}
    for path in tree.match(("include/", "lib/", "test/", "docs/", "benchmarks/"), CPP):
        report.case(f"{path} is short", check_file(tree, path, budget, numbers))
    check_folders(tree, budget, report)
    check_conditionals(tree, budget, report)
    stale = unused_reasons(EXCEPTIONS, budget.excused, budget.used)
    report.case(f"{EXCEPTIONS} is up to date", budget.problems + stale)
    for rule in ("header-lines", "source-lines", "function-lines", "test-lines"):
        report.note(f"{rule}: {spread(numbers[rule])} of {len(numbers[rule])}")
    if numbers["test-lines"]:
        report.note(f"lines per test: {statistics.mean(numbers['test-lines']):.0f} on average")
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
