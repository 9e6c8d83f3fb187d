#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every check can fail.

Puts the violations of plants.py into a copy of the tree, one at a time, and demands that the right
check reports them. What the tree itself violates does not count: the check must say something that
it does not say without the plant.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

from plants import PLANTS
from tree import Problem, Report, tree_from_arguments

SUCCESS = "ended with status 0"
HERE = pathlib.Path(__file__).resolve().parent


class Copy:
    """A copy of the tree in which something can be planted and taken out again."""

    def __init__(self, tree, folder):
        self.original, self.root = tree.root, folder / "copy"
        self.sources = folder / "sources"
        for path in tree.files:
            self._restore(path)
        self.run("headers", "--write", self.root, self.sources)

    def _restore(self, path):
        target = self.root / path
        if (self.original / path).exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.original / path, target)
        else:
            target.unlink(missing_ok=True)

    def run(self, check, *arguments):
        """Runs a check and returns what it prints."""
        command = [sys.executable, HERE / f"check_{check}.py", *arguments]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.stdout + ("" if done.returncode else SUCCESS)

    def judge(self, check):
        """Runs a check on the copy."""
        return self.run(check, self.root, self.sources)

    def with_plants(self, check, plants):
        """Runs a check on the copy while something is planted there."""
        paths = [path.lstrip("+!") for path in plants]
        for name, text in plants.items():
            path = self.root / name.lstrip("+!")
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.startswith("!"):
                path.chmod(0o644)
            elif text is None:
                path.unlink()
            else:
                old = path.read_text(encoding="utf-8") if name.startswith("+") else ""
                path.write_text(old + text, encoding="utf-8")
        output = self.judge(check)
        for path in paths:
            self._restore(path)
        return output


def main():
    tree, report = tree_from_arguments(), Report()
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(tree, pathlib.Path(folder).resolve())
        checks = {plant[0] for plant in PLANTS}
        before = {check: set(copy.judge(check).splitlines()) for check in checks}
        for number, (check, plants, expected) in enumerate(PLANTS, start=1):
            output = copy.with_plants(check, plants)
            new = [line for line in output.splitlines() if line not in before[check]]
            seen = any(expected in line for line in new) and not output.endswith(SUCCESS)
            said = "not reported; new is:\n" + "\n".join(new[-9:])
            missed = Problem(f"test/structure/plants.py, plant {number}", 0, said)
            report.case(f"check_{check} sees: {expected}", [] if seen else [missed])
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
