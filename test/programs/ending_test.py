#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""A program may end in any way and at any place, with hubs, threads and children alive.

Usage: ending_test.py ENDING [--stress] [--instrumented]

Each pair of a way and a place is tried once, and a hundred times under --stress. A sanitizer has
forgotten a main thread that has left when what it leaves behind is unwound.
"""

import signal
import subprocess
import sys

from servers import LIMIT, run_cases

ENDING = sys.argv[1]
INSTRUMENTED = "--instrumented" in sys.argv
RUNS = 100 if "--stress" in sys.argv else 1
PLACES = ["main", "greenlet", "callback", "hub", "thread", "pool"]
AS_ASKED, WENT_ON = 3, 4
ABORTED = -signal.SIGABRT


def end(way, place):
    """Runs the program. Returns its status and what it has said."""
    done = subprocess.run(
        [ENDING, way, place], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, timeout=LIMIT, check=False)
    return done.returncode, done.stderr.decode("latin-1")


def expect(way, places, status, said=""):
    """Fails unless all runs end like this."""
    count = 0
    for place in places:
        for _ in range(RUNS):
            ended, text = end(way, place)
            assert ended == status, f"{way} in {place}: status {ended}, and says: {text}"
            assert said in text, f"{way} in {place} says: {text}"
            count += 1
    print(f"# {count} processes ended by {way}", flush=True)


def exit_ends_it():
    """exit ends it at once, on whatever stack and thread."""
    expect("exit", PLACES, AS_ASKED)


def quick_exit_ends_it():
    """quick_exit ends it at once, on whatever stack and thread."""
    expect("quick_exit", PLACES, AS_ASKED)


def plain_exit_ends_it():
    """_exit ends it at once, on whatever stack and thread."""
    expect("_exit", PLACES, AS_ASKED)


def terminate_ends_it():
    """terminate ends it at once, on whatever stack and thread."""
    expect("terminate", PLACES, ABORTED)


def a_return_from_main_ends_it():
    """A return from main ends it, whatever has been called before."""
    expect("return", PLACES, AS_ASKED)


def an_uncaught_error_ends_it():
    """An error that nobody catches ends it in main and on a thread, and is named."""
    expect("error", ["main", "thread"], ABORTED, "nobody catches this")


def an_error_in_a_greenlet_is_reported():
    """An error that nobody catches in a greenlet or a callback is reported, and main goes on."""
    expect("error", ["greenlet", "callback"], WENT_ON, "nobody catches this")


def an_error_on_a_hub_or_in_a_pool_is_kept():
    """An error of a task of another hub, or of a job, is in its future, and main goes on."""
    expect("error", ["hub", "pool"], WENT_ON)


def a_thread_that_leaves_leaves_the_others_alone():
    """pthread_exit of another thread leaves all others alone."""
    expect("pthread_exit", ["thread"], WENT_ON)


def main_may_leave_as_a_thread():
    """pthread_exit in main unwinds it, and the process ends with status 0."""
    expect("pthread_exit", [] if INSTRUMENTED else ["main"], 0)


if __name__ == "__main__":
    sys.exit(run_cases([
        exit_ends_it, quick_exit_ends_it, plain_exit_ends_it, terminate_ends_it,
        a_return_from_main_ends_it, an_uncaught_error_ends_it, an_error_in_a_greenlet_is_reported,
        an_error_on_a_hub_or_in_a_pool_is_kept, a_thread_that_leaves_leaves_the_others_alone,
        main_may_leave_as_a_thread]))
