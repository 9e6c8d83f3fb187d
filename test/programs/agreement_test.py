#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""nginx, haproxy, apache and varnish in front of the web server: whatever a client sends, the
server sees those requests that the proxy has forwarded, and no other.

Usage: agreement_test.py RECORDER [--stress] [--seed NUMBER] [--only PROXY ...]

Each proxy keeps its connections to the server, and gives every request that it forwards an id of its
own. A message of test/http/corpus goes to it on a fresh connection, with an innocent request behind
it where one may follow; then somebody else asks on another one. What the server has seen is compared
with what the proxy says, request by request. A spread of the corpus, unless `--stress` asks for all.
"""

import argparse
import collections
import contextlib
import os
import pathlib
import random
import re
import select
import shutil
import socket
import sys
import tempfile
import threading
import time
import types
import urllib.parse

from corpus import read_corpus
from servers import LIMIT, Program, Server, free_ports, nginx_in, run, run_cases, wait_until

# What a proxy says of a request, and what the server does. `sent` is another thing for each proxy:
# `unsent` of their classes are its values for requests that the proxy has answered by itself.
Forwarded = collections.namedtuple("Forwarded", "id method target sent status")
Seen = collections.namedtuple("Seen", "connection id status method target size")


def tool(name):
    """Returns where a program is."""
    return shutil.which(name) or f"/usr/sbin/{name}"


@contextlib.contextmanager
def running(*command):
    """A program that has children: it is told to end, and ends them."""
    with Program(*command) as program:
        try:
            yield program
        except BaseException:
            print("#", (program.end() if program.runs() else program.text)[-5000:])
            raise
        finally:
            if program.runs():
                program.end()


class Nginx:
    """nginx, which sends bodies on as they come."""

    name, unsent = "nginx", ("-", "0")
    words = Forwarded

    def __init__(self, folder, web, upstream):
        self._log = folder / "access.log"
        configuration = folder / "nginx.conf"
        configuration.write_text(nginx_in(folder, 256) + f"""log_format forwarded '$request_id $request_method $request_uri '
                     '$upstream_bytes_sent $upstream_status';
access_log {self._log} forwarded;
client_header_timeout 1s;
client_body_timeout 1s;
keepalive_timeout 1s;
lingering_timeout 1s;
upstream server {{ server 127.0.0.1:{upstream} max_fails=0; keepalive 8; }}
server {{
    listen 127.0.0.1:{web};
    location / {{
        proxy_pass http://server;
        proxy_http_version 1.1;
        proxy_request_buffering off;
        proxy_next_upstream off;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Id $request_id;
    }}
}}
}}
""", encoding="ascii")
        self._command = (tool("nginx"), "-p", str(folder), "-e", "stderr", "-c", str(configuration))

    def run(self):
        """Runs it, and ends it."""
        return running(*self._command)

    def said(self):
        """Returns its log: a line for each request."""
        return self._log.read_text(encoding="latin-1")


class Haproxy:
    """haproxy, which takes any idle connection for any client."""

    name, unsent = "haproxy", ("-1",)
    words = Forwarded

    def __init__(self, folder, web, upstream):
        self._log = folder / "access.log"
        configuration = folder / "haproxy.cfg"
        configuration.write_text(f"""
global
    log stdout len 65535 format raw daemon
    maxconn 256
    nbthread 1
    tune.http.logurilen 65535
defaults
    mode http
    log global
    timeout connect 2s
    timeout client 1s
    timeout server 5s
    timeout http-request 1s
    timeout http-keep-alive 1s
    retries 0
frontend web
    bind 127.0.0.1:{web}
    unique-id-format %[uuid()]
    unique-id-header X-Id
    log-format "%ID %HM %HU %Tc %ST"
    default_backend server
backend server
    http-reuse always
    server server 127.0.0.1:{upstream}
