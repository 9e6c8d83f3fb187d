#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""docs/http-refusals.md says what the corpus of HTTP says.

The table of that page is made of test/http/corpus: for each row of checklist.txt that has messages,
what is asked, the statuses that the messages expect, how many there are, and how many of them the
server does not answer so yet. Every row of the checklist has messages, or names who shows it.

`check_refusals.py --copy [ROOT]` puts the present table into the page.
"""

import re
import sys

from tree import Problem, Report, tree_from_arguments

CORPUS = "test/http/corpus/"
CHECKLIST = CORPUS + "checklist.txt"
PAGE = "docs/http-refusals.md"
HEAD = ["| row | what arrives, and what must come of it | answers | messages | not yet |",
        "|---|---|---|---|---|"]


def words(message, keyword):
    """Returns what stands behind a keyword in a message, or an empty text."""
    found = re.search(rf"(?m)^{keyword} (.*)$", message)
    return found.group(1) if found else ""


def answer_of(message):
    """Returns the last answer of a message, in words."""
    last = words(message, "answers").partition(" and ")[0].split(" ")[-1]
    return last.replace("none", "no answer").replace("|", " or ")


def messages_by_row(tree):
    """Returns the messages of each row of the checklist."""
    rows = {}
    for path in tree.match(CORPUS, ".txt"):
        if path == CHECKLIST:
            continue
        for message in re.split(r"\n\n+", tree.text(path)):
            for number in words(message, "rows").split():
                rows.setdefault(int(number), []).append(message)
    return rows


def make_table(tree):
    """Returns the lines of the table, and the problems of the checklist."""
    found, lines, problems = messages_by_row(tree), list(HEAD), []
    for part in re.split(r"(?m)^(?=row )", tree.text(CHECKLIST))[1:]:
        number, _, what = part.partition("\n")[0].removeprefix("row ").partition(" ")
        messages = found.get(int(number), [])
        if not messages and not re.search(r"(?m)^(shown by [^c]|missing )", part):
            problems.append(Problem(CHECKLIST, 0, f"row {number} is shown by nothing"))
        if messages:
            waiting = sum(bool(words(message, "pending")) for message in messages)
            answers = ", ".join(sorted({answer_of(message) for message in messages}))
            lines.append(f"| {number} | {what} | {answers} | {len(messages)} | {waiting or ''} |")
    return lines, problems


def table_in(lines):
    """Returns where the table of the page begins and ends."""
    begin = lines.index(HEAD[0]) if HEAD[0] in lines else len(lines)
    end = begin
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    return begin, end


def main():
    copying = sys.argv[1:2] == ["--copy"]
    if copying:
        del sys.argv[1]
    tree, report = tree_from_arguments(), Report()
    table, problems = make_table(tree)
    report.case("every row of the checklist is shown by something", problems)
    lines = tree.text(PAGE).splitlines() if tree.exists(PAGE) else []
    begin, end = table_in(lines)
    if copying:
        text = "\n".join(lines[:begin] + table + lines[end:]) + "\n"
        (tree.root / PAGE).write_text(text, encoding="utf-8")
        return 0
    stale = Problem(PAGE, begin + 1, "its table is not that of the corpus: "
                    "check_refusals.py --copy puts it here")
    report.case(f"{PAGE} is up to date", [] if lines[begin:end] == table else [stale])
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
