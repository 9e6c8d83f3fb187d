#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""M4, the memory that is left when many connections, or many greenlets, have come and gone."""

from goals import KIB, MIB, WEB, Goal, close_all, program, served_connections, settled, size
from servers import Server, run, wait_until


def of_greenlets():
    """M4: the memory of many greenlets is given back."""
    number = size(5000, 100_000)
    with Goal("M4") as goal:
        before, most, after = (int(each) / MIB for each in run(
            program("spike"), str(number), "5").split())
        goal.measure(f"5 s after {number:,} greenlets at most twice the memory of before",
                     f"{before:.1f} MiB before, {most:.1f} with them, {after:.1f} after",
                     after <= 2 * before)


def of_connections():
    """M4: many connections that come and go take no more memory the second and third time."""
    number = size(1500, 19_000)
    with Goal("M4") as goal, Server(WEB) as server:
        idle, descriptors = settled(server)
        peaks, after = [], []
        for _ in range(3):
            clients = served_connections(server, number)
            peaks.append(server.resident())
            close_all(clients)
            assert wait_until(lambda: server.descriptors() <= descriptors, 5)
            wait_until(lambda: server.resident() <= 2 * idle, 5)
            after.append(server.resident())
        mib = [f"{each / MIB:.1f}" for each in (idle, *peaks, *after)]
        goal.tell(f"5 s after {number:,} connections at most twice the memory of before",
                  f"{mib[0]} MiB before, {mib[1]} with them, {mib[4]} after",
                  after[0] <= 2 * idle)
        kept = (after[0] - idle) / number / KIB
        goal.measure("at most 4 KiB of each connection is kept for the next one",
                     f"{kept:.1f} KiB", kept <= 4)
        goal.measure("no more after a second and a third spike, within 2 MiB",
                     f"{mib[5]} and {mib[6]} MiB", max(after[1:]) <= after[0] + 2 * MIB)
        goal.measure("no more with them either, within 2 MiB", f"{mib[2]} and {mib[3]} MiB",
                     max(peaks[1:]) <= peaks[0] + 2 * MIB)
