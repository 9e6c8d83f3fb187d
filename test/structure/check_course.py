#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The course can be read in fourteen sittings, and the front page says how to begin.

* README.md names `./dev demo` and `./dev test`.
* docs/course.md has fourteen headings `## Sitting N: …`, numbered from 1. The source files that a
  sitting links to, below include/, lib/ or docs/examples/, have at most 500 lines together.
"""

import re
import sys

from check_links import LINKS
from tree import Problem, Report, read_page, tree_from_arguments

COURSE = "docs/course.md"
SITTINGS = 14
LIMIT = 500
SOURCES = ("include/", "lib/", "docs/examples/")


def sittings_of(tree):
    """Returns for each sitting its number, the line of its heading, and the files it links to."""
    sittings = []
    for number, line in read_page(tree, COURSE)[0]:
        if match := re.match(r"## Sitting (\d+): \S", line):
            sittings.append((int(match.group(1)), number, {}))
        elif line.startswith("## "):
            sittings.append((None, number, {}))
        elif sittings:
            for target in (target for link in LINKS for target in link.findall(line)):
                file = (tree.root / "docs" / target.partition("#")[0]).resolve()
                if file.is_file() and file.is_relative_to(tree.root):
                    # A dictionary keeps the order and counts a file once.
                    sittings[-1][2][file.relative_to(tree.root).as_posix()] = True
    return [sitting for sitting in sittings if sitting[0] is not None]


def check_course(tree, report):
    """The number of the sittings, and the size of each."""
    sittings = sittings_of(tree)
    numbers = [number for number, _, _ in sittings]
    expected = list(range(1, SITTINGS + 1))
    wrong = Problem(COURSE, 0, f"the sittings are {numbers}, and should be {expected}")
    report.case("the course has fourteen sittings", [] if numbers == expected else [wrong])
    for number, line, files in sittings:
        sizes = {path: len(tree.lines(path)) for path in files if path.startswith(SOURCES)}
        total = sum(sizes.values())
        report.note(f"sitting {number}: {total} lines")
        listed = ", ".join(f"{path} {size}" for path, size in sizes.items())
        long = Problem(COURSE, line, f"{total} lines, and {LIMIT} is the limit: {listed}")
        empty = Problem(COURSE, line, "it links to no source file: a sitting reads something")
        report.case(
            f"sitting {number} can be read in one go",
            [long] if total > LIMIT else [] if sizes else [empty])


def main():
    tree, report = tree_from_arguments(), Report()
    for command in ("./dev demo", "./dev test"):
        missing = Problem("README.md", 0, f"it does not say `{command}`")
        said = tree.exists("README.md") and command in tree.text("README.md")
        report.case(f"README.md says {command}", [] if said else [missing])
    if tree.exists(COURSE):
        check_course(tree, report)
    else:
        report.skip("the course has fourteen sittings", f"there is no {COURSE} yet")
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
