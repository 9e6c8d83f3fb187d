# SPDX-License-Identifier: BSL-1.0
"""The violations that check_the_checks.py plants."""

HEAD = "// SPDX-License-Identifier: BSL-1.0\n#pragma once\n\n"
SOURCE = "// SPDX-License-Identifier: BSL-1.0\n\n"


def header(*lines):
    """Returns the text of a header."""
    return HEAD + "\n".join(lines) + "\n"


def including(name):
    """Returns the text of a header that includes another one."""
    return header(f"#include <{name}>")


def within(*lines):
    """Returns the text of a header with these lines in our namespace."""
    return header("namespace tendril {", *lines, "}  // namespace tendril")


def long_function(head, length):
    """Returns the text of a source with one function of so many lines."""
    return SOURCE + head + " {\n" + "    touch();\n" * (length - 2) + "}\n"


def course(sittings):
    """Returns the text of a course whose sittings link to nothing, or to what is given."""
    return "# A course\n" + "".join(
        f"\n## Sitting {number}: words\n\n[read]({link})\n" for number, link in sittings)


def listing(anchor, code):
    """Returns the text of a page that shows a part of docs/examples/planted.cpp."""
    above = f"<!-- listing: docs/examples/planted.cpp#{anchor} -->"
    return f"# A page\n\n{above}\n```cpp\n{code}\n```\n"


def row(number, *cells):
    """Returns a row of a table that is counted by number."""
    return f"| {number} | {' | '.join(cells)} |\n"


def states(*transitions):
    """Returns the text of greenlet/state.hpp with one state and these transitions."""
    table = ["//   from   to   by", *(f"//   {line}" for line in transitions)]
    return within(*table, "", "enum class greenlet_state { dead };")


SUPPORT = "include/tendril/support/planted.hpp"
HUB = "include/tendril/hub/planted.hpp"
STATE = "include/tendril/greenlet/state.hpp"
EXAMPLE = "docs/examples/planted.cpp"
PAGE = "docs/planted.md"
RULES = "docs/greenlet.md"
HUB_RULES = "docs/rules.md"
HAZARDS = "docs/hazards.md"
ANCHORED = SOURCE + "// DOC: all\n    int shown = 1;\n// DOC-END: all\n"
DRAW = "import pathlib, sys\npathlib.Path(sys.argv[1], 'planted.svg').write_text('<svg/>')\n"
# A task marker, in two halves so that this file does not contain it.
TASK = "TO" + "DO"
MACHINE = "/" + "home/somebody/tendril"

