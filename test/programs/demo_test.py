#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The demo ends by itself, and what it shows is so.

Usage: demo_test.py DEMO SERVER
"""

import re
import sys

from servers import run, run_cases

DEMO, SERVER = sys.argv[1:3]


def the_tour_shows_the_server():
    """The tour shows answers, streams, health, numbers, an orderly end, and lines of a log."""
    text = run(DEMO, "--tour")
    for line in (
            r"  GET /          200  hello from tendril",
            r"  GET /count     200  1 \(.*\) 2 \(.*\) 3 \(.*\) 4 \(.*\) 5 \(.*\) ",
            r"  PUT /measure   200  64 MiB have come: .*",
            r"  GET /nowhere   404  nothing here",
            r"  GET /health    200  ok",
            r"  GET /metrics   200  tendril_http_requests_answered_total 5",
            r"  GET /ready     503  not ready",
            r"It stops\. Whoever comes now: Connection refused\.",
            r"What had begun arrived to its end: 1 2 3 4 5 - all in good order\.",
            r'  127\.0\.0\.1 - - \[.*\] "GET / HTTP/1\.1" 200 19',
            r'  127\.0\.0\.1 - - \[.*\] "GET /count HTTP/1\.1" 200 10',
    ):
        assert re.search(f"^{line}$", text, re.M), (line, text)


def connections_are_held_and_answered():
    """With fifty connections for a second, there are answers and no errors."""
    text = run(DEMO, SERVER, "50", "1")
    held, answered, errors = (
        int(re.search(rf"^{name} +(\d+)", text, re.M).group(1))
        for name in ("connections held", "requests answered", "errors"))
    assert held == 50 and answered > 50 and errors == 0, text
    assert "The server drained and ended with status 0." in text, text


if __name__ == "__main__":
    sys.exit(run_cases([the_tour_shows_the_server, connections_are_held_and_answered]))
