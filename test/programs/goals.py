#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What the goals of http_goals_test.py share: sizes, what they promise and reach, clients.

A goal prints a line for each figure, `# | goal | asked | reached | holds |`;
test/harness/report_goals.py finds them in the logs of all tests.
"""

import argparse
import os
import pathlib
import socket
import statistics
import sys
import time

from servers import GET, LIMIT, read_answer, run, wait_until

KIB, MIB = 1024, 1024 * 1024
# Which part of a processor's time there is where nobody else uses it.
QUIET = 0.9
# A server that is idle has these descriptors and those of connections that it has just accepted.
SETTLED = 20

arguments = argparse.ArgumentParser()
arguments.add_argument("build", type=pathlib.Path)
arguments.add_argument("--stress", action="store_true")
arguments.add_argument("--instrumented", action="store_true")
arguments.add_argument("--soak", type=int, default=0)
arguments.add_argument("--only", nargs="*", default=[])
OPTIONS = arguments.parse_args()

# Who is measured has one processor, and who measures another, where there are two. Only what runs
# alone: other tests would be on the same ones.
ALLOWED = sorted(os.sched_getaffinity(0))
SERVERS, CLIENTS = (str(ALLOWED[0]), str(ALLOWED[-1])) if OPTIONS.stress else (None, None)


def program(name):
    """The path of a program of the build."""
    return str(OPTIONS.build / "test/programs" / name)


def pinned(processor):
    """What a command begins with that is to run on a processor, if there is one for it."""
    return [] if processor is None else ["taskset", "-c", processor]


WEB = program("web")
DNS_SERVER = str(OPTIONS.build / "docs/examples/dns_server")


def size(small, full):
    """Returns how much of something is made in this run. ThreadSanitizer knows 8,128 stacks."""
    if OPTIONS.stress:
        return min(full, 5000) if OPTIONS.instrumented else full
    return small


def available_time():
    """Which part of a processor's time somebody gets who wants all of it, beside whatever runs."""
    busy = ("import time; a, b = time.monotonic(), time.process_time()\n"
            "while time.monotonic() < a + 0.5: pass\n"
            "print((time.process_time() - b) / (time.monotonic() - a))")
    return float(run(*pinned(SERVERS), sys.executable, "-c", busy))


class Goal:
    """The promises of one goal. Leaving the `with` block fails when one does not hold."""

    rows = []

    def __init__(self, name):
        self._name, self._missed, self._quiet = name, [], []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            assert not self._missed, self._missed

    def promise(self, asked, reached, holds):
        """What must hold in every build."""
        self._row(asked, reached, "yes" if holds else "NO")
        if not holds:
            self._missed.append(f"{asked}: {reached}")

    def measure(self, asked, reached, holds):
        """What must hold unless a sanitizer has changed what is measured."""
        if OPTIONS.instrumented:
            self._row(asked, reached, "not judged")
        else:
            self.promise(asked, reached, holds)

    def measure_alone(self, asked, reached, holds):
        """What must hold where nobody else uses the processors. Full sizes run alone, if the machine
        does nothing else."""
        if not OPTIONS.stress:
            self.tell(asked, reached, holds)
            return
        if not self._quiet:
            self._quiet.append(available_time())
        if self._quiet[0] >= QUIET:
            self.measure(asked, reached, holds)
        else:
            self._row(asked, f"{reached}; others left {100 * self._quiet[0]:.0f} % of the processor",
                      "yes" if holds else "no, not judged")

    def tell(self, asked, reached, holds):
        """What is measured and told, and fails nothing."""
        self._row(asked, reached, "yes" if holds else "no, told only")

    def _row(self, *columns):
        columns = [each.strip() for each in columns]
        self.rows.append((self._name, *columns))
        print("# | " + " | ".join((self._name, *columns)) + " |", flush=True)


def print_table():
    """Prints all that was measured, as a page of the documentation shows it."""
    print("# | goal | figure asked | figure reached | holds |\n# |---|---|---|---|")
    for row in Goal.rows:
        print("# | " + " | ".join(row) + " |", flush=True)


def settled(server):
    """Lets a server serve somebody, and returns its memory and descriptors when it is idle."""
    for _ in range(SETTLED):
        server.get()
    wait_until(lambda: server.descriptors() <= SETTLED, 5)
    time.sleep(0.1)
    return server.resident(), server.descriptors()


def connections(server, number, message, until=None):
    """Opens connections and sends a message on each, a hundred at a time; stops at a moment. The
    kernel looks long for a port among many, so that each five hundred have an address of their own.
    Returns lists of a hundred."""
    for first in range(0, number, 100):
        if until is not None and time.monotonic() > until:
            return
        some = []
        for _ in range(min(100, number - first)):
            some.append(socket.create_connection(
                ("127.0.0.1", server.port), LIMIT, (f"127.0.1.{1 + first // 500}", 0)))
            some[-1].sendall(message)
        yield some


def served_connections(server, number):
    """Opens connections, has one exchange on each, and leaves them open."""
    opened = []
    for some in connections(server, number, GET):
        for client in some:
            assert read_answer(client) is not None
        opened += some
    return opened


def nearly_all(waits):
    """Returns what 99 of 100 do not exceed."""
    return sorted(waits)[len(waits) * 99 // 100]


def close_all(clients):
    """Closes sockets."""
    for client in clients:
        client.close()


def usual(numbers):
    """The median, or zero of nothing."""
    return statistics.median(numbers) if numbers else 0


def made_certificate(folder):
    """Makes a certificate for localhost and its key; returns their paths."""
    chain, key = pathlib.Path(folder) / "chain", pathlib.Path(folder) / "key"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout", str(key), "-out", str(chain))
    return str(chain), str(key)
