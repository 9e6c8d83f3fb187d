#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""M3, a soak: a server that serves with and without TLS, asks a name server, and kills helpers, is
kept busy half of the time, for long.

Most of the load comes by a timetable, which tells how long answers take. Besides there are clients
of which some are good and look at what they get, and others cut their requests, reset, send slowly,
or send wrong bytes. What each does comes from a seeded generator.
"""

import json
import random
import re
import socket
import ssl
import tempfile
import threading
import time

from goals import (CLIENTS, DNS_SERVER, MIB, OPTIONS, SERVERS, Goal, available_time,
                   made_certificate, pinned, program, size, usual)
from servers import GET, LIMIT, Program, Server, read_answer, reset, wait_until

PEOPLE = 8
# What a server may report of clients that went away, or sent nonsense, while a handler read from
# them or wrote to them.
INJECTED = re.compile(r"reset by peer|Broken pipe|reading a body: 4\d\d ")
# The pages of the timetable, and those of them that go through TLS.
# Some cost the server much, so that its clients need no more time than there is beside it.
PAGES = ["", "work?1000", "bytes?10000", "work?2000", "", "name?www.example", "work?1000", "kill?1",
         "text?100", "work?1000"]
BEHIND_TLS = ["", "name?mail.example", "kill?1", "bytes?10000"]
PATIENCE = 20_000
# Of what the server could do; the other clients add to it.
SHARE = size(0.25, 0.45)


class Seen:
    """What the clients have seen, and the state of the server over time."""

    def __init__(self):
        self.good = self.faulty = 0
        self.problems, self.memory, self.mappings = [], [], []

    def look_at(self, server):
        """Notes what the server has now."""
        self.memory.append(server.resident())
        self.mappings.append(server.mappings())


def low(numbers):
    """What nine of ten exceed: crowds come and go, and what is lost stays."""
    return sorted(numbers)[len(numbers) // 10]


def thirds_of_second_half(numbers):
    """Returns the first and the last."""
    half = numbers[len(numbers) // 2:]
    third = max(len(half) // 3, 1)
    return half[:third], half[-third:]


class Place:
    """Where clients connect: one of the ports of a server, perhaps with TLS."""

    def __init__(self, port, trust=None):
        self.port, self.trust = port, trust

    def plain(self):
        """Returns a socket that is connected, without TLS."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def connect(self):
        """Returns a socket that is connected."""
        if self.trust is None:
            return self.plain()
        return self.trust.wrap_socket(self.plain(), server_hostname="localhost")


