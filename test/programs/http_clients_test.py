#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The web server of the examples, and clients that other people have written.

Usage: http_clients_test.py HTTP_SERVER
"""

import re
import sys

from servers import Server, run, run_cases

PROGRAM = sys.argv[1]
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


def wrk_sees_no_error():
    """wrk sees no error in a second of fifty connections."""
    with Server(PROGRAM) as server:
        text = run("wrk", "-t1", "-c50", "-d1", server.url)
        requests = int(re.search(r"(\d+) requests in", text).group(1))
        assert requests > 100, text
        assert "Socket errors" not in text and "Non-2xx" not in text, text


def ab_sees_no_error():
    """ab sees no error, with connections kept and not kept."""
    with Server(PROGRAM) as server:
        for more in ([], ["-k"]):
            text = run("ab", "-q", "-n", "2000", "-c", "20", *more, server.url)
            assert re.search(r"Complete requests:\s+2000\n", text), text
            assert re.search(r"Failed requests:\s+0\n", text), text
            assert "Non-2xx" not in text, text


if __name__ == "__main__":
    sys.exit(run_cases([
        curl_gets_the_page,
        curl_gets_a_head,
        curl_posts,
        curl_posts_too_much,
        curl_keeps_the_connection,
        curl_is_told_of_a_missing_page,
        curl_speaks_the_old_version,
        nc_sends_a_request_and_ends_its_side,
        wrk_sees_no_error,
        ab_sees_no_error,
    ]))
