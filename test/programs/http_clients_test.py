#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The web server of the examples and that of the tests, and clients that other people have written.

Usage: http_clients_test.py HTTP_SERVER WEB [WEB_TLS] [--compress]
"""

import http.client
import pathlib
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

from servers import LIMIT, Server, run, run_cases

COMPRESS = "--compress" in sys.argv
PROGRAM, WEB, *WEB_TLS = [word for word in sys.argv[1:] if word != "--compress"]
LARGE = bytes(number * 31 % 251 for number in range(3_000_000))
PAGE = "hello from tendril\n"


def curl_gets_the_page():
    """curl gets the page, with a status line, a date and a length."""
    with Server(PROGRAM) as server:
        text = run("curl", "-sS", "-i", server.url)
        head, _, body = text.partition("\r\n\r\n")
        assert head.startswith("HTTP/1.1 200 OK\r\n"), head
        assert re.search(r"\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", head), head
        assert f"\r\nContent-Length: {len(PAGE)}" in head, head
        assert body == PAGE, body


def curl_gets_a_head():
    """curl -I gets the head alone, and does not wait for a body."""
    with Server(PROGRAM) as server:
        text = run("curl", "-sS", "-I", server.url)
        assert text.startswith("HTTP/1.1 200 OK\r\n"), text
        assert f"\r\nContent-Length: {len(PAGE)}\r\n" in text, text
        assert PAGE not in text, text


def curl_posts():
    """curl -d posts a form, and a large one with leave to send it."""
    with Server(PROGRAM) as server:
        assert run("curl", "-sS", "-d", "name=value", server.url) == PAGE
        large = b"x" * 1000000
        assert run("curl", "-sS", "--data-binary", "@-", server.url, data=large) == PAGE
        chunked = ("-H", "Transfer-Encoding: chunked", "--data-binary", "@-")
        assert run("curl", "-sS", *chunked, server.url, data=large) == PAGE


def curl_posts_too_much():
    """curl is told when it posts too much."""
    with Server(PROGRAM) as server:
        large = b"x" * 8000000
        for more in ([], ["-H", "Expect:"]):
            text = run("curl", "-sS", "-o", "-", "-w", "%{http_code}", *more, "--data-binary", "@-",
                       server.url, data=large)
            assert text.endswith("413"), text


def curl_keeps_the_connection():
    """curl gets two pages over one connection."""
    with Server(PROGRAM) as server:
        form = ("-w", "%{num_connects} ", "-o", "/dev/null")
        text = run("curl", "-sS", *form, server.url, *form, server.url)
        assert text == "1 0 ", text


def curl_is_told_of_a_missing_page():
    """curl is told of a page that is not there."""
    with Server(PROGRAM) as server:
        assert run("curl", "-sS", "-w", "%{http_code}", server.url + "none").endswith("404")


def curl_speaks_the_old_version():
    """curl speaks HTTP/1.0 as well."""
    with Server(PROGRAM) as server:
        text = run("curl", "-sS", "-i", "--http1.0", server.url)
        assert "\r\nConnection: close\r\n" in text and text.endswith(PAGE), text


def nc_sends_a_request_and_ends_its_side():
    """nc -N sends a request, ends its side, and still gets the page."""
    with Server(PROGRAM) as server:
        request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        text = run("nc", "-N", "127.0.0.1", str(server.port), data=request)
        assert text.startswith("HTTP/1.1 200 OK\r\n") and text.endswith(PAGE), text


def curl_uses_any_method():
    """curl uses any method, with a body and without."""
    with Server(WEB) as server:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
            for body in ((), ("--data-binary", "a body")):
                text = run("curl", "-sS", "-i", "-X", method, *body, server.url + "echo")
                head, _, answer = text.partition("\r\n\r\n")
                assert f"\r\nX-Method: {method}\r\n" in head, text
                assert answer == "".join(body[1:]), text


def curl_sends_what_it_does_not_know_the_length_of():
    """curl uploads in chunks what comes from a pipe, and gets it back byte for byte."""
    with Server(WEB) as server, tempfile.TemporaryDirectory() as folder:
        echoed = pathlib.Path(folder) / "echoed"
        for size in (0, 1, 100_000, len(LARGE)):
            head = run("curl", "-sS", "-T", "-", "-D", "-", "-o", str(echoed),
                       server.url + "echo", data=LARGE[:size])
            assert "\r\nX-Method: PUT\r\n" in head, head
            assert echoed.read_bytes() == LARGE[:size], size


def curl_waits_for_leave():
    """curl asks for leave to send a large body, is told to go on, and gets it back."""
    with Server(WEB) as server, tempfile.TemporaryDirectory() as folder:
        echoed = pathlib.Path(folder) / "echoed"
        heads = run("curl", "-sS", "-H", "Expect: 100-continue", "--expect100-timeout", str(LIMIT),
                    "--data-binary", "@-", "-D", "-", "-o", str(echoed), server.url + "echo",
                    data=LARGE)
        assert heads.startswith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), heads
        assert echoed.read_bytes() == LARGE


def curl_gets_a_large_page():
    """curl gets ten million bytes, in one piece and in many, also by HTTP/1.0."""
    expected = bytes((at * 31 + at // 256) % 251 for at in range(10_000_000))
    with Server(WEB) as server, tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder) / "page"
        for path in ("bytes", "pieces"):
            for more in ([], ["--http1.0"]):
                run("curl", "-sS", *more, "-o", str(page), f"{server.url}{path}?{len(expected)}")
                assert page.read_bytes() == expected, (path, more)


def curl_gets_chunks_and_trailers():
    """curl gets chunks and what stands behind them, and HTTP/1.0 neither."""
    with Server(WEB) as server:
        text = run("curl", "-sS", "-i", "--raw", server.url + "pieces?3")
        assert "\r\nTransfer-Encoding: chunked\r\n" in text, text
        assert text.endswith("0\r\nX-Length: 3\r\n\r\n"), text
        text = run("curl", "-sS", "-i", "--raw", "--http1.0", server.url + "pieces?3")
        assert "chunked" not in text and "\r\nConnection: close\r\n" in text, text
        assert text.endswith("\r\n\r\n\x00\x1f>"), text


def curl_takes_what_is_compressed():
    """curl asks for what is compressed, gets less, and has the same text."""
    text = "".join(f"line {number} of many\n" for number in range(5000))
    with Server(WEB, "127.0.0.1:0", "compress") as server, \
            tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder) / "page"
        sizes = {}
        for more in ([], ["--compressed"]):
            head_and_size = run("curl", "-sS", *more, "-D", "-", "-w", "%{size_download}", "-o",
                                str(page), server.url + "text?5000")
            sizes["gzip" in head_and_size] = int(head_and_size.rsplit("\n", 1)[1])
            assert page.read_text(encoding="ascii") == text, more
        assert sizes[False] == len(text) and sizes[True] < len(text) / 3, sizes


def curl_uploads_what_the_handler_reads_in_pieces():
    """curl uploads ten times what is kept at once, with leave and without, and chunked."""
    with Server(WEB) as server:
        large = LARGE * 10
        for more in ([], ["-H", "Expect:"], ["-H", "Transfer-Encoding: chunked"]):
            text = run("curl", "-sS", *more, "--data-binary", "@-", server.url + "count",
                       data=large)
            assert text == f"{len(large)}\n", (more, text)


def curl_reaches_a_unix_socket():
    """curl gets and posts by a Unix socket."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/web"
        with Server(WEB, f"unix:{path}"):
            ask = ("curl", "-sS", "--unix-socket", path)
            assert run(*ask, "http://web/") == "a page\n"
            assert run(*ask, "--data-binary", "@-", "http://web/count", data=LARGE) == \
                f"{len(LARGE)}\n"


