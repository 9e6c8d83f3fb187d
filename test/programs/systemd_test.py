#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The units of docs/deploy: what systemd thinks of them, and the processes started as it would start
them, without it.

Usage: systemd_test.py DEPLOYED_SERVER DEPLOY_FOLDER
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from servers import GET, LIMIT, free_ports, read_answer, run_cases, wait_until

PROGRAM, DEPLOY = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
INSTALLED = "/usr/local/bin/deployed_server"
UNITS = ("web.socket", "web.service", "web@.service")
# How long deployed_server.cpp lets requests go on after the drain delay.
GRACE = 10


def settings(name):
    """Returns the settings of a unit; of several of one name the last."""
    lines = (DEPLOY / name).read_text(encoding="ascii").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def command_of(name, instance=""):
    """Returns the command of a service, with the program that was built."""
    words = settings(name)["ExecStart"].replace("%i", instance).split()
    assert words[0] == INSTALLED, words
    return [PROGRAM, *words[1:]]


class Service:
    """A process in the environment that systemd gives it, perhaps with listeners from descriptor 3
    on. Leaving the `with` block ends it."""

    def __init__(self, command, *listeners, listen_pid="$$", notify=""):
        take = " ".join(f"{3 + number}<&{each.fileno()}" for number, each in enumerate(listeners))
        names = ":".join(["web.socket"] * len(listeners))
        script = 'exec "$@"'
        if listeners:
            script = (f"export LISTEN_PID={listen_pid} LISTEN_FDS={len(listeners)} "
                      f"LISTEN_FDNAMES={names}; {script} {take}")
        self._child = subprocess.Popen(
            ["/bin/sh", "-c", script, "sh", *command], cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, umask=0o022, start_new_session=True,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "INVOCATION_ID": "0" * 32,
                 **({"NOTIFY_SOCKET": notify} if notify else {}),
                 **{name: value for name, value in os.environ.items() if "SAN_OPTIONS" in name}},
            pass_fds=[each.fileno() for each in listeners])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._child.poll() is None:
            self._child.kill()
        self._child.communicate()

    def says(self):
        """Returns its first line."""
        return self._child.stdout.readline().decode()

    def begin_end(self):
        """Tells it to end."""
        self._child.send_signal(signal.SIGTERM)

    def end(self):
        """Waits for its end. Returns its status and what it has said about errors."""
        _, errors = self._child.communicate(timeout=LIMIT)
        return self._child.returncode, errors.decode()


def connect(port):
    """Returns a socket that is connected, or waits in the kernel to be accepted."""
    return socket.create_connection(("127.0.0.1", port), timeout=LIMIT)


def ask(client, path="/"):
    """Asks on a connection. Returns the status and the body."""
    client.sendall(GET.replace(b" / ", f" {path} ".encode()))
    head, body = read_answer(client)
    return int(head.split()[1]), body


def systemd_knows_all_settings():
    """systemd-analyze finds nothing wrong with the units, where it is installed."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        print("# there is no systemd-analyze here")
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in UNITS:
            text = (DEPLOY / name).read_text(encoding="ascii")
            pathlib.Path(folder, name.replace("@.", "@8081.")).write_text(
                text.replace(INSTALLED, PROGRAM), encoding="ascii")
        done = subprocess.run(
            [tool, "verify", "--man=no", *sorted(map(str, pathlib.Path(folder).iterdir()))],
            capture_output=True, text=True, timeout=LIMIT, check=False,
            env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"})
        ours = [line for line in done.stderr.splitlines() if "web" in line]
        assert not ours, ours
        # It also tells of other units of the machine, and of what a container lacks.
        assert done.returncode == 0 or done.stderr, done


def time_to_stop_is_enough():
    """A service is killed later than it ends by itself, and the manager restarts what fails."""
    for name in ("web.service", "web@.service"):
        told = settings(name)
        words = told["ExecStart"].split()
        delay = int(words[words.index("--drain-delay") + 1]) / 1000
        assert float(told["TimeoutStopSec"]) > delay + GRACE + 1, told
        assert told["Type"] == "notify" and told["Restart"] == "on-failure", told
        assert int(told["LimitNOFILE"]) >= 65536, told
    assert settings("web.service")["Requires"] == "web.socket"


def a_connection_from_before_the_start_is_served():
    """web.socket: whoever connects before the process is there, or after it, is served."""
    backlog = int(settings("web.socket")["Backlog"])
    command = command_of("web.service")
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as listener:
        port = listener.getsockname()[1]
        with connect(port) as early:
            with Service(command, listener) as service:
                assert service.says() == f"listening on 127.0.0.1:{port}\n"
                assert ask(early) == (200, "this has got 0 bytes\n")
                service.begin_end()
                # It accepts nobody from now on, and answers who is there.
                assert wait_until(lambda: ask(early, "/ready")[0] == 503)
                late = connect(port)
                late.sendall(GET)
                start = time.monotonic()
                assert service.end()[0] == 0
                assert time.monotonic() - start < float(settings("web.service")["TimeoutStopSec"])
        with late, Service(command, listener) as service:
            assert service.says() == f"listening on 127.0.0.1:{port}\n"
            assert read_answer(late)[1] == "this has got 0 bytes\n"
            service.begin_end()
            assert service.end()[0] == 0


def sockets_for_somebody_else_are_left_alone():
    """Sockets that are meant for another process are not taken: the process listens by itself."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with Service(command_of("web.service"), listener, listen_pid="1") as service:
            line = service.says()
            assert line.startswith("listening on 127.0.0.1:"), line
            assert line != f"listening on 127.0.0.1:{listener.getsockname()[1]}\n", line


