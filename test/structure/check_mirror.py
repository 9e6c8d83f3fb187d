#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The same path in four trees: include/tendril/sync/event.hpp, lib/sync/event.cpp,
test/sync/event_test.cpp.

* Every public header has a test of its name, or a line in no_test_needed.txt.
* Every test of a floor has its header. Tests of one header may stand in several files, as
  queue_test.cpp and queue_limits_test.cpp for queue.hpp.
* Every source and private header in lib/ has a public header of its name. What has none, and a test
  without a header, needs a line in no_header_needed.txt.
* Every source of the library, test, example and benchmark is named in a meson.build, and every
  check in test/structure too: what nobody builds rots.

The two lists hold `path: reason`. A line that nothing needs any more is an error.
"""

import re
import sys

from tree import (CPP, FLOORS, TOWERS, Problem, Report, floor_of, read_reasons,
                  tree_from_arguments, unused_reasons)

NO_TEST = "test/structure/no_test_needed.txt"
NO_HEADER = "test/structure/no_header_needed.txt"


def test_of(header):
    """Returns the path of the test that belongs to a public header."""
    return re.sub(r"^include/tendril/(.*)\.hpp$", r"test/\1_test.cpp", header)


def headers_of(path):
    """Returns the public headers that a test, source or private header may belong to."""
    # Sources for one platform are named after it: stack_posix.cpp belongs to stack.hpp.
    names = [re.sub(r"(_test|_posix|_windows)?\.[ch]pp$", "", path.rsplit("/", 1)[1])]
    while path.endswith("_test.cpp") and "_" in names[-1]:
        names.append(names[-1].rpartition("_")[0])
    return [f"include/tendril/{floor_of(path)}/{name}.hpp" for name in names]


def check_tests(tree, report):
    """Every public header has its test."""
    excused, problems = read_reasons(tree, NO_TEST)
    used = set()
    for header in tree.public_headers():
        test = test_of(header)
        if not tree.exists(test) and header in excused:
            used.add(header)
            continue
        missing = Problem(header, 0, f"no {test}: write it, or give a reason in {NO_TEST}")
        report.case(f"{header} has a test", [] if tree.exists(test) else [missing])
    report.case(f"{NO_TEST} is up to date", problems + unused_reasons(NO_TEST, excused, used))


def check_headers(tree, report):
    """Every test and every source has its header."""
    excused, problems = read_reasons(tree, NO_HEADER)
    used = set()
    floors = FLOORS + TOWERS
    tests = tree.match(tuple(f"test/{floor}/" for floor in floors), "_test.cpp")
    sources = tree.match(tuple(f"lib/{floor}/" for floor in floors), CPP)
    for path in tests + sources:
        headers = headers_of(path)
        found = any(tree.exists(header) for header in headers)
        # `lib/hub/mailbox` stands for the source and its private header.
        reasons = {path, path.rsplit(".", 1)[0]} & excused.keys()
        if reasons and not found:
            used |= reasons
            continue
        missing = Problem(path, 0, f"no {headers[0]}: rename one, or give a reason in {NO_HEADER}")
        report.case(f"{path} has a header", [] if found else [missing])
    report.case(f"{NO_HEADER} is up to date", problems + unused_reasons(NO_HEADER, excused, used))


def names_in(tree, build_file):
    """Returns the paths that the strings of a meson.build may mean, from the root."""
    folder = build_file.rpartition("/")[0]
    text = re.sub(r"(?m)^\s*#.*$", "", tree.text(build_file))
    for name in re.findall(r"'([^'\n]+)'", text):
        yield f"{folder}/{name}"


def check_registration(tree, report):
    """Every source is named in a meson.build, with or without its suffix."""
    named = {path for file in tree.match("", "meson.build") for path in names_in(tree, file)}
    sources = tree.match(("lib/", "test/", "docs/", "benchmarks/"), ".cpp")
    for path in sources + tree.match("test/structure/check_", ".py"):
        orphan = Problem(path, 0, "no meson.build names it: add it to the list of its folder")
        registered = path in named or path.rsplit(".", 1)[0] in named
        report.case(f"{path} is built", [] if registered else [orphan])


def main():
    tree, report = tree_from_arguments(), Report()
    check_tests(tree, report)
    check_headers(tree, report)
    check_registration(tree, report)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
