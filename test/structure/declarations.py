# SPDX-License-Identifier: BSL-1.0
"""Reads C++ well enough for the checks: blanks what is not code, and finds the declarations.

This is no compiler. It follows brackets, and decides from the text before a `{` or a `;` whether
that declares a namespace, a class, a function or something else. It relies on what clang-format and
the habits of the tree guarantee: no macro opens a bracket that it does not close, and no comparison
stands in a declaration outside parentheses.
"""

import bisect
import dataclasses
import re

# Comments, literals, and numbers: the latter only because 1'000 holds a quote.
_NOT_CODE = re.compile(
    r"//[^\n]*"
    r"|/\*.*?\*/"
    r'|R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?P<number>\b[0-9][0-9A-Za-z_.']*)"
    r"|'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
_SYMBOL_AFTER_OPERATOR = re.compile(r"\boperator\s*(\(\)|\[\]|[^\s\w(]+)")
# Words that take parentheses without being the name of a function.
_NOT_A_NAME = re.compile(
    r"\b(?:alignas|decltype|explicit|noexcept|requires|__attribute__)\s*\(\*?\)")
_CLASS = re.compile(r"^\s*(class|struct|union)\s+(?:alignas\(\)\s*|\[\]\s*)*([\w:]+)")
_TEMPLATE = re.compile(r"^\s*template\s*<>")
_NAME = re.compile(r"((?:operator\s+[\w:]+|[\w:~]+)(?:<>)?)\s*\(\)")
_BETWEEN = re.compile(r"[\s;]*")
_LABEL = re.compile(r"(public|protected|private)\s*:(?!:)")
_STOP = re.compile(r"[;{(\[]")
_CLOSING = {"(": ")", "[": "]", "{": "}"}


def _spaces(match):
    if match.group("number"):
        return match.group()
    kept = '"' if match.group()[0] in '"R' else " "
    inside = re.sub(r"[^\n]", " ", match.group()[1:-1])
    return kept + inside + kept


def blank(text):
    """Returns the text with spaces for comments and literals, line for line."""
    return _NOT_CODE.sub(_spaces, text)


@dataclasses.dataclass
class Declaration:
    """Something that a file declares."""

    # `namespace`, `class`, `struct`, `union`, `enum`, `function` or `other`.
    kind: str
    name: str
    head: str
    first_line: int
    last_line: int
    scope: tuple
    access: str
    has_body: bool

    @property
    def length(self):
        """How many lines it has, from its first word to its last bracket."""
        return self.last_line - self.first_line + 1


class Unreadable(Exception):
    """The brackets of a file do not match."""


def read(text):
    """Returns the declarations of a file in order, those inside of classes and namespaces too."""
    return _Reader(text).declarations


def _outline(head):
    """Returns a head with nothing inside its brackets, and operators as words."""
    head = _SYMBOL_AFTER_OPERATOR.sub("operator_symbol", head)
    out, at = [], 0
    while at < len(head):
        character = head[at]
        end = at
        if character in _CLOSING:
            end = _skip(head, at, character, _CLOSING[character])
            inside = head[at + 1 : end].lstrip()
            # `(*name)` and `(type::*name)` declare a pointer to a function: a variable.
            pointer = character == "(" and re.match(r"[*&]|[\w:]+::\*", inside)
            out.append("(*)" if pointer else character + _CLOSING[character])
        elif character == "<" and (end := _skip(head, at, "<", ">")) > at:
            out.append("<>")
        else:
            out.append(character)
        at = end + 1
    return "".join(out)


def _skip(text, at, opening, closing):
    """Returns where the bracket at `at` closes, or `at` when it does not."""
    depth = 0
    for position in range(at, len(text)):
        if text[position] == opening:
            depth += 1
        elif text[position] == closing and text[position - 1] != "-":
            depth -= 1
            if depth == 0:
                return position
    return at


def _without_templates(outline):
    while match := _TEMPLATE.match(outline):
        outline = outline[match.end() :]
    return outline.strip()


