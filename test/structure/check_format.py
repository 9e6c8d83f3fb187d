#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""clang-format has nothing to change in any C++ file. Without clang-format this fails: `./dev`
installs it. `./dev format` lets it have its way.
"""

import re
import subprocess
import sys

from tree import CPP, Problem, Report, tree_from_arguments

COMPLAINT = re.compile(r"^(.*?):(\d+):\d+: (?:error|warning): (.*)$", re.MULTILINE)


def run(tree, arguments):
    """Runs clang-format in the tree. Returns its status and all that it says."""
    command = ["clang-format", *arguments]
    done = subprocess.run(command, cwd=tree.root, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def main():
    tree, report = tree_from_arguments(), Report()
    try:
        report.note(run(tree, ["--version"])[1].strip())
    except FileNotFoundError:
        report.case("clang-format is there", [Problem(".clang-format", 0, "install clang-format")])
        return report.finish()
    files = tree.match("", CPP)
    status, said = run(tree, ["--dry-run", "-Werror", *files])
    problems = {}
    for path, line, _ in COMPLAINT.findall(said):
        problem = Problem(path, int(line), "clang-format disagrees: ./dev format")
        problems.setdefault(path, []).append(problem)
    for path in files:
        report.case(f"{path} is formatted", problems.get(path, []))
    failed = status != 0 and not problems
    report.case("clang-format understands its configuration",
                [Problem(".clang-format", 0, said.strip()[:300])] if failed else [])
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
