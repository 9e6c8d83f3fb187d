#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""L7, a web server that is asked for more than it can do: by clients that are always many, and by
clients that come by a timetable whether or not others were served.
"""

import contextlib
import json
import re
import time

from goals import (CLIENTS, KIB, MIB, OPTIONS, SERVERS, WEB, Goal, nearly_all, pinned, program,
                   settled, size)
from servers import Program, Server, read_answer, run, wait_until

# What a request costs the server here, so that the client has time for five times as many.
WORK = "work?2000"
# How long clients wait, in milliseconds. A connection that the kernel does not take at once is tried
# again after a second, so that one beyond the queue is turned away.
PATIENCE = 900
# The bounds of `web ADDRESS bounded`: connections that are open, and that wait in the kernel.
QUEUE = 32 + 33


def rate_of(server, path, *pinned):
    """Returns how many requests a second fifty clients get answers to."""
    text = run(*pinned, "wrk", "-t1", "-c50", "-d2", server.url + path)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))


def time_to_recover(server):
    """Returns how long it takes until somebody is served within a tenth of a second."""
    start = time.monotonic()
    while time.monotonic() < start + 30:
        asked = time.monotonic()
        with contextlib.suppress(OSError), server.connect() as client:
            client.settimeout(1)
            client.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            if read_answer(client) is not None and time.monotonic() - asked < 0.1:
                break
    return time.monotonic() - start


def by_many():
    """L7: overload breaks nothing, takes bounded memory, and is over when it is over."""
    number, seconds = size(1000, 5000), size(3, 60)
    with Goal("L7") as goal, Server(WEB) as server:
        settled(server)
        capacity = rate_of(server, "")
        waits, most = [], 0
        with Program("h2load", "--h1", "-t1", "-c", str(number), "-m", "8", "-D", str(seconds),
                     server.url) as crowd:
            while crowd.runs():
                start = time.monotonic()
                assert server.get() is not None
                waits.append(time.monotonic() - start)
                most = max(most, server.resident())
                time.sleep(0.02)
            recovered = time_to_recover(server)
            text = crowd.wait()
        match = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
        served, failed = int(match.group(1)), sum(map(int, match.groups()[1:]))
        work = number * 8 / capacity
        goal.promise(
            f"{seconds} s with {number * 8:,} requests waiting, {work:.1f} s of work: none fails",
            f"{served:,} answered, {failed} failed", served > 0 and failed == 0)
        goal.measure(f"memory at most 80 KiB for each of {number:,} connections",
                     f"{most / MIB:.0f} MiB in all", most <= number * 80 * KIB + 16 * MIB)
        slow = nearly_all(waits)
        bar = 2 * work + 1
        goal.measure(f"somebody else is served within {bar:.1f} s, 99 times of 100",
                     f"{slow:.2f} s, of {len(waits)}", slow <= bar)
        goal.measure("recovered within 2 s", f"{recovered:.2f} s", recovered < 2)


def offer(server, rate, seconds):
    """Lets clients come by a timetable, each with a connection of its own. Returns what they say,
    the most memory, and how long the server took to recover."""
    most = 0
    with Program(*pinned(CLIENTS), program("timetable"), f"{rate:.0f}", str(seconds),
                 str(PATIENCE), "0", "-", server.url + WORK) as clients:
        while clients.runs():
            most = max(most, server.resident())
            time.sleep(0.05)
        recovered = time_to_recover(server)
        return json.loads(clients.wait()), most, recovered


def by_rate():
    """L7: five times as many requests as there is time for are served within bounds, or turned away."""
    seconds = size(3, 60)
    with Goal("L7") as goal:
        with Server(WEB, "127.0.0.1:0", "bounded", processor=SERVERS) as server:
            idle, descriptors = settled(server)
            # Beyond the 32 connections the others wait in the kernel, and keep the server busy.
            capacity = rate_of(server, WORK, *pinned(CLIENTS))
            seen, most, recovered = offer(server, 5 * capacity, seconds)
            served = max(seen["answered"], 1) / seconds
            errors = seen["failed"] + seen["refused"]
            goal.promise(
                f"{seconds} s with {5 * capacity:,.0f} requests a second, 5 times as many as there "
                "is time for: served, or turned away",
                f"{seen['answered']:,} served, {seen['turned_away']:,} turned away, {errors} errors "
                f"{seen['first_error']}", seen["answered"] > 0 and errors == 0)
            goal.measure_alone(
                f"nobody who has got a connection gives up after {PATIENCE} ms",
                f"{seen['given_up']} do", seen["given_up"] == 0)
            bar = 2000 * QUEUE / served + 50
            goal.measure_alone(
                f"of those served, 99 of 100 within {bar:.0f} ms: twice the {QUEUE} requests of the "
                "queue, and 50 ms",
                f"{seen['p99']:.0f} ms; half of them {seen['p50']:.0f} ms", seen["p99"] <= bar)
            goal.measure_alone(
                "the server goes on as fast: 80 % of its rate",
                f"{served:,.0f} of {capacity:,.0f} a second", served >= 0.8 * capacity)
            goal.measure("memory at most 80 KiB for each of 32 connections, and 4 MiB",
                         f"{idle / MIB:.1f} MiB before, {most / MIB:.1f} at most",
                         most - idle <= 32 * 80 * KIB + 4 * MIB)
            goal.measure("recovered within 2 s", f"{recovered:.2f} s", recovered < 2)
            gone = wait_until(lambda: server.descriptors() <= descriptors)
            goal.promise("descriptors as before",
                         f"{descriptors} before, {server.descriptors()} after", gone)
        if OPTIONS.stress:
            without_bound(goal, capacity)


def without_bound(goal, capacity):
    """What becomes of a server that takes whoever comes: it works for those who have gone."""
    seconds = 20
    with Server(WEB, processor=SERVERS) as server:
        settled(server)
        seen, most, recovered = offer(server, 5 * capacity, seconds)
        served = seen["answered"] / seconds
        goal.tell(
            "the same without a bound on connections: half of the server's rate is of use",
            f"{served:,.0f} a second served within {PATIENCE} ms, "
            f"{seen['given_up'] + seen['turned_away']:,} gave up; {most / MIB:.0f} MiB; recovered in "
            f"{recovered:.2f} s", served >= capacity / 2)
