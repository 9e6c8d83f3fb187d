#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Two processes of the server of docs/deploy.md behind haproxy and nginx, which divide the requests,
and one whose listener outlives it.

Usage: proxies_test.py DEPLOYED_SERVER DEPLOY_FOLDER [--stress]

The configurations are those of the documentation, with ports that are free. While clients ask
without a pause, each process is restarted in turn, again and again: no request may fail.
"""

import contextlib
import http.client
import os
import pathlib
import random
import re
import shutil
import socket
import sys
import tempfile
import threading
import time

from servers import LIMIT, Program, Server, free_ports, run, run_cases, wait_until

PROGRAM, DEPLOY = sys.argv[1], pathlib.Path(sys.argv[2])
RESTARTS = 10 if "--stress" in sys.argv else 2
# haproxy needs 400 ms to see that a process is about to leave.
DRAIN_DELAY = 2000 if "--instrumented" in sys.argv else 1000
NAMES = ("first", "second")


class Process:
    """One of the processes behind, on a port that stays the same."""

    def __init__(self, name, port, *options):
        self._command = (PROGRAM, "--port", str(port), "--name", name, *options)
        self._server = Server(*self._command)
        self.port = port

    def get(self):
        """Asks the process itself, by nobody else, whether it is ready."""
        return run("curl", "-sS", f"http://127.0.0.1:{self.port}/ready")

    def restart(self):
        """Lets it leave in good order, and starts it again."""
        status, _ = self._server.end()
        self._server.__exit__()
        assert status == 0, f"the process ended with {status}"
        self._server = Server(*self._command)

    def close(self):
        """Ends it at once."""
        self._server.__exit__()


class Clients:
    """Clients in threads, each with a connection that it keeps, and wrk beside them."""

    def __init__(self, port, paths, posts, number=4):
        self.port, self.paths, self.posts = port, paths, posts
        self.answered, self.visits, self.errors = 0, 0, []
        self._names = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(seed,), daemon=True)
                         for seed in range(number)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self._wrk = Program(
            "wrk", "-t1", "-c16", "-d300", "--timeout", "10", f"http://127.0.0.1:{self.port}/")
        return self

    def __exit__(self, *_):
        self._stopping.set()
        for thread in self._threads:
            thread.join(LIMIT)
        self._wrk.interrupt()

    def take_names(self):
        """Returns who has answered since it was called last."""
        with self._lock:
            names, self._names = self._names, set()
        return names

    def wait_for_all(self):
        """Waits until every process answers clients again."""
        self.take_names()
        seen = set()
        assert wait_until(lambda: seen.update(self.take_names()) or seen == set(NAMES)), seen

    def judge(self):
        """Fails when a request has failed."""
        assert not self.errors, self.errors[:5]
        assert self.answered > 100, self.answered
        text = self._wrk.text
        assert "Socket errors" not in text and "Non-2xx" not in text, text
        return int(re.search(r"(\d+) requests in", text).group(1))

    def _run(self, seed):
        chance = random.Random(seed)
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        while not self._stopping.is_set() and not self.errors:
            path = chance.choice(self.paths)
            size = chance.randrange(30_000) if self.posts and path == "/" else None
            try:
                self._ask(client, path, size)
            except (OSError, http.client.HTTPException, AssertionError) as error:
                with self._lock:
                    self.errors.append(f"{path} {size}: {error!r}")
            time.sleep(0.002)
        client.close()

    def _ask(self, client, path, size):
        if size is None:
            client.request("GET", path)
        else:
            client.request("POST", path, b"x" * size)
        answer = client.getresponse()
        text = answer.read().decode("ascii")
        assert answer.status == 200, (answer.status, text)
        if path == "/":
            match = re.fullmatch(r"(\w+) has got (\d+) bytes\n", text)
            assert match and int(match.group(2)) == (size or 0), text
        with self._lock:
            self.answered += 1
            self.visits += path == "/visits"
            self._names.update([match.group(1)] if path == "/" else [])


def configuration(name, ports):
    """Returns a file of the documentation with other ports."""
    text = (DEPLOY / name).read_text(encoding="ascii")
    for known, port in ports.items():
        assert f"127.0.0.1:{known}" in text, f"{name} does not mention {known}"
        text = text.replace(f"127.0.0.1:{known}", f"127.0.0.1:{port}")
    return text


@contextlib.contextmanager
def processes(ports, *options):
    """Both processes."""
    started = []
    try:
        for name, port in zip(NAMES, ports):
            started.append(Process(name, port, "--drain-delay", str(DRAIN_DELAY), *options))
        yield started
    finally:
        for each in started:
            each.close()


@contextlib.contextmanager
def haproxy(folder, web, numbers, first, second):
    """haproxy in the foreground, when it has seen both processes."""
    file = folder / "haproxy.cfg"
    file.write_text(configuration(
        "haproxy.cfg", {8080: web, 8404: numbers, 8081: first, 8082: second}), encoding="ascii")
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    with Program(program, "-db", "-f", str(file)) as server:
        try:
            assert wait_until(lambda: states(numbers) == ["UP", "UP"]), states(numbers)
            yield server
        except BaseException:
            print("#", server.end()[-5000:].replace("\n", "\n# "))
            raise


def states(port):
    """Returns what haproxy knows of each process."""
    try:
        text = fetch(port, "/;csv")
    except OSError:
        return []
    rows = [line.split(",") for line in text.splitlines()]
    return [row[17] for name in NAMES for row in rows if row[:2] == ["tendril", name]]


def fetch(port, path):
    """Returns a page."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    try:
        client.request("GET", path)
        return client.getresponse().read().decode("ascii")
    finally:
        client.close()