def _function_name(head):
    """Returns the name of the function that a head declares, or None."""
    outline = _without_templates(_outline(head))
    if re.match(r"(using|typedef|static_assert|extern template|template)\b", outline):
        return None
    plain = _NOT_A_NAME.sub(" ", outline)
    plain = re.sub(r"=\s*(default|delete|0)\s*$", "", plain)
    plain = re.sub(r"==|!=|<=|>=", " ", plain)
    if "=" in plain or "(*)" in plain:
        return None
    match = _NAME.search(plain)
    if match is None:
        return None
    symbol = _SYMBOL_AFTER_OPERATOR.search(head)
    return match.group(1).replace("operator_symbol", f"operator{symbol.group(1) if symbol else ''}")


def _what_opens(head):
    """Returns kind and name of what the `{` after a head opens; no kind for an initializer."""
    outline = _without_templates(_outline(head))
    if match := re.match(r"(?:inline\s+)?namespace\b\s*(?:\[\]\s*)?([\w:]*)", outline):
        return "namespace", match.group(1)
    if outline.startswith("extern") and outline.endswith('"'):
        return "namespace", ""
    if match := re.match(r"enum\s+(?:class\s+|struct\s+)?([\w:]*)", outline):
        return "enum", match.group(1)
    if match := _CLASS.match(outline):
        return match.group(1), match.group(2)
    name = _function_name(head)
    # A single colon after the parameters begins the initializers of a constructor. A brace that
    # follows a name there initializes; the one that follows a bracket is the body.
    in_initializers = re.search(r"\(\)[^()]*?(?<!:):(?!:)", _NOT_A_NAME.sub(" ", outline))
    if name is None or re.search(r"\brequires\s*$", head):
        return None, None
    if in_initializers and re.search(r"[\w>]\s*$", head):
        return None, None
    return "function", name


class _Reader:
    def __init__(self, text):
        code = blank(text)
        self.code = _DIRECTIVE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), code)
        self.line_starts = [0] + [found.end() for found in re.finditer("\n", text)]
        self.partner = self._match_brackets()
        self.declarations = []
        self._read_scope(0, len(self.code), ())

    def _line(self, position):
        return bisect.bisect_right(self.line_starts, position)

    def _match_brackets(self):
        partner, open_ones = {}, []
        for found in re.finditer(r"[(){}\[\]]", self.code):
            if found.group() in _CLOSING:
                open_ones.append(found)
                continue
            if not open_ones or _CLOSING[open_ones[-1].group()] != found.group():
                line = self._line(found.start())
                raise Unreadable(f"line {line}: {found.group()} closes nothing")
            partner[open_ones.pop().start()] = found.start()
        if open_ones:
            raise Unreadable(f"line {self._line(open_ones[-1].start())}: a bracket stays open")
        return partner

    def _read_scope(self, position, end, scope, access="public", hidden=False):
        """Reads the inside of a namespace or class. In a hidden one nothing is public."""
        while True:
            position = _BETWEEN.match(self.code, position, end).end()
            if position >= end:
                return
            if label := _LABEL.match(self.code, position, end):
                access = label.group(1)
                position = label.end()
            else:
                shown = "private" if hidden else access
                position = self._read_declaration(position, end, scope, shown)

    def _read_declaration(self, start, end, scope, access):
        """Reads from `start` to the end of one declaration; returns what follows it."""
        at, known = start, False
        while found := _STOP.search(self.code, at, end):
            at = found.start()
            head = self.code[start:at]
            if found.group() == ";":
                if not known:
                    name = None if re.search(r"\bfriend\b", head) else _function_name(head)
                    self._add("function" if name else "other", name, start, at, scope, access)
                return at + 1
            close = self.partner[at]
            kind = None
            if found.group() == "{" and not known:
                kind, name = _what_opens(head)
            if kind is not None:
                self._add(kind, name, start, close, scope, access, head)
            if kind == "namespace":
                self._read_scope(at + 1, close, scope + tuple(name.split("::")))
            if kind in ("class", "struct", "union"):
                default = "private" if kind == "class" else "public"
                self._read_scope(at + 1, close, scope + (name,), default, access != "public")
            if kind in ("namespace", "function"):
                return close + 1
            # A variable may follow the class; more of the declaration follows an initializer.
            known = known or kind is not None
            at = close + 1
        return end

    def _add(self, kind, name, start, end, scope, access, head=None):
        text = self.code[start:end] if head is None else head
        first, last = self._line(start), self._line(end)
        self.declarations.append(
            Declaration(
                kind, name or "", text.strip(), first, last, scope, access, head is not None)
        )