def what_is_no_listener_is_refused():
    """A socket of another kind, or none at all, ends the process with a message."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        with Service(command_of("web.service"), other) as service:
            status, errors = service.end()
            assert status == 1 and errors, (status, errors)
    with tempfile.TemporaryFile() as file:
        with Service(command_of("web.service"), file) as service:
            status, errors = service.end()
            assert status == 1 and errors, (status, errors)


def the_manager_is_told():
    """A manager that wants to know is told when the process accepts, and when it begins to end."""
    with tempfile.TemporaryDirectory() as folder:
        for name in (folder + "/notify", f"@tendril-notify-{os.getpid()}"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.bind(name.replace("@", "\0"))
                manager.settimeout(LIMIT)
                with Service([PROGRAM, "--drain-delay", "0"], notify=name) as service:
                    assert manager.recv(100) == b"READY=1"
                    with connect(int(service.says().rpartition(":")[2])) as client:
                        assert ask(client)[0] == 200
                    service.begin_end()
                    assert manager.recv(100) == b"STOPPING=1"
                    assert service.end()[0] == 0
        with Service([PROGRAM, "--drain-delay", "0"], notify=folder + "/nobody") as service:
            assert service.says().startswith("listening on ")
            service.begin_end()
            status, errors = service.end()
            assert status == 0 and "nobody" in errors, (status, errors)


def what_is_to_be_watched_is_there():
    """Every number that docs/deploy.md says to watch is one that the server tells."""
    page = (DEPLOY.parent / "deploy.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`(tendril_\w+)`", page))
    with Service([PROGRAM]) as service:
        port = int(service.says().rpartition(":")[2])
        with connect(port) as client:
            _, told = ask(client, "/metrics")
    missing = [name for name in names if f"\n# TYPE {name} " not in told]
    assert len(names) > 5 and not missing, (missing, told)


def an_instance_has_its_port():
    """web@.service: an instance serves the port that it is called by, says when it is about to leave,
    and leaves in time."""
    port = free_ports(1)[0]
    with Service(command_of("web@.service", str(port))) as service:
        assert service.says() == f"listening on 127.0.0.1:{port}\n"
        with connect(port) as client:
            assert ask(client) == (200, f"{port} has got 0 bytes\n")
            assert ask(client, "/ready")[0] == 200
            service.begin_end()
            assert wait_until(lambda: ask(client, "/ready")[0] == 503)
            assert ask(client, "/health")[0] == 200
            with connect(port) as another:
                assert ask(another) == (200, f"{port} has got 0 bytes\n")
        assert service.end()[0] == 0


if __name__ == "__main__":
    sys.exit(run_cases([
        systemd_knows_all_settings,
        time_to_stop_is_enough,
        a_connection_from_before_the_start_is_served,
        sockets_for_somebody_else_are_left_alone,
        what_is_no_listener_is_refused,
        the_manager_is_told,
        what_is_to_be_watched_is_there,
        an_instance_has_its_port,
    ]))
