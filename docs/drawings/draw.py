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


def first_entry():
    """What the first frame of a new stack holds, and what the first jump makes of it."""
    sheet = Sheet(1200, 600, "First entry, byte by byte (x86-64, Boost 1.81)")
    rows = [
        ("0x40", "trampoline", LIVE), ("0x38", "finish", LIVE), ("0x30", "the entry point", LIVE),
        ("0x28", "", PALE), ("0x20", "", PALE), ("0x18", "", PALE), ("0x10", "", PALE),
        ("0x08", "", PALE), ("0x00", "rounding modes", LIVE),
    ]
    becomes = ["the address to go on at", "rbp", "rbx", "r15", "r14", "r13", "r12",
               "(kept free)", "MXCSR, x87 word"]

    def column(x, title, steps):
        sheet.text(x, 30, title, bold=True, size=15)
        for number, step in enumerate(steps):
            sheet.text(x, 54 + number * 18, step, size=13)
        sheet.text(x + 60, 124, "the top, rounded down to 16 bytes", size=11)

    column(30, "1  prepare: make_fcontext writes a record",
           ["nine words below the top, as a jump would", "have left them; five are not written"])
    for number, ((offset, label, fill), register) in enumerate(zip(rows, becomes)):
        y = 130 + number * 36
        sheet.text(78, y + 23, offset, anchor="end", size=12, mono=True)
        sheet.box(90, y, 190, 36, label, fill)
        sheet.text(288, y + 23, f"→ {register}", size=12)
    sheet.arrow([(30, 452), (88, 452)], ACCENT)
    sheet.text(30, 472, "resume_point", size=12, colour=ACCENT, mono=True)

    column(470, "2  jump: the registers are taken up",
           ["sp moves above the record; Boost's trampoline", "pushes rbp and jumps to rbx"])
    sheet.box(530, 130, 190, 36, "", "white", dashed=True)
    sheet.text(625, 152, "(the record, read)", anchor="middle", size=12, colour=GONE)
    sheet.arrow([(478, 130), (528, 130)], ACCENT)
    sheet.text(474, 134, "sp", anchor="end", size=12, colour=ACCENT, mono=True)
    registers = [("rdi", "resume point of the one who left"),
                 ("rsi", "its machine_context"), ("rbx", "the entry point"), ("rbp", "finish")]
    sheet.text(530, 218, "registers", bold=True, size=13)
    for number, (name, holds) in enumerate(registers):
        y = 230 + number * 30
        sheet.box(530, y, 46, 30, name, FRAME)
        sheet.box(576, y, 224, 30, "", PALE)
        sheet.text(584, y + 20, holds, size=12)
    sheet.text(530, 378, "rdi and rsi are the two halves of `arrival`,", size=12)
    sheet.text(530, 395, "the argument of the entry point.", size=12)

    column(860, "3  the entry point runs",
           ["as if `finish` had called it: the address above",
            "its frame is where a return would go"])
    sheet.box(920, 130, 190, 36, "finish", LIVE, "return address")
    sheet.box(920, 166, 190, 60, "the entry point's frame", FRAME, "note_departure(from)")
    sheet.arrow([(868, 226), (918, 226)], ACCENT)
    sheet.text(864, 230, "sp", anchor="end", size=12, colour=ACCENT, mono=True)
    sheet.box(920, 226, 190, 150, "", "white", dashed=True)
    sheet.text(1015, 300, "never touched", anchor="middle", size=11, colour=GONE)
    sheet.text(920, 402, "It never returns. If it did, `finish`", size=12)
    sheet.text(920, 419, "would end the process with _exit(0).", size=12)
    sheet.text(
        30, 530,
        "The offsets are counted from the resume point. r12 to r15 receive whatever lay there: "
        "nobody may read a register that he has not written.", size=13)
    sheet.text(
        30, 552,
        "All of this lies in the topmost 72 bytes of the stack, so a prepared stack has touched "
        "one page. What is coloured is all that the first jump needs.", size=13)
    return sheet


