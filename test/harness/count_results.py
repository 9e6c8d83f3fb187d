#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# SPDX-License-Identifier: BSL-1.0
"""Counts the single test cases of a Meson run and prints `N passed, N failed` as its last line.

Usage: count_results.py STATUS testlog.junit.xml...

STATUS is what `meson test` ended with. When it failed without a failed case (a crash, a timeout)
one failure is counted, so that the line never says less than the exit status, which is passed on.
"""

import sys
import xml.etree.ElementTree


def count(path):
    """Returns how many cases of a JUnit file passed and failed."""
    passed = failed = 0
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        outcomes = {child.tag for child in case}
        if outcomes & {"failure", "error"}:
            failed += 1
        elif "skipped" not in outcomes:
            passed += 1
    return passed, failed


def main():
    status, paths = int(sys.argv[1]), sys.argv[2:]
    passed = failed = 0
    for path in paths:
        try:
            passed_here, failed_here = count(path)
        except (OSError, xml.etree.ElementTree.ParseError) as error:
            print(f"no results in {path}: {error}")
            passed_here, failed_here = 0, 1
        passed += passed_here
        failed += failed_here
    if status != 0 and failed == 0:
        failed = 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
