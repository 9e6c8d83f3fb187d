#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Draws the pictures of the course as SVG, from a description in code.

Usage: draw.py [FOLDER]        (the script's own folder when none is given)

Stacks grow down in every picture. A picture is a function below; its name is the name of the file.
"""

import pathlib
import sys
from xml.sax.saxutils import escape

INK = "#1b2a33"
PALE = "#eef3f5"
FRAME = "#cfe3ec"
LIVE = "#f7d9a8"
SAVED = "#e5c3d8"
GONE = "#9aa7ad"
ACCENT = "#b4541a"


class Sheet:
    """An SVG picture in the making."""

    def __init__(self, width, height, title):
        self.size = (width, height)
        self.title = title
        self.parts = []

    def box(self, x, y, width, height, label="", fill=PALE, note="", dashed=False):
        """Draws a box with a label in its middle and a smaller note below the label."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3" fill="{fill}" '
            f'stroke="{INK}"{dash}/>'
        )
        middle = y + height / 2 + (0 if note else 5)
        if label:
            self.text(x + width / 2, middle, label, anchor="middle")
        if note:
            self.text(x + width / 2, middle + 15, note, anchor="middle", size=11)

    def text(self, x, y, words, anchor="start", size=14, bold=False, colour=INK, mono=False):
        """Writes one line."""
        weight = ' font-weight="bold"' if bold else ""
        family = ' font-family="monospace"' if mono else ""
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{colour}"{weight}{family}>{escape(words)}</text>'
        )

    def arrow(self, points, colour=INK, dashed=False, label="", label_at=None):
        """Draws an arrow through the points."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        head = "accent" if colour == ACCENT else "ink"
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"{dash} '
            f'marker-end="url(#{head})"/>'
        )
        if label:
            x, y = label_at
            self.text(x, y, label, size=12, colour=colour)

    def svg(self):
        """Returns the whole picture."""
        width, height = self.size
        heads = "".join(
            f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
            f'markerHeight="8" orient="auto-start-reverse"><path d="M0,0 L10,5 L0,10 z" '
            f'fill="{colour}"/></marker>'
            for name, colour in (("ink", INK), ("accent", ACCENT))
        )
        body = "\n".join(self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="sans-serif">\n'
            f"<title>{escape(self.title)}</title>\n<defs>{heads}</defs>\n"
            f'<rect width="{width}" height="{height}" fill="white"/>\n{body}\n</svg>\n'
        )


def draw_stack(sheet, x, y, name, frames, runs):
    """Draws a stack that hangs down from its top; returns the height of its lowest edge."""
    sheet.text(x + 75, y - 12, name, anchor="middle", bold=True)
    bottom = y
    for label, kind in frames:
        height = 40 if kind == SAVED else 34
        sheet.box(x, bottom, 150, height, label, kind)
        bottom += height
    sheet.box(x, bottom, 150, 300 - (bottom - y), "", "white", dashed=True)
    sheet.text(x + 75, y + 290, "never touched", anchor="middle", size=11, colour=GONE)
    sheet.box(x, y + 300, 150, 22, "guard", GONE)
    if runs:
        sheet.arrow([(x - 24, bottom), (x - 2, bottom)], ACCENT)
        sheet.text(x - 27, bottom + 4, "sp", anchor="end", size=12, colour=ACCENT, mono=True)
    return bottom


def two_stacks():
    """Two stacks before, during and after a switch."""
    sheet = Sheet(1200, 560, "Two stacks before, during and after a switch")
    main = [("main()", FRAME), ("loop()", FRAME), ("switch_to()", FRAME)]
    other = [("trampoline()", FRAME), ("worker()", FRAME), ("switch_to()", FRAME)]
    saved = [("saved registers", SAVED)]
    moments = [
        ("1  before: A runs, B is suspended", main, other + saved, "A",
         ("running", "none"), ("suspended", "stack B")),
        ("2  during: A's registers are on A's stack", main + saved, other + saved, None,
         ("suspended", "stack A"), ("running", "stack B")),
        ("3  after: B's registers are back, B runs", main + saved, other, "B",
         ("suspended", "stack A"), ("running", "none")),
    ]
    for column, (title, a, b, runs, block_a, block_b) in enumerate(moments):
        x = 30 + column * 388
        sheet.text(x, 30, title, bold=True, size=15)
        draw_stack(sheet, x + 28, 80, "stack of A", a, runs == "A")
        draw_stack(sheet, x + 232, 80, "stack of B", b, runs == "B")
        if runs is None:
            sheet.arrow([(x + 180, 222), (x + 230, 222)], ACCENT)
            sheet.text(x + 204, 214, "jump", anchor="middle", size=12, colour=ACCENT)
        for offset, name, (state, point) in ((28, "A", block_a), (232, "B", block_b)):
            sheet.box(x + offset, 430, 150, 62, "", PALE)
            sheet.text(x + offset + 8, 448, f"control block of {name}", size=12, bold=True)
            sheet.text(x + offset + 8, 466, f"state: {state}", size=12)
            sheet.text(x + offset + 8, 483, f"resume_point: {point}", size=11)
    sheet.text(
        30, 530,
        "Nothing is copied: the frames stay where they are. All that changes hands is the stack "
        "pointer (sp), the registers that a function must preserve, and the exceptions in flight.",
        size=13,
    )
    return sheet


def life_of_a_park():
    """The life of one park: who waits, who wakes, who comes too late."""
    sheet = Sheet(1180, 640, "The life of one park")
    lanes = [("the greenlet that waits", 150), ("the queue it waits for", 430),
             ("whoever wakes it", 710), ("the hub", 990)]
    for name, x in lanes:
        sheet.text(x, 32, name, anchor="middle", bold=True, size=15)
        sheet.arrow([(x, 44), (x, 432)], GONE, dashed=True)
    waits, queue, wakes, hub = (x for _, x in lanes)

    def step(lane, y, label, note="", fill=FRAME, width=214):
        sheet.box(lane - width / 2, y, width, 44 if note else 30, label, fill, note)

    step(waits, 56, "nothing requested? go on", "check_interruption()")
    step(waits, 112, "waiter in its own frame", "outcome: waiting", LIVE)
    sheet.arrow([(waits + 107, 134), (queue - 107, 134)], label="push", label_at=(272, 127))
    step(queue, 112, "first in, first out", "linked, nothing allocated")
    step(waits, 176, "park()", "state: parked", SAVED)
    sheet.arrow([(waits + 107, 190), (hub - 107, 190)],
                label="switches to whoever is ready next, else to the hub", label_at=(560, 183))
    step(hub, 176, "others run", "or it sleeps in the reactor")
    step(wakes, 240, "takes the first waiter", "and moves the item into it")
    sheet.arrow([(wakes - 107, 262), (queue + 2, 262)], label="unlink", label_at=(490, 255))
    step(wakes, 304, "wake(): it wins", "outcome: woken", LIVE)
    sheet.arrow([(wakes + 107, 326), (hub - 107, 326)], label="queue of", label_at=(824, 305))
    sheet.text(824, 319, "the ready", size=12)
    step(hub, 304, "its turn comes", "state: ready, then running")
    sheet.arrow([(hub - 107, 392), (waits + 107, 392)],
                label="switches back", label_at=(570, 385))
    step(hub, 376, "next()")
    step(waits, 372, "returns with the item", "the frame and the waiter go")

    sheet.text(30, 474, "One outcome, whoever comes first:", bold=True, size=15)
    outcomes = [
        ("woken", "by wake()", "returns what it was given"),
        ("timed_out", "by the limit of this very park", "leaves the queue, returns false"),
        ("interrupted", "by cancel, kill, an outer timeout, exit", "leaves the queue, throws"),
    ]
    sheet.box(30, 520, 150, 50, "waiting", LIVE)
    for row, (name, who, then) in enumerate(outcomes):
        y = 490 + row * 46
        sheet.arrow([(180, 545), (250, y + 17)])
        sheet.box(250, y, 130, 34, name, FRAME)
        sheet.text(396, y + 21, who, size=13)
        sheet.text(690, y + 21, then, size=13)
    sheet.text(900, 530, "Whoever comes later finds it", size=13, colour=ACCENT)
    sheet.text(900, 548, "settled and does nothing.", size=13, colour=ACCENT)
    return sheet


PICTURES = (two_stacks, life_of_a_park)


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    for picture in PICTURES:
        (folder / f"{picture.__name__.replace('_', '-')}.svg").write_text(picture().svg())


if __name__ == "__main__":
    main()
