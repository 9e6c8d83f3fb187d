#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""How fast do 100 MB go down and up, against nginx?

Usage: compare_transfer.py BUILD_DIR [--megabytes M] [--rounds N]

curl gets a file of M megabytes (100) and puts it, from both servers in turns, N times (7). Every copy
must be the file, byte for byte. The bar is the time that curl takes, against nginx: 1.25 is 0.8 of
its rate. The processor time of the server is shown beside it.
"""

import argparse
import filecmp
import os
import pathlib
import subprocess
import sys
import tempfile

from baselines import Nginx, Server, processor_time, require
from contestants import judge, middle, prepare, ratio

MOST_TIME = 1.25


def curl(server, path, *arguments):
    """Moves a file with curl. Returns the seconds that the transfer took, and the server's processor time in
    milliseconds."""
    before = processor_time(server)
    text = subprocess.run(
        ["taskset", "-c", "1", "curl", "-sS", "--fail", "-w", "%{stderr}%{time_total}",
         *map(str, arguments), f"http://127.0.0.1:{server.port}/{path}"],
        capture_output=True, text=True, check=True, timeout=300).stderr
    return float(text), (processor_time(server) - before) / 1e6


def transfer(server, folder):
    """Moves the file in both directions and compares what arrives. Returns the costs by direction."""
    source, copy, uploaded = folder / "file", folder / "copy", folder / "uploaded"
    costs = {"down": curl(server, "file", "-o", copy)}
    if not filecmp.cmp(source, copy, shallow=False):
        sys.exit("what was downloaded is not the file")
    costs["up"] = curl(server, "uploaded", "-T", source)
    if not filecmp.cmp(source, uploaded, shallow=False):
        sys.exit("what was uploaded is not the file")
    copy.unlink()
    uploaded.unlink()
    return costs


def compare(servers, folder, options):
    """Lets the servers take turns, and prints a line for each direction and the verdicts."""
    times = {(name, way): [] for name in servers for way in ("down", "up")}
    spent = {key: [] for key in times}
    for number in range(options.rounds):
        for name in sorted(servers, reverse=number % 2 == 1):
            with servers[name]() as server:
                for way, (seconds, processor) in transfer(server, folder).items():
                    times[name, way].append(seconds * 1000)
                    spent[name, way].append(processor)
    print(f"  {options.megabytes} MB, {options.rounds} rounds in turns; median (middle half)")
    for way in ("down", "up"):
        for name in servers:
            print(f"    {way:4} {name:8} ms {middle(times[name, way])}   "
                  f"ms of processor {middle(spent[name, way])}")
        judge(f"time {way}, against nginx", MOST_TIME,
              ratio(times["tendril", way], times["nginx", way]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    prepare()
    require("curl", "nginx")
    print(__doc__.splitlines()[0])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        source = folder / "file"
        source.write_bytes(os.urandom(options.megabytes * 1_000_000))
        locations = f"client_max_body_size 0; location / {{ root {folder}; dav_methods PUT; }}"
        program = options.build / "benchmarks/transfer"
        servers = {
            "nginx": lambda: Nginx(folder, locations),
            "tendril": lambda: Server(program, source, folder / "uploaded"),
        }
        compare(servers, folder, options)


if __name__ == "__main__":
    main()
