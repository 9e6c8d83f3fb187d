#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Counts what a run of a build with `-Db_coverage=true` has covered: a table by floor.

Usage: coverage_table.py BUILD [--missing [WORD]]

The core is every floor, and no tower. The goal is LINES percent of its lines and BRANCHES percent
of its branches; the status is 1 when the core is below one of them. `--missing` lists instead what
nothing has covered, in the files whose path has the word.

What counts, and what does not:

1. A template is one piece of code. A line or a branch of it is covered when one instantiation
   covers it; so is a constructor, of which the compiler makes several.
2. Every call that may throw is a branch for the compiler. Neither side of that is counted: what
   matters is the code that handles the error, and it has lines and branches of its own.
3. The branch of an assertion (`TENDRIL_ASSERT`) is not counted: nothing can take it. Nor is the
   line `__builtin_unreachable`.
4. The branches of `new` and `delete` are not counted: they are questions of the compiler whether
   a pointer is null.
5. Nor is a line without a word, or a branch on one: a brace is where the compiler puts the
   clean-up of an error that passes by.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "structure"))

import tree  # noqa: E402

LINES, BRANCHES = 95, 85

NO_LINE = re.compile(r"\W*|\s*__builtin_unreachable\(\);")
NO_BRANCH = re.compile(r"\bTENDRIL_ASSERT\(|^[^\"/]*\b(new|delete)\b")


def read_counts(notes):
    """Returns what gcov says about an object, by the path of its notes."""
    printed = subprocess.run(
        ["gcov", "--json-format", "--stdout", "--branch-probabilities", str(notes)],
        cwd=notes.parent, capture_output=True, check=False).stdout
    return [json.loads(line) for line in printed.splitlines() if line.strip()]


def path_in_tree(name, build):
    """Returns the path of a source in the tree, or None for a file from elsewhere."""
    path = pathlib.Path(os.path.normpath(build / name))
    if not path.is_relative_to(ROOT):
        return None
    path = path.relative_to(ROOT).as_posix()
    return path if path.startswith(("lib/", "include/tendril/")) else None


def without_throws(branches):
    """Returns the counts of the branches that are no call which may throw.

    Such a call has two: where it returns to, and where its error goes to.
    """
    kept = []
    skip = False
    for branch, following in zip(branches, branches[1:] + [None]):
        if skip:
            skip = False
        elif branch["throw"]:
            if following is not None and following["fallthrough"]:
                skip = True
        elif following is not None and following["throw"] and branch["fallthrough"]:
            skip = True
        else:
            kept.append(branch["count"])
    return tuple(kept)


class Functions:
    """Where the functions of a source begin, in one object. Instantiations begin at one place."""

    def __init__(self, counted):
        self.starts = {each["name"]: (each["start_line"], each["start_column"])
                       for each in counted["functions"]}
        self.copies = collections.Counter(self.starts.values())
        self.in_order = sorted(self.copies)

    def around(self, line):
        """Returns where the function of a line begins, and how many copies the line adds up."""
        if line.get("function_name") in self.starts:
            return self.starts[line["function_name"]], 1
        # A lambda in a template: gcov does not know where it ends, and names none of its copies.
        before = [start for start in self.in_order if start[0] <= line["line_number"]]
        return (before[-1], self.copies[before[-1]]) if before else (None, 1)