@contextlib.contextmanager
def nginx(folder, web, first, second):
    """nginx in the foreground, with all its files in a folder, when it answers."""
    inner, outer = folder / "tendril.conf", folder / "nginx.conf"
    inner.write_text(configuration(
        "nginx.conf", {8080: web, 8081: first, 8082: second}), encoding="ascii")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    user = "user root;\n" if os.geteuid() == 0 else ""
    outer.write_text(
        f"{user}daemon off;\npid {folder}/pid;\nerror_log stderr warn;\nworker_processes 1;\n"
        f"events {{ worker_connections 1024; }}\n"
        f"http {{\n{places}    access_log off;\n    include {inner};\n}}\n", encoding="ascii")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with Program(program, "-p", str(folder), "-e", "stderr", "-c", str(outer)) as server:
        try:
            assert wait_until(lambda: answers(web)), "nginx does not answer"
            yield server
        except BaseException:
            print("#", server.end()[-5000:].replace("\n", "\n# "))
            raise
        finally:
            # The master ends its worker when it is told to, and not when it is killed.
            if server.runs():
                server.end()


def answers(port):
    """Says whether somebody answers there."""
    try:
        return "bytes" in fetch(port, "/")
    except OSError:
        return False


@contextlib.contextmanager
def redis(folder, port):
    """A Redis that keeps nothing."""
    with Program("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder),
                 "--save", "", "--appendonly", "no", "--daemonize", "no") as server:
        assert wait_until(lambda: counted(port) is not None), server.end()
        yield


def counted(port):
    """Returns how many visits Redis has counted, as a text, or nothing when it does not answer."""
    try:
        return run("redis-cli", "-p", str(port), "GET", "visits").strip()
    except AssertionError:
        return None


def haproxy_sees_no_failure():
    """haproxy: no request fails while both processes are restarted in turn, and no visit is lost."""
    web, numbers, first, second, state = free_ports(5)
    with tempfile.TemporaryDirectory() as name, redis(name, state), \
            processes((first, second), "--redis", f"127.0.0.1:{state}") as both, \
            haproxy(pathlib.Path(name), web, numbers, first, second):
        with Clients(web, ["/", "/", "/visits"], posts=True) as clients:
            clients.wait_for_all()
            for _ in range(RESTARTS):
                for each in both:
                    each.restart()
                    assert wait_until(lambda: states(numbers) == ["UP", "UP"]), states(numbers)
                    clients.wait_for_all()
        number = clients.judge()
        print(f"# {2 * RESTARTS} restarts, {clients.answered} requests of the clients, {number} of "
              f"wrk, {clients.visits} visits")
        assert int(counted(state)) == clients.visits, (counted(state), clients.visits)
        judge_strangers(web)
        assert "haproxy_backend_http_responses_total" in fetch(numbers, "/metrics")


