#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""How the servers of the examples begin and end.

Usage: end_test.py ECHO_SERVER HTTP_SERVER
"""

import signal
import socket
import subprocess
import sys
import threading

from servers import GET, LIMIT, Server, read_answer, run_cases, wait_until

ECHO_SERVER, HTTP_SERVER = sys.argv[1:3]
GRACE = 5


def an_idle_server_ends():
    """SIGTERM and SIGINT end a server at once, with status 0."""
    for program in (ECHO_SERVER, HTTP_SERVER):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Server(program) as server:
                status, seconds = server.end(number)
                assert status == 0, status
                assert seconds < 2, seconds


def a_port_that_is_taken_is_named():
    """A port that is taken ends the second server, which names the address."""
    for program in (ECHO_SERVER, HTTP_SERVER):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            second = subprocess.run(
                [program, "--port", str(port)], capture_output=True, timeout=LIMIT, check=False)
            assert second.returncode == 1, second.returncode
            said = second.stderr.decode()
            assert f"127.0.0.1:{port}" in said, said
            assert "Address already in use" in said, said
            assert ".hpp" not in said, said


def idle_connections_do_not_delay_the_end():
    """Connections that wait for nothing do not delay the end of the web server."""
    with Server(HTTP_SERVER) as server:
        clients = [server.connect() for _ in range(50)]
        for client in clients:
            client.sendall(GET)
            assert read_answer(client) is not None
        threads = [threading.Thread(target=wait_for_end, args=(each,)) for each in clients]
        for thread in threads:
            thread.start()
        status, seconds = server.end()
        assert status == 0 and seconds < 2, (status, seconds)
        for thread in threads:
            thread.join()


def wait_for_end(client):
    """Reads until the server ends the connection, and closes it."""
    assert client.recv(1) == b""
    client.close()


class Visitor(threading.Thread):
    """Asks again and again, until the server ends the connection. Notes what must not happen."""

    def __init__(self, server):
        super().__init__()
        self._client = server.connect()
        self.answers = 0
        self.trouble = None
        self.told = False

    def run(self):
        try:
            while True:
                try:
                    self._client.sendall(GET)
                except BrokenPipeError:
                    # The end has come before, and reading finds it.
                    pass
                answer = read_answer(self._client)
                if answer is None:
                    break
                self.answers += 1
                if "\r\nConnection: close" in answer[0]:
                    self.told = True
                    assert self._client.recv(1) == b""
                    break
        except Exception as error:  # pylint: disable=broad-except
            self.trouble = repr(error)
        self._client.close()


def an_end_under_load_is_orderly():
    """SIGTERM under load: no answer is cut short, no connection is reset, and it ends in time."""
    with Server(HTTP_SERVER) as server:
        visitors = [Visitor(server) for _ in range(50)]
        for visitor in visitors:
            visitor.start()
        assert wait_until(lambda: all(visitor.answers > 3 for visitor in visitors))
        status, seconds = server.end()
        for visitor in visitors:
            visitor.join(LIMIT)
        assert status == 0, status
        assert seconds < GRACE + 1, seconds
        trouble = [visitor.trouble for visitor in visitors if visitor.trouble]
        assert not trouble, trouble


def an_echo_under_load_is_not_cut_short():
    """SIGTERM while the echo server sends: what it has received comes back."""
    with Server(ECHO_SERVER) as server:
        client = server.connect()
        sent = bytes(range(256)) * 4096
        client.sendall(sent[:1000])
        received = client.recv(65536)
        ender = threading.Thread(target=server.end)
        ender.start()
        writer = threading.Thread(target=lambda: (
            client.sendall(sent[1000:]), client.shutdown(socket.SHUT_WR)))
        writer.start()
        while part := client.recv(65536):
            received += part
        writer.join()
        assert received == sent, f"{len(received)} of {len(sent)}"
        client.close()
        ender.join()


if __name__ == "__main__":
    sys.exit(run_cases([
        an_idle_server_ends,
        a_port_that_is_taken_is_named,
        idle_connections_do_not_delay_the_end,
        an_end_under_load_is_orderly,
        an_echo_under_load_is_not_cut_short,
    ]))