def slot_in_a_slab():
    """Slots of a slab, and one of them with guard and colour."""
    sheet = Sheet(1180, 620, "A slot in a slab, with guard and colour")
    sheet.text(30, 30, "A slab: one mmap, many slots", bold=True, size=15)
    sheet.text(30, 50, "16 slots at first, then 32, 64, …", size=13)
    for number, name in enumerate(("slot 3", "slot 2", "slot 1", "slot 0")):
        y = 80 + number * 100
        sheet.box(60, y, 160, 76, name, FRAME)
        sheet.box(60, y + 76, 160, 24, "guard", GONE)
    sheet.arrow([(140, 512), (140, 484)], GONE)
    sheet.text(140, 528, "cut in this order", anchor="middle", size=12, colour=GONE)
    sheet.text(30, 76, "high", size=11, colour=GONE)
    sheet.text(30, 480, "low", size=11, colour=GONE)

    sheet.text(330, 30, "One slot of 256 KiB", bold=True, size=15)
    sheet.text(330, 50, "stacks grow down", size=13)
    sheet.arrow([(222, 232), (326, 82)], GONE, dashed=True)
    sheet.arrow([(222, 278), (326, 478)], GONE, dashed=True)
    parts = [(80, 34, "colour", SAVED), (114, 60, "frames", LIVE), (174, 200, "", "white"),
             (374, 106, "guard, 64 KiB", GONE)]
    for y, height, label, fill in parts:
        sheet.box(330, y, 170, height, label, fill, dashed=fill == "white")
    sheet.text(415, 270, "never touched:", anchor="middle", size=12, colour=GONE)
    sheet.text(415, 287, "no memory behind it", anchor="middle", size=12, colour=GONE)
    notes = [(84, "end of the slot"), (118, "top: the first frame lies below"),
             (180, "touched so far: one page"), (378, "limit: the last address one may touch"),
             (480, "start of the slot, end of the one below")]
    for y, words in notes:
        sheet.arrow([(528, y - 4), (504, y - 4)])
        sheet.text(534, y, words, size=12)
    sheet.text(534, 410, "A frame of up to 64 KiB that is too large", size=12, colour=ACCENT)
    sheet.text(534, 427, "for the stack faults here. With a guard of", size=12, colour=ACCENT)
    sheet.text(534, 444, "4 KiB it would land in the slot below.", size=12, colour=ACCENT)

    sheet.text(830, 30, "The topmost page of four stacks", bold=True, size=15)
    sheet.text(830, 50, "64 lines of 64 bytes, as the cache counts them", size=13)
    for number in range(4):
        x = 830 + number * 84
        sheet.box(x, 80, 60, 320, "", "white", dashed=True)
        if number:
            sheet.box(x, 80, 60, number * 20, "", SAVED)
        sheet.box(x, 80 + number * 20, 60, 70, "frames", LIVE)
        sheet.text(x + 30, 420, f"colour {number}", anchor="middle", size=12)
    sheet.text(830, 450, "Addresses that are a page apart share a set of the", size=12)
    sheet.text(830, 467, "cache, and a set has room for 8 or 12 of them.", size=12)
    sheet.text(830, 484, "Shifted by a line each, the hot frames share less.", size=12)
    sheet.text(830, 510, "32 colours take up to 1984 bytes: half a page, so", size=12)
    sheet.text(830, 527, "that the first frames still fit into the same page.", size=12)
    sheet.text(
        30, 585,
        "A stack costs what it has touched, usually one page. The guard costs nothing where the "
        "kernel has markers, and a mapping where it has not.", size=13)
    return sheet