def judge_strangers(web):
    """The process knows who has asked and how, whatever that says, and what is ours stays hidden."""
    url = f"http://127.0.0.1:{web}/"
    lies = {"For": "6.6.6.6", "Proto": "https", "Host": "lie.test"}
    told = [("-H", f"X-Forwarded-{what}: {lie}") for what, lie in lies.items()]
    for more in ((), *told, ("-H", "X-Request-Id: lie")):
        who = run("curl", "-sS", "--interface", "127.0.0.9", *more, url + "who")
        assert who.startswith("127.0.0.9 by http for '") and "lie" not in who, (more, who)
    for path in ("health", "ready", "metrics"):
        assert run("curl", "-sS", "-o", "-", "-w", "%{http_code}", url + path).endswith("403"), path


def haproxy_passes_over_a_process_that_is_gone():
    """haproxy: when a process dies without a word, the other one serves alone."""
    web, numbers, first, second = free_ports(4)
    with tempfile.TemporaryDirectory() as name, processes((first, second)) as both, \
            haproxy(pathlib.Path(name), web, numbers, first, second):
        both[0].close()
        assert wait_until(lambda: states(numbers) == ["DOWN", "UP"]), states(numbers)
        for _ in range(20):
            assert fetch(web, "/") == "second has got 0 bytes\n"


def nginx_sees_no_failure():
    """nginx: no GET fails while both processes are restarted in turn."""
    web, first, second = free_ports(3)
    with tempfile.TemporaryDirectory() as name, processes((first, second)) as both, \
            nginx(pathlib.Path(name), web, first, second):
        with Clients(web, ["/"], posts=False) as clients:
            clients.wait_for_all()
            for _ in range(RESTARTS):
                for each in both:
                    each.restart()
                    clients.wait_for_all()
        number = clients.judge()
        judge_strangers(web)
        print(f"# {2 * RESTARTS} restarts, {clients.answered} requests of the clients, {number} of "
              f"wrk")


def nginx_posts():
    """nginx: bodies of many sizes arrive whole at both processes."""
    web, first, second = free_ports(3)
    with tempfile.TemporaryDirectory() as name, processes((first, second)), \
            nginx(pathlib.Path(name), web, first, second):
        with Clients(web, ["/"], posts=True) as clients:
            clients.wait_for_all()
            wait_until(lambda: clients.answered > 100 or clients.errors)
        clients.judge()


def visit(port, number, errors):
    """Posts again and again, each time on a connection of its own."""
    for count in range(number):
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
        try:
            client.request("POST", "/", b"x" * count)
            text = client.getresponse().read().decode("ascii")
            assert text == f"this has got {count} bytes\n", text
        except (OSError, http.client.HTTPException, AssertionError) as error:
            errors.append(repr(error))
        finally:
            client.close()
        time.sleep(0.002)


def a_service_manager_keeps_the_listener():
    """A listener that the service manager keeps: nobody is refused, whoever comes and goes."""
    errors = []
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        port = listener.getsockname()[1]
        server = Server(PROGRAM, "--drain-delay", "400", listener=listener)
        ask = (port, 400 * RESTARTS, errors)
        visitors = [threading.Thread(target=visit, args=ask, daemon=True) for _ in range(4)]
        for each in visitors:
            each.start()
        restarts = 0
        while any(each.is_alive() for each in visitors):
            time.sleep(0.2)
            status, _ = server.end()
            server.__exit__()
            server = Server(PROGRAM, "--drain-delay", "400", listener=listener)
            assert status == 0, status
            restarts += 1
        server.__exit__()
    print(f"# {restarts} restarts, {4 * 400 * RESTARTS} connections")
    assert restarts >= RESTARTS and not errors, (restarts, errors[:5])


if __name__ == "__main__":
    sys.exit(run_cases([
        haproxy_sees_no_failure,
        haproxy_passes_over_a_process_that_is_gone,
        nginx_sees_no_failure,
        nginx_posts,
        a_service_manager_keeps_the_listener,
    ]))