def request_for(chance):
    """Returns a request and a function that says whether a body answers it."""
    number = chance.randrange(60_000)
    sent = chance.randbytes(number // 2)
    kind = chance.randrange(9)
    if kind == 0:
        return GET, lambda body: body == "a page\n"
    if kind == 1:
        return get(f"/bytes?{number}"), lambda body: len(body) == number
    if kind == 2:
        return get(f"/text?{number // 100}"), lambda body: body.count("\n") == number // 100
    if kind == 3:
        return post("/echo", sent), lambda body: body == sent.decode("latin-1")
    if kind == 4:
        return post("/count", sent), lambda body: body == f"{len(sent)}\n"
    if kind == 5:
        return get("/name?www.example"), lambda body: body == "192.0.2.1\n192.0.2.2\n"
    if kind == 6:
        return get("/name?nobody.example"), lambda body: body == "none\n"
    if kind == 7:
        helpers = number % 4
        # Four of the five kinds wait until they are killed; a look-up may be over before.
        return (get(f"/kill?{helpers}"),
                lambda body: 4 * helpers <= int(body) <= 5 * helpers)
    return get(f"/wait?{number % 20}"), lambda body: body == "at last\n"


def get(path):
    """A request without a body."""
    return f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode()


def post(path, body):
    """A request with one."""
    return f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def good(server, chance):
    """Several requests on one connection, each answered as it should be."""
    with server.connect() as client:
        for _ in range(chance.randrange(1, 8)):
            request, is_answer = request_for(chance)
            client.sendall(request)
            head, body = read_answer(client)
            assert head.startswith("HTTP/1.1 200") and is_answer(body), (request[:60], head)


def cut(server, chance):
    """A request that ends in the middle."""
    request, _ = request_for(chance)
    with server.connect() as client:
        client.sendall(request[:chance.randrange(len(request))])
        time.sleep(chance.choice((0, 0.01)))


def go_away(server, chance):
    """A reset in the middle of a request, or of the answer."""
    request, _ = request_for(chance)
    client = server.connect()
    client.sendall(request[:chance.choice((chance.randrange(len(request)), len(request)))])
    time.sleep(chance.choice((0, 0.002, 0.02)))
    reset(client)


def slow(server, chance):
    """A request in small pieces with pauses, which is answered all the same."""
    with server.connect() as client:
        for at in range(0, len(GET), 4):
            client.sendall(GET[at:at + 4])
            time.sleep(chance.random() * 0.02)
        head, body = read_answer(client)
        assert head.startswith("HTTP/1.1 200") and body == "a page\n", head


def wrong(server, chance):
    """Bytes that are no request, or a request with one byte changed: refused, answered, or ended."""
    request = bytearray(request_for(chance)[0][:2000])
    for _ in range(chance.randrange(1, 4)):
        request[chance.randrange(min(len(request), 60))] = chance.randrange(256)
    sent = bytes(request) if chance.random() < 0.7 else chance.randbytes(200)
    with server.connect() as client:
        try:
            client.sendall(sent)
            if server.trust is None:
                client.shutdown(socket.SHUT_WR)
            else:
                # Otherwise what was changed may be how much is to come.
                client.settimeout(0.05)
            text = client.recv(100)
        except (ConnectionError, ssl.SSLError, TimeoutError):
            return
        assert text == b"" or re.match(rb"HTTP/1\.1 [2345]\d\d ", text), (sent[:60], text)


def no_handshake(server, chance):
    """Bytes instead of a handshake, or half of one."""
    sent = chance.choice((GET, chance.randbytes(200), b"\x16\x03\x01\x02\x00\x01" + bytes(50)))
    with server.plain() as client:
        client.sendall(sent[:chance.randrange(len(sent))])
        time.sleep(chance.choice((0, 0.01)))


def stuck(server, _):
    """A request whose handler waits for ever: it is killed, and the server says so."""
    with server.connect() as client:
        client.sendall(get("/stuck"))
        head, _ = read_answer(client)
        assert head.startswith("HTTP/1.1 503"), head


FAULTS = (cut, go_away, slow, wrong)


def deed(places, chance):
    """Chooses what a client does next, and where; says also whether that is a fault."""
    server, kind = chance.choice(places), chance.random()
    if kind < 0.003:
        return stuck, server, False
    if kind < 0.5:
        return good, server, False
    if server.trust is not None and kind < 0.55:
        return no_handshake, server, True
    return chance.choice(FAULTS), server, True


def client_until(places, limit, seed, seen, lock):
    """One client after the other, good and faulty in turn, until a moment."""
    chance = random.Random(seed)
    while time.monotonic() < limit:
        does, server, faulty = deed(places, chance)
        try:
            does(server, chance)
        except Exception as problem:  # pylint: disable=broad-except
            with lock:
                seen.problems.append(f"{does.__name__}: {problem!r}"[:300])
        with lock:
            seen.faulty += faulty
            seen.good += not faulty
        time.sleep(chance.random() * 0.01)


def let_loose(server, places, seconds):
    """Lets clients loose at a server for a time. Returns what was seen."""
    seen, lock, limit = Seen(), threading.Lock(), time.monotonic() + seconds
    people = [threading.Thread(target=client_until, args=(places, limit, seed, seen, lock))
              for seed in range(PEOPLE)]
    for each in people:
        each.start()
    while time.monotonic() < limit:
        seen.look_at(server)
        time.sleep(min(0.5, seconds / 50))
    for each in people:
        each.join(LIMIT)
    if any(each.is_alive() for each in people):
        seen.problems.append("a client still waits")
    return seen


def foreign_errors(text):
    """Returns the lines of a server's reports that no faulty client explains."""
    return [line for line in text.splitlines() if line and not INJECTED.search(line)]


class Load:
    """Clients by a timetable, with and without TLS."""

    def __init__(self, server, chain):
        plain, behind_tls = (f"://127.0.0.1:{port}/" for port in server.ports)
        self._urls = [*(f"http{plain}{page}" for page in PAGES),
                      *(f"https{behind_tls}{page}" for page in BEHIND_TLS)]
        self._server, self._chain = server, chain

    def start(self, rate, seconds):
        """Returns the clients, as a program that ends by itself."""
        return Program(*pinned(CLIENTS), program("timetable"), f"{rate:.0f}", str(seconds),
                       str(PATIENCE), "100", self._chain, *self._urls, limit=seconds + LIMIT)

    def rate_for(self, share, available):
        """Returns how many requests a second keep the server busy for such a share of the time that
        a processor has for it. Many at a time cost less each than few, so that it looks twice."""
        rate = 200 * available
        for _ in range(2):
            used = self._server.processor_seconds()
            with self.start(rate, 1) as clients:
                clients.wait()
            rate *= share * available / (self._server.processor_seconds() - used)
        return rate


def judge_timetable(goal, told, load, available):
    """What the clients by timetable have seen."""
    errors = sum(told[each] for each in ("refused", "turned_away", "given_up", "failed"))
    if errors:
        print(f"# {told['first_error']}")
    goal.promise(f"0 errors of clients by timetable, {100 * SHARE:.0f} % of what the server could do",
                 f"{told['answered']:,} answered, {errors} errors; the server "
                 f"used {100 * load:.0f} % of a processor in all, of {100 * available:.0f} % that there were",
                 errors == 0)
    seconds = told["by_second"][1:]
    third = max(len(seconds) // 3, 1)
    first, last = usual(seconds[:third]), usual(seconds[-third:])
    goal.measure_alone(
        "of a second's answers 99 of 100 come as soon in the last third as in the first, within 10 %",
        f"{first:.2f} ms and {last:.2f} ms: {100 * (last / first - 1):+.1f} %", last <= 1.1 * first)


def judge_memory(goal, seen, seconds):
    """What the server has held over time."""
    first, last = map(low, thirds_of_second_half(seen.memory))
    grown = (last - first) / MIB
    bar = size(4, 1)
    goal.measure(f"memory grows by at most {bar} MiB after the first half",
                 f"{grown:+.2f} MiB, at {last / MIB:.1f} MiB", grown <= bar)
    if OPTIONS.stress or OPTIONS.soak:
        slope = grown / (seconds / 3) * 3600
        (goal.measure if seconds >= 3600 else goal.tell)(
            "by at most 1 MiB in an hour", f"{slope:+.2f} MiB", slope <= 1)
    first, last = map(low, thirds_of_second_half(seen.mappings))
    (goal.measure if seconds >= 600 else goal.tell)(
        "mappings as after the first half", f"{first:.0f} then, {last:.0f} at the end",
        last <= first)


def idle_descriptors(server):
    """Waits until a server whose clients have gone closes nothing more, and returns how many
    descriptors it keeps."""
    before = None
    while before != server.descriptors():
        before = server.descriptors()
        time.sleep(0.5)
    return before


def soaking():
    """M3: good and faulty clients, for long, leave memory and descriptors as they were."""
    seconds = OPTIONS.soak or size(8, 600)
    with (Goal("M3") as goal, tempfile.TemporaryDirectory() as folder,
          tempfile.TemporaryFile() as errors, Server(DNS_SERVER) as names):
        chain, key = made_certificate(folder)
        trust = ssl.create_default_context(cafile=chain)
        with Server(program("soak_web"), str(names.port), chain, key, errors=errors,
                    processor=SERVERS, listeners=2) as server:
            places = [Place(server.ports[0]), Place(server.ports[1], trust)]
            let_loose(server, places, 1)
            load, available = Load(server, chain), available_time()
            rate = load.rate_for(SHARE, available)
            # More than ever later, so that what is kept for that is there.
            with load.start(5 * rate, 1) as clients:
                clients.wait()
            descriptors, used = idle_descriptors(server), server.processor_seconds()
            with load.start(rate, seconds) as clients:
                seen = let_loose(server, places, seconds)
                used = server.processor_seconds() - used
                told = json.loads(clients.wait())
            gone = wait_until(lambda: server.descriptors() <= descriptors, LIMIT)
            goal.promise(
                f"{seconds} s of other clients, half of them faulty: 0 errors that nobody has made",
                f"{seen.good:,} good and {seen.faulty:,} faulty exchanges, "
                f"{len(seen.problems)} errors {seen.problems[:3] or ''}", not seen.problems)
            judge_timetable(goal, told, used / seconds, available)
            judge_memory(goal, seen, seconds)
            goal.promise("descriptors as before",
                         f"{descriptors} before, {server.descriptors()} after", gone)
        errors.seek(0)
        foreign = foreign_errors(errors.read().decode("latin-1"))
        goal.promise("the server reports what the faulty clients have done, and nothing else",
                     f"{len(foreign)} other reports {foreign[:3] or ''}", not foreign)
