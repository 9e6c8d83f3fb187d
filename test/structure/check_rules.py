#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every rule of greenlets names the test that would fail if it were broken.

docs/greenlet.md has tables of rules: a row is `| number | rule | test | note |`.

* The rules are numbered from 1 to 139, and each number stands in one row.
* The third cell names tests as `suite.name`, and nothing else. Each exists: as a test case of
  GoogleTest, or as test/compile_fail/name.cpp for `compile_fail.name`.
* A rule without a test says `no C++ meaning` in its note. No other cell is empty.
"""

import re
import sys

from check_sizes import TEST_CASE
from tree import CPP, Problem, Report, tree_from_arguments

PAGE = "docs/greenlet.md"
RULES = 139
MEANINGLESS = "no C++ meaning"
COMPILE_FAIL = "test/compile_fail/"
ROW = re.compile(r"\|\s*(\d+)\s*\|(.*)\|\s*$")
NAMES = re.compile(r"`\w+\.\w+`(, `\w+\.\w+`)*")

# BEGIN PENDING: tests of headers that another branch brings. When they are here, this list and the
# lines that use it go.
PENDING = {
    "backtrace.is_right_while_other_greenlets_run_deep",
    "backtrace.shows_where_a_suspended_greenlet_stands",
    "context_carrier.a_new_greenlet_starts_with_none",
    "context_carrier.can_be_replaced_while_pending_suspended_or_dead",
    "context_carrier.can_be_shared_with_another_greenlet",
    "context_carrier.is_readable_after_death",
    "context_carrier.setting_it_in_one_is_invisible_in_others",
    "generator.abandoning_a_half_consumed_one_runs_its_cleanup",
    "generator.is_asked_by_different_consumers",
    "generator.is_false_when_it_has_ended",
    "generator.recursive_ones_and_two_instances_work",
    "generator.yielding_outside_is_misuse",
    "generator.yields_for_the_nth_enclosing_one_and_resumes_the_innermost",
    "generator.yields_from_a_nested_call_and_from_a_qsort_comparator",
    "greenlet_local.belongs_to_one_greenlet",
    "trace_hook.a_function_that_switches_leaves_the_carried_value_alone",
    "trace_hook.an_error_of_the_function_ends_tracing_and_is_reported",
    "trace_hook.events_have_distinct_values",
    "trace_hook.installing_it_twice_and_restoring_keeps_it_right",
    "trace_hook.returns_the_previous_function",
    "trace_hook.runs_in_the_target_after_the_switch",
    "trace_hook.sees_the_first_entry_before_the_function_runs",
    "trace_hook.tells_throws_from_switches",
    "trace_hook.the_target_does_not_look_dead",
}
# END PENDING


def tests_of(tree):
    """Returns the names of all tests that a rule may name."""
    refused = (path.rsplit("/", 1)[1] for path in tree.match(COMPILE_FAIL, ".cpp"))
    names = {f"compile_fail.{name.removesuffix('.cpp')}" for name in refused}
    for path in tree.match("test/", CPP):
        names |= {f"{case.group(2)}.{case.group(3)}"
                  for case in TEST_CASE.finditer(tree.text(path))}
    return names


def rows_of(tree):
    """Returns for each row with a number its line, the number, and the cells behind it."""
    rows = ((line, ROW.match(text)) for line, text in tree.lines(PAGE))
    return [(line, int(row.group(1)), [cell.strip() for cell in row.group(2).split("|")])
            for line, row in rows if row]


def judge(cells, tests):
    """Says what is wrong with the cells of a row, or returns None."""
    if len(cells) != 3:
        return "a row is `| number | rule | test | note |`"
    rule, named, note = cells
    if not rule or not note:
        return "a cell is empty: say what the rule is, and what is to be noted or `same`"
    if not named:
        return None if MEANINGLESS in note else f"no test: name one, or note `{MEANINGLESS}`"
    if not NAMES.fullmatch(named):
        return "the third cell names tests as `suite.name`, with commas between them"
    missing = [name for name in re.findall(r"`([^`]+)`", named) if name not in tests]
    return "there is no test " + " and no ".join(missing) if missing else None


def main():
    tree, report = tree_from_arguments(), Report()
    tests, rows = tests_of(tree), rows_of(tree)
    here = sorted(PENDING & tests)
    report.case("pending tests are not here yet", [
        Problem("test/structure/check_rules.py", 0, f"{name} is here: delete PENDING")
        for name in here])
    tests |= PENDING
    counts = {number: 0 for number in range(1, RULES + 1)}
    for line, number, cells in rows:
        counts[number] = counts.get(number, 0) + 1
        wrong = judge(cells, tests)
        report.case(f"rule {number} is tested", [Problem(PAGE, line, wrong)] if wrong else [])
    report.case(f"the rules are those from 1 to {RULES}", [
        Problem(PAGE, 0, f"rule {number} has {count} rows, and should have "
                         f"{int(1 <= number <= RULES)}")
        for number, count in counts.items() if count != int(1 <= number <= RULES)])
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
