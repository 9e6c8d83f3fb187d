#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every public call of the floors io to http that may wait stands in the matrix of kills.

A call may wait when its contract says `Switches: may`, or says "As above" below one that does, and
it is not deleted. The
matrix of kills runs over test/harness/blocking_calls*.cpp, where a call has a name in a literal:
"class::function", or "function" for a free one; forms with `_for` and `_until` are the same call.
What the name does there this check cannot see.

A call, or a class with all of its calls, that stands elsewhere has a line `name: reason` in
no_cell_needed.txt. A line that nothing needs any more is an error.
"""

import re
import sys

import declarations
from check_contracts import block_above, is_public
from tree import CPP, Problem, Report, floor_of, read_reasons, tree_from_arguments, unused_reasons

FLOORS = ("io", "net", "file", "protocol", "tls", "process", "hubs", "server",
          "http")
NO_CELL = "test/structure/no_cell_needed.txt"


def waiting_calls(tree, path):
    """Returns the names of the calls of a header that may wait, each with its first line."""
    lines = [line for _, line in tree.lines(path)]
    calls, above = {}, {}
    for declared in filter(is_public, declarations.read(tree.text(path))):
        may, last_line = above.get(declared.scope, (False, -1))
        block = block_above(lines, declared.first_line)
        if said := re.search(r"Switches: (\w+)", block):
            may = said.group(1) == "may"
        elif block:
            may = may and "As above" in block
        elif last_line != declared.first_line - 1:
            may = False
        above[declared.scope] = (may, declared.last_line)
        if may and not declared.head.endswith("= delete"):
            owners = [part.replace("<>", "") for part in declared.scope if part != "tendril"]
            calls.setdefault("::".join([*owners, declared.name]), declared.first_line)
    return calls


def names_of_cells(tree):
    """Returns the words of the literals of the matrix."""
    names = set()
    for path in tree.match("test/harness/blocking_calls", CPP):
        for literal in re.findall(r'"([^"\n]*)"', tree.text(path)):
            names |= set(re.findall(r"[\w:~]+", literal))
    return names


def main():
    tree, report = tree_from_arguments(), Report()
    cells, used, total = names_of_cells(tree), set(), 0
    excused, problems = read_reasons(tree, NO_CELL)
    for path in tree.public_headers():
        if floor_of(path) not in FLOORS:
            continue
        missing = []
        for name, line in waiting_calls(tree, path).items():
            known_as = {name, re.sub(r"_(for|until)$", "", name)}
            excuses = {name, name.partition("::")[0]} & excused.keys()
            total += 1
            if not known_as & cells and not excuses:
                missing.append(Problem(
                    path, line, f"{name} may wait and has no cell: add it to "
                                f"test/harness/blocking_calls*.cpp, or a reason to {NO_CELL}"))
            used |= set() if known_as & cells else excuses
        report.case(f"what waits in {path} is in the matrix of kills", missing)
    report.note(f"{total} calls may wait, and {len(used)} lines excuse some of them")
    report.case(f"{NO_CELL} is up to date", problems + unused_reasons(NO_CELL, excused, used))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
