#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What the web server promises under load, under attack and over time, with the figure of each
promise and the figure reached.

Usage: http_goals_test.py BUILD [--stress] [--instrumented] [--soak SECONDS] [--only GOAL ...]

Small sizes, unless `--stress` asks for the full ones. Memory and time of an instrumented server are
its sanitizer's: they are printed, and not judged. docs/reliability.md says what each goal is and has
the last report.
"""

import contextlib
import os
import pathlib
import re
import resource
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import time

import overload
import soak
import spikes
from goals import (CLIENTS, KIB, OPTIONS, SERVERS, SETTLED, WEB, Goal, close_all, connections,
                   made_certificate, nearly_all, pinned, print_table, program, served_connections, settled,
                   size, usual)
from servers import (GET, LIMIT, TICKS_A_SECOND, Program, Server, free_ports, read_answer, run,
                     run_cases, wait_until)

# Requests on one connection: the server closes it after 10,000.
BATCH = 64
BATCHES = 156


def waits_of(clients, seconds):
    """Asks a thousand times a second, on one connection after the other, and returns how long each
    answer took."""
    poll = select.epoll()
    asked, waits = {}, []
    for client in clients:
        poll.register(client, select.EPOLLIN)
    by_number = {client.fileno(): client for client in clients}
    start, sent = time.monotonic(), 0
    while sent < seconds * 1000 or asked:
        now = time.monotonic()
        assert now < start + seconds + LIMIT
        while sent < min((now - start), seconds) * 1000:
            client = clients[sent % len(clients)]
            if client.fileno() not in asked:
                asked[client.fileno()] = now
                client.sendall(GET)
            sent += 1
        for number, _ in poll.poll(0.001):
            assert read_answer(by_number[number]) is not None
            waits.append(time.monotonic() - asked.pop(number))
    poll.close()
    return waits


def idle_connections():
    """L2: idle connections take little memory, and hold up nobody."""
    number = size(1500, 19_000)
    with Goal("L2") as goal, Server(WEB) as server:
        before, _ = settled(server)
        clients = served_connections(server, number)
        each = (server.resident() - before) / number / KIB
        open_now = server.descriptors()
        waits = waits_of(clients[-500:], size(1, 5))
        slow = nearly_all(waits) * 1000
        goal.promise(f"{number:,} connections are kept open", f"{open_now:,} descriptors",
                     open_now >= number)
        goal.measure("at most 16 KiB of memory each", f"{each:.1f} KiB", each <= 16)
        bar = size(500, 50)
        goal.measure(
            f"1,000 requests a second on 500 of them: 99 of 100 within {bar} ms",
            f"{slow:.1f} ms, of {len(waits):,}", slow <= bar)
        close_all(clients)


def idle_connections_behind_tls():
    """L3: idle connections behind TLS take little memory as well."""
    number = size(200, 10_000)
    with Goal("L3") as goal, tempfile.TemporaryDirectory() as folder:
        chain, key = made_certificate(folder)
        trust = ssl.create_default_context(cafile=chain)
        trust.check_hostname = False
        with Server(program("web_tls"), chain, key) as server:
            clients = [trust.wrap_socket(server.connect()) for _ in range(SETTLED)]
            before, descriptors = server.resident(), server.descriptors()
            start = time.monotonic()
            for some in connections(server, number, b""):
                clients += [trust.wrap_socket(client) for client in some]
                # Handshakes take long, and who is idle for 15 s is closed: all ask now and then.
                for client in clients if len(clients) % 2500 < 100 else clients[-len(some):]:
                    client.sendall(GET)
                    assert read_answer(client) is not None
            made = server.descriptors() - descriptors
            each = (server.resident() - before) / number / KIB
            goal.promise(f"{number:,} connections of {clients[-1].version()} are kept open",
                         f"{made:,}, made in {time.monotonic() - start:.1f} s", made == number)
            goal.measure("at most 80 KiB of memory each", f"{each:.1f} KiB", each <= 80)
            close_all(clients)


NGINX = """daemon off;
master_process off;
pid {folder}/pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    access_log off;
    keepalive_requests 10000;
    tcp_nodelay on;
    default_type text/plain;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200 "a page\n"; }}
    }}
}}
"""


def sends_page(url, child):
    """Says whether a server has got its port and sends the page; it may have come too late for it."""
    def answers():
        return not child.runs() or "a page" in subprocess.run(
            ["curl", "-s", "-m", "1", url], capture_output=True, text=True, check=False).stdout
    return wait_until(answers, 5) and child.runs()


@contextlib.contextmanager
def nginx():
    """Starts nginx with one process and the same page, and yields its URL."""
    for _ in range(5):
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}/"
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "nginx.conf"
            file.write_text(NGINX.format(folder=folder, port=port), encoding="ascii")
            with Program(*pinned(SERVERS), "nginx", "-p", folder, "-e", "stderr", "-c",
                         str(file)) as child:
                if sends_page(url, child):
                    yield url
                    return
    raise AssertionError(child.text)


def keep_alive_rate():
    """L4: requests on connections that are kept are answered fast, and none fails."""
    number, seconds = size(1, 10_000_000), size(1, 20)
    with Goal("L4") as goal, Server(WEB, processor=SERVERS) as server, nginx() as other:
        answered = failed = 0
        ratios, rates = [], {server.url: [], other: []}
        while answered < number or len(ratios) < 2:
            for url, seen in rates.items():
                text = run(*pinned(CLIENTS), "wrk", "-t1", "-c128", f"-d{seconds}", url)
                seen.append(float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)))
                if url == server.url:
                    answered += int(re.search(r"(\d+) requests in", text).group(1))
                    for bad in re.findall(r"Socket errors: (.*)|Non-2xx.*: (\d+)", text):
                        failed += sum(map(int, re.findall(r"\d+", " ".join(bad))))
            assert all(each[-1] > 0 for each in rates.values()), text
            ratios.append(rates[server.url][-1] / rates[other][-1])
        asked = f"{number:,}" if OPTIONS.stress else "all"
        goal.promise(f"{asked} requests on 128 connections: 0 errors",
                     f"{answered:,} answered, {failed} errors", failed == 0 and answered > 1000)
        goal.measure_alone(
            "at least 60 % of the rate of nginx with one process, in turns, on one processor",
            f"{100 * usual(ratios):.0f} %: {usual(rates[server.url]):,.0f} and "
            f"{usual(rates[other]):,.0f} a second, {len(ratios)} times {seconds} s each",
            usual(ratios) >= 0.6)


def churn():
    """L5: connections that come, ask once and go leave nothing, and none fails."""
    number, slice_size = size(4000, 1_000_000), size(2000, 20_000)
    with Goal("L5") as goal, Server(WEB) as server:
        _, before = settled(server)
        complete = failed = 0
        start, ticks = time.monotonic(), server.ticks()
        for part in range(number // slice_size):
            text = run("ab", "-q", "-n", str(slice_size), "-c", "50", "-B", f"127.0.2.{1 + part}",
                       server.url)
            complete += int(re.search(r"Complete requests:\s+(\d+)", text).group(1))
            failed += int(re.search(r"Failed requests:\s+(\d+)", text).group(1))
            failed += "Non-2xx" in text
        seconds = time.monotonic() - start
        used = max(server.ticks() - ticks, 1) / TICKS_A_SECOND
        wait_until(lambda: server.descriptors() <= before, 5)
        goal.promise(f"{number:,} connections, each with one request: 0 errors",
                     f"{complete:,} answered, {failed} failed", complete == number and failed == 0)
        goal.promise("descriptors as before", f"{before} before, {server.descriptors()} after",
                     server.descriptors() <= before)
        goal.measure("10,000 in a second of the server's processor time",
                     f"{number / used:,.0f}", number / used >= 10_000)
        goal.tell("10,000 in a second, beside the client and whatever else runs",
                  f"{number / seconds:,.0f}", number / seconds >= 10_000)


class Pipeline:
    """A connection on which 64 requests are under way at a time, each with a number as body that
    must come back in its turn."""

    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n"
    batches = []

    def __init__(self, server):
        if not self.batches:
            for first in range(0, BATCH * BATCHES, BATCH):
                bodies = [b"%08d" % number for number in range(first, first + BATCH)]
                self.batches.append((b"".join(self.head + body for body in bodies), bodies))
        self._client, self._batch = server.connect(), 0
        self._client.sendall(self.head + b"01234567")
        head, body = read_answer(self._client)
        self._answer_size = len(head) + 4 + len(body)
        self._answers = bytearray(self._answer_size * BATCH)

    def ask(self):
        """Sends a batch, if there is one left."""
        if self._batch == BATCHES:
            self._client.close()
            return False
        self._client.sendall(self.batches[self._batch][0])
        return True

    def out_of_order(self):
        """Reads the answers to a batch, and returns how many are not the one whose turn it was."""
        view, filled = memoryview(self._answers), 0
        while filled < len(view):
            part = self._client.recv_into(view[filled:])
            assert part > 0, f"{filled} of {len(view)} bytes of batch {self._batch}"
            filled += part
        ends = range(self._answer_size, len(view) + 1, self._answer_size)
        came = [bytes(self._answers[end - 8:end]) for end in ends]
        asked = self.batches[self._batch][1]
        self._batch += 1
        return sum(one != other for one, other in zip(came, asked))


def pipelining():
    """L6: pipelined requests are answered in their order, all of them."""
    number = size(200_000, 10_000_000)
    with Goal("L6") as goal, Server(WEB) as server:
        answered = wrong = 0
        start = time.monotonic()
        while answered < number:
            pipelines = [Pipeline(server) for _ in range(4)]
            while pipelines := [each for each in pipelines if each.ask()]:
                for each in pipelines:
                    wrong += each.out_of_order()
                    answered += BATCH
        seconds = time.monotonic() - start
        goal.promise(
            f"{number:,} requests, 64 at a time on each connection: 0 missing or out of order",
            f"{answered:,} answered, {wrong} out of order; {answered / seconds:,.0f} a second",
            wrong == 0 and answered >= number)


def hostile_heads(number):
    """Returns the halves of heads that are as large as the server allows: one long field, or many."""
    begin = b"GET / HTTP/1.1\r\nHost: a\r\n"
    room = 64 * KIB - 1 - len(begin)
    field = b"X-%03d: " + b"x" * 700 + b"\r\n"
    many = b"".join(field % each for each in range(90))
    return (begin + b"X: " + b"x" * (room - 3)) if number == 0 else begin + many


def hostile_connections():
    """B7: connections that send half a head up to its limit take bounded memory, and are ended."""
    number = size(400, 19_000)
    with Goal("B7") as goal:
        for kind, name in enumerate(("one long field", "90 fields")):
            with Server(WEB) as server:
                before, descriptors = settled(server)
                start = time.monotonic()
                clients = [client for some in connections(
                    server, number, hostile_heads(kind), start + 8) for client in some]
                ticks = -1
                while ticks != server.ticks() and time.monotonic() < start + 9:
                    ticks = server.ticks()
                    time.sleep(0.1)
                wanted = descriptors + 0.9 * number
                wait_until(lambda: server.descriptors() >= wanted, start + 9 - time.monotonic())
                each = (server.resident() - before) / len(clients) / KIB
                open_now = server.descriptors()
                goal.promise(f"half a head, {name}: {number:,} at a time",
                             f"{len(clients):,} opened in {time.monotonic() - start:.1f} s, "
                             f"{open_now - descriptors:,} open",
                             OPTIONS.instrumented or open_now - descriptors >= 0.9 * number)
                goal.measure("at most 80 KiB of memory each", f"{each:.1f} KiB", each <= 80)
                assert server.get() is not None
                if not OPTIONS.stress:
                    close_all(clients)
                gone = wait_until(lambda: server.descriptors() <= descriptors, LIMIT)
                how = "when their 10 s are over" if OPTIONS.stress else "when they close"
                goal.promise(f"they are gone {how}", f"{server.descriptors()} descriptors left, "
                             f"{descriptors} before", gone)
                close_all(clients)


def main():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    cases = [idle_connections, keep_alive_rate, churn, pipelining, overload.by_many,
             overload.by_rate, hostile_connections, spikes.of_connections, spikes.of_greenlets]
    if os.path.exists(program("web_tls")):
        cases[1:1] = [idle_connections_behind_tls, soak.soaking]
    chosen = [case for case in cases
              if not OPTIONS.only or case.__doc__.split(":")[0] in OPTIONS.only]
    status = run_cases(chosen, 1200 + OPTIONS.soak)
    with contextlib.suppress(BrokenPipeError):
        print_table()
    return status


if __name__ == "__main__":
    sys.exit(main())
