#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The name server of the examples, asked by dig and by whoever means no good.

Usage: dns_test.py DNS_SERVER
"""

import random
import re
import signal
import socket
import struct
import sys

from servers import LIMIT, Server, run, run_cases

DNS_SERVER = sys.argv[1]
QUESTION = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"


def dig(server, *words):
    """Asks with dig and returns what it prints."""
    return run("dig", "@127.0.0.1", "-p", str(server.port), "+tries=3", "+time=5", *words)


class Client:
    """A socket that asks a server."""

    def __init__(self, server):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", server.port))
        self._socket.settimeout(LIMIT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def send(self, message):
        """Sends a message and awaits nothing."""
        self._socket.send(message)

    def ask(self, message):
        """Sends a message and returns the code of the answer with the same number."""
        self._socket.send(message)
        while True:
            answer = self._socket.recv(4096)
            if answer[:2] == message[:2]:
                return struct.unpack("!H", answer[2:4])[0] & 0xF


def name_of(*labels):
    """A name as the wire has it."""
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


WWW = name_of(b"www", b"example") + b"\0\1\0\1"


def addresses_are_found():
    """dig gets the addresses of both kinds."""
    with Server(DNS_SERVER) as server:
        assert dig(server, "+short", "www.example", "A") == "192.0.2.1\n192.0.2.2\n"
        assert dig(server, "+short", "WwW.eXaMpLe", "AAAA") == "2001:db8::1\n"


def what_is_not_there():
    """dig is told that there is no such name, and no such kind of record."""
    with Server(DNS_SERVER) as server:
        assert "status: NXDOMAIN" in dig(server, "nobody.example")
        text = dig(server, "mail.example", "AAAA")
        assert "status: NOERROR" in text and "ANSWER: 0" in text, text
        assert re.search(r"flags: qr aa rd", text), text
        assert "status: NOTIMP" in dig(server, "-c", "CH", "www.example", "TXT")


def malformed_questions():
    """What is malformed is refused, and the next question is answered."""
    refused = [
        QUESTION + b"\x07www",                                 # a label beyond the end
        QUESTION + b"\x03www",                                 # no end of the name
        QUESTION + b"\x03www\0\0\1",                           # half a question
        QUESTION + b"\xc0\x0c\0\1\0\1",                        # a pointer to itself
        QUESTION + b"\xc0\xff\0\1\0\1",                        # a pointer beyond the end
        QUESTION + b"\1a\xc0\x0c\0\1\0\1",                     # a circle
        QUESTION + b"\xc0\x0e\xc0\x0c\0\1\0\1",                # two pointers at each other
        QUESTION + b"\x40www\0\0\1\0\1",                       # a kind of label that is none
        QUESTION + name_of(*[b"x" * 63] * 5) + b"\0\1\0\1",    # too long a name
        QUESTION + name_of(b"www.example") + b"\0\1\0\1",      # a dot within a label
        QUESTION[:4] + b"\0\2" + QUESTION[6:] + WWW,           # two questions
        QUESTION[:6] + b"\0\1" + QUESTION[8:] + WWW,           # a question with an answer
    ]
    with Server(DNS_SERVER) as server, Client(server) as client:
        for message in refused:
            assert client.ask(message) == 1, message
        assert client.ask(QUESTION + WWW) == 0


def no_answer():
    """Nothing answers what has no number, is an answer itself, or is too long."""
    with Server(DNS_SERVER) as server, Client(server) as client:
        client.send(b"")
        client.send(b"\x00\x09\x01")
        client.send(b"\x00\x09\x81\x00" + QUESTION[4:] + WWW)
        client.send(b"\x00\x09" + QUESTION[2:] + WWW + b"\0" * 600)
        assert client.ask(QUESTION + WWW) == 0


def anything():
    """Ten thousand random messages do no harm."""
    source = random.Random(7)
    with Server(DNS_SERVER) as server, Client(server) as client:
        for number in range(10_000):
            message = bytearray(QUESTION + WWW)
            for _ in range(source.randrange(1, 6)):
                message[source.randrange(2, len(message))] = source.randrange(256)
            client.send(b"\1\1" + bytes(message[2:source.randrange(2, len(message) + 1)]))
            if number % 100 == 0:
                assert client.ask(QUESTION + WWW) == 0
        assert server.end(signal.SIGTERM)[0] == 0


if __name__ == "__main__":
    sys.exit(run_cases([
        addresses_are_found, what_is_not_there, malformed_questions, no_answer, anything]))
