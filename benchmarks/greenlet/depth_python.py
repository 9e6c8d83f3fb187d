#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Does a switch of greenlet for Python cost more when more live frames stand below it?

It shares one C stack between all greenlets and copies out what another one needs, so it should.
Calls from Python to Python leave no frame on the C stack since 3.11, so the recursion goes through
a function that is written in C. What is copied is read from the greenlet itself.
"""

import os
import statistics
import sys
import time

try:
    from greenlet import greenlet
except ImportError:
    print("  greenlet for Python is not installed (Debian: python3-greenlet): skipped")
    sys.exit(0)

ROUNDS = 11
SWITCHES = 4000
DEPTHS = [("64 B", 0), ("4 KiB", 4096), ("64 KiB", 65536), ("180 KiB", 184320)]


def at_depth(levels, action):
    """Calls `action` below so many calls through C."""
    if levels == 0:
        return action()
    return max((levels - 1,), key=lambda left: at_depth(left, action))


def suspended_at(levels):
    """Returns a greenlet that takes turns with the main one at that depth."""
    main = greenlet.getcurrent()

    def take_turns():
        while True:
            main.switch()

    deep = greenlet(lambda: at_depth(levels, take_turns))
    deep.switch()
    return deep


def nanoseconds_a_switch(deep):
    """Measures there and back, which is two switches."""
    switch = deep.switch
    start = time.perf_counter_ns()
    for _ in range(SWITCHES // 2):
        switch()
    return (time.perf_counter_ns() - start) / SWITCHES


def main():
    sys.setrecursionlimit(10000)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print("Does a switch of greenlet for Python cost more when more live frames stand below it?")
    shallow = suspended_at(0)._stack_saved
    level = (suspended_at(100)._stack_saved - shallow) / 100
    waiting = [suspended_at(round(depth / level)) for _, depth in DEPTHS]
    samples = [[] for _ in DEPTHS]
    for _ in range(ROUNDS):
        for index, deep in enumerate(waiting):
            samples[index].append(nanoseconds_a_switch(deep))
    print(f"  {ROUNDS} rounds in turns; median in ns a switch, and against '{DEPTHS[0][0]}'")
    for (name, _), deep, times in zip(DEPTHS, waiting, samples):
        ratio = statistics.median(a / b for a, b in zip(times, samples[0]))
        print(f"    {name:12} ({deep._stack_saved:6} B copied each way) "
              f"{statistics.median(times):10.0f}  {ratio:.2f}x")


if __name__ == "__main__":
    main()
