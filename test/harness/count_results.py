#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Shows what failed in a Meson run and counts its single test cases: `N passed, N failed` is the last line.

Usage: count_results.py STATUS testlog.junit.xml...

STATUS is what `meson test` ended with. When it failed without a failed case (a crash, a timeout)
one failure is counted, so that the line never says less than the exit status, which is passed on.
Each line about a failure begins with `failed: `, so that it can be found in a long log.
"""

import json
import pathlib
import sys
import xml.etree.ElementTree

LINES_OF_A_FAILURE = 40


def show(name, text):
    """Prints the end of what a failed case or program said."""
    print(f"failed: {name}")
    for line in text.strip().splitlines()[-LINES_OF_A_FAILURE:]:
        print(f"failed:     {line}")


def count(path):
    """Shows the failed cases of a JUnit file; returns how many passed and failed."""
    passed = failed = 0
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        outcomes = {child.tag: child for child in case}
        wrong = outcomes.get("failure", outcomes.get("error"))
        if wrong is not None:
            failed += 1
            said = "\n".join(child.text or child.get("message") or "" for child in case)
            show(f"{case.get('classname')}.{case.get('name')}", said)
        elif "skipped" not in outcomes:
            passed += 1
    return passed, failed


def show_failed_programs(path):
    """Shows the programs of a Meson log that failed, with the end of what they printed."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        program = json.loads(line)
        if program["result"] not in ("OK", "SKIP", "EXPECTEDFAIL"):
            said = program.get("stdout", "") + "\n" + program.get("stderr", "")
            show(f"{program['name']}: {program['result']}, status {program.get('returncode')}", said)


def main():
    status, paths = int(sys.argv[1]), sys.argv[2:]
    passed = failed = 0
    for path in paths:
        try:
            passed_here, failed_here = count(path)
        except (OSError, xml.etree.ElementTree.ParseError) as error:
            print(f"failed: no results in {path}: {error}")
            passed_here, failed_here = 0, 1
        passed += passed_here
        failed += failed_here
        log = pathlib.Path(path.replace(".junit.xml", ".json"))
        if status != 0 and log.exists():
            show_failed_programs(log)
    if status != 0 and failed == 0:
        failed = 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