def parents_and_switches():
    """The tree of parents against the order of switches."""
    sheet = Sheet(1180, 560, "The tree of parents, and the order of switches")
    sheet.text(30, 30, "Who hears of whose end", bold=True, size=15)
    sheet.text(30, 50, "an arrow leads to the parent", size=13)
    sheet.box(130, 80, 150, 44, "main", FRAME, "has no parent")
    sheet.box(30, 210, 150, 44, "manager", FRAME)
    sheet.box(230, 210, 150, 44, "stranger", FRAME)
    sheet.box(30, 340, 150, 44, "worker", FRAME)
    sheet.arrow([(105, 210), (180, 126)])
    sheet.arrow([(305, 210), (230, 126)])
    sheet.arrow([(105, 340), (105, 256)])
    sheet.text(30, 430, "The tree says where a result or an error goes.", size=13)
    sheet.text(30, 448, "It does not say who may switch to whom.", size=13)

    sheet.text(470, 30, "Who runs, from the first switch to the last", bold=True, size=15)
    sheet.text(470, 50, "time goes down", size=13)
    lanes = [("main", 520), ("manager", 690), ("worker", 860), ("stranger", 1030)]
    for name, x in lanes:
        sheet.text(x, 84, name, anchor="middle", bold=True)
        sheet.arrow([(x, 94), (x, 500)], GONE, dashed=True)
    main_x, manager, worker, stranger = (x for _, x in lanes)

    def runs(lane, y, height):
        sheet.box(lane - 7, y, 14, height, "", LIVE)

    def switch(y, source, target, words, colour=INK, at=None):
        step = 9 if target > source else -9
        sheet.arrow([(source + step, y), (target - step, y)], colour)
        sheet.text((source + target) / 2 if at is None else at, y - 5, words, anchor="middle",
                   size=12, colour=colour)

    for lane, y, height in ((main_x, 100, 30), (manager, 130, 36), (worker, 166, 36),
                            (manager, 202, 36), (main_x, 238, 36), (stranger, 274, 36),
                            (worker, 310, 46), (manager, 356, 46), (main_x, 402, 90)):
        runs(lane, y, height)
    switch(130, main_x, manager, "switch_to")
    switch(166, manager, worker, "switch_to")
    switch(202, worker, manager, "switch_to")
    switch(238, manager, main_x, "switch_to")
    switch(274, main_x, stranger, "switch_to", at=605)
    switch(310, stranger, worker, "switch_to")
    switch(356, worker, manager, "it throws: to its parent", ACCENT)
    switch(402, manager, main_x, "it returns: to its parent", ACCENT)
    sheet.text(worker + 14, 346, "dies", size=12, colour=ACCENT)
    sheet.text(manager + 14, 394, "dies", size=12, colour=ACCENT)
    sheet.text(stranger + 14, 330, "is suspended", size=12)
    sheet.text(stranger + 14, 347, "and stays so", size=12)
    sheet.text(
        30, 535,
        "Black: switches that somebody asked for, to whomever they like. Orange: the two that "
        "follow from an end. This is the first part of 05_parent_tree.cpp.", size=13)
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


def draw_calls(sheet, columns, top):
    """Draws stacks side by side: (x, name, frames), each frame a label or a label and its fill."""
    for x, name, frames in columns:
        sheet.text(x + 68, top - 12, name, anchor="middle", bold=True, size=13)
        y = top
        for frame in frames:
            label, fill = frame if isinstance(frame, tuple) else (frame, FRAME)
            sheet.box(x, y, 136, 30, "", fill)
            sheet.text(x + 68, y + 19, label, anchor="middle", size=12)
            y += 30
        sheet.arrow([(x + 68, y + 4), (x + 68, 610)], GONE, dashed=True)


def draw_jumps(sheet, jumps):
    """Draws jumps from stack to stack, one below the other: (y, from, to, words)."""
    for y, start, end, words in jumps:
        sheet.arrow([(start + 68, y), (end + 68, y)], ACCENT)
        sheet.text((start + end) / 2 + 68, y - 6, words, anchor="middle", size=12, colour=ACCENT)


