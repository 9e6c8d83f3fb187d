# SPDX-License-Identifier: BSL-1.0
"""What the checks of this folder share: the files of the tree, and the report that they print.

A check is a script with one rule or a few, stated in its docstring. It prints TAP, one line for
each file or rule, and ends with status 1 when something is wrong. By hand:

    python3 test/structure/check_sizes.py [ROOT]
"""

import collections
import os
import pathlib
import re
import statistics
import sys

# From the bottom up. A floor includes and links only what stands before it.
FLOORS = ["support", "context", "greenlet", "coroutine", "hub", "time", "sync", "channel", "task",
          "scope", "together", "threads", "io", "net", "file", "protocol", "tls", "process",
          "hubs", "server", "http"]
# The side towers may use every floor and are used by none.
TOWERS = ["inspect", "testing"]

CPP = (".cpp", ".hpp")

# One thing that is wrong, where (line 0 means the whole file), and what to do about it.
Problem = collections.namedtuple("Problem", "path line text")


class Tree:
    """The source files below a root. Paths are relative to it and written with slashes."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.files = sorted(self._walk(self.root))
        self._texts = {}

    def _walk(self, folder):
        for entry in os.scandir(folder):
            path = pathlib.Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if not self._is_foreign(path):
                    yield from self._walk(path)
            else:
                yield path.relative_to(self.root).as_posix()

    @staticmethod
    def _is_foreign(folder):
        """Says whether a folder was built or belongs to a tool, and is no source."""
        hidden = folder.name.startswith(".") and folder.name != ".ci"
        return hidden or folder.name == "__pycache__" or (folder / "meson-private").exists()

    def match(self, prefix="", suffix=""):
        """Returns the files whose path begins and ends so; both may be a tuple of choices."""
        return [path for path in self.files if path.startswith(prefix) and path.endswith(suffix)]

    def exists(self, path):
        """Says whether the tree has this file or folder."""
        return (self.root / path).exists()

    def text(self, path):
        """Returns the text of a file."""
        if path not in self._texts:
            self._texts[path] = (self.root / path).read_text(encoding="utf-8")
        return self._texts[path]

    def lines(self, path):
        """Returns the pairs (line number, line) of a file."""
        return list(enumerate(self.text(path).splitlines(), start=1))

    def public_headers(self):
        """Returns the headers of the floors and towers, without the front doors."""
        return [path for path in self.match("include/tendril/", ".hpp") if path.count("/") == 3]

    def pages(self):
        """Returns the Markdown files that people read."""
        pages = self.match("", ".md")
        return [path for path in pages if path.startswith("docs/") or "/" not in path]


Fence = collections.namedtuple("Fence", "line language above lines")


def read_page(tree, path):
    """Splits a Markdown page: returns its lines of prose, numbered, and its fenced blocks.

    `above` of a block is the last line of prose above it that is not empty.
    """
    prose, fences, mark, above = [], [], None, ""
    for number, line in tree.lines(path):
        text = line.strip()
        if mark is None and (match := re.match(r"(```+|~~~+)\s*([^\s`]*)", text)):
            mark = match.group(1)
            fences.append(Fence(number, match.group(2), above, []))
        elif mark is not None and text.startswith(mark) and not text.strip("`~"):
            mark, above = None, ""
        elif mark is not None:
            fences[-1].lines.append(line)
        else:
            prose.append((number, line))
            above = text or above
    return prose, fences


def floor_of(path):
    """Returns the floor or tower of a file in include/tendril, lib or test; None for others."""
    parts = path.split("/")
    at = 2 if parts[0] == "include" else 1
    return parts[at] if len(parts) > at + 1 else None


def read_reasons(tree, path):
    """Reads a list of exceptions: a line is `entry: reason`, and `#` begins a comment.

    Returns the entries with their lines, and the problems of the list itself.
    """
    entries, problems = {}, []
    for number, line in tree.lines(path) if tree.exists(path) else []:
        if not line.strip() or line.startswith("#"):
            continue
        entry, _, reason = line.partition(": ")
        if not reason.strip():
            problems.append(Problem(path, number, "no reason given: write `entry: reason`"))
        entries[entry.strip()] = number
    return entries, problems


def unused_reasons(path, entries, used):
    """Returns a problem for each exception that nothing needs any more."""
    return [
        Problem(path, line, f"nothing needs the exception for {entry} any more: delete the line")
        for entry, line in entries.items()
        if entry not in used
    ]


def spread(values):
    """Returns median, ninth decile and maximum, as the budgets are written."""
    if not values:
        return "0/0/0"
    ordered = sorted(values)
    decile = ordered[min(len(ordered) - 1, len(ordered) * 9 // 10)]
    return f"{statistics.median(ordered):.0f}/{decile}/{ordered[-1]}"


class Report:
    """Prints TAP."""

    def __init__(self):
        self._cases = 0
        self._failed = 0

    def case(self, name, problems=()):
        """Reports one case, which is good when it has no problems."""
        self._cases += 1
        problems = list(problems)
        self._failed += bool(problems)
        # In TAP a `#` after the name begins something else.
        name = name.replace("#", " ")
        print(f"{'not ok' if problems else 'ok'} {self._cases} - {name}")
        for problem in problems:
            text = problem.text.replace("\n", "\n# ")
            print(f"# {problem.path}:{problem.line}: {text}")

    def skip(self, name, reason):
        """Reports a case that has nothing to look at yet."""
        self._cases += 1
        print(f"ok {self._cases} - {name} # SKIP {reason}")

    def note(self, text):
        """Prints something that is neither good nor bad."""
        print(f"# {text}")

    def finish(self):
        """Prints how many cases there were. Returns the status to exit with."""
        print(f"1..{self._cases}")
        return 1 if self._failed else 0


def tree_from_arguments():
    """Returns the tree that the first argument names, or the one that this file belongs to."""
    here = pathlib.Path(__file__).resolve().parent.parent.parent
    return Tree(sys.argv[1] if len(sys.argv) > 1 else here)
