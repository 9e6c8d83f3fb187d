#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""A program that sees another Asio than the library did does not link, and the linker says why.

Usage: abi_lock_test.py INCLUDE_DIRECTORY LIBRARY COMPILER...

COMPILER is the command that the library was built with, and what it needs to link a program.
"""

import pathlib
import subprocess
import sys
import tempfile

INCLUDES, LIBRARY, COMPILER = sys.argv[1], sys.argv[2], sys.argv[3:]
LIMIT = 120


def link(header, *macros):
    """Builds a program that only includes a header. Returns its status and what was said; status 0
    means that it was built and that it runs."""
    with tempfile.TemporaryDirectory() as folder:
        source, program = pathlib.Path(folder, "main.cpp"), pathlib.Path(folder, "main")
        source.write_text(f"#include <{header}>\nint main() {{}}\n", encoding="utf-8")
        arguments = ["-std=c++20", "-O0", "-I", INCLUDES, *(f"-D{name}" for name in macros),
                     str(source), LIBRARY, "-lboost_context", "-pthread", "-o", str(program),
                     "-Wl,-rpath," + str(pathlib.Path(LIBRARY).parent)]
        built = subprocess.run(
            [*COMPILER, *arguments], capture_output=True, text=True, timeout=LIMIT, check=False)
        if built.returncode != 0:
            return built.returncode, built.stderr
        ran = subprocess.run([program], capture_output=True, text=True, timeout=LIMIT, check=False)
        return ran.returncode, ran.stderr


def main():
    cases = [
        ("the same Asio links", "tendril/net/endpoint.hpp", [], None),
        ("handler tracking does not", "tendril/net/endpoint.hpp",
         ["BOOST_ASIO_ENABLE_HANDLER_TRACKING"], "tracking_1_uring_0_epoll_1"),
        ("nor a checked standard library", "tendril/net/endpoint.hpp",
         ["_GLIBCXX_DEBUG"], "epoll_1_threads_1_checked_1"),
        ("nor an Asio without threads", "tendril/net/endpoint.hpp",
         ["BOOST_ASIO_DISABLE_THREADS"], "epoll_1_threads_0_checked_0"),
        ("nor does an Asio without epoll", "tendril/net/endpoint.hpp",
         ["BOOST_ASIO_DISABLE_EPOLL"], "tracking_0_uring_0_epoll_0"),
        ("the completion token is locked too", "tendril/io/use_greenlet.hpp",
         ["BOOST_ASIO_ENABLE_HANDLER_TRACKING"], "tracking_1_uring_0_epoll_1"),
    ]
    failed = 0
    print(f"1..{len(cases)}")
    for number, (name, header, macros, symbol) in enumerate(cases, 1):
        status, said = link(header, *macros)
        named = symbol is not None and "tendril_built_with_boost_" in said and symbol in said
        good = status == 0 if symbol is None else status != 0 and named
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
        if not good:
            print("".join(f"# {line}\n" for line in [f"status {status}", *said.splitlines()[-20:]]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
