#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every drawing is made by docs/drawings/draw.py and shown by a page.

`draw.py FOLDER` writes all drawings into a folder. Each must equal, byte for byte, the file of that
name below docs/, and there must be no other: a drawing that was edited by hand, or that nobody
shows, is wrong. While there is neither a drawing nor the script this has nothing to look at.
"""

import pathlib
import subprocess
import sys
import tempfile

import check_links
from tree import Problem, Report, tree_from_arguments

DRAW = "docs/drawings/draw.py"
ADVICE = f"run {DRAW} and save what it draws"


def targets_of_pages(tree):
    """Returns the files that pages link to or show."""
    for page in tree.pages():
        for _, target in check_links.links_of(tree, page):
            yield ((tree.root / page).parent / target.partition("#")[0]).resolve()


def draw(tree, folder):
    """Runs the script. Returns what it drew, name -> content, and problems."""
    run = subprocess.run(
        [sys.executable, tree.root / DRAW, folder], capture_output=True, text=True, check=False)
    drawn = {path.name: path.read_bytes() for path in pathlib.Path(folder).rglob("*.svg")}
    failed = Problem(DRAW, 0, f"ended with status {run.returncode}: {run.stderr.strip()[-300:]}")
    return drawn, [failed] if run.returncode else []


def main():
    tree, report = tree_from_arguments(), Report()
    drawings = tree.match("docs/", ".svg")
    if not drawings and not tree.exists(DRAW):
        report.skip("drawings are made by the script", f"there is no {DRAW} yet")
        return report.finish()
    with tempfile.TemporaryDirectory() as folder:
        drawn, problems = draw(tree, folder)
    report.case(f"{DRAW} runs", problems)
    shown = set(targets_of_pages(tree))
    for path in drawings:
        found = []
        if drawn.pop(pathlib.PurePath(path).name, None) != (tree.root / path).read_bytes():
            found.append(Problem(path, 0, f"this is not what {DRAW} draws: {ADVICE}"))
        if (tree.root / path).resolve() not in shown:
            found.append(Problem(path, 0, "no page shows it: show it, or delete it"))
        report.case(f"{path} is drawn and shown", found)
    lost = [Problem(DRAW, 0, f"{name} is drawn but not saved: {ADVICE}") for name in drawn]
    report.case("every drawing is saved", lost)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
