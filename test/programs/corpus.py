# SPDX-License-Identifier: BSL-1.0
"""The messages of test/http/corpus for tests of programs: their bytes, and what the client does when
it has sent them. test/harness/http_corpus.hpp describes the files."""

import dataclasses
import pathlib
import re

FOLDER = pathlib.Path(__file__).parent.parent / "http" / "corpus"
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|\{(\d+) ([^}]*)\}|([rnt\\]))")
_PLAIN = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\"}


@dataclasses.dataclass
class Message:
    """One message. `then` is empty when another request may follow it."""

    name: str
    data: bytes = b""
    then: str = ""


def unescaped(text):
    """Returns what a text with escapes means, one character for each byte."""
    def meant(match):
        byte, times, part, plain = match.groups()
        if byte is not None:
            return chr(int(byte, 16))
        return unescaped(part) * int(times) if times is not None else _PLAIN[plain]
    return _ESCAPE.sub(meant, text)


def read_corpus():
    """Returns all messages, in the order of the files."""
    messages = []
    for file in sorted(FOLDER.glob("*.txt")):
        for line in file.read_text(encoding="ascii").splitlines():
            keyword, _, rest = line.partition(" ")
            if keyword == "message":
                messages.append(Message(rest))
            elif keyword == ">":
                messages[-1].data += unescaped(rest).encode("latin-1")
            elif keyword == "then":
                messages[-1].then = rest
    return messages