# Each line: the check that must report it, what is planted, and a part of what must be said. What
# is planted is a text for each path. A path that begins with `+` is appended to; a text of None
# removes the file; a path that begins with `!` can no longer be executed.
PLANTS = [
    ("includes", {SUPPORT: including("tendril/hub/hub.hpp")}, "support stands below hub"),
    ("includes", {HUB: including("tendril/testing/leak_check.hpp")}, "the side tower testing"),
    ("includes", {HUB: including("tendril/hub/nowhere.hpp")}, "there is no include/tendril/hub"),
    ("includes", {"include/tendril/planted.hpp": including("tendril/hub/hub.hpp")},
     "the front door of planted"),
    ("includes", {"include/tendril/planted.hpp": header(),
                  SUPPORT: including("tendril/planted.hpp")}, "a front door is for users"),
    ("includes", {SUPPORT: including("tendril/support/planted2.hpp"),
                  "include/tendril/support/planted2.hpp": including("tendril/support/planted.hpp")},
     "a circle: include/tendril/support/planted"),
    ("includes", {SUPPORT: header('#include "config.hpp"')}, "write <tendril/support/config.hpp>"),
    ("includes", {"lib/sync/planted.cpp": '#include "../hub/reactor.hpp"\n'}, "leaves its folder"),
    ("includes", {"test/hub/planted.cpp": "#include <lib/hub/reactor.hpp>\n"}, "leaves its folder"),
    ("includes", {HUB: including("harness/tendril_test.hpp")}, "the tests' harness"),
    ("includes", {HUB: including("boost/asio/io_context.hpp")}, "belongs behind lib/hub/reactor"),
    ("includes", {HUB: including("boost/context/fiber.hpp")}, "belongs behind include/tendril"),
    ("includes", {"include/tendril/http/planted.hpp": including("boost/beast/http.hpp")},
     "belongs behind lib/http/"),
    ("includes", {"lib/io/planted.cpp": "#include <openssl/ssl.h>\n"}, "behind include/tendril/tls"),
    ("includes", {"lib/io/planted.cpp": "#include <boost/fiber/all.hpp>\n"}, "has no door yet"),

    ("headers", {SUPPORT: header()}, "not compiled as the only include"),

    ("mirror", {SUPPORT: header()}, "no test/support/planted_test.cpp"),
    ("mirror", {"test/support/planted_test.cpp": SOURCE}, "no include/tendril/support/planted.hpp"),
    ("mirror", {"test/support/planted_more_test.cpp": SOURCE}, "planted_more_test.cpp:0: no"),
    ("mirror", {"lib/support/planted.cpp": SOURCE}, "lib/support/planted.cpp:0: no include/"),
    ("mirror", {"lib/support/planted.hpp": HEAD}, "lib/support/planted.hpp:0: no include/"),
    ("mirror", {"test/stress/planted.cpp": SOURCE}, "planted.cpp:0: no meson.build names it"),
    ("mirror", {"test/structure/check_planted.py": ""}, "check_planted.py:0: no meson.build names"),
    ("mirror", {"+test/structure/no_test_needed.txt": f"{SUPPORT}\n"}, "no reason given"),
    ("mirror", {"+test/structure/no_test_needed.txt": f"{SUPPORT}: why not\n"},
     f"nothing needs the exception for {SUPPORT}"),
    ("mirror", {"+test/structure/no_header_needed.txt": "lib/hub/planted: why not\n"},
     "nothing needs the exception for lib/hub/planted"),

    ("waits", {"include/tendril/net/planted.hpp":
               within("/// Waits. Switches: may.", "void planted_wait();")},
     "planted_wait may wait and has no cell"),
    ("waits", {"+test/structure/no_cell_needed.txt": "planted: not so\n"},
     "nothing needs the exception for planted"),

    ("sizes", {SUPPORT: header(*["//"] * 398)}, "lines: 401, and 400 is the limit"),
    ("sizes", {"lib/hub/planted.cpp": "//\n" * 501}, "lines: 501, and 500 is the limit"),
    ("sizes", {"lib/hub/planted.cpp": long_function("void hub::planted(int x) : y_{x}", 61)},
     "planted.cpp:3: hub::planted: 61, and 60"),
    ("sizes", {"test/hub/planted_test.cpp": long_function("TENDRIL_TEST(hub, is_long)", 61)},
     "hub.is_long: 61, and 60"),
    ("sizes", {f"include/tendril/net/planted{n}.hpp": header() for n in range(15)},
     "include/tendril/net:0: headers: "),
    ("sizes", {HUB: header(*["#if SOMETHING", "#endif"] * 60)}, "per 1000 lines: "),
    ("sizes", {SUPPORT: "// " + "x" * 98 + "\n"}, "planted.hpp:1: characters: 101, and 100"),
    ("sizes", {"lib/hub/planted.cpp": "int main() {\n"}, "cannot be read: line 1"),
    ("sizes", {"+test/structure/exceptions.txt": "source-lines lib/hub/hub.cpp: why not\n"},
     "nothing needs the exception for source-lines lib/hub/hub.cpp"),

    ("links", {PAGE: "[text](nowhere.md)\n"}, "nowhere.md leads nowhere"),
    ("links", {PAGE: "[text](../README.md#nothing-of-this-kind)\n"}, "no heading, line or anchor"),
    ("links", {PAGE: "[text](../lib/hub/hub.cpp#L100000)\n"}, "no heading, line or anchor"),
    ("links", {PAGE: "![text][1]\n\n[1]: nowhere.svg\n"}, "nowhere.svg leads nowhere"),
    ("links", {PAGE: "[text](../../elsewhere.md)\n"}, "leaves the tree"),

    ("listings", {PAGE: "```cpp\nint x;\n```\n"}, "no `<!-- listing: path#anchor -->` above"),
    ("listings", {EXAMPLE: SOURCE, PAGE: listing("all", "int x;")}, "there is no `// DOC: all`"),
    ("listings", {EXAMPLE: ANCHORED, PAGE: listing("all", "int other = 1;")}, "differs from docs"),
    ("listings", {EXAMPLE: "// DOC: all\n", PAGE: listing("all", "")}, "no `// DOC-END: all`"),
    ("listings", {EXAMPLE: ANCHORED}, "no page uses the anchor all"),
    ("listings", {EXAMPLE: ANCHORED + ANCHORED}, "the anchor all stands here twice"),
    ("listings", {EXAMPLE: SOURCE + "// DOC-END: all\n"}, "the anchor all ends but does not begin"),
    ("listings", {"docs/examples/planted.out": "1\n",
                  PAGE: "<!-- transcript: planted -->\n```text\n2\n```\n"},
     "differs from docs/examples/planted.out"),
    ("listings", {EXAMPLE: SOURCE}, "no docs/examples/planted.out"),
    ("listings", {"docs/examples/planted.out": "1\n"}, "no program prints this"),
    ("listings", {"+test/structure/no_output_needed.txt": f"{EXAMPLE}: why not\n"},
     f"nothing needs the exception for {EXAMPLE}"),

    ("drawings", {"docs/planted.svg": "<svg/>", "docs/drawings/draw.py": "raise SystemExit(3)"},
     "ended with status 3"),
    ("drawings", {"docs/planted.svg": "<svg></svg>", "docs/drawings/draw.py": DRAW},
     "this is not what docs/drawings/draw.py draws"),
    ("drawings", {"docs/planted.svg": "<svg/>", "docs/drawings/draw.py": DRAW}, "no page shows it"),
    ("drawings", {"docs/drawings/draw.py": DRAW}, "planted.svg is drawn but not saved"),

    ("course", {"README.md": "# tendril\n"}, "it does not say `./dev test`"),
    ("course", {"docs/course.md": course([(1, "course.md"), (3, "course.md")])},
     "the sittings are [1, 3], and should be"),
    ("course", {"docs/course.md": course([(1, "../lib/hub/planted.cpp")]),
                "lib/hub/planted.cpp": "//\n" * 501}, "501 lines, and 500 is the limit"),
    ("course", {"docs/course.md": course([(1, "course.md")])}, "it links to no source file"),

    ("rules", {RULES: "# Greenlets\n"}, "rule 139 has 0 rows"),
    ("rules", {"+" + RULES: row(140, "a", "`state.is_one`", "same")}, "rule 140 has 1 rows"),
    ("rules", {"+" + RULES: row(1, "a", "`state.is_one`", "same")}, "there is no test state.is"),
    ("rules", {"+" + RULES: row(1, "a", "`compile_fail.no`", "same")}, "there is no test compile"),
    ("rules", {"+" + RULES: row(1, "a", "some test", "same")}, "the third cell names tests as"),
    ("rules", {"+" + RULES: row(1, "a", "", "same")}, "no test: name one, or note one"),
    ("rules", {"+" + RULES: row(1, "", "", "no C++ meaning")}, "a cell is empty"),
    ("rules", {"+" + RULES: row(1, "a", "same")}, "a row is `| id | rule | test | note |`"),
    ("rules", {HUB_RULES: "# Rules\n"}, "rule AL17 has 0 rows"),
    ("rules", {"+" + HUB_RULES: row("H48", "a", "`state.is_one`", "same")}, "rule H48 has 1 rows"),
    ("rules", {"+" + HUB_RULES: row("H1", "a", "`hub.no`", "same")}, "there is no test hub.no"),
    ("rules", {"+" + HUB_RULES: row("Z1", "a", "", "not promised")}, "rule Z1 has 1 rows"),
    ("rules", {"+" + HUB_RULES: row("H1", "a", "", "not yet")}, "no test: name one, or note one"),
    ("hazards", {HAZARDS: "# Hazards\n"}, "hazard 66 has 0 rows"),
    ("hazards", {"+" + HAZARDS: row(67, "a", "b", "`state.no`")}, "hazard 67 has 1 rows"),
    ("hazards", {"+" + HAZARDS: row(1, "a", "b", "`state.no`")}, "there is no test state.no"),
    ("hazards", {"+" + HAZARDS: row(1, "a", "b", "no test")}, "the last cell names tests as"),
    ("hazards", {"+" + HAZARDS: row(1, "a", "b", "not promised")}, "and what happens instead"),
    ("hazards", {"+" + HAZARDS: row(1, "a", "", "`state.no`")}, "no cell is empty"),

    ("refusals", {"docs/http-refusals.md": "# None\n"}, "its table is not that of the corpus"),
    ("refusals", {"+test/http/corpus/host.txt": "\nmessage one-more\nrows 29\nanswers 418 and closes\n"},
     "its table is not that of the corpus"),
    ("refusals", {"+test/http/corpus/checklist.txt": "row 99 a rule\nshown by corpus\n"},
     "row 99 is shown by nothing"),

    ("words", {SUPPORT: header(f"// {TASK}: do it")}, f"write `{TASK}(kind): text`"),
    ("words", {SUPPORT: header(f"// {TASK}(someday): do it")}, f"write `{TASK}(kind): text`"),
    ("words", {SUPPORT: header("// FIX" + "ME")}, "planted.hpp:4: FIX" + "ME"),
    ("words", {"test/planted.py": "#\n# XX" + "X\n"}, "planted.py:2: XX" + "X"),
    ("words", {SUPPORT: header("#if 0", "#endif")}, "code that is switched off"),
    ("words", {SUPPORT: header("// hub.wake(waiter);")}, "planted.hpp:4: a comment that is code"),
    ("words", {SUPPORT: header("// if (ready) {")}, "planted.hpp:4: a comment that is code"),
    ("words", {SUPPORT: header("// int const size = 3;")}, "planted.hpp:4: a comment that is code"),
    ("words", {SUPPORT: header("// #include <vector>")}, "planted.hpp:4: a comment that is code"),
    ("words", {"lib/hub/planted.cpp": "int x;\n"}, "planted.cpp:1: the first line is no"),
    ("words", {"test/planted": "#!/bin/sh\ntrue\n"}, "test/planted:1: the first line is no"),
    ("words", {SUPPORT: SOURCE}, "is `#pragma once`"),

    ("contracts", {HUB: within("/// Says something.", "int planted();")}, "planted: its contract"),
    ("contracts", {HUB: within("/// As above. Switches:", "int first();", "", "/// Says something.",
                               "int planted();")}, "planted: its contract lacks"),
    ("contracts", {HUB: within("class box {", "public:", "    /// Ends it.", "    ~box();", "};")},
     "~box: its contract lacks"),
    ("contracts", {HUB: within(*[f"int planted{n}();\n" for n in range(100)])},
     "planted99: no contract"),
    ("contracts", {STATE: states("asleep dead vanish")}, "there is no state asleep"),
    ("contracts", {STATE: states("dead dead vanish")}, "there is no function vanish"),
    ("contracts", {STATE: states()}, "no transition reaches or leaves dead"),

    ("format", {SUPPORT: within("int   planted;")}, "planted.hpp:5: clang-format disagrees"),

    ("repository", {"!dev": None}, "not executable: chmod +x dev"),
    ("repository", {"+dev": "\nif\n"}, "bash cannot read it"),
    ("repository", {".ci/run": None}, ".ci/run:0: it is missing"),
    ("repository", {".ci/run": "#!/bin/sh\n# ./dev test\n"}, "it runs no `./dev test`"),
    ("repository", {PAGE: f"See {MACHINE}.\n"}, "a path of one machine"),
    ("repository", {SUPPORT: header(f'char const* home = "{MACHINE}";')}, "a path of one machine"),
    ("repository", {PAGE: "See sty" + "le.md.\n"}, "is not part of the tree"),
]