""", encoding="ascii")
        self._command = (tool("haproxy"), "-db", "-f", str(configuration))

    def run(self):
        """As that of nginx. It writes its log to where others print."""
        return running("sh", "-c", f'exec "$@" >{self._log}', "sh", *self._command)


    def said(self):
        """As that of nginx."""
        return self._log.read_text(encoding="latin-1")


class Apache:
    """apache with mod_proxy_http: one process, whose threads share their connections."""

    name, unsent = "apache", ("-",)
    # Its log has the target as it was sent in the whole line only.
    words = collections.namedtuple("Forwarded", "id method sent status target")

    def __init__(self, folder, web, upstream):
        self._log = folder / "access.log"
        modules = ("mpm_event", "unique_id", "headers", "authz_core", "proxy", "proxy_http")
        loaded = "\n".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in modules)
        user = "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""
        configuration = folder / "apache.conf"
        configuration.write_text(f"""{loaded}
{user}
ServerRoot {folder}
ServerName test
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog {folder}/error.log
LogLevel crit
Listen 127.0.0.1:{web}
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MinSpareThreads 1
MaxSpareThreads 16
MaxRequestWorkers 16
Timeout 1
KeepAliveTimeout 1
AllowEncodedSlashes NoDecode
ProxyPreserveHost On
ProxyPass "/" "http://127.0.0.1:{upstream}/" nocanon keepalive=On retry=0 timeout=5
RequestHeader set X-Id "%{{UNIQUE_ID}}e"
LogFormat "%{{UNIQUE_ID}}e %m %{{proxy-source-port}}n %s %r" forwarded
CustomLog {self._log} forwarded
""", encoding="ascii")
        self._command = (tool("apache2"), "-D", "FOREGROUND", "-f", str(configuration))

    def run(self):
        """As that of nginx."""
        return running(*self._command)

    def said(self):
        """As that of nginx."""
        return self._log.read_text(encoding="latin-1")


class Varnish:
    """varnish, which keeps nothing here."""

    name, unsent = "varnish", ("0",)
    words = Forwarded

    def __init__(self, folder, web, upstream):
        self._work = folder / "work"
        configuration = folder / "varnish.vcl"
        configuration.write_text(f"""vcl 4.1;
backend server {{ .host = "127.0.0.1"; .port = "{upstream}"; }}
sub vcl_recv {{ return (pass); }}
sub vcl_backend_fetch {{ set bereq.http.X-Id = bereq.xid; return (fetch); }}
""", encoding="ascii")
        self._command = (
            tool("varnishd"), "-F", "-j", "none", "-n", str(self._work), "-a", f"127.0.0.1:{web}",
            "-f", str(configuration), "-s", "malloc,16m", "-T", "none",
            "-p", "vsl_buffer=64k", "-p", "vsl_reclen=32k", "-p", "timeout_idle=1",
            "-p", "thread_pools=1", "-p", "thread_pool_min=10")

    def run(self):
        """As that of nginx."""
        return running(*self._command)

    def said(self):
        """As that of nginx. It keeps in memory what it has done, and another program reads it."""
        return run(tool("varnishncsa"), "-d", "-b", "-n", str(self._work), "-F",
                   "%{X-Id}i %m %{VSL:BereqURL}x %{VSL:BereqAcct[1]}x %s")


class Trial:
    """One proxy, a server behind it that nobody else asks, and all that was sent, in a thread."""

    def __init__(self, kind, messages):
        self.name = kind.name
        self._kind, self.messages = kind, messages
        self._failure = None
        self.silent, self.seconds = [], 0.0
        self.foreign, self.unserved = [], []
        self.forwarded, self.seen = [], []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self):
        """Waits until all is known."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self):
        try:
            with tempfile.TemporaryDirectory() as name:
                os.chmod(name, 0o755)
                self._run_in(pathlib.Path(name))
        except Exception as error:  # pylint: disable=broad-except
            self._failure = error

    def _run_in(self, folder):
        with Server(OPTIONS.recorder, folder / "seen") as server:
            web, = free_ports(1)
            proxy = self._kind(folder, web, server.port)
            with proxy.run():
                assert wait_until(lambda: answers(web)), f"{self.name} does not answer"
                start = time.monotonic()
                for number, message in enumerate(self.messages):
                    self._try(web, number, message)
                self.seconds = time.monotonic() - start
                wait_until(lambda: self._collect(proxy.said(), folder / "seen"))
            assert server.end()[0] == 0

    # What is still under way when its client has left comes to its end, too. Returns whether it has.
    def _collect(self, said, seen):
        self.forwarded = [each for each in rows(said, self._kind.words)
                          if each.sent not in self._kind.unsent]
        self.seen = list(rows(seen.read_text(encoding="latin-1"), Seen))
        last = f"/good?{len(self.messages) - 1}"
        return any(each.target == last for each in self.seen) and not any(compare(self))

    def _try(self, web, number, message):
        data = message.data + (b"" if message.then else request(f"/behind?{number}"))
        got, ended = converse(web, data, message.then == "half-close", PATIENCE)
        self.foreign += [(message.name, each) for each in tokens(got) - {str(number)}]
        if not ended:
            self.silent.append(message.name)
        got, ended = converse(web, request(f"/good?{number}"), False, LIMIT)
        if not ended or tokens(got) != {str(number)} or not got.startswith(b"HTTP/1.1 200 "):
            self.unserved.append((message.name, got))