def who_calls_whom():
    """Who calls whom, in a hub of its own and in an embedded one."""
    sheet = Sheet(1180, 680, "Who calls whom: a hub of its own, and an embedded one")
    own, hub, first, second = 30, 186, 342, 498
    sheet.text(30, 28, "A hub of its own", bold=True, size=16)
    sheet.text(30, 46, "the loop has a stack, and calls Asio", size=13)
    draw_calls(sheet, [
        (own, "the thread's own", ["main()", "run()", ("the main greenlet", LIVE), "park()"]),
        (hub, "of the hub", ["loop()", "turn()", "look_at_reactor()", "io_context::run_one",
                             ("a handler", LIVE), "wake()"]),
        (first, "of greenlet A", ["trampoline()", ("its function", LIVE), "park()"]),
        (second, "of greenlet B", ["trampoline()", ("its function", LIVE), "park()"]),
    ], 84)
    draw_jumps(sheet, [
        (322, own, first, "main parks: to the next ready"),
        (362, first, second, "A parks: to the next"),
        (402, second, hub, "B parks, nobody is ready: to the loop"),
        (482, hub, first, "A is ready: run_ready()"),
        (522, first, own, "A wakes main, and parks"),
    ])
    sheet.text(hub + 74, 428, "the reactor sleeps, handlers", size=12)
    sheet.text(hub + 74, 444, "and alarms only mark as ready", size=12)

    thread, third, fourth = 720, 876, 1032
    sheet.text(720, 28, "An embedded hub", bold=True, size=16)
    sheet.text(720, 46, "the program calls Asio, and Asio calls a turn", size=13)
    draw_calls(sheet, [
        (thread, "the thread's own", ["main()", "io_context::run()", ("a handler", LIVE),
                                      "embedded_turn()", "run_ready()", "continue_greenlet()"]),
        (third, "of greenlet A", ["trampoline()", ("its function", LIVE), "park()"]),
        (fourth, "of greenlet B", ["trampoline()", ("its function", LIVE), "park()"]),
    ], 84)
    draw_jumps(sheet, [
        (322, thread, third, "a turn begins"),
        (362, third, fourth, "A parks: to the next"),
        (402, fourth, thread, "B parks, nobody is ready: back"),
        (492, thread, third, "the next turn"),
    ])
    for line, words in enumerate((
            "asks for the next turn (a post, a timer or the bell),",
            "and returns to io_context::run(), which calls the", "program's other handlers")):
        sheet.text(thread + 74, 428 + line * 16, words, size=12)
    sheet.box(676, 20, 2, 590, "", GONE)
    sheet.text(
        30, 642,
        "Stacks grow down. Boxes are frames; orange arrows are jumps from stack to stack, and time "
        "runs from top to bottom.", size=13)
    sheet.text(30, 662, "In neither mode does a handler run on the stack of a greenlet.", size=13)
    return sheet


def one_turn():
    """One turn of the loop, and how it is come by."""
    sheet = Sheet(1180, 330, "One turn of the loop")
    steps = [
        ("budget refilled", "1024 steps", PALE),
        ("ready ones run", "greenlets, callbacks, in order", LIVE),
        ("posts are called", "mail of other threads", LIVE),
        ("reactor", "polled, or slept in", FRAME),
        ("alarms that are due", "wake, or queue a call", FRAME),
    ]
    for number, (label, note, fill) in enumerate(steps):
        x = 30 + number * 228
        sheet.box(x, 70, 200, 54, label, fill, note)
        if number:
            sheet.arrow([(x - 28, 97), (x - 2, 97)])
    sheet.arrow([(1042, 124), (1042, 168), (130, 168), (130, 126)])
    sheet.text(586, 160, "the next turn", anchor="middle", size=12)
    sheet.text(30, 34, "One turn", bold=True, size=16)
    notes = [
        (258, ("A greenlet that parks jumps to the next", "one by itself. The loop is come back to",
               "when nobody is ready, a callback is next,", "or the budget is used up.")),
        (580, ("Somebody is ready, or there is mail: a poll.",
               "Nobody is: sleep until the first alarm,",
               "or for ever, until the bell or I/O ends it.", "Nothing could end it: main is told.")),
        (912, ("After the reactor: a result that came", "in a turn beats a limit of that turn.")),
    ]
    for x, lines in notes:
        for line, words in enumerate(lines):
            sheet.text(x, 206 + line * 18, words, size=13)
    return sheet


def both_at_once():
    """Three moments in which two want to settle the same park."""
    sheet = Sheet(1180, 360, "Two want to settle the same park")
    cases = [
        ("1  the wake comes first", [
            ("wake()", "outcome: woken, ready", LIVE), ("cancel", "finds it settled", PALE),
            ("park returns", "with what it was given", FRAME),
            ("the next park throws", "the wish was pending", SAVED)]),
        ("2  the interruption comes first", [
            ("cancel", "leaves the queue, interrupted", SAVED),
            ("wake()", "returns false", PALE), ("park throws", "without the item", FRAME),
            ("the item is kept", "by whoever has it", LIVE)]),
        ("3  it cannot leave at once", [
            ("cancel", "withdraw(): not yet", SAVED),
            ("the operation goes on", "its frame stays", PALE),
            ("wake()", "stopped, or done after all", LIVE),
            ("the wait returns", "and asks what was wanted", FRAME)]),
    ]
    for column, (title, steps) in enumerate(cases):
        x = 30 + column * 390
        sheet.text(x, 34, title, bold=True, size=15)
        for row, (label, note, fill) in enumerate(steps):
            y = 56 + row * 72
            sheet.box(x, y, 260, 48, label, fill, note)
            if row:
                sheet.arrow([(x + 130, y - 24), (x + 130, y - 2)])
    return sheet


