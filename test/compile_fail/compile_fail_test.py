#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Programs that must not compile do not, and the compiler says what the library has to say.

Usage: compile_fail_test.py INCLUDE_DIRECTORY SOURCE... -- COMPILER...

The words to look for stand in the source, in a comment that begins with `Expected:`. With the macro
MENDED the same source is in order and compiles: so it is the mistake that is refused, nothing else.
"""

import pathlib
import re
import subprocess
import sys

SPLIT = sys.argv.index("--")
INCLUDES, SOURCES, COMPILER = sys.argv[1], sys.argv[2:SPLIT], sys.argv[SPLIT + 1 :]
LIMIT = 120


def compile_source(source, *macros):
    """Compiles a source without making anything. Returns the status and what was said."""
    command = [*COMPILER, "-std=c++20", "-fsyntax-only", "-I", INCLUDES, *macros, source]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    return done.returncode, done.stderr


def judge(source):
    """Says what is wrong with one source, line by line."""
    expected = re.search(r"(?m)^// Expected: (\S.*)$", pathlib.Path(source).read_text("utf-8"))
    if expected is None:
        return ["it does not say what is expected: write `// Expected: words`"]
    status, said = compile_source(source, "-DMENDED")
    if status != 0:
        return ["it does not compile when it is mended:", *said.splitlines()[:20]]
    status, said = compile_source(source)
    if status == 0:
        return ["it compiles"]
    if expected.group(1) not in said:
        return [f"the compiler does not say `{expected.group(1)}` but:", *said.splitlines()[:20]]
    return []


def main():
    failed = 0
    print(f"1..{len(SOURCES)}")
    for number, source in enumerate(SOURCES, 1):
        wrong = judge(source)
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {pathlib.Path(source).stem}", flush=True)
        print("".join(f"# {line}\n" for line in wrong), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
