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
    """A server program as a child. Leaving the `with` block ends it. What it says on stderr goes to
    the file `errors`, which one needs whose clients make it say much. One that has a `processor`
    runs on no other. `listeners` is at how many places it says that it listens: the first is
    `port`, and all are `ports`."""

    def __init__(self, program, *arguments, descriptors=None, listener=None, errors=None,
                 processor=None, listeners=1):
        command = [program, *arguments]
        if processor is not None:
            command = ["taskset", "-c", processor, *command]
        if listener is not None:
            # As a service manager hands it over: as descriptor 3, to this process alone.
            take = f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&{listener.fileno()}'
            command = ["sh", "-c", take, "sh", *command]
        self._child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors or subprocess.PIPE, bufsize=0,
            pass_fds=[] if listener is None else [listener.fileno()])
        if descriptors is not None:
            resource.prlimit(self.id, resource.RLIMIT_NOFILE, (descriptors, descriptors))
        self.ports = [self._next_port() for _ in range(listeners)]
        self.port = self.ports[0]

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

    def resident(self):
        """How much memory it has touched, in bytes."""
        with open(f"/proc/{self.id}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()

    def ticks(self):
        """How much processor time it has used, in clock ticks."""
        with open(f"/proc/{self.id}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def processor_seconds(self):
        """How much processor time its threads that are there have used."""
        threads = f"/proc/{self.id}/task"
        used = 0
        for each in os.listdir(threads):
            with open(f"{threads}/{each}/schedstat", encoding="ascii") as schedstat:
                used += int(schedstat.read().split()[0])
        return used / 1e9

    def mappings(self):
        """How many mappings its memory consists of."""
        with open(f"/proc/{self.id}/maps", encoding="utf-8") as maps:
            return sum(1 for _ in maps)

    def _next_port(self):
        line = self._next_line()
        match = re.fullmatch(r"listening on (?:127\.0\.0\.1:(\d+)|unix:.*)\n", line)
        if match is None:
            self._child.kill()
            raise AssertionError(f"the server says {line!r}, {self._child.communicate()}")
        return match.group(1) and int(match.group(1))

    def _next_line(self):
        readable, _, _ = select.select([self._child.stdout], [], [], LIMIT)
        return self._child.stdout.readline().decode() if readable else "nothing"


class Program:
    """A program of others in the foreground. Leaving the `with` block ends it; what it has printed
    is then in `text`. Waiting for its end may take `limit` seconds."""

    def __init__(self, *command, limit=LIMIT, **options):
        self.text, self._limit = "", limit
        self._child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.runs():
            self._child.kill()
        self._read()

    def runs(self):
        """Says whether it has not ended."""
        return self._child.poll() is None

    def end(self, signal_number=signal.SIGTERM):
        """Sends a signal, waits for the end, and returns what the program has printed."""
        self._child.send_signal(signal_number)
        return self._read()

    def interrupt(self):
        """Interrupts it until it ends, and returns what it has printed. A program that sleeps when it
        has set its handler may miss the first time."""
        for _ in range(LIMIT):
            self._child.send_signal(signal.SIGINT)
            try:
                self.text += self._child.communicate(timeout=1)[0].decode("latin-1")
                return self.text
            except subprocess.TimeoutExpired:
                pass
        return self._read()

    def wait(self):
        """Waits until it ends by itself, and returns what it has printed."""
        return self._read()

    def _read(self):
        self.text += self._child.communicate(timeout=self._limit)[0].decode("latin-1")
        return self.text


def nginx_in(folder, connections):
    """Returns how a configuration of nginx begins that keeps all it writes in a folder: one process in
    the foreground, for so many connections. `http` is open at the end."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    return f"""{"user root;" if os.geteuid() == 0 else ""}
daemon off;
pid {folder}/pid;
error_log {folder}/error.log crit;
worker_processes 1;
events {{ worker_connections {connections}; }}
http {{
{places}
"""


def free_ports(number):
    """Returns ports that nobody has at this moment."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in taken]
    for each in taken:
        each.close()
    return ports


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


def run_cases(cases, limit=2 * LIMIT):
    """Runs functions as cases, each for `limit` seconds at most; the first line of what a function
    says about itself is its name. Returns the status to exit with."""
    signal.signal(signal.SIGALRM, _alarm)
    failed = 0
    print(f"1..{len(cases)}")
    for number, case in enumerate(cases, 1):
        name = case.__doc__.splitlines()[0].rstrip(".")
        signal.alarm(limit)
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
