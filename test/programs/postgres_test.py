#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The PostgreSQL client of the examples against a server of its own.

Usage: postgres_test.py [CLIENT]

The server runs in the foreground, in a temporary folder and on a Unix socket, as a user without
rights, and is ended by its process. One that is not installed is a failure, and so is a client that
was not built because libpq is not installed.
"""

import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from servers import LIMIT, run, run_cases, wait_until



def client():
    """The program under test."""
    assert len(sys.argv) == 2, "libpq is not installed, so there is no client"
    return sys.argv[1]


def program(name):
    """Where a program of the server is: on the path, or where Debian puts it."""
    found = shutil.which(name) or next(
        map(str, sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    assert found, f"{name} is not installed"
    return found


class Postgres:
    """A server that runs until the `with` block is left."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="pg")
        self.folder = self._folder.name
        self._user = []
        if os.geteuid() == 0:
            # The server refuses to run as root.
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._user = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}",
                          "--clear-groups"]
        data = f"{self.folder}/data"
        run(*self._user, program("initdb"), "-D", data, "-U", "tendril", "-A", "trust", "-N",
            "--locale=C")
        self._child = subprocess.Popen(
            [*self._user, program("postgres"), "-D", data, "-k", self.folder, "-c",
             "listen_addresses=", "-c", "fsync=off"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=self.folder)
        if not wait_until(self._is_ready):
            self.__exit__()
            raise AssertionError("the server does not become ready")
        return self

    def __exit__(self, *_):
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGINT)
        try:
            self._child.wait(timeout=LIMIT)
        finally:
            self._child.kill()
            self._folder.cleanup()

    @property
    def target(self):
        return f"host={self.folder} user=tendril dbname=postgres"

    def _is_ready(self):
        return subprocess.run([program("pg_isready"), "-q", "-d", self.target],
                              timeout=LIMIT, check=False).returncode == 0


def fifty_at_once():
    """Fifty queries of a second each take one second together."""
    with Postgres() as server:
        text = run(client(), server.target)
        match = re.fullmatch(r"50 answers in ([\d.]+) s\n", text)
        assert match and 1 <= float(match.group(1)) < 1.5, text


def no_server():
    """Where no server is, the client says so."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([client(), f"host={folder} user=tendril"], capture_output=True,
                              timeout=LIMIT, check=False)
        assert done.returncode == 1 and folder.encode() in done.stderr, done


if __name__ == "__main__":
    sys.exit(run_cases([fifty_at_once, no_server]))
