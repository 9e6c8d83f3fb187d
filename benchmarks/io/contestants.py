# SPDX-License-Identifier: BSL-1.0
"""What the comparisons of servers share: a server that is measured, a load, and the verdict.

The server is pinned to processor 0 and the load to processor 1. What counts is the server's own
processor time, read from the kernel (/proc/PID/schedstat): rates and latencies move with whatever
else the machine does. The servers take turns, a ratio is taken within its round, and the median of
these ratios is the result.
"""

import os
import pathlib
import resource
import signal
import statistics
import subprocess
import sys
import time


def programs_in(build):
    """Returns the servers that are compared, by name."""
    return {
        "tendril": build / "docs/examples/echo_server",
        "asio": build / "benchmarks/echo_asio",
        "epoll": build / "benchmarks/echo_epoll",
    }


def prepare():
    """Allows as many descriptors as may be, and refuses a machine with one processor."""
    if os.cpu_count() < 2:
        sys.exit("this comparison needs two processors")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


class Server:
    """A server under test, running as long as the `with` block."""

    def __init__(self, program, *arguments):
        self.program, self.arguments = program, arguments

    def __enter__(self):
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", str(self.program), *map(str, self.arguments)],
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def processor_time(self):
        """Returns the nanoseconds that it has spent on a processor."""
        return int(pathlib.Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0])


def start_load(program, server, *arguments):
    """Starts a load, which ends by itself."""
    words = [str(word) for word in (program, server.port, *arguments)]
    return subprocess.Popen(["taskset", "-c", "1", *words], stdout=subprocess.PIPE, text=True)


def run_load(program, server, *arguments):
    """Runs a load; returns what it prints as a dictionary, with the server's time in `cpu`."""
    before = server.processor_time()
    process = start_load(program, server, *arguments)
    words = process.communicate(timeout=120)[0].split()
    if process.returncode != 0:
        sys.exit(f"{program} ended with status {process.returncode}")
    measured = {name: float(value) for name, value in zip(words[::2], words[1::2])}
    return measured | {"cpu": server.processor_time() - before}


def count_calls(name, program, load, connections):
    """Counts the system calls of a server for each message that it sends, with strace, which slows
    it down. Prints them by name and returns their sum."""
    with Server(program) as server:
        process = start_load(load, server, connections, 4)
        time.sleep(1)
        tracer = subprocess.Popen(
            ["strace", "-c", "-f", "-p", str(server.process.pid)], stderr=subprocess.PIPE, text=True)
        time.sleep(1.5)
        tracer.send_signal(signal.SIGINT)
        lines = tracer.communicate(timeout=30)[1].splitlines()
        process.communicate(timeout=30)
    rows = [line.split() for line in lines]
    counts = {row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit()}
    counts.pop("total", None)
    messages = counts.get("sendto", 0) + counts.get("sendmsg", 0)
    if messages == 0:
        sys.exit("strace has seen no message: " + " ".join(lines))
    each = {call: count / messages for call, count in sorted(counts.items())}
    text = ", ".join(f"{call} {count:.3f}" for call, count in each.items() if count >= 0.001)
    print(f"    {name:8} {sum(each.values()):.3f}: {text}", flush=True)
    return sum(each.values())


def middle(values):
    """Returns the median with the limits of the middle half, as a text."""
    ordered = sorted(values)
    quarter = len(ordered) // 4
    return (f"{statistics.median(ordered):9.2f} ({ordered[quarter]:.2f} to "
            f"{ordered[-1 - quarter]:.2f})")


def ratio(ours, theirs):
    """Returns the median of the ratios of each round."""
    return statistics.median(mine / other for mine, other in zip(ours, theirs))


def judge(what, bar, measured):
    """Prints whether a bar holds: the largest good value."""
    verdict = "holds" if measured <= bar else "does not hold"
    print(f"      {what}: bar {bar:.4g}x, measured {measured:.3f}x: {verdict}", flush=True)