def hand_over():
    """What barging is, and how a mutex is handed over instead."""
    sheet = Sheet(1180, 400, "A lock that is handed over")

    def lanes(x, title, names):
        sheet.text(x, 32, title, bold=True, size=15)
        for number, name in enumerate(names):
            sheet.text(x + 80 + number * 170, 62, name, anchor="middle", size=13, bold=True)
            at = x + 80 + number * 170
            sheet.arrow([(at, 72), (at, 360)], GONE, dashed=True)

    def step(x, lane, y, label, note="", fill=FRAME):
        sheet.box(x + lane * 170, y, 160, 44 if note else 30, label, fill, note)

    names = ("A, the owner", "B, who waits", "C, who comes by")
    lanes(30, "Released: whoever runs first has it", names)
    step(30, 0, 82, "unlock()", "owner: nobody")
    step(30, 0, 138, "wakes B", "B will be ready")
    step(30, 2, 194, "lock()", "owner: C", LIVE)
    step(30, 1, 250, "runs: it is locked", "waits again, at the end", SAVED)
    sheet.text(30, 386, "B can starve, and who comes first depends on who happens to run.", size=13)

    lanes(620, "Handed over: tendril's way", names)
    step(620, 0, 82, "unlock()", "owner: B", LIVE)
    step(620, 0, 138, "wakes B", "in the same step")
    step(620, 2, 194, "lock()", "owned by B: waits", SAVED)
    step(620, 1, 250, "runs: it owns it", "nothing to test again", LIVE)
    step(620, 1, 306, "unlock()", "owner: C", FRAME)
    sheet.text(620, 386, "While anybody waits, the mutex has an owner.", size=13)
    return sheet


def scopes_and_shields():
    """The tree of scopes over three greenlets, one of them behind a shield."""
    sheet = Sheet(980, 470, "Scopes, a group and a shield: who is cancelled, and who absorbs")
    sheet.box(20, 20, 620, 330, "", PALE)
    sheet.text(32, 42, "scope S, cancelled: absorbs when the block is left", bold=True,
               colour=ACCENT)
    sheet.box(40, 60, 580, 270, "", FRAME)
    sheet.text(52, 82, "task group G, within S: cancelled too", bold=True)
    sheet.box(60, 100, 170, 210, "the block of G", LIVE, "every wait throws")
    sheet.box(245, 100, 170, 210, "", LIVE)
    sheet.text(257, 122, "child 1, in scope T")
    sheet.box(257, 136, 146, 160, "scope T", PALE, "lets it pass outwards")
    sheet.box(430, 100, 170, 210, "", LIVE)
    sheet.text(442, 122, "child 2, in a shield")
    sheet.box(442, 136, 146, 160, "shield", SAVED, "waits go on")
    sheet.box(680, 60, 170, 110, "a task of spawn()", LIVE, "not within S")
    sheet.arrow([(640, 35), (720, 35)], ACCENT)
    sheet.text(726, 40, "the code behind S goes on", colour=ACCENT)
    for row, words in enumerate((
            "cancel(S) walks down the tree. Of every greenlet within, the innermost scope makes the "
            "present wait throw, and each wait behind it.",
            "A shield stops the walk. It also holds back what reaches the greenlet by itself: a "
            "cancel or kill of the task, timeouts set further out, the exit.",
            "An exception that leaves S while S is cancelled, and nothing further out is, ends there.")):
        sheet.text(20, 385 + row * 26, words, size=13)
    return sheet


