#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What does `GET /` cost a server, against callbacks on Boost.Beast, Go's net/http and nginx?

Usage: compare_http.py BUILD_DIR [--seconds S] [--rounds N] [--connections C]

wrk keeps C connections (100) busy, and the servers take turns, N times (5), S seconds each (3), each
on one processor. The bars are for the processor time of the server for each request.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

from baselines import Nginx, http_servers, processor_time, require
from contestants import judge, middle, prepare, ratio

PAGE = b"hello from tendril\n"
BARS = {"beast": 1.0, "go": 1.0, "nginx": 1.35}


def load(server, seconds, connections):
    """Lets wrk ask for the page. Returns the requests, their rate, and the server's time for each
    in microseconds."""
    before = processor_time(server)
    text = subprocess.run(
        ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency",
         f"http://127.0.0.1:{server.port}/"],
        capture_output=True, text=True, check=True, timeout=120 + seconds).stdout
    spent = processor_time(server) - before
    if "Socket errors" in text or "Non-2xx" in text:
        sys.exit(f"requests have failed:\n{text}")
    requests = int(re.search(r"(\d+) requests in", text).group(1))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    return requests, rate, spent / requests / 1000


def compare(servers, options):
    """Lets the servers take turns, and prints a line for each and the verdicts."""
    costs = {name: [] for name in servers}
    rates = {name: [] for name in servers}
    for number in range(options.rounds):
        # Forwards and backwards, so that none is always behind the same other.
        for name in sorted(servers, reverse=number % 2 == 1):
            with servers[name]() as server:
                load(server, 1, options.connections)
                _, rate, cost = load(server, options.seconds, options.connections)
                costs[name].append(cost)
                rates[name].append(rate)
    print(f"  {options.connections} connections, {options.rounds} rounds in turns; median "
          "(middle half)")
    for name in servers:
        print(f"    {name:8} us of processor a request {middle(costs[name])}   "
              f"requests/s {middle(rates[name])}")
    for name, bar in BARS.items():
        judge(f"processor, against {name}", bar, ratio(costs["tendril"], costs[name]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=100)
    options = parser.parse_args()
    prepare()
    require("wrk", "nginx", "curl")
    print(__doc__.splitlines()[0])
    with tempfile.TemporaryDirectory() as folder:
        page = 'location / { default_type text/plain; return 200 "hello from tendril\\n"; }'
        servers = http_servers(options.build)
        servers["nginx"] = lambda: Nginx(pathlib.Path(folder), page)
        for name, start in servers.items():
            with start() as server:
                got = subprocess.run(
                    ["curl", "-sS", f"http://127.0.0.1:{server.port}/"], capture_output=True,
                    check=True).stdout
                if got != PAGE:
                    sys.exit(f"{name} sends another page: {got}")
        compare(servers, options)


if __name__ == "__main__":
    main()