class File:
    """How often the lines and branches of a source were reached."""

    def __init__(self, path):
        self.path = path
        self.text = [""] + (ROOT / path).read_text(encoding="utf-8").splitlines()
        self.reached = collections.Counter()
        self.taken = {}

    def add(self, line, functions):
        """Adds what gcov says about a line, given the functions of the same object."""
        number = line["line_number"]
        if NO_LINE.fullmatch(self.text[number]):
            return
        self.reached[number] += line["count"]
        if NO_BRANCH.search(self.text[number]):
            return
        start, copies = functions.around(line)
        size, rest = divmod(len(line["branches"]), copies)
        size = size if rest == 0 else len(line["branches"])
        for at in range(0, len(line["branches"]), max(size, 1)):
            branches = without_throws(line["branches"][at:at + size])
            place = (number, start, len(branches))
            before = self.taken.get(place, (0,) * len(branches))
            self.taken[place] = tuple(map(sum, zip(before, branches)))

    def lines(self):
        """Returns the pair (covered, all) of lines."""
        return sum(count > 0 for count in self.reached.values()), len(self.reached)

    def branches(self):
        """Returns the pair (covered, all) of branches."""
        counts = [count for counts in self.taken.values() for count in counts]
        return sum(count > 0 for count in counts), len(counts)

    def missing(self):
        """Yields (number, what is missing, text) for each line that is not covered in full."""
        untaken = collections.defaultdict(list)
        for (number, _, _), counts in self.taken.items():
            if self.reached[number] > 0 and 0 in counts:
                untaken[number].append(" ".join(map(str, counts)))
        for number in sorted(self.reached):
            if self.reached[number] == 0:
                yield number, "never", self.text[number]
            elif number in untaken:
                yield number, "branches " + " | ".join(untaken[number]), self.text[number]


def read_build(build):
    """Returns the files that a build has counted, by their paths."""
    files = {}
    notes = sorted(build.rglob("*.gcno"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        for objects in workers.map(read_counts, notes):
            for counted in (file for an_object in objects for file in an_object["files"]):
                path = path_in_tree(counted["file"], build)
                if path is None:
                    continue
                file = files.setdefault(path, None) or File(path)
                files[path] = file
                functions = Functions(counted)
                for line in counted["lines"]:
                    file.add(line, functions)
    return files


def add_up(pairs):
    """Returns the sums of pairs (covered, all)."""
    pairs = list(pairs)
    return sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)


def percent(pair):
    """Returns how much of a pair (covered, all) is covered."""
    return 100 * pair[0] / pair[1] if pair[1] else 100.0


def show(name, lines, branches):
    """Prints a row."""
    print(f"| {name} | {lines[0]:,} of {lines[1]:,} | {percent(lines):.1f} % "
          f"| {branches[0]:,} of {branches[1]:,} | {percent(branches):.1f} % |")


def show_table(files):
    """Prints the table; returns whether the core reaches the goal."""
    print("| floor | lines | | branches | |\n|---|---|---|---|---|")
    core = []
    for floor in tree.FLOORS + tree.TOWERS:
        here = [file for path, file in files.items() if tree.floor_of(path) == floor]
        if floor in tree.FLOORS:
            core += here
        show(floor if floor in tree.FLOORS else f"{floor} (a tower)",
             add_up(file.lines() for file in here), add_up(file.branches() for file in here))
    lines = add_up(file.lines() for file in core)
    branches = add_up(file.branches() for file in core)
    show("the core", lines, branches)
    reached = percent(lines) >= LINES and percent(branches) >= BRANCHES
    print(f"\nM5 asks for {LINES} % of the lines and {BRANCHES} % of the branches of the core: "
          f"{'reached' if reached else 'not reached'}.")
    return reached


def show_missing(files, word):
    """Prints what is not covered, file by file, the worst first."""
    def gaps(file):
        (lines, all_lines), (branches, all_branches) = file.lines(), file.branches()
        return all_lines - lines + all_branches - branches
    chosen = [file for path, file in files.items() if word in path and gaps(file)]
    for file in sorted(chosen, key=gaps, reverse=True):
        print(f"{file.path}: lines {percent(file.lines()):.1f} %, "
              f"branches {percent(file.branches()):.1f} %, {gaps(file)} missing")
        for number, what, text in file.missing():
            print(f"  {number}: {what}: {text.strip()}")


def main():
    files = read_build(pathlib.Path(sys.argv[1]).resolve())
    if not files:
        sys.exit(f"coverage_table.py: nothing is counted below {sys.argv[1]}")
    if "--missing" in sys.argv:
        show_missing(files, sys.argv[3] if len(sys.argv) > 3 else "")
        return 0
    return 0 if show_table(files) else 1


if __name__ == "__main__":
    sys.exit(main())
