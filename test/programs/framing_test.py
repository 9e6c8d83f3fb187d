#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Where requests begin and end: what the web server accepts of bytes made at random, nginx and Go's
net/http read in the same way, or refuse.

Usage: framing_test.py FRAMING [--stress] [--seed NUMBER] [--inputs NUMBER]

The inputs are messages of test/http/corpus, one behind the other and changed. What differs is shown,
cut down to what is needed for it. A number of them makes the same inputs again:

    framing_test.py FRAMING --seed 7 --inputs 10000000
"""

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from servers import LIMIT, Program, nginx_in, run_cases, wait_until

SOURCE = pathlib.Path(__file__).parent / "framing.go"
# What the program says at its end of each of the others.
SUMMARY = re.compile(r"^(nginx|go): (\d+) refused, (\d+) different$", re.MULTILINE)


@contextlib.contextmanager
def nginx(folder):
    """nginx, which answers every request with its first line, at a Unix socket that it returns."""
    at = folder / "socket"
    configuration = folder / "nginx.conf"
    configuration.write_text(nginx_in(folder, 1024) + f"""access_log off;
lingering_close off;
server {{
    listen unix:{at};
    add_header X-Seen $request always;
    location / {{ return 200 ""; }}
}}
}}
""", encoding="ascii")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with Program(program, "-p", str(folder), "-e", "stderr", "-c", str(configuration)) as server:
        try:
            assert wait_until(at.exists), "nginx does not begin"
            yield at
        finally:
            # The master ends its worker when it is told to, and not when it is killed.
            if server.runs():
                server.end()


def compare(inputs, *more):
    """Runs the program. Returns what it has printed, and by name of the others how often one has
    refused what the server accepts, and how often one has read it otherwise."""
    assert shutil.which("go"), "there is no go: install golang-go"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        theirs = folder / "framing"
        subprocess.run(["go", "build", "-o", str(theirs), str(SOURCE)], check=True, timeout=LIMIT,
                       env={**os.environ, "GOCACHE": str(folder / "cache")})
        with nginx(folder) as at:
            command = [OPTIONS.framing, str(OPTIONS.seed), "0", str(inputs), str(at), str(theirs)]
            done = subprocess.run([*command, *more], capture_output=True, text=True, check=False,
                                  encoding="ascii", timeout=7200)
    assert done.returncode in (0, 1), (done.returncode, done.stdout, done.stderr)
    said = {name: (int(refused), int(other))
            for name, refused, other in SUMMARY.findall(done.stdout)}
    assert set(said) == {"nginx", "go"}, done.stdout
    return done.stdout, said


def nginx_agrees():
    """nginx reads what the server accepts in the same way, or refuses it."""
    judge("nginx")


def go_agrees():
    """Go's net/http reads what the server accepts in the same way, or refuses it."""
    judge("go")


def judge(name, known=[]):
    """Fails when one has read something otherwise. All are asked at once, by the first case."""
    if not known:
        known += compare(OPTIONS.inputs)
        print("#", *re.findall(r".*messages, .*", known[0]))
    refused, different = known[1][name]
    print(f"# | B4 | {OPTIONS.inputs:,} inputs: {name} reads none in another way than the server, where "
          f"that accepts | it refuses {refused:,}, and reads {different:,} in another way | "
          f"{'NO' if different else 'yes'} |")
    assert different == 0, known[0]


def differences_are_found():
    """whoever reads the length of a body otherwise is found out"""
    text, said = compare(20_000, "wrong")
    print("#", {name: different for name, (_, different) in said.items()})
    assert said["nginx"][1] > 0 and said["go"][1] > 0, said
    assert "differs nginx" in text and "differs go" in text, text


PARSER = argparse.ArgumentParser()
PARSER.add_argument("framing")
PARSER.add_argument("--stress", action="store_true")
PARSER.add_argument("--instrumented", action="store_true")
PARSER.add_argument("--seed", type=int, default=1)
PARSER.add_argument("--inputs", type=int, default=0)
OPTIONS = PARSER.parse_args()
OPTIONS.inputs = OPTIONS.inputs or (2_000_000 if OPTIONS.stress else 20_000)

if __name__ == "__main__":
    sys.exit(run_cases([nginx_agrees, go_agrees, differences_are_found], 7200))
