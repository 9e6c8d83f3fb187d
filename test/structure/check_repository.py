#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The tree works on every machine and mentions only what every reader has.

* `dev` and `.ci/run` can be executed, bash can read them, and `.ci/run` runs `./dev test`.
* No file contains a path of one developer's machine. A test may name a file below the folder for
  temporary files on a line that makes a unique name (mkstemp, mkdtemp).
* No file mentions notes that stand outside of the tree.
"""

import os
import re
import subprocess
import sys

from tree import CPP, Problem, Report, tree_from_arguments

SCRIPTS = ("dev", ".ci/run")
TEXT = CPP + (".md", ".py", ".sh", ".txt", ".build", ".out", ".svg", ".yml", ".yaml", ".ini")
# Put together, so that this file does not contain what it looks for. A path begins where a word
# does: `https://host/home/` is none.
MACHINE = re.compile(r"(?<![\w.:/])/(?:" + "|".join(["work", "home", "root", "tmp"]) + r")/")
TEMPORARY = re.compile(r"mk[sd]temp|temp_directory_path|X{6}")
NOTES = re.compile(
    r"\.\./shared"
    + r"|\b(?:" + "|".join(["behaviours", "peers", "performance", "style", "design"])
    + r")\.md\b")


def check_script(tree, report, path):
    """A script can be executed and read."""
    file = tree.root / path
    if not file.exists():
        report.case(f"{path} can be run", [Problem(path, 0, "it is missing")])
        return
    problems = []
    if not os.access(file, os.X_OK):
        problems.append(Problem(path, 0, f"not executable: chmod +x {path}"))
    read = subprocess.run(["bash", "-n", file], capture_output=True, text=True, check=False)
    if read.returncode != 0:
        problems.append(Problem(path, 0, f"bash cannot read it: {read.stderr.strip()}"))
    report.case(f"{path} can be run", problems)


def check_text(tree, path):
    """The paths and notes that a file mentions."""
    for number, line in tree.lines(path):
        temporary = path.startswith("test/") and TEMPORARY.search(line)
        if MACHINE.search(line) and not temporary:
            yield Problem(path, number, "a path of one machine: take it from an argument")
        if match := NOTES.search(line):
            yield Problem(path, number, f"{match.group()} is not part of the tree: say it here")


def main():
    tree, report = tree_from_arguments(), Report()
    for path in SCRIPTS:
        check_script(tree, report, path)
    # A comment or a text that names the command is not enough: a line must run it.
    text = tree.text(".ci/run") if tree.exists(".ci/run") else ""
    idle = Problem(".ci/run", 0, "it runs no `./dev test`")
    runs = re.search(r"(?m)^[^#\n]*\./dev test\b", text)
    report.case(".ci/run runs ./dev test", [] if runs else [idle])
    for path in tree.files:
        if path.endswith(TEXT) or path in SCRIPTS:
            report.case(f"{path} stands for itself", check_text(tree, path))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