def clients_speak_tls():
    """curl, wrk, ab and urllib ask behind TLS, and whoever does not trust the server gets nothing."""
    with tempfile.TemporaryDirectory() as folder:
        chain, key = f"{folder}/chain.pem", f"{folder}/key.pem"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", chain)
        with Server(WEB_TLS[0], chain, key) as server:
            url = f"https://127.0.0.1:{server.port}/"
            trust = ("--cacert", chain)
            assert run("curl", "-sS", *trust, url) == "a page\n"
            assert run("curl", "-sS", *trust, "-T", "-", url + "count", data=LARGE) == \
                f"{len(LARGE)}\n"
            # Without trust nothing, and without TLS nothing either; both do no harm.
            for other in (url, f"http://127.0.0.1:{server.port}/"):
                refused = subprocess.run(
                    ["curl", "-sS", "-m", "10", other], capture_output=True, check=False)
                assert refused.returncode != 0 and refused.stdout == b"", refused
            assert run("curl", "-sS", *trust, url) == "a page\n"
            text = run("wrk", "-t1", "-c20", "-d1", url)
            assert "Socket errors" not in text and "Non-2xx" not in text, text
            text = run("ab", "-q", "-k", "-n", "500", "-c", "10", url)
            assert re.search(r"Failed requests:\s+0\n", text), text
            trusting = ssl.create_default_context(cafile=chain)
            with urllib.request.urlopen(url + "echo", LARGE, LIMIT, context=trusting) as answer:
                assert answer.read() == LARGE


