#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Streams, TLS and the Redis client of the examples against programs that others have written:
socat, openssl and redis-server.

Usage: peers_test.py PEER

Each program runs in the foreground, on a free port, with its files in a temporary folder, and is
ended by its process. One that is not installed is a failure.
"""

import pathlib
import re
import select
import socket
import subprocess
import sys
import tempfile
import time

from servers import LIMIT, run, run_cases

PEER = sys.argv[1]
TEXT = b"a line\nand another one\n" + bytes(range(1, 10)) + b"\n"
LONG = b"".join(b"%d\n" % number for number in range(50000))


class Program:
    """A program that runs until the `with` block is left."""

    def __init__(self, *command):
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            bufsize=0)
        self._seen = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._child.poll() is None:
            self._child.kill()
        self._child.communicate()

    def wait_for(self, pattern):
        """Returns what of the output matches, when it has come."""
        limit = time.monotonic() + LIMIT
        while (match := re.search(pattern, self._seen)) is None:
            left = limit - time.monotonic()
            readable, _, _ = select.select([self._child.stdout], [], [], max(left, 0))
            part = self._child.stdout.read(65536) if readable else b""
            assert part, f"no {pattern!r} in what {self._child.args} says: {self._seen}"
            self._seen += part.decode("latin-1")
        return match.group(1)

    def end_input(self):
        """Ends its input and returns its status."""
        self._child.stdin.close()
        self._child.stdin = None
        status = self._child.wait(timeout=LIMIT)
        return status


def peer(*arguments):
    """Starts one of ours as a server."""
    return Program(PEER, *arguments)


def sent_by_peer(text, *arguments):
    """Runs one of ours as a client and returns what it prints."""
    return run(PEER, *arguments, data=text).encode("latin-1")


def sent_by(command, text):
    """Sends a text through another program until as much has come back."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as child:
        got, sent = b"", 0
        limit = time.monotonic() + LIMIT
        while len(got) < len(text):
            assert time.monotonic() < limit, f"{command}: {len(got)} of {len(text)} bytes"
            writing = [child.stdin] if sent < len(text) else []
            readable, writable, _ = select.select([child.stdout], writing, [], 1)
            if writable:
                sent += child.stdin.write(text[sent:sent + 4096])
                child.stdin.flush()
            if readable:
                part = child.stdout.read1(65536)
                if not part:
                    break
                got += part
        child.kill()
        return got


class Certificate:
    """A certificate for a host, which is its own authority, and its key."""

    def __init__(self, folder, host="localhost"):
        self.file, self.key = f"{folder}/{host}.pem", f"{folder}/{host}.key"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", f"/CN={host}", "-addext",
            f"subjectAltName=DNS:{host}", "-keyout", self.key, "-out", self.file)


def free_port():
    """Returns a port that nobody has at this moment."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def socat_speaks_tcp():
    """socat speaks TCP in both directions."""
    with peer("tcp_server") as server:
        port = server.wait_for(r"127\.0\.0\.1:(\d+)\n")
        assert sent_by(["socat", "-", f"TCP:127.0.0.1:{port}"], LONG) == LONG
        assert server.end_input() == 0
    with Program("socat", "-d", "-d", "TCP-LISTEN:0,bind=127.0.0.1,fork", "EXEC:cat") as server:
        port = server.wait_for(r"listening on AF=2 127\.0\.0\.1:(\d+)")
        for text in (TEXT, LONG):
            assert sent_by_peer(text, "tcp_client", port) == text


def socat_speaks_unix_sockets():
    """socat speaks Unix sockets in both directions."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/ours"
        with peer("unix_server", path) as server:
            server.wait_for(r"(listening)\n")
            assert sent_by(["socat", "-", f"UNIX-CONNECT:{path}"], LONG) == LONG
            assert server.end_input() == 0
            assert not pathlib.Path(path).exists(), "a listener removes its path"
        path = f"{folder}/theirs"
        with Program("socat", "-d", "-d", f"UNIX-LISTEN:{path},fork", "EXEC:cat") as server:
            server.wait_for(r"(listening on AF=1)")
            assert sent_by_peer(LONG, "unix_client", path) == LONG


def openssl_is_a_client():
    """openssl s_client is served, with both versions of TLS."""
    with tempfile.TemporaryDirectory() as folder:
        mine = Certificate(folder)
        with peer("tls_server", mine.file, mine.key) as server:
            port = server.wait_for(r"127\.0\.0\.1:(\d+)\n")
            for version in ("-tls1_2", "-tls1_3"):
                command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", version,
                           "-CAfile", mine.file, "-verify_return_error", "-servername",
                           "localhost", "-verify_hostname", "localhost", "-alpn", "echo", "-quiet",
                           "-no_ign_eof"]
                assert sent_by(command, LONG) == LONG, version
                assert server.wait_for(r"shook hands for (\S+)\n") == "localhost"


def openssl_refuses_who_speaks_something_else():
    """A client that offers an old version or another protocol is refused, and others are served."""
    with tempfile.TemporaryDirectory() as folder:
        mine = Certificate(folder)
        with peer("tls_server", mine.file, mine.key) as server:
            port = server.wait_for(r"127\.0\.0\.1:(\d+)\n")
            for words in (["-tls1_1"], ["-alpn", "nonsense"]):
                refused = subprocess.run(
                    ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *words],
                    stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT, check=False)
                assert refused.returncode != 0, words
                server.wait_for(r"(failed: )")
            command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-quiet"]
            assert sent_by(command, TEXT) == TEXT


def openssl_is_a_server():
    """openssl s_server serves, and one with the name of another host is refused."""
    with tempfile.TemporaryDirectory() as folder:
        theirs = Certificate(folder)
        with Program("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", theirs.file, "-key",
                     theirs.key, "-rev") as server:
            port = server.wait_for(r"ACCEPT 127\.0\.0\.1:(\d+)")
            for _ in range(2):
                assert sent_by_peer(b"forwards\n", "tls_client", port, theirs.file,
                                    "localhost") == b"sdrawrof\n"
            refused = subprocess.run(
                [PEER, "tls_client", port, theirs.file, "other.example"], input=b"",
                capture_output=True, timeout=LIMIT, check=False)
            assert refused.returncode == 1 and b"other.example" in refused.stderr, refused


def redis_answers():
    """redis-server answers the client of the examples, and a hundred of them at once."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with Program("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", folder,
                     "--save", "", "--appendonly", "no", "--daemonize", "no") as server:
            server.wait_for(r"(Ready to accept connections)")
            commands = b"SET key value\nGET key\nGET other\nINCR n\nINCR n\nRPUSH l a b\n" \
                       b"LRANGE l 0 -1\nNONSENSE\n"
            answers = sent_by_peer(commands, "redis", port).decode().splitlines()
            assert answers[:7] == ["+OK", "$value", "$nothing", ":1", ":2", ":2", "*2 $a $b"], answers
            assert answers[7].startswith("-ERR unknown command"), answers
            assert sent_by_peer(b"", "redis_crowd", port) == b"2000\n"


if __name__ == "__main__":
    sys.exit(run_cases([
        socat_speaks_tcp,
        socat_speaks_unix_sockets,
        openssl_is_a_client,
        openssl_refuses_who_speaks_something_else,
        openssl_is_a_server,
        redis_answers,
    ]))
