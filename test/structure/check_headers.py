#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every public header compiles as the only include.

When Meson configures, this script writes a source of one line for each header, and Meson compiles
them as the target `headers_alone`; when a header fails, the compiler's error names it. A header
that came later is noticed here: the sources are compared with the headers that are there now.

    check_headers.py --write ROOT FOLDER    writes the sources and prints their paths, for Meson
    check_headers.py [ROOT [FOLDER]]        compares; FOLDER: where Meson has had them written
"""

import pathlib
import sys

from tree import Problem, Report, Tree, tree_from_arguments


def sources(tree, folder):
    """Returns for each header the path of its source and the text of that."""
    found = {}
    for header in (path.removeprefix("include/") for path in tree.match("include/", ".hpp")):
        name = header.replace("/", "_").replace(".hpp", ".cpp")
        found[header] = (folder / name, f"#include <{header}>\n")
    return found


def has_text(path, text):
    """Says whether a file exists and contains exactly this."""
    return path.exists() and path.read_text(encoding="utf-8") == text


def write(tree, folder):
    """Writes the sources, but touches none that need not change."""
    for path, text in sources(tree, folder).values():
        if not has_text(path, text):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        print(path)


def main():
    if sys.argv[1:2] == ["--write"]:
        write(Tree(sys.argv[2]), pathlib.Path(sys.argv[3]))
        return 0
    tree, report = tree_from_arguments(), Report()
    usual = tree.root / "build/test/structure"
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else usual
    stale = "let Meson look again: meson setup --reconfigure BUILD"
    for header, (path, text) in sources(tree, folder).items():
        unknown = Problem(f"include/{header}", 0, f"not compiled as the only include; {stale}")
        report.case(f"{header} compiles alone", [] if has_text(path, text) else [unknown])
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
