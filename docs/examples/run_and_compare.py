#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs a program and compares what it prints with a file.

Usage: run_and_compare.py PROGRAM EXPECTED
"""

import difflib
import pathlib
import subprocess
import sys


def main():
    program, expected_path = sys.argv[1:3]
    expected = pathlib.Path(expected_path).read_text()
    run = subprocess.run([program], stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    if run.returncode != 0:
        print(f"{program} ended with status {run.returncode}")
        return 1
    difference = list(
        difflib.unified_diff(
            expected.splitlines(), run.stdout.splitlines(), "expected", "printed", lineterm=""
        )
    )
    print("\n".join(difference) if difference else "as expected")
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
