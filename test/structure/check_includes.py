#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Includes go down.

* A floor includes itself and the floors below it. The side towers include any floor; only tests,
  documents and benchmarks include them.
* No file includes itself, by whatever detour.
* The library includes no front door (`tendril.hpp`, `tendril/<floor>.hpp`); the door of a floor
  includes headers of that floor, and `tendril.hpp` includes doors.
* A private header, in lib/, is included by sources of its own floor, as `"name.hpp"`.
* Third-party headers come in through the doors that `DOORS` lists.

The linker proves the first rule for what is compiled; templates escape it, so they are read here.
"""

import re
import sys

from tree import CPP, FLOORS, TOWERS, Problem, Report, floor_of, tree_from_arguments

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
TESTS = ("test/", "docs/", "benchmarks/")
ASIO_FLOORS = FLOORS[FLOORS.index("io") :] + TOWERS


def folders(*floors):
    """Returns where headers and sources of these floors begin."""
    return tuple(f"{base}/{floor}/" for floor in floors for base in ("include/tendril", "lib"))


# The first line that fits an include decides which files of the library may have it.
DOORS = [
    ("boost/context/", ("include/tendril/context/machine_context.hpp",
                        "lib/context/machine_context.cpp")),
    ("boost/asio/ssl", folders("tls")),
    ("openssl/", folders("tls")),
    ("boost/beast", ("lib/http/",)),
    ("boost/asio", ("lib/hub/reactor.cpp",) + folders(*ASIO_FLOORS)),
    ("boost/system/", ("lib/hub/reactor.cpp",) + folders(*ASIO_FLOORS)),
    ("boost/version.hpp", folders(*ASIO_FLOORS)),
    ("boost/stacktrace", ("lib/inspect/symbols_stacktrace.cpp",)),
    ("sanitizer/", folders("context")),
    ("valgrind/", folders("context")),
]
# Folders of the system and of the C library: no third parties.
SYSTEM = ("sys/", "net/", "netinet/", "arpa/", "linux/")


def includes_of(tree, path):
    """Returns the triples (line, opening bracket, what is included) of a file."""
    found = ((number, INCLUDE.match(line)) for number, line in tree.lines(path))
    return [(number, match.group(1), match.group(2)) for number, match in found if match]


def resolve(path, bracket, name):
    """Returns the path of an included file of the tree, or None for others."""
    if bracket == '"':
        return f"{path.rsplit('/', 1)[0]}/{name}"
    return f"include/{name}" if name.startswith("tendril/") else None


def judge_floor(path, target):
    """Says what is wrong when `path`, of the library, includes `target`, of the tree; or None."""
    own, other = floor_of(path), floor_of(target)
    if own is None:
        if path == "include/tendril/tendril.hpp":
            return None if other is None else "tendril.hpp includes the doors of the floors only"
        door_of = path.rsplit("/", 1)[1].removesuffix(".hpp")
        return None if other == door_of else f"the front door of {door_of} opens to its own floor"
    if other is None:
        return "a front door is for users: include the header that is needed"
    if other == own:
        return None
    if other in TOWERS:
        return f"nothing in the library includes the side tower {other}: take a hook of a floor"
    if other not in FLOORS:
        return f"{other} is no floor: name it in test/structure/tree.py"
    if own in FLOORS and FLOORS.index(other) > FLOORS.index(own):
        return f"{own} stands below {other}: move one of them, or put a hook on floor {own}"
    return None


def judge_third_party(path, name):
    """Says what is wrong when `path`, of the library, includes a third party's header; or None."""
    if "/" not in name or name.startswith(SYSTEM):
        return None
    for prefix, allowed in DOORS:
        if name.startswith(prefix):
            return None if path.startswith(allowed) else f"<{name}> belongs behind {allowed[0]}"
    return f"<{name}> has no door yet: add one to DOORS in check_includes.py"


def judge(tree, path, bracket, name):
    """Says what is wrong with one include, or returns None."""
    in_library = not path.startswith(TESTS)
    target = resolve(path, bracket, name)
    if "../" in name or re.search(r"(^|/)lib/", name):
        return f"{name} leaves its folder: a private header stays on its floor"
    if target is None:
        if name.startswith("harness/") and in_library:
            return "the library does not include the tests' harness"
        return judge_third_party(path, name) if in_library else None
    if not tree.exists(target):
        return f"there is no {target}"
    if bracket == '"' and path.startswith("include/"):
        return f'write <{target.removeprefix("include/")}>: public headers have one spelling'
    return judge_floor(path, target) if in_library else None


def find_cycle(graph):
    """Returns a list of files that include each other in a circle, or None."""
    state = {}

    def visit(path, trail):
        state[path] = "open"
        for target in graph.get(path, ()):
            if state.get(target) == "open":
                return trail[trail.index(target) :] + [target]
            if target not in state and (cycle := visit(target, trail + [target])):
                return cycle
        state[path] = "done"
        return None

    for path in graph:
        if path not in state and (cycle := visit(path, [path])):
            return cycle
    return None


def main():
    tree, report = tree_from_arguments(), Report()
    graph = {}
    for path in tree.match(("include/", "lib/", "test/", "docs/", "benchmarks/"), CPP):
        found = includes_of(tree, path)
        graph[path] = [resolve(path, bracket, name) for _, bracket, name in found]
        judged = ((line, judge(tree, path, bracket, name)) for line, bracket, name in found)
        report.case(
            f"{path} includes what it may",
            [Problem(path, line, text) for line, text in judged if text])
    cycle = find_cycle(graph)
    report.case(
        "no file includes itself by a detour",
        [Problem(cycle[0], 0, "a circle: " + " -> ".join(cycle))] if cycle else [])
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
