#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""slowhttptest in its four modes: while it holds thousands of connections, others are served at once.

Usage: http_slow_test.py WEB [--stress] [--instrumented]
"""

import statistics
import sys
import time

from servers import Program, Server, run_cases

PROGRAM = sys.argv[1]
IS_JUDGED = "--instrumented" not in sys.argv
IS_STRESS = "--stress" in sys.argv
CONNECTIONS = 4000 if IS_STRESS else 300 if IS_JUDGED else 60
# How many come in a second. All 4,000 at once would ask for more bytes than the machine can send.
RATE = 800 if IS_STRESS else CONNECTIONS
SECONDS = 600 if IS_STRESS else 4
# In this time an attack is over whose connections the server ends by its limits of 10 s: they come,
# wait, and the attacker looks every five seconds whether any is left.
ENDED = CONNECTIONS / RATE + 10 + 10
# How long anybody else waits for a page, in seconds: nearly everybody, and at most. Other tests take
# turns on the same processors, and a server that is held up would be so for seconds. Under a
# sanitizer there are fewer connections, since large answers alone take it long, and times are told only.
USUAL = 0.25
LONGEST = 3.0
# How often somebody else must have been served meanwhile.
ENOUGH = 20 if IS_JUDGED else 3


class Waits:
    """How long others wait for the page of a server, one after the other."""

    def __init__(self, server):
        self._server, self.each, self.most_descriptors = server, [], 0

    def ask(self):
        """Asks once."""
        start = time.monotonic()
        assert self._server.get() is not None
        self.each.append(time.monotonic() - start)
        self.most_descriptors = max(self.most_descriptors, self._server.descriptors())

    def judge(self, name):
        """Tells the figures and judges them, if they are judged."""
        slow = statistics.quantiles(self.each, n=20)[-1]
        is_fast = slow < USUAL and max(self.each) < LONGEST
        holds = "yes" if is_fast and IS_JUDGED else "NO" if IS_JUDGED else "told only"
        print(f"# | B10 | {CONNECTIONS:,} connections with {name} for {SECONDS} s: others are served "
              f"within {USUAL} s, 95 times of 100, and always within {LONGEST} s | {slow:.3f} s, the "
              f"slowest {max(self.each):.3f} s, of {len(self.each):,}; {self.most_descriptors:,} "
              f"descriptors | {holds} |", flush=True)
        assert is_fast or not IS_JUDGED, (slow, max(self.each))


def attack(name, path, *mode):
    """Lets slowhttptest attack, again and again until the time is over, asks for the page meanwhile,
    and judges both. Returns how many descriptors the server had at most, and how many seconds the
    longest attack took that was over before the time."""
    end, longest, text = time.monotonic() + SECONDS, 0, ""
    with Server(PROGRAM) as server:
        waits = Waits(server)
        while (left := round(end - time.monotonic())) > 0:
            start = time.monotonic()
            with Program(
                    "slowhttptest", *mode, "-c", str(CONNECTIONS), "-r", str(RATE), "-l", str(left),
                    "-i", "1", "-p", "2", "-v", "1", "-u", server.url + path) as attacker:
                while attacker.runs():
                    waits.ask()
                    time.sleep(0.02)
                text = attacker.wait()
            took = time.monotonic() - start
            if took < left:
                longest = max(longest, took)
        assert len(waits.each) > ENOUGH, (len(waits.each), text)
        waits.judge(name)
        return waits.most_descriptors, longest


def judge_end(name, longest):
    """Under stress, judges that the server has ended what does not get on."""
    if IS_STRESS and IS_JUDGED:
        holds = 0 < longest < ENDED
        print(f"# | B10 | {name}: the server has ended all {CONNECTIONS:,} connections {ENDED:.0f} s "
              f"after the first | {longest:.1f} s | {'yes' if holds else 'NO'} |", flush=True)
        assert holds, longest


def slow_heads():
    """Heads that do not end (-H) hold up nobody else."""
    most, longest = attack("slow heads", "", "-H", "-x", "24")
    assert most > CONNECTIONS * 0.8, most
    judge_end("slow heads", longest)


def slow_bodies():
    """Bodies that do not end (-B) hold up nobody else."""
    most, longest = attack("slow bodies", "echo", "-B", "-s", "8192", "-x", "10")
    assert most > CONNECTIONS * 0.8, most
    judge_end("slow bodies", longest)


def many_ranges():
    """Heads with hundreds of ranges (-R) hold up nobody else."""
    attack("many ranges", "bytes?100000", "-R", "-a", "10", "-b", "3000")


def slow_readers():
    """Those who read the answer slowly (-X) hold up nobody else."""
    most, _ = attack("slow readers", "bytes?400000", "-X", "-w", "512", "-y", "1024", "-n", "1",
                     "-z", "32")
    assert most > CONNECTIONS * 0.8, most


if __name__ == "__main__":
    sys.exit(run_cases([slow_heads, slow_bodies, many_ranges, slow_readers]))