def rows(text, kind):
    """Yields the lines of a text that have so many words. The last word may have blanks."""
    for line in text.split("\n"):
        words = line.split(" ", len(kind._fields) - 1)
        if len(words) == len(kind._fields):
            yield kind(*words)


def request(target):
    """Returns a request after which the connection ends."""
    return f"GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode("ascii")


def tokens(text):
    """Returns for whom the answers in a text are."""
    return set(re.findall(r"for /(?:good|behind)\?(\d+)\n", text.decode("latin-1")))


def give(client, data):
    """Sends what fits of some bytes. Returns what is left: nothing when nobody takes more."""
    try:
        return data[client.send(data):]
    except BlockingIOError:
        return data
    except OSError:
        return data[:0]


def take(client):
    """Returns what has come: nothing when the connection has ended, in whatever way."""
    try:
        return client.recv(65536)
    except OSError:
        return b""


def converse(port, data, half_closes, patience):
    """Sends bytes on a fresh connection, and hears until its end or until nothing has come for so
    many seconds. Returns what has come, and whether the other side has made an end."""
    got, left = b"", memoryview(data)
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
        client.setblocking(False)
        while True:
            readable, writable, _ = select.select([client], [client] if left else [], [], patience)
            if not readable and not writable:
                return got, False
            if writable:
                left = give(client, left)
                if not left and half_closes:
                    with contextlib.suppress(OSError):
                        client.shutdown(socket.SHUT_WR)
            if readable:
                part = take(client)
                if not part:
                    return got, True
                got += part


def answers(port):
    """Says whether somebody answers there."""
    try:
        return converse(port, request("/ready"), False, 1)[0].startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


def compare(trial):
    """Yields in what the server and a proxy differ. A request that is refused before its id has come
    is known by its status."""
    said = {each.id: each for each in trial.forwarded}
    times = collections.Counter(each.id for each in trial.seen)
    refused = collections.Counter()
    for each in trial.seen:
        if each.id == "-":
            refused[each.status] += 1
        elif times[each.id] > 1:
            yield f"seen {times[each.id]} times: {each}"
        elif each.id not in said:
            yield f"not forwarded: {each}"
        elif plain(each) != plain(said[each.id]):
            yield f"forwarded as {said[each.id]}, seen as {each}"
    missing = [each for each in trial.forwarded if each.id not in times]
    refused.subtract(each.status for each in missing)
    for status, number in refused.items():
        if number != 0:
            yield f"{number} more answered with {status} than forwarded"
            yield from (f"perhaps not seen: {each}" for each in missing if each.status == status)
    if len(trial.seen) != len(trial.forwarded):
        yield f"{len(trial.seen)} seen, {len(trial.forwarded)} forwarded"


