#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The words of the tree: what sources must and must not say.

* A thing to do is written `TODO(soon): text`; the other kinds are later, perf and port.
* No dead code: no `#if 0`, and no comment that is code. Examples in comments are indented by four
  spaces or more, and are none of this script's business; the rest is told from prose by
  `is_code`.
* Every source, script and header names the licence in its first line (a script in its second), and
  every header has one `#pragma once`, right below.
"""

import re
import sys

from tree import CPP, Problem, Report, tree_from_arguments

LICENCE = "SPDX-License-Identifier: BSL-1.0"
KINDS = ("soon", "later", "perf", "port")
# Spelt in two halves, so that this file does not contain them.
FORBIDDEN = ("XX" + "X", "FIX" + "ME")
TASK = "TO" + "DO"

# What only code has before its last character: a call, an assignment, a member or scope.
CODE_SIGNS = re.compile(r"\w\(|\w\)|[^=<>!]=[^=]|->|::|\+\+|--|<<")
STATEMENT = re.compile(r"(return|break|continue|throw|delete|using|goto)\b[^,.]*;$")
TYPES = {"auto", "bool", "char", "const", "constexpr", "double", "else", "explicit", "float", "if",
         "inline", "int", "long", "return", "short", "signed", "static", "struct", "unsigned",
         "void", "while", "for", "class", "enum", "namespace", "using", "new", "delete", "throw"}


def is_code(comment):
    """Says whether a line of a comment is code that somebody has switched off.

    Code ends in `;`, `{` or `}`, has a sign that prose has not, and never three plain words in a
    row, which nearly every line of prose has.
    """
    text = comment.strip()
    if re.match(r"#\s*(include|if|ifdef|ifndef|define|endif|else)\b", text):
        return True
    if text in ("{", "}", "};", "});"):
        return True
    if not text.endswith((";", "{", "}")):
        return False
    text_without_literals = re.sub(r'"[^"]*"', '""', text)
    words = [word if word not in TYPES else "0" for word in text_without_literals.split(" ")]
    plain = [bool(re.fullmatch(r"[A-Za-z][a-z']*[,.:;]?", word)) for word in words]
    if any(all(plain[at : at + 3]) for at in range(len(plain) - 2)):
        return False
    return bool(STATEMENT.match(text) or CODE_SIGNS.search(text[:-1]))


def check_tasks(tree, path):
    """Things to do are marked in one way."""
    for number, line in tree.lines(path):
        for match in re.finditer(rf"\b{TASK}\b", line):
            if not re.match(rf"{TASK}\(({'|'.join(KINDS)})\): \S", line[match.start() :]):
                yield Problem(path, number, f"write `{TASK}(kind): text`, kind one of {KINDS}")
        for word in FORBIDDEN:
            if re.search(rf"\b{word}\b", line):
                yield Problem(path, number, f"{word}: write `{TASK}(kind): text`, or do it")


def check_dead_code(tree, path):
    """Nothing is switched off: git remembers."""
    for number, line in tree.lines(path):
        if re.match(r"\s*#\s*if\s+(0|false)\b", line):
            yield Problem(path, number, "code that is switched off: delete it")
        comment = re.match(r"\s*//[/!]?( {0,3})(\S.*)$", line)
        if comment and is_code(comment.group(2)):
            yield Problem(path, number, "a comment that is code: delete it, or indent an example")


def check_head(tree, path):
    """The licence, and `#pragma once`."""
    lines = [line for _, line in tree.lines(path)]
    if LICENCE not in "".join(lines[:2] if lines[:1] and lines[0].startswith("#!") else lines[:1]):
        yield Problem(path, 1, f"the first line is no `{LICENCE}`")
    guards = [number for number, line in tree.lines(path) if line == "#pragma once"]
    if path.endswith(".hpp") and guards != [2]:
        yield Problem(path, 2, "the second line, and no other, is `#pragma once`")


def is_script(tree, path):
    """Says whether a file without a suffix of a language begins like a script."""
    plain = "." not in path.rsplit("/", 1)[-1]
    return plain and (tree.root / path).read_bytes()[:2] == b"#!"


def main():
    tree, report = tree_from_arguments(), Report()
    scripts = [path for path in tree.files
               if path.endswith((".py", ".sh")) or is_script(tree, path)]
    for path in tree.match("", CPP) + scripts:
        problems = list(check_tasks(tree, path)) + list(check_head(tree, path))
        if path.endswith(CPP):
            problems += check_dead_code(tree, path)
        report.case(f"{path} is worded as agreed", problems)
    for path in tree.match("", ("meson.build", "meson_options.txt", ".clang-format")):
        report.case(f"{path} is worded as agreed", check_tasks(tree, path))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