def life_of_a_task():
    """What there is of a task, from its spawn to the last handle."""
    sheet = Sheet(1180, 390, "The life of a task")
    sheet.text(30, 34, "The life of a task", bold=True, size=16)
    steps = [
        ("spawn()", "stands in the queue", PALE),
        ("first turn", "or never begins", LIVE),
        ("runs and waits", "edges come at parks", LIVE),
        ("function over", "captures go, sealed", FRAME),
        ("finish()", "told: who waits", FRAME),
        ("greenlet dies", "the stack is free", SAVED),
        ("last handle goes", "error unasked: report", SAVED),
    ]
    for number, (label, note, fill) in enumerate(steps):
        x = 30 + number * 162
        sheet.box(x, 60, 142, 50, label, fill, note)
        if number:
            sheet.arrow([(x - 19, 85), (x - 2, 85)])
    bars = [
        ("state: function, result, error", "128 B", 0, 6, FRAME),
        ("control block", "128 B", 0, 5, LIVE),
        ("stack", "pages as used", 1, 5, SAVED),
        ("function and arguments", "in the state", 0, 3, PALE),
        ("an edge may be sent", "in the state", 0, 3, PALE),
    ]
    for row, (label, note, first, last, fill) in enumerate(bars):
        y = 136 + row * 36
        left, right = 30 + first * 162, 30 + last * 162 + 142
        sheet.box(left, y, right - left, 28, "", fill)
        sheet.text(left + 10, y + 19, f"{label} ({note})", size=13)
    sheet.text(30, 344, "finish() tells, in one step: completions at once, then whoever joins is "
               "woken, and links are called by the hub soon after.", size=13)
    sheet.text(30, 368, "Two references at the beginning: the handle's and the greenlet's. Whichever "
               "goes last frees the state.", size=13)
    return sheet


def way_of_a_cancel():
    """From cancel() of a scope to the block that absorbs it."""
    sheet = Sheet(1180, 450, "The way of a cancel through the tree")
    sheet.text(30, 32, "Down: who has to leave", bold=True, size=15)
    nodes = [
        (40, 50, 250, "S, a scope of main", "cancelled: it is the cause", ACCENT),
        (40, 140, 250, "G, a group, with its block", "innermost of main", INK),
        (40, 250, 210, "first node of child 1", "", INK),
        (40, 330, 210, "T, a scope in child 1", "innermost of child 1", INK),
        (330, 250, 210, "first node of child 2", "", INK),
        (330, 330, 210, "a shield in child 2", "innermost of child 2", INK),
    ]
    for x, y, width, label, note, colour in nodes:
        fill = LIVE if "innermost" in note else PALE
        sheet.box(x, y, width, 50, label, SAVED if "shield" in label else fill, note)
        if colour == ACCENT:
            sheet.text(x + width + 10, y + 30, "cancel()", colour=ACCENT)
    for points in (((145, 100), (145, 138)), ((145, 190), (145, 248)), ((145, 300), (145, 328)),
                   ((290, 165), (435, 165), (435, 248)), ((435, 300), (435, 328))):
        sheet.arrow(points, ACCENT)
    sheet.text(30, 410, "Each node asks its way up for a cause; the one that is innermost of its "
               "greenlet", size=13)
    sheet.text(30, 430, "is requested, or not: a shield ends the question. The others are never "
               "pending.", size=13)

    sheet.text(620, 32, "Up: who lets it pass, and who absorbs", bold=True, size=15)
    steps = [
        ("the park of child 1 ends: T.raise()", "requests T again, then throws", LIVE),
        ("T is left", "not cancelled itself: lets it pass", PALE),
        ("child 1 ends as cancelled", "no error of its group", FRAME),
        ("G waits for child 2, shielded", "the block has been thrown out as well", FRAME),
        ("G is left", "cancelled from above: lets it pass", PALE),
        ("S is left", "cancelled, and nothing above it is: absorbs", SAVED),
    ]
    for row, (label, note, fill) in enumerate(steps):
        y = 50 + row * 64
        sheet.box(620, y, 420, 46, label, fill, note)
        if row:
            sheet.arrow([(830, y - 18), (830, y - 2)])
    return sheet


PICTURES = (
    two_stacks, first_entry, slot_in_a_slab, parents_and_switches, life_of_a_park, who_calls_whom,
    one_turn, both_at_once, hand_over, life_of_a_task, way_of_a_cancel, scopes_and_shields)


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    for picture in PICTURES:
        (folder / f"{picture.__name__.replace('_', '-')}.svg").write_text(picture().svg())


if __name__ == "__main__":
    main()