def plain(some):
    """Returns method and target without what a proxy may change: scheme and authority are left out,
    apache makes one slash of two, and encodes `%2e` once more."""
    target = (some.target.split() + [""])[some.target.startswith(some.method + " ")]
    target = re.sub(r"^[A-Za-z]+://[^/?]*", "", target)
    while target != urllib.parse.unquote(target, "latin-1"):
        target = urllib.parse.unquote(target, "latin-1")
    return some.method, "/" + target.lstrip("/")


def cases_of(trial):
    """Returns what is promised of a proxy."""
    def sees_what_is_forwarded():
        trial.wait()
        problems = list(compare(trial))
        print(f"# | B5 | {trial.name} in front, {len(trial.messages)} messages: the requests that are "
              f"forwarded are those seen | {len(trial.forwarded):,} forwarded, {len(trial.seen):,} "
              f"seen, {len(problems)} differences, {trial.seconds:.1f} s | "
              f"{'NO' if problems else 'yes'} |")
        assert not problems, "\n".join(problems[:20])
        assert len(trial.seen) > len(trial.messages), "most messages have not come this far"

    def answers_everybody():
        trial.wait()
        print(f"# {len(trial.silent)} messages whose connection the client has ended")
        assert not trial.foreign, trial.foreign
        assert not trial.unserved, trial.unserved
        assert not OPTIONS.stress or not trial.silent, trial.silent

    def keeps_connections():
        trial.wait()
        connections = len({each.connection for each in trial.seen})
        print(f"# {len(trial.seen):,} requests on {connections} connections")
        assert 3 * connections < len(trial.seen), connections

    sees_what_is_forwarded.__doc__ = f"{trial.name}: the server sees what is forwarded, no more"
    answers_everybody.__doc__ = f"{trial.name}: everybody gets the answers to his own requests"
    keeps_connections.__doc__ = f"{trial.name}: clients share the connections to the server"
    return sees_what_is_forwarded, answers_everybody, keeps_connections


def differences_are_found():
    """a request more, less, twice or changed is found out"""
    said = [Forwarded("a", "GET", "/", "1", "200"), Forwarded("b", "GET", "/x", "1", "400")]
    seen = [Seen("1", "a", "200", "GET", "/", "0"), Seen("1", "-", "400", "-", "-", "-")]
    wrong = {
        "as it was": seen,
        "one more": [*seen, Seen("1", "-", "200", "GET", "/hidden", "0")],
        "one more, refused": [*seen, seen[1]],
        "an id of somebody else": [*seen, seen[0]._replace(id="c")],
        "twice": [*seen, seen[0]],
        "one less": seen[1:],
        "changed": [seen[0]._replace(target="/y"), seen[1]],
    }
    for name, some in wrong.items():
        problems = list(compare(types.SimpleNamespace(forwarded=said, seen=some)))
        assert bool(problems) == (some is not seen), (name, problems)


def main():
    messages = read_corpus()
    if not OPTIONS.stress:
        chosen = random.Random(OPTIONS.seed).sample(range(len(messages)), len(messages) // 8)
        messages = [messages[each] for each in sorted(chosen)]
    kinds = [kind for kind in (Nginx, Haproxy, Apache, Varnish)
             if not OPTIONS.only or kind.name in OPTIONS.only]
    trials = [Trial(kind, messages) for kind in kinds]
    cases = [case for trial in trials for case in cases_of(trial)]
    return run_cases([*cases, differences_are_found], 600)


PARSER = argparse.ArgumentParser()
PARSER.add_argument("recorder")
PARSER.add_argument("--stress", action="store_true")
PARSER.add_argument("--instrumented", action="store_true")
PARSER.add_argument("--seed", type=int, default=1)
PARSER.add_argument("--only", nargs="+", default=[])
OPTIONS = PARSER.parse_args()
# Seconds that a client waits for the end of a connection before it leaves. The proxies wait for one,
# the server for two.
PATIENCE = LIMIT if OPTIONS.stress else 0.25

if __name__ == "__main__":
    sys.exit(main())
