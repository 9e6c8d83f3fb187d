#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The example whose sessions are in Redis, with a redis-server.

Usage: sessions_test.py SESSIONS_IN_REDIS EXPECTED_OUTPUT
"""

import pathlib
import re
import sys
import tempfile

from servers import Program, free_ports, run, run_cases, wait_until

PROGRAM, EXPECTED = sys.argv[1], pathlib.Path(sys.argv[2])


def answers(port):
    """Says whether Redis answers there."""
    try:
        return run("redis-cli", "-p", str(port), "PING") == "PONG\n"
    except AssertionError:
        return False


def redis_keeps_the_sessions():
    """With redis-server it prints what it prints with its stand-in, and uses few connections."""
    port = free_ports(1)[0]
    with tempfile.TemporaryDirectory() as folder, Program(
            "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "",
            "--appendonly", "no", "--daemonize", "no") as server:
        assert wait_until(lambda: answers(port)), server.end()
        before = statistics(port)
        printed = run(PROGRAM, "--redis", f"127.0.0.1:{port}").encode("latin-1").decode()
        after = statistics(port)
        expected = EXPECTED.read_text(encoding="utf-8")
        assert printed and expected.startswith(printed), printed
        visits = int(run("redis-cli", "-p", str(port), "GET", "visits"))
        commands = after["total_commands_processed"] - before["total_commands_processed"]
        connections = after["total_connections_received"] - before["total_connections_received"]
        print(f"# {visits} visits, {commands} commands, {connections} connections")
        assert visits == 24 and commands > 2 * visits, (visits, commands)
        # Three servers, each with four at most, and redis-cli.
        assert connections <= 3 * 4 + 1, connections
        assert run("redis-cli", "-p", str(port), "KEYS", "session:*").strip() == "", "logged out"


def statistics(port):
    """Returns what Redis has counted."""
    text = run("redis-cli", "-p", str(port), "INFO", "stats")
    return {name: int(value) for name, value in re.findall(r"^(\w+):(\d+)\r?$", text, re.M)}


def without_redis_there_is_an_error():
    """Where nobody listens, the program says so and fails."""
    port = free_ports(1)[0]
    with Program(PROGRAM, "--redis", f"127.0.0.1:{port}") as program:
        text = program.wait()
    assert "503" in text, text


if __name__ == "__main__":
    sys.exit(run_cases([redis_keeps_the_sessions, without_redis_there_is_an_error]))
