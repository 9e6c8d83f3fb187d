#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Gathers the goals with figures from the logs of a Meson run into one report, and prints it.

Usage: report_goals.py REPORT BUILD

A test tells a goal with a line of five columns, `| L2 | figure asked | figure reached | yes |`,
behind `# ` in TAP; `./dev fuzz` leaves such lines in build-fuzz/goals/. REPORT is a page of Markdown with date, machine, counts, all goals, and how long
the longest tests took.
"""

import collections
import contextlib
import datetime
import io
import json
import os
import pathlib
import platform
import re
import sys

import count_results

ROW = re.compile(r"^(?:# )?\| ([A-Z]\d+)((?: \| [^|]+){3}) \|$", re.MULTILINE)
LONGEST = 20


def logs_of(build):
    """Yields each test of the last run of Meson: what its log says of it."""
    for path in sorted(build.glob("meson-logs/testlog*.json")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            yield json.loads(line)


def goals_of(texts):
    """Returns the lines of the goals, each once, by letter and number."""
    rows = {}
    for text in texts:
        for match in ROW.finditer(text):
            rows[match.group(0).removeprefix("# ")] = match.group(1)
    return sorted(rows, key=lambda row: (rows[row][0], int(rows[row][1:])))


def counts_of(build):
    """Returns how many cases passed and failed."""
    passed = failed = 0
    for path in sorted(build.glob("meson-logs/testlog*.junit.xml")):
        with contextlib.redirect_stdout(io.StringIO()):
            counts = count_results.count(path)
        passed, failed = passed + counts[0], failed + counts[1]
    return passed, failed


def machine():
    """Says in one line what this machine is."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return (f"{len(os.sched_getaffinity(0))} processors ({model.group(1) if model else 'unknown'}), "
            f"{pages / 2**30:.0f} GiB, Linux {'.'.join(platform.release().split('.')[:2])}")


def compiler(build):
    """Says which compiler has built it, and how."""
    try:
        said = (build / "meson-logs/meson-log.txt").read_text(encoding="utf-8", errors="replace")
        options = json.loads(
            (build / "meson-info/intro-buildoptions.json").read_text(encoding="utf-8"))
    except OSError:
        return "unknown"
    found = re.search(r"C\+\+ compiler for the host machine: .*?\((\w+ [\d.]+) \"", said)
    level = next(each["value"] for each in options if each["name"] == "optimization")
    return f"{found.group(1) if found else 'unknown'}, -O{level}"


def report(build):
    """Returns the page."""
    logs = list(logs_of(build))
    fuzzed = sorted(build.parent.resolve().glob("build-fuzz/goals/*"))
    goals = goals_of([log.get("stdout", "") for log in logs] + [each.read_text() for each in fuzzed])
    holds = collections.Counter(row.split(" | ")[-1].removesuffix(" |") for row in goals)
    passed, failed = counts_of(build)
    seconds = sum(log["duration"] for log in logs)
    lines = [
        "# The goals that have figures, measured",
        "",
        f"- date: {datetime.datetime.now(datetime.timezone.utc):%d %B %Y, %H:%M} UTC",
        f"- machine: {machine()}",
        f"- compiler: {compiler(build)}",
        f"- tests: {len(logs)} programs took {seconds:,.0f} s of their own; {passed:,} cases passed, "
        f"{failed} failed",
        f"- figures: {len(goals)}; " + ", ".join(f"{each}: {holds[each]}" for each in sorted(holds)),
        "",
        "| goal | figure asked | figure reached | holds |",
        "|---|---|---|---|",
        *goals,
        "",
        "| the longest tests | seconds | result |",
        "|---|---|---|",
    ]
    for log in sorted(logs, key=lambda log: -log["duration"])[:LONGEST]:
        lines.append(f"| {log['name']} | {log['duration']:,.0f} | {log['result']} |")
    return "\n".join(lines) + "\n"


def main():
    page = report(pathlib.Path(sys.argv[2]))
    pathlib.Path(sys.argv[1]).write_text(page, encoding="utf-8")
    print(page, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
