#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every public function says what it does, and from floor `greenlet` up whether it switches.

Looked at are the functions of public headers that users can call: those of namespaces other than
`detail`, and public members of public classes. What has its meaning from the language needs no
contract: special member functions, comparisons, what an iterator does, friends, and overrides,
whose contract stands at what they override.

* At least 95 % of the others have a contract: a block of `///` directly above, or they stand
  directly below a function that has one, without an empty line: overloads and siblings share it.
* From floor `greenlet` up each contract contains `Switches:`. A block that says "As above" takes
  the word from the contract above it. A block above the class speaks for all members that do not
  say otherwise, and a line `// Switches: never` at the head of the file for all of the file.
  Constructors and assignments that the language names need not say it; destructors must.
* greenlet/state.hpp has a table of transitions. It names states that exist, every state, and
  functions that exist.
"""

import re
import sys

import declarations
from tree import CPP, Problem, Report, floor_of, tree_from_arguments

LEAST_SHARE = 95
MEANING_IS_KNOWN = ("operator==", "operator!=", "operator<=>", "operator*", "operator->",
                    "operator++", "operator--", "begin", "end")
PLAIN_FLOORS = ("support", "context")
STATES = "include/tendril/greenlet/state.hpp"


def block_above(lines, first_line):
    """Returns the block of `///` that ends directly above a line, or an empty text."""
    at = first_line - 1
    while at > 0 and lines[at - 1].strip().startswith("///"):
        at -= 1
    return " ".join(line.strip().removeprefix("///").strip() for line in lines[at : first_line - 1])


def is_public(declared):
    """Says whether users can call a function."""
    return (declared.kind == "function" and declared.access == "public"
            and not {"detail", ""} & set(declared.scope))


def is_copy_or_default(declared):
    """Says whether a function is X(), X(X const&), X(X&&) or an assignment of an X."""
    owner = declared.scope[-1].rpartition("::")[2] if declared.scope else ""
    parameters = declared.head.partition("(")[2]
    # Nothing, or the class itself and perhaps a name, before the closing bracket.
    itself = rf"\s*({owner}(<[^()]*>)?(\s+const)?\s*&{{0,2}}\s*\w*)?\s*\)"
    takes_itself = re.match(itself, parameters)
    return declared.name in (owner, "operator=") and takes_itself is not None


def needs_no_contract(declared):
    """Says whether the language gives a function its meaning."""
    known = (declared.name in MEANING_IS_KNOWN or declared.name.startswith("~")
             or is_copy_or_default(declared))
    overrides = re.search(r"\)[^{;]*\b(override|final)\b", declared.head)
    unwritten = re.search(r"=\s*(default|delete)$", declared.head)
    return bool(known or overrides or unwritten or "friend" in declared.head.split())


def need_not_say(declared):
    """Says whether a contract is complete without `Switches:`."""
    return declared.name in MEANING_IS_KNOWN or is_copy_or_default(declared)


class Header:
    """The functions of one public header, with their contracts."""

    def __init__(self, tree, path):
        self.path = path
        self.lines = [line for _, line in tree.lines(path)]
        self.declared = declarations.read(tree.text(path))
        self.total = self.documented = 0
        self.bare = []
        self.silent = []
        self._judge()

    def _says_for_all(self, scope):
        """Says whether the head of the file, or of the class, speaks of switching."""
        if any(line.startswith("// Switches: never") for line in self.lines):
            return True
        return any(
            "Switches:" in block_above(self.lines, declared.first_line)
            for declared in self.declared
            if declared.kind in ("class", "struct") and (*declared.scope, declared.name) == scope)

    def _judge(self):
        # The contract in force for what follows directly, per scope, and where it ends.
        above = {}
        for function in (declared for declared in self.declared if is_public(declared)):
            contract, says, last_line = above.get(function.scope, ("", False, -1))
            block = block_above(self.lines, function.first_line)
            if block:
                says = ("Switches:" in block or says and "As above" in block
                        or self._says_for_all(function.scope))
                contract = block
            elif last_line != function.first_line - 1:
                contract = ""
            above[function.scope] = (contract, says, function.last_line)
            self._count(function, bool(contract), bool(block), says)

    def _count(self, function, covered, has_block, says):
        if not needs_no_contract(function):
            self.total += 1
            self.documented += covered
            if not covered:
                self.bare.append(function)
        if has_block and not says and not need_not_say(function):
            self.silent.append(function)


def problem(header, function, text):
    """Returns a problem of one function."""
    return Problem(header.path, function.first_line, f"{function.name}: {text}")


def check_switches(report, headers):
    """The word `Switches:` in each contract."""
    lacks = "its contract lacks `Switches: never` or `Switches: may`"
    for header in headers:
        if floor_of(header.path) not in PLAIN_FLOORS:
            report.case(
                f"{header.path} says what switches",
                [problem(header, function, lacks) for function in header.silent])


def check_share(report, headers):
    """The share of functions that have a contract."""
    total = sum(header.total for header in headers)
    documented = sum(header.documented for header in headers)
    share = 100 * documented / max(total, 1)
    report.note(f"{documented} of {total} public functions have a contract: {share:.1f} %")
    bare = [problem(header, function, "no contract: add a `///` above it")
            for header in headers for function in header.bare]
    if share >= LEAST_SHARE:
        for each in bare:
            report.note(f"{each.path}:{each.line}: {each.text}")
    too_few = Problem(
        "include/tendril", 0, f"{share:.1f} % have a contract; {LEAST_SHARE} are needed")
    report.case("nearly every public function has a contract",
                [too_few] + bare if share < LEAST_SHARE else [])


def functions_of(tree):
    """Returns the names of all functions of the library, with and without their class."""
    names = set()
    for path in tree.match(("include/tendril/", "lib/"), CPP):
        for declared in declarations.read(tree.text(path)):
            if declared.kind == "function":
                parts = [*declared.scope, *declared.name.split("::")]
                names |= {"::".join(parts[-1:]), "::".join(parts[-2:])}
    return names


def check_transitions(tree, report):
    """The table in greenlet/state.hpp: lines of `from`, `to` and `by` below that heading."""
    lines = tree.lines(STATES)
    heads = [number for number, line in lines if re.match(r"//\s+from\s+to\s+by\b", line)]
    code = declarations.blank(tree.text(STATES))
    body = re.search(r"enum class greenlet_state[^{]*\{([^}]*)\}", code)
    states = set(re.findall(r"\w+", body.group(1))) if body else set()
    problems, seen, functions = [], set(), functions_of(tree)
    for number, line in lines[heads[0] :] if heads else []:
        match = re.match(r"//\s{2,}(\w+)\s+(\w+)\s+([\w:]+)", line)
        if match is None:
            break
        *moved, function = match.groups()
        seen |= set(moved)
        problems += [Problem(STATES, number, f"there is no state {state}")
                     for state in moved if state not in states]
        if function not in functions:
            problems.append(Problem(STATES, number, f"there is no function {function}"))
    problems += [Problem(STATES, 0, f"no transition reaches or leaves {state}")
                 for state in sorted(states - seen)]
    if not seen:
        problems.append(Problem(STATES, 0, "no table of transitions: `from  to  by`"))
    report.case("the transitions of a greenlet name what exists", problems)


def main():
    tree, report = tree_from_arguments(), Report()
    headers = []
    for path in tree.public_headers():
        try:
            headers.append(Header(tree, path))
        except declarations.Unreadable as error:
            report.case(f"{path} can be read", [Problem(path, 0, str(error))])
    check_switches(report, headers)
    check_share(report, headers)
    check_transitions(tree, report)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
