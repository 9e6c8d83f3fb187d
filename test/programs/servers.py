#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What the tests of programs share: a server as a child process, clients that know HTTP just well
enough, and cases that print TAP.

Every wait here is bounded: no socket, child or case may take longer than `LIMIT` seconds.
"""

import os
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import time
import traceback

LIMIT = 30
GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Server:
    """A server program as a child. Leaving the `with` block ends it."""

    def __init__(self, program, descriptors=None):
        self._child = subprocess.Popen(
            [program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        if descriptors is not None:
            resource.prlimit(self.id, resource.RLIMIT_NOFILE, (descriptors, descriptors))
        line = self._first_line()
        match = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line)
        if match is None:
            self._child.kill()
            raise AssertionError(f"the server says {line!r}, {self._child.communicate()}")
        self.port = int(match.group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._child.poll() is None:
            self._child.kill()
        self._child.communicate()

    @property
    def id(self):
        return self._child.pid

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def connect(self):
        """Returns a socket that is connected to it."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def get(self):
        """Asks for the page on a connection of its own."""
        with self.connect() as client:
            client.sendall(GET)
            return read_answer(client)

    def end(self, signal_number=signal.SIGTERM):
        """Sends a signal and returns the exit status and how many seconds it took to end."""
        start = time.monotonic()
        os.kill(self.id, signal_number)
        status = self._child.wait(timeout=LIMIT)
        return status, time.monotonic() - start

    def descriptors(self):
        """How many descriptors it has open."""
        return len(os.listdir(f"/proc/{self.id}/fd"))

    def ticks(self):
        """How much processor time it has used, in clock ticks."""
        with open(f"/proc/{self.id}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def _first_line(self):
        readable, _, _ = select.select([self._child.stdout], [], [], LIMIT)
        return self._child.stdout.readline().decode() if readable else "nothing"


def wait_until(condition, seconds=LIMIT):
    """Looks again and again whether something has come true; returns whether it has in time."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.005)
    return True


class CutShort(Exception):
    """A connection ended in the middle of an answer."""


def read_answer(client):
    """Reads one answer. Returns its head and body, or None when the connection ended before it."""
    text = b""
    while b"\r\n\r\n" not in text:
        part = client.recv(65536)
        if not part:
            if text:
                raise CutShort(text)
            return None
        text += part
    head, _, body = text.partition(b"\r\n\r\n")
    length = re.search(rb"\r\nContent-Length: (\d+)", head)
    missing = int(length.group(1)) - len(body) if length else 0
    while missing > 0:
        part = client.recv(missing)
        if not part:
            raise CutShort(text + body)
        body += part
        missing -= len(part)
    return head.decode("latin-1"), body.decode("latin-1")


def reset(client):
    """Closes a socket with a reset instead of an orderly end."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def run(*command, data=None):
    """Runs a tool. Returns what it printed; fails when it fails or takes too long."""
    done = subprocess.run(
        command, input=data, capture_output=True, timeout=LIMIT, check=False)
    text = done.stdout.decode("latin-1")
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {text} {done.stderr}"
    return text


class TookTooLong(Exception):
    """A case ran into its limit."""


def _alarm(*_):
    raise TookTooLong


def run_cases(cases):
    """Runs functions as cases; the first line of what a function says about itself is its name.
    Returns the status to exit with."""
    signal.signal(signal.SIGALRM, _alarm)
    failed = 0
    print(f"1..{len(cases)}")
    for number, case in enumerate(cases, 1):
        name = case.__doc__.splitlines()[0].rstrip(".")
        signal.alarm(2 * LIMIT)
        try:
            case()
            print(f"ok {number} - {name}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {number} - {name}")
            for line in traceback.format_exc().splitlines():
                print(f"# {line}", flush=True)
        finally:
            signal.alarm(0)
    return 1 if failed else 0
