#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The server of static files of the examples: every path of static_paths.txt over a socket, and
what else HTTP promises for files.

Usage: static_files_test.py STATIC_FILES [--instrumented]
"""

import contextlib
import email.utils
import hashlib
import os
import pathlib
import re
import socket
import stat
import sys
import tempfile
import threading
import time

from servers import Server, read_answer, run, run_cases, wait_until

PROGRAM = sys.argv[1]
PATHS = pathlib.Path(__file__).with_name("static_paths.txt")
SECRET = b"nobody must see this"
IS_ROOT = os.geteuid() == 0


def unescaped(text):
    r"""Returns the bytes of a text with \xNN in it."""
    return re.sub(rb"\\x([0-9A-Fa-f]{2})", lambda match: bytes([int(match.group(1), 16)]),
                  text.encode("ascii"))


def rows():
    """Returns line, status, target and file, if there is one, of each path."""
    found = []
    for number, line in enumerate(PATHS.read_text(encoding="ascii").splitlines(), 1):
        words, mark, why = line.partition(" # ")
        if not line or line.startswith("#"):
            continue
        assert mark and why, f"line {number} does not say why"
        words = words.split()
        condition = words.pop(0) if words[0] in ("root", "user") else None
        status, target, file = words
        if condition != ("user" if IS_ROOT else "root"):
            found.append((number, int(status), unescaped(target),
                          None if file == "-" else unescaped(file)))
    return found


def content_of(name):
    """Returns what is in the file of that name."""
    return b"" if name == b"empty.txt" else b"this is " + name + b"\n"


def make_file(root, name, content=None):
    """Makes a file, and the folders to it."""
    path = os.path.join(os.fsencode(root), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content_of(name) if content is None else content)


def make_links(root):
    """Makes the links, none of which is followed."""
    for name, goal in {
            "link-inside.txt": "plain.txt", "link-outside.txt": "../secret.txt",
            "link-absolute.txt": str(root.parent / "secret.txt"), "link-passwd": "/etc/passwd",
            "link-folder": "sub", "link-up": "..", "link-root": ".", "link-loop": "link-loop",
            "link-nowhere": "nothing", "link-proc": "/proc/self", "sub/link-deep": "../..",
    }.items():
        (root / name).symlink_to(goal)
    (root / "linked-page").mkdir()
    (root / "linked-page/index.html").symlink_to("../plain.txt")


def make_others(root):
    """Makes what is no file, and returns the socket."""
    os.mkfifo(root / "pipe")
    (root / "pages/index.html").mkdir(parents=True)
    if IS_ROOT:
        with contextlib.suppress(PermissionError):  # in some containers
            os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
            os.mknod(root / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
            os.mknod(root / "disk", stat.S_IFBLK | 0o600, os.makedev(7, 0))
    os.chmod(root / "unreadable.txt", 0)
    os.chmod(root / "closed", 0)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(root / "socket"))
    return listener


@contextlib.contextmanager
def folder():
    """A folder with all that static_paths.txt knows, and secrets beside it."""
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name) / "root"
        for file in {row[3] for row in rows()} - {None}:
            make_file(root, file)
        for file in (b"bad\xff.txt", b"new\nline.txt", b"back\\slash.txt", b"unreadable.txt",
                     b"closed/plain.txt"):
            make_file(root, file)
        for file in (b".hidden", b".git/config", b".git/index.html", b"sub/.env", b"...x",
                     b".well-known/x", b"../secret.txt", b"../root-other/secret.txt"):
            make_file(root, file, SECRET)
        make_links(root)
        with make_others(root):
            try:
                yield root
            finally:
                os.chmod(root / "closed", 0o700)


def ask(server, target, *fields, method="GET"):
    """Sends a request as it is, and returns status, fields and body of the answer."""
    with server.connect() as client:
        client.sendall(b"%s %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n%s\r\n" % (
            method.encode(), target, b"".join(each.encode() + b"\r\n" for each in fields)))
        received = b""
        while part := client.recv(1 << 20):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    return int(lines[0].split()[1]), dict(line.split(": ", 1) for line in lines[1:]), body


def every_path_has_its_answer():
    """Every path has the answer that the list gives, to GET and HEAD, and no secret is told."""
    wrong = []
    asked = rows()
    with folder() as root, Server(PROGRAM, "--folder", str(root)) as server:
        ask(server, b"/plain.txt")
        before = server.descriptors()
        for number, status, target, file in asked:
            found, fields, body = ask(server, target)
            of_head = ask(server, target, method="HEAD")
            expected = body if file is None else content_of(file)
            if found != status or body != expected or SECRET in body or b"root:" in body:
                wrong.append(f"line {number}: {target} gets {found} {body[:80]}")
            length = fields["Content-Length"]
            if of_head[0] != status or of_head[1]["Content-Length"] != length or of_head[2]:
                wrong.append(f"line {number}: {target}, HEAD, gets {of_head}")
        assert wait_until(lambda: server.descriptors() <= before), (before, server.descriptors())
        assert ask(server, b"/plain.txt")[0] == 200
    print(f"# | B9 | 100 paths stay inside the folder of the static files, or are refused | "
          f"{len(asked)} paths, {len(wrong)} wrong | {'NO' if wrong else 'yes'} |")
    assert len(asked) > 200
    assert not wrong, "\n".join(wrong)


def what_is_said_of_a_file():
    """Type, length, date and tag are those of the file; 405 for other methods, 413 for a body."""
    types = {"a.html": "text/html; charset=utf-8", "a.css": "text/css; charset=utf-8",
             "a.png": "image/png", "a.js": "text/javascript; charset=utf-8",
             "a.json": "application/json", "a.svg": "image/svg+xml",
             "a.tar.gz": "application/octet-stream", "a": "application/octet-stream",
             "html": "application/octet-stream"}
    with tempfile.TemporaryDirectory() as name, Server(PROGRAM, "--folder", name) as server:
        for file, kind in types.items():
            make_file(name, file.encode())
            fields = ask(server, b"/" + file.encode())[1]
            assert fields["Content-Type"] == kind, (file, fields)
            assert fields["X-Content-Type-Options"] == "nosniff", fields
            changed = os.stat(os.path.join(name, file)).st_mtime
            assert fields["Last-Modified"] == email.utils.formatdate(changed, usegmt=True), fields
            assert re.fullmatch(r'"[0-9a-f-]+"', fields["ETag"]), fields
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"):
            status, fields, _ = ask(server, b"/a.html", method=method)
            assert (status, fields["Allow"]) == (405, "GET, HEAD"), (method, status, fields)
        assert ask(server, b"/a.html", "Content-Length: 1")[0] == 413


def what_is_known_is_not_sent_again():
    """A client that has the file is told so, by its tag or its date, until the file changes."""
    with tempfile.TemporaryDirectory() as name, Server(PROGRAM, "--folder", name) as server:
        make_file(name, b"a.txt")
        path = os.path.join(name, "a.txt")
        os.utime(path, (1e9, 1e9))
        status, fields, _ = ask(server, b"/a.txt")
        tag, date = fields["ETag"], fields["Last-Modified"]
        assert date == "Sun, 09 Sep 2001 01:46:40 GMT", date
        other = "If-None-Match: \"other\""
        cases = {
            304: [(f"If-None-Match: {tag}",), (f"If-None-Match: \"other\", W/{tag}",),
                  ("If-None-Match: *",), (f"If-Modified-Since: {date}",),
                  (f"If-None-Match: {tag}", "If-Modified-Since: Mon, 10 Sep 2001 01:46:40 GMT"),
                  (f"If-None-Match: {tag}", "Range: bytes=0-1")],
            200: [(other,), (other, f"If-Modified-Since: {date}"),
                  ("If-Modified-Since: yesterday",),
                  ("If-Modified-Since: Sat, 08 Sep 2001 01:46:40 GMT",)],
        }
        for expected, several in cases.items():
            for each in several:
                status, fields, body = ask(server, b"/a.txt", *each)
                assert (status, fields["ETag"]) == (expected, tag), (each, status, fields)
                assert body == (content_of(b"a.txt") if status == 200 else b""), (each, body)
        assert ask(server, b"/none.txt", "If-None-Match: *")[0] == 404
        os.utime(path, (1e9 + 1, 1e9 + 1))
        for each in cases[304][:2] + cases[304][3:5]:
            assert ask(server, b"/a.txt", *each)[0] == 200, each


def parts_are_those_that_were_asked_for():
    """A range of bytes is what it says, and what is none gets the whole file."""
    huge = "9" * 30
    parts = {
        "0-0": (0, 1), "0-9": (0, 10), "5-": (5, 100), "99-": (99, 100), "-1": (99, 100),
        "-100": (0, 100), "-200": (0, 100), "0-99": (0, 100), "0-200": (0, 100), "0-": (0, 100),
        "90-200": (90, 100), "100-": None, "100-200": None, "-0": None, "18446744073709551614-": None,
        # No ranges, or several of them.
        "": (0, 100), "-": (0, 100), "a-b": (0, 100), "5": (0, 100), "9-5": (0, 100),
        "0-1,3-4": (0, 100), "0-1, 3-4": (0, 100), "--5": (0, 100), "+1-2": (0, 100),
        " 1-2": (0, 100), "1 -2": (0, 100), "1-2-3": (0, 100), "0x1-2": (0, 100),
        f"{huge}-": (0, 100), f"0-{huge}": (0, 100), f"-{huge}": (0, 100), "1.5-2": (0, 100),
    }
    content = bytes(range(100, 200))
    with tempfile.TemporaryDirectory() as name, Server(PROGRAM, "--folder", name) as server:
        make_file(name, b"a", content)
        make_file(name, b"empty", b"")
        for asked, part in parts.items():
            status, fields, body = ask(server, b"/a", f"Range: bytes={asked}")
            if part is None:
                expected = 416, "bytes */100", b""
            elif part == (0, 100):
                expected = 200, None, content
            else:
                expected = 206, f"bytes {part[0]}-{part[1] - 1}/100", content[slice(*part)]
            found = status, fields.get("Content-Range"), body
            assert found == expected, (asked, found)
        tag = ask(server, b"/a")[1]["ETag"]
        assert ask(server, b"/a", "Range: bytes=1-2", f"If-Range: {tag}")[0] == 206
        assert ask(server, b"/a", "Range: bytes=1-2", "If-Range: \"other\"")[0] == 200
        assert ask(server, b"/a", "Range: bytes=1-2", f"If-Range: W/{tag}")[0] == 200
        assert ask(server, b"/a", "Range: lines=1-2")[0] == 200
        assert ask(server, b"/a", "Range: bytes=1-2", method="HEAD")[0] == 200
        assert ask(server, b"/empty", "Range: bytes=0-")[0] == 416


def large_files_arrive():
    """A file of 20 MB arrives byte for byte by curl, at once and resumed; a shorter one is cut."""
    content = os.urandom(1 << 20) * 20
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as here, \
            Server(PROGRAM, "--folder", name) as server:
        make_file(name, b"large.bin", content)
        target = os.path.join(here, "large.bin")
        for kept in (0, 7_000_001):
            with open(target, "wb") as file:
                file.write(content[:kept])
            run("curl", "-sSf", "-C", "-", "-o", target, server.url + "large.bin")
            with open(target, "rb") as file:
                found = hashlib.sha256(file.read()).digest()
            assert found == hashlib.sha256(content).digest(), kept
        if "--instrumented" not in sys.argv:
            assert server.resident() < 16 << 20, server.resident()
        with server.connect() as client:
            client.sendall(b"GET /large.bin HTTP/1.1\r\nHost: test\r\n\r\n")
            received = len(client.recv(1000))
            os.truncate(os.path.join(name, "large.bin"), 1000)
            with contextlib.suppress(ConnectionResetError):
                while part := client.recv(1 << 20):
                    received += len(part)
            assert received < len(content), received


def exchange_for_a_while(root, stopping, laps):
    """Puts a link to the secrets where the folder was, and back. Notes each lap."""
    while not stopping.is_set():
        os.rename(root / "changing", root / "kept")
        os.symlink("../root-other", root / "changing")
        os.unlink(root / "changing")
        os.rename(root / "kept", root / "changing")
        laps.append(True)


def links_that_come_and_go_lead_nowhere():
    """A link that is there for moments only is never followed."""
    with folder() as root, Server(PROGRAM, "--folder", str(root)) as server:
        make_file(root, b"changing/secret.txt", b"this is harmless\n")
        stopping, laps = threading.Event(), []
        other = threading.Thread(
            target=exchange_for_a_while, args=(root, stopping, laps), daemon=True)
        other.start()
        answers = {200: 0, 404: 0}
        try:
            limit = time.monotonic() + 1
            while time.monotonic() < limit or (other.is_alive() and len(laps) < 100):
                with server.connect() as client:
                    client.sendall(b"GET /changing/secret.txt HTTP/1.1\r\nHost: test\r\n\r\n")
                    head, body = read_answer(client)
                status = int(head.split()[1])
                answers[status] += 1
                assert SECRET.decode() not in body, body
        finally:
            stopping.set()
            other.join()
        print(f"# {answers[200]} times the file, {answers[404]} times nothing, of {len(laps)} laps")
        assert answers[200] > 0 and len(laps) >= 100, (answers, len(laps))


def the_folder_may_be_exchanged():
    """The folder itself may be a link, which can be led elsewhere while the server runs."""
    with tempfile.TemporaryDirectory() as name:
        base = pathlib.Path(name)
        for release in ("first", "second"):
            make_file(base / release, b"a.txt", release.encode())
        (base / "current").symlink_to("first")
        with Server(PROGRAM, "--folder", str(base / "current")) as server:
            assert ask(server, b"/a.txt")[2] == b"first"
            (base / "next").symlink_to("second")
            os.replace(base / "next", base / "current")
            assert ask(server, b"/a.txt")[2] == b"second"
            (base / "current").unlink()
            assert ask(server, b"/a.txt")[0] == 404


if __name__ == "__main__":
    sys.exit(run_cases([
        every_path_has_its_answer,
        what_is_said_of_a_file,
        what_is_known_is_not_sent_again,
        parts_are_those_that_were_asked_for,
        large_files_arrive,
        links_that_come_and_go_lead_nowhere,
        the_folder_may_be_exchanged,
    ]))
