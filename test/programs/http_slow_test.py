#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""slowhttptest in its four modes: while it holds hundreds of connections, others are served at once.

Usage: http_slow_test.py WEB [--stress] [--instrumented]
"""

import statistics
import sys
import time

from servers import Program, Server, run_cases

PROGRAM = sys.argv[1]
IS_JUDGED = "--instrumented" not in sys.argv
CONNECTIONS = "1000" if "--stress" in sys.argv else "300" if IS_JUDGED else "60"
SECONDS = "40" if "--stress" in sys.argv else "4"
# How long anybody else waits for a page, in seconds: nearly everybody, and at most. Other tests take
# turns on the same processors, and a server that is held up would be so for seconds. Under a
# sanitizer there are fewer connections, since large answers alone take it long, and times are told only.
USUAL = 0.25
LONGEST = 3.0
# How often somebody else must have been served meanwhile.
ENOUGH = 20 if IS_JUDGED else 3


def attack(name, path, *mode):
    """Lets slowhttptest attack, asks for the page meanwhile, and judges both."""
    with Server(PROGRAM) as server, Program(
            "slowhttptest", *mode, "-c", CONNECTIONS, "-r", CONNECTIONS, "-l", SECONDS, "-i", "1",
            "-p", "2", "-v", "1", "-u", server.url + path) as attacker:
        waits, most = [], 0
        while attacker.runs():
            start = time.monotonic()
            assert server.get() is not None
            waits.append(time.monotonic() - start)
            most = max(most, server.descriptors())
            time.sleep(0.02)
        text = attacker.wait()
        assert len(waits) > ENOUGH, (len(waits), text)
        slow = statistics.quantiles(waits, n=20)[-1]
        is_fast = slow < USUAL and max(waits) < LONGEST
        holds = "yes" if is_fast and IS_JUDGED else "NO" if IS_JUDGED else "told only"
        print(f"# | B10 | {CONNECTIONS} connections with {name} for {SECONDS} s: others are served "
              f"within {USUAL} s, 95 times of 100, and always within {LONGEST} s | {slow:.3f} s, the "
              f"slowest {max(waits):.3f} s, of {len(waits)}; {most} descriptors | "
              f"{holds} |")
        assert is_fast or not IS_JUDGED, (slow, max(waits))
        return most, text


def slow_heads():
    """Heads that do not end (-H) hold up nobody else."""
    most, text = attack("slow heads", "", "-H", "-x", "24")
    assert most > int(CONNECTIONS) * 0.8, (most, text)


def slow_bodies():
    """Bodies that do not end (-B) hold up nobody else."""
    most, text = attack("slow bodies", "echo", "-B", "-s", "8192", "-x", "10")
    assert most > int(CONNECTIONS) * 0.8, (most, text)


def many_ranges():
    """Heads with hundreds of ranges (-R) hold up nobody else."""
    attack("many ranges", "bytes?100000", "-R", "-a", "10", "-b", "3000")


def slow_readers():
    """Those who read the answer slowly (-X) hold up nobody else."""
    most, text = attack("slow readers", "bytes?400000", "-X", "-w", "512", "-y", "1024", "-n", "1",
                        "-z", "32")
    assert most > int(CONNECTIONS) * 0.8, (most, text)


if __name__ == "__main__":
    sys.exit(run_cases([slow_heads, slow_bodies, many_ranges, slow_readers]))
