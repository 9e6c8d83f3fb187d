#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""A web server under the tools that measure web servers: each must see no error.

Usage: http_load_test.py WEB [--stress]
"""

import json
import pathlib
import re
import sys
import tempfile

from servers import Server, run, run_cases

PROGRAM = sys.argv[1]
STRESS = "--stress" in sys.argv
SECONDS = 10 if STRESS else 1
REQUESTS = 100_000 if STRESS else 2000


def wrk_sees_no_error():
    """wrk sees no error over fifty connections, and over one thousand under stress."""
    with Server(PROGRAM) as server:
        for connections in (50, 1000) if STRESS else (50,):
            text = run("wrk", "-t1", f"-c{connections}", f"-d{SECONDS}", server.url)
            requests = int(re.search(r"(\d+) requests in", text).group(1))
            assert requests > 100, text
            assert "Socket errors" not in text and "Non-2xx" not in text, text


def wrk_posts():
    """wrk posts bodies, and gets each back."""
    script = """
local sent = 0
request = function()
    sent = sent + 1
    return wrk.format("POST", "/echo", nil, string.rep("x", sent % 20000))
end
response = function(status, headers, body)
    if status ~= 200 or #body ~= tonumber(headers["X-Length"]) then wrong = wrong + 1 end
end
wrong = 0
threads = {}
setup = function(thread) table.insert(threads, thread) end
done = function()
    for _, thread in ipairs(threads) do print("wrong answers: " .. thread:get("wrong")) end
end
"""
    with Server(PROGRAM) as server, tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "post.lua"
        file.write_text(script, encoding="ascii")
        text = run("wrk", "-t1", "-c20", f"-d{SECONDS}", "-s", str(file), server.url)
        assert "wrong answers: 0\n" in text and "Socket errors" not in text, text


def ab_sees_no_error():
    """ab sees no error, with connections kept and not kept, and with a body."""
    with Server(PROGRAM) as server, tempfile.TemporaryDirectory() as folder:
        body = pathlib.Path(folder) / "body"
        body.write_bytes(b"x" * 5000)
        for more in ([], ["-k"], ["-k", "-p", str(body)]):
            text = run("ab", "-q", "-n", str(REQUESTS), "-c", "20", *more, server.url)
            assert re.search(rf"Complete requests:\s+{REQUESTS}\n", text), text
            assert re.search(r"Failed requests:\s+0\n", text), text
            assert "Non-2xx" not in text, text


def siege_sees_no_error():
    """siege sees no error, with connections kept and not kept."""
    with Server(PROGRAM) as server, tempfile.TemporaryDirectory() as folder:
        for connection in ("close", "keep-alive"):
            file = pathlib.Path(folder) / "siegerc"
            file.write_text(
                f"connection = {connection}\nprotocol = HTTP/1.1\nparser = false\n"
                "verbose = false\nlogging = false\njson_output = true\nfailures = 10\n",
                encoding="ascii")
            text = run("env", f"HOME={folder}", "siege", "-q", f"--rc={file}", "-b", "-c", "20",
                       "-r", str(REQUESTS // 20), server.url)
            result = json.loads(text[text.index("{"):])
            assert result["transactions"] == REQUESTS, text
            assert result["failed_transactions"] == 0, text


def h2load_sees_no_error():
    """h2load sees no error by HTTP/1.1, with several requests on their way on each connection."""
    with Server(PROGRAM) as server:
        for pipelined in ("1", "8"):
            text = run("h2load", "--h1", "-n", str(REQUESTS), "-c", "20", "-m", pipelined,
                       server.url)
            assert f" {REQUESTS} succeeded, 0 failed, 0 errored, 0 timeout" in text, text
            assert f"status codes: {REQUESTS} 2xx" in text, text


if __name__ == "__main__":
    sys.exit(run_cases([
        wrk_sees_no_error,
        wrk_posts,
        ab_sees_no_error,
        siege_sees_no_error,
        h2load_sees_no_error,
    ]))