def curl_asks_as_of_a_proxy():
    """curl names scheme and host in its request, as it does when it asks a proxy, and gets the page."""
    with Server(WEB) as server:
        assert run("curl", "-sS", "--proxy", server.url, "http://other.test/") == "a page\n"
        assert run("curl", "-sS", "--proxy", server.url, "-d", "x", "http://other.test/echo") == "x"


def curl_is_slow():
    """curl sends and takes a few bytes at a time, and everything arrives."""
    with Server(WEB) as server, tempfile.TemporaryDirectory() as folder:
        echoed = pathlib.Path(folder) / "echoed"
        run("curl", "-sS", "--limit-rate", "200k", "-T", "-", "-o", str(echoed),
            server.url + "echo", data=LARGE[:100_000])
        assert echoed.read_bytes() == LARGE[:100_000]


def curl_gets_answers_without_a_body():
    """curl does not wait for the body of a 204 or a 304, and keeps the connection."""
    with Server(WEB) as server:
        form = ("-w", "%{http_code} %{num_connects};", "-o", "/dev/null")
        text = run("curl", "-sS", *form, server.url + "status?204", *form,
                   server.url + "status?304", *form, server.url)
        assert text == "204 1;304 0;200 0;", text


def curl_gets_many_pages_at_once():
    """curl gets forty slow pages over many connections at once."""
    with Server(WEB) as server:
        text = run("curl", "-sS", "--parallel", "--parallel-max", "40", "--no-progress-meter",
                   f"{server.url}wait?{100}&[1-40]", "-w", "%{http_code};", "-o", "/dev/null")
        assert text == "200;" * 40, text


def python_keeps_a_connection():
    """http.client of Python asks in many ways over one connection."""
    with Server(WEB) as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT)
        client.connect()
        socket = client.sock
        for method, body, chunked in (
                ("GET", None, False), ("HEAD", None, False), ("POST", LARGE, False),
                ("PUT", iter([LARGE[:70_000], b"x", LARGE[70_000:]]), True), ("GET", None, False),
                ("DELETE", b"why", False)):
            client.request(method, "/echo", body, encode_chunked=chunked,
                           headers={"Transfer-Encoding": "chunked"} if chunked else {})
            answer = client.getresponse()
            text = answer.read()
            assert answer.status == 200 and answer.headers["X-Method"] == method
            if chunked:
                assert text == LARGE[:70_000] + b"x" + LARGE[70_000:]
            else:
                assert text == (body or b""), (method, len(text))
            assert client.sock is socket, "the connection was closed"
        client.close()


def urllib_gets_and_posts():
    """urllib of Python gets, posts, and is told of what is missing."""
    with Server(WEB) as server:
        def ask(path, data=None):
            with urllib.request.urlopen(server.url + path, data, timeout=LIMIT) as answer:
                return answer.read()
        assert ask("") == b"a page\n"
        assert ask("echo", LARGE) == LARGE
        try:
            ask("none")
            raise AssertionError("a page that is not there was found")
        except urllib.error.HTTPError as error:
            assert error.code == 404 and error.read() == b"nothing here\n"


if __name__ == "__main__":
    sys.exit(run_cases([
        curl_gets_the_page,
        curl_gets_a_head,
        curl_posts,
        curl_posts_too_much,
        curl_keeps_the_connection,
        curl_is_told_of_a_missing_page,
        curl_speaks_the_old_version,
        curl_uses_any_method,
        curl_sends_what_it_does_not_know_the_length_of,
        curl_waits_for_leave,
        curl_gets_a_large_page,
        curl_gets_chunks_and_trailers,
        curl_uploads_what_the_handler_reads_in_pieces,
        curl_reaches_a_unix_socket,
        curl_asks_as_of_a_proxy,
        curl_is_slow,
        curl_gets_answers_without_a_body,
        curl_gets_many_pages_at_once,
        nc_sends_a_request_and_ends_its_side,
        python_keeps_a_connection,
        urllib_gets_and_posts,
    ] + ([curl_takes_what_is_compressed] if COMPRESS else [])
      + ([clients_speak_tls] if WEB_TLS else [])))
