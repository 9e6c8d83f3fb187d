#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The web server of the examples, and clients that are slow, rude, or too many.

Usage: hostile_clients_test.py HTTP_SERVER [--stress] [--instrumented]

An instrumented server has threads of its sanitizer that use processor time; that is not measured.
"""

import select
import sys
import time

from servers import GET, TICKS_A_SECOND, Server, read_answer, reset, run_cases, wait_until

PROGRAM = sys.argv[1]
STRESS = "--stress" in sys.argv
INSTRUMENTED = "--instrumented" in sys.argv


def clients_that_vanish_leave_nothing():
    """Clients that vanish in the middle of a request leave no descriptor behind."""
    with Server(PROGRAM) as server:
        server.get()
        assert wait_until(lambda: server.descriptors() > 4)
        time.sleep(0.05)
        before = server.descriptors()
        for end in (reset, lambda client: client.close()):
            clients = [server.connect() for _ in range(100)]
            for number, client in enumerate(clients):
                client.sendall(GET[:number % len(GET)])
            assert wait_until(lambda: server.descriptors() >= before + 100)
            for client in clients:
                end(client)
            assert wait_until(lambda: server.descriptors() <= before), server.descriptors()
        assert server.get() is not None


def slow_clients_delay_nobody():
    """Clients that send a byte now and then are served, and delay nobody."""
    with Server(PROGRAM) as server:
        slow = [server.connect() for _ in range(20)]
        longest = 0.0
        for at in range(len(GET)):
            for client in slow:
                client.sendall(GET[at:at + 1])
            start = time.monotonic()
            assert server.get() is not None
            longest = max(longest, time.monotonic() - start)
            time.sleep(0.01)
        for client in slow:
            assert read_answer(client)[0].startswith("HTTP/1.1 200")
            client.close()
        assert longest < 0.5, longest


def a_head_that_never_ends_is_refused():
    """A head that never ends is refused, and the refusal arrives."""
    with Server(PROGRAM) as server, server.connect() as client:
        line = b"X-Filler: " + b"x" * 1000 + b"\r\n"
        client.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n")
        try:
            for _ in range(1000):
                client.sendall(line)
        except OSError:
            pass
        head, _ = read_answer(client)
        assert head.split()[1] in ("431", "408"), head


def established(clients):
    """Asks for a page on each connection. Returns those that are answered within half a second."""
    for client in clients:
        client.sendall(GET)
    served = []
    limit = time.monotonic() + 0.5
    while (left := limit - time.monotonic()) > 0:
        waiting = [client for client in clients if client not in served]
        for client in select.select(waiting, [], [], left)[0]:
            assert read_answer(client) is not None
            served.append(client)
    return served


def descriptors_may_run_out():
    """Out of descriptors: hardly any processor time, old connections served, and it recovers."""
    with Server(PROGRAM, descriptors=64) as server:
        clients = [server.connect() for _ in range(200)]
        served = established(clients)
        assert 30 < len(served) < 64, len(served)
        ticks = server.ticks()
        for _ in range(20):
            for client in served[:3]:
                client.sendall(GET)
                assert read_answer(client) is not None
            time.sleep(0.1)
        used = server.ticks() - ticks
        assert INSTRUMENTED or used <= 2 * TICKS_A_SECOND * 0.05, f"{used} ticks in 2 s"
        waiting = [client for client in clients if client not in served]
        for client in served:
            client.close()
        start = time.monotonic()
        ready = select.select(waiting, [], [], 3)[0]
        seconds = time.monotonic() - start
        assert ready and read_answer(ready[0]) is not None
        assert seconds <= 1.2, seconds
        for client in waiting:
            client.close()


def an_idle_server_sleeps():
    """A server whose connections are idle uses no processor time at all."""
    with Server(PROGRAM) as server:
        clients = [server.connect() for _ in range(100)]
        for client in clients:
            client.sendall(GET)
            assert read_answer(client) is not None
        time.sleep(0.2)
        ticks = server.ticks()
        time.sleep(10 if STRESS else 3)
        used = server.ticks() - ticks
        assert INSTRUMENTED or used == 0, f"{used} ticks"
        for client in clients:
            client.close()


if __name__ == "__main__":
    sys.exit(run_cases([
        clients_that_vanish_leave_nothing,
        slow_clients_delay_nobody,
        a_head_that_never_ends_is_refused,
        descriptors_may_run_out,
        an_idle_server_sleeps,
    ]))
