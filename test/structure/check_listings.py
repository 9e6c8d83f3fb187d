#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every listing of C++ is compiled code, and every example says what it prints.

* A block that begins with ```cpp stands below `<!-- listing: path/to/file.cpp#anchor -->`, and its
  text is what stands there between `// DOC: anchor` and `// DOC-END: anchor`, shifted to the left,
  without the lines of this and other anchors.
* A block below `<!-- transcript: name -->` is what docs/examples/name.out holds.
* Every anchor is used, by a listing or by a link to `file.cpp#anchor`, and has one end at most.
* Every program below docs/ has a file of the same name with the ending .out that holds what it
  prints, or a line in no_output_needed.txt: `path: reason`. Every such file has its program.

`check_listings.py --copy [ROOT]` puts the present code and output into the pages.
"""

import re
import sys
import textwrap

import check_links
from tree import (CPP, Problem, Report, read_page, read_reasons, tree_from_arguments,
                  unused_reasons)

NO_OUTPUT = "test/structure/no_output_needed.txt"
ANCHOR = re.compile(r"^\s*// DOC(-END)?: (\S+)$")
LISTING = re.compile(r"<!-- listing: (\S+?)#(\S+) -->")
TRANSCRIPT = re.compile(r"<!-- transcript: (\S+) -->")
CPP_LANGUAGES = ("cpp", "c++", "cc", "cxx", "hpp")


def read_anchors(tree, path):
    """Returns the parts of a file that its anchors mark, name -> (line, text), and problems.

    The text of an anchor without an end is None: prose can link to it, no listing can show it.
    """
    begun, parts, problems = {}, {}, []
    lines = tree.lines(path)
    for number, line in lines:
        if not (match := ANCHOR.match(line)):
            continue
        end, name = match.groups()
        if not end and name in parts:
            problems.append(Problem(path, number, f"the anchor {name} stands here twice"))
        elif not end:
            begun[name] = number
            parts[name] = (number, None)
        elif name in begun:
            inside = [text for _, text in lines[begun.pop(name) : number - 1]]
            kept = [text for text in inside if not ANCHOR.match(text)]
            parts[name] = (parts[name][0], textwrap.dedent("\n".join(kept)).strip("\n"))
        else:
            problems.append(Problem(path, number, f"the anchor {name} ends but does not begin"))
    return parts, problems


def judge_listing(anchors, fence, used):
    """Says what is wrong with a block of C++, or returns None."""
    match = LISTING.fullmatch(fence.above)
    if match is None:
        return "no `<!-- listing: path#anchor -->` above: show compiled code, not code of its own"
    path, name = match.groups()
    if name not in anchors.get(path, {}):
        return f"there is no `// DOC: {name}` in {path}"
    used.add((path, name))
    text = anchors[path][name][1]
    if text is None:
        return f"there is no `// DOC-END: {name}` in {path}"
    if text != "\n".join(line.rstrip() for line in fence.lines).strip("\n"):
        return f"differs from {path}#{name}: check_listings.py --copy puts it here"
    return None


def transcript_of(tree, fence):
    """Returns the file whose content belongs into a block, if there should be one, and its text."""
    match = TRANSCRIPT.fullmatch(fence.above)
    path = f"docs/examples/{match.group(1)}.out" if match else None
    return path, tree.text(path).rstrip("\n") if path and tree.exists(path) else None


def judge_transcript(tree, fence):
    """Says what is wrong with a block of output, or returns None."""
    path, text = transcript_of(tree, fence)
    if path is None or text == "\n".join(fence.lines):
        return None
    return f"differs from {path}: check_listings.py --copy puts it here"


def check_pages(tree, report, anchors):
    """The listings of each page. Returns which anchors the pages use."""
    used = set()
    for page in tree.pages():
        problems = []
        for fence in read_page(tree, page)[1]:
            if fence.language.lower() in CPP_LANGUAGES:
                text = judge_listing(anchors, fence, used)
            else:
                text = judge_transcript(tree, fence)
            if text:
                problems.append(Problem(page, fence.line, text))
        report.case(f"{page} shows compiled code", problems)
        for _, target in check_links.links_of(tree, page):
            name, _, fragment = target.partition("#")
            file = ((tree.root / page).parent / name).resolve()
            if file.is_relative_to(tree.root):
                used.add((file.relative_to(tree.root).as_posix(), fragment))
    return used


def copy_listings(tree, anchors):
    """Puts code and output into the pages. What names no anchor and no output stays as it is."""
    for page in tree.pages():
        lines, shift = tree.text(page).splitlines(), 0
        for fence in read_page(tree, page)[1]:
            listing = LISTING.fullmatch(fence.above)
            path, name = listing.groups() if listing else ("", "")
            _, text = anchors.get(path, {}).get(name, (0, transcript_of(tree, fence)[1]))
            if text is not None:
                begin, code = fence.line + shift, text.splitlines()
                lines[begin : begin + len(fence.lines)] = code
                shift += len(code) - len(fence.lines)
        (tree.root / page).write_text("\n".join(lines) + "\n", encoding="utf-8")


def check_outputs(tree, report):
    """The examples and what they print."""
    excused, problems = read_reasons(tree, NO_OUTPUT)
    needed = set()
    for program in tree.match("docs/", ".cpp"):
        output = program.removesuffix(".cpp") + ".out"
        missing = Problem(
            program, 0, f"no {output}: save what it prints, or list it in {NO_OUTPUT}")
        if not tree.exists(output):
            needed.add(program)
        report.case(
            f"{program} says what it prints",
            [missing] if program in needed and program not in excused else [])
    for output in tree.match("docs/", ".out"):
        orphan = Problem(output, 0, "no program prints this: delete it")
        report.case(f"{output} has a program",
                    [] if tree.exists(output.removesuffix(".out") + ".cpp") else [orphan])
    stale = unused_reasons(NO_OUTPUT, excused, needed)
    report.case(f"{NO_OUTPUT} is up to date", problems + stale)


def main():
    copying = sys.argv[1:2] == ["--copy"]
    if copying:
        del sys.argv[1]
    tree, report = tree_from_arguments(), Report()
    anchors, problems = {}, {}
    for path in tree.match(("include/", "lib/", "test/", "docs/", "benchmarks/"), CPP):
        anchors[path], problems[path] = read_anchors(tree, path)
    if copying:
        copy_listings(tree, anchors)
        return 0
    used = check_pages(tree, report, anchors)
    for path, parts in anchors.items():
        problems[path] += [
            Problem(path, line, f"no page uses the anchor {name}: show it, or delete the line")
            for name, (line, _) in parts.items()
            if (path, name) not in used
        ]
        if parts or problems[path]:
            report.case(f"{path} has anchors that are used", problems[path])
    check_outputs(tree, report)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
