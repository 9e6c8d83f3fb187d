#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What does an idle connection cost in memory, and what does an idle server cost in time?

Usage: measure_idle.py BUILD_DIR [--connections N] [--seconds S]

Opens N connections (19,000) to the echo server and then to the HTTP server of docs/examples. Each
connection makes one exchange, so that its greenlet has run, and is then idle. Prints the resident
memory that the server has gained for each connection, and the processor time that it spends in S
seconds (5) of doing nothing. Exits with 1 when a bar is missed: 12 KiB for echo, 16 KiB for HTTP, no
processor time at all. A run that takes longer than the HTTP server lets a connection be idle measures
nothing, and says so.
"""

import argparse
import os
import pathlib
import resource
import socket
import subprocess
import sys
import time

PAGE = os.sysconf("SC_PAGESIZE")
# The limits on idle connections are 15 s.
LONGEST = 14
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def resident(pid):
    """Returns the memory that a process has touched, in bytes."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def ticks(pid):
    """Returns the processor time of a process, in clock ticks."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def open_connections(port, count, message):
    """Opens connections and makes one exchange on each. That is fast when hundreds are made at once,
    and when each hundred has an address of its own: the kernel looks long for a port among many."""
    opened = []
    while len(opened) < count:
        source = f"127.0.1.{1 + len(opened) // 500}"
        some = []
        for _ in range(min(500, count - len(opened))):
            some.append(socket.create_connection(("127.0.0.1", port), source_address=(source, 0)))
            some[-1].sendall(message)
        for connection in some:
            connection.recv(4096)
        opened += some
    return opened


def measure(program, message, options, bar):
    """Measures one server; returns whether the bars are met."""
    server = subprocess.Popen([str(program)], stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline().rsplit(":", 1)[1])
        open_connections(port, 10, message)
        before, begin = resident(server.pid), time.monotonic()
        held = open_connections(port, options.connections, message)
        each = (resident(server.pid) - before) / len(held) / 1024
        start = ticks(server.pid)
        time.sleep(options.seconds)
        spent = ticks(server.pid) - start
        if time.monotonic() - begin > LONGEST:
            sys.exit(f"it took longer than {LONGEST} s, and connections may have been closed meanwhile")
        print(
            f"{program.name:12} {len(held)} idle connections: {each:.1f} KiB each (at most {bar}), "
            f"{spent} ticks of processor time in {options.seconds} s (at most 0)"
        )
        for connection in held:
            connection.close()
    finally:
        server.terminate()
        server.wait(30)
    return each <= bar and spent == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--connections", type=int, default=19_000)
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    if limit < options.connections + 100:
        options.connections = limit - 100
        print(f"only {options.connections} connections: this machine allows {limit} descriptors")
    examples = options.build / "docs/examples"
    met = [
        measure(examples / "echo_server", b"x" * 64, options, 12),
        measure(examples / "http_server", REQUEST, options, 16),
    ]
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
