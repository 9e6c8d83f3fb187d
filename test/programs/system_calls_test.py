#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The system calls of a read are those that docs/internals/70-io.md shows.

Usage: system_calls_test.py PROGRAM CHAPTER

The program writes the name of a scene before it. What follows is compared without the numbers of
descriptors, and as one wait where several follow each other, since a clock may come early.
`system_calls_test.py --print PROGRAM` prints what the chapter should say.
"""

import pathlib
import re
import subprocess
import sys

from servers import LIMIT, run_cases

CALL = re.compile(r"^(\w+)\((\d+).*?(?:= (-?\d+))(?: (\w+))?")
NAMES = {"recvfrom": "recv", "sendto": "send", "epoll_wait": "epoll_wait", "epoll_ctl": "epoll_ctl"}
SCENE = re.compile(r'^write\(1, "(.*)\\n"')
MARK = "<!-- trace: 80_life_of_a_read -->"


def trace_of(program):
    """Returns the lines of the transcript, from the first scene to the last."""
    traced = ("write",) + tuple(NAMES)
    done = subprocess.run(
        ["strace", "-s", "80", "-e", "trace=" + ",".join(traced), program],
        capture_output=True, timeout=LIMIT, check=True, encoding="latin-1")
    lines = []
    for line in done.stderr.splitlines():
        scene, call = SCENE.match(line), CALL.match(line)
        if scene:
            lines.append(scene.group(1))
        elif lines and call and call.group(1) in NAMES:
            shown = "  " + shown_call(*call.groups())
            if shown != lines[-1] or "epoll_wait" not in shown:
                lines.append(shown)
    return lines[:lines.index("the end")]


def shown_call(name, _, result, error):
    """Returns a call as the chapter shows it."""
    if name == "epoll_wait":
        return NAMES[name]
    return f"{NAMES[name]:<10}  {error if error else result}"


def lines_of_chapter(chapter):
    """Returns the lines of the fenced block behind the mark."""
    behind = pathlib.Path(chapter).read_text(encoding="utf-8").partition(MARK)[2]
    return behind.partition("```text\n")[2].partition("```")[0].splitlines()


def the_chapter_shows_what_strace_shows():
    """The chapter shows what strace shows."""
    seen, told = trace_of(sys.argv[1]), lines_of_chapter(sys.argv[2])
    assert seen == told, "\n".join(["strace shows:", *seen, "the chapter:", *told])


if __name__ == "__main__":
    if sys.argv[1] == "--print":
        print("\n".join(trace_of(sys.argv[2])))
    else:
        sys.exit(run_cases([the_chapter_shows_what_strace_shows]))
