#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every relative link of a page leads somewhere.

A page is README.md, another Markdown file beside it, or one below docs/. The file must exist; a
fragment must name a heading of a page (spelt as GitHub does), a line of another file (`#L12`), or
an anchor in it (`#turn` for the line `// DOC: turn`).
"""

import re
import sys

from tree import Problem, Report, read_page, tree_from_arguments

LINKS = [
    re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)"),  # [text](target "title"), ![text](target)
    re.compile(r"^\s*\[[^\]]+\]:\s*<?([^\s>]+)"),  # [name]: target
    re.compile(r"<(?:img|a)\b[^>]*\b(?:src|href)=\"([^\"]+)\""),
]


def links_of(tree, path):
    """Returns the pairs (line, target) of a page."""
    found = []
    for number, line in read_page(tree, path)[0]:
        prose = re.sub(r"`[^`]*`", lambda code: "x" * len(code.group()), line)
        found += [(number, target) for link in LINKS for target in link.findall(prose)]
    return found


def slugs_of(tree, path):
    """Returns the fragments that the headings of a page define."""
    seen, slugs = {}, set()
    for _, line in read_page(tree, path)[0]:
        if match := re.match(r"#{1,6}\s+(.*?)\s*#*$", line):
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match.group(1)).lower()
            slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            again = seen.get(slug, 0)
            seen[slug] = again + 1
            slugs.add(f"{slug}-{again}" if again else slug)
        slugs |= set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", line))
    return slugs


def has_fragment(tree, path, fragment):
    """Says whether a fragment names something in a file."""
    if path.endswith(".md"):
        return fragment in slugs_of(tree, path)
    if match := re.fullmatch(r"L(\d+)", fragment):
        return int(match.group(1)) <= len(tree.lines(path))
    return re.search(rf"(?m)^\s*// DOC: {re.escape(fragment)}$", tree.text(path)) is not None


def judge(tree, page, target):
    """Says what is wrong with a link, or returns None."""
    if re.match(r"[a-z][a-z0-9+.-]*:|//", target):
        return None
    name, _, fragment = target.partition("#")
    file = (tree.root / page).parent / name if name else tree.root / page
    file = file.resolve()
    if not file.is_relative_to(tree.root):
        return f"{target} leaves the tree: link to something that every reader has"
    if not file.exists():
        return f"{target} leads nowhere: no such file"
    path = file.relative_to(tree.root).as_posix()
    if fragment and (not file.is_file() or not has_fragment(tree, path, fragment)):
        return f"{target} leads nowhere: {path} has no heading, line or anchor '{fragment}'"
    return None


def main():
    tree, report = tree_from_arguments(), Report()
    for page in tree.pages():
        judged = ((line, judge(tree, page, target)) for line, target in links_of(tree, page))
        problems = [Problem(page, line, text) for line, text in judged if text]
        report.case(f"{page} links to what exists", problems)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
