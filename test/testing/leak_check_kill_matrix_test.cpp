// SPDX-License-Identifier: BSL-1.0
//
// The matrix of kills: every call that waits, ended in every way. A cell is one call and one way.
// Two greenlets wait for the same thing; the first of them is disturbed, then, or before, it is
// given once, and who gets it gives it on. So the second one must get it in any case, the first one
// has exactly one outcome, and a wish that lost is delivered at the next park. Nothing is left: no
// waiter (the primitives would stop the program), greenlet, alarm, descriptor or object.
#include <harness/kill_matrix.hpp>

#include <cstddef>
#include <cstdio>
#include <optional>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using namespace tendril::test::kill_matrix;
using tendril::testing::leak_check;
using test::answer;
using test::blocking_call;
using test::call_maker;
using test::transcript;
using test::virtual_clock;

// Closes the hub of a greenlet that waits in a call.
void close_around(call_maker const& make) {
    virtual_clock jumping;
    std::optional<trial> cell;
    run({.clock = &jumping}, [&] {
        cell.emplace(make, manner{}, jumping);
        if (waits_on(cell->call) || cell->call.stops_time) {
            give(*cell);
        }
    });
    bool const over = cell->seen == transcript{"exit"} || cell->seen == transcript{"got it"};
    // Threads may be fast enough.
    bool const both = cell->call.stops_time && cell->seen == transcript{"got it", "exit"};
    EXPECT_TRUE(over || both || waits_on(cell->call)) << cell->call.name << joined(cell->seen);
    EXPECT_NE(cell->next_end, "closed") << cell->call.name;
}

}  // namespace

TENDRIL_TEST(leak_check_kill_matrix, nothing_disturbs) {
    try_way({
        .name = "given",
        .act = give,
        .allowed = [](auto&) { return outcomes{transcript{"got it"}}; },
    });
}

TENDRIL_TEST(leak_check_kill_matrix, a_kill_ends_the_wait_and_the_next_one_gets_it) {
    try_way({
        .name = "kill",
        .act = kill_and_give,
        .allowed = interrupted({"kill"}),
    });
}

TENDRIL_TEST(leak_check_kill_matrix, so_does_an_exit) {
    try_way({
        .name = "exit",
        .act =
            [](trial& cell) {
                request_exit(cell.first());
                yield();
                give(cell);
            },
        .allowed = interrupted({"exit"}),
    });
}

TENDRIL_TEST(leak_check_kill_matrix, two_kills_are_two_exceptions) {
    try_way({
        .name = "kill twice",
        .act =
            [](trial& cell) {
                request(cell.first(), cell.kill);
                request(cell.first(), cell.second);
                yield();
                give(cell);
            },
        .allowed = interrupted({"kill", "second"}),
    });
    try_way({
        .name = "kill, then exit",
        .act =
            [](trial& cell) {
                request(cell.first(), cell.kill);
                request_exit(cell.first());
                yield();
                give(cell);
            },
        .allowed =
            [](blocking_call const& call) {
                if (waits_on(call)) {
                    return outcomes{transcript{"got it", "exit"}};
                }
                outcomes allowed{transcript{"kill", "exit"}};
                if (call.to_wishes == answer::either) {
                    allowed.push_back(transcript{"got it", "exit"});
                }
                if (call.stops_later || call.to_wishes == answer::given_late) {
                    // An operation of Asio's is asked to stop first, and an exit goes before.
                    allowed.push_back(transcript{"exit"});
                }
                return allowed;
            },
    });
}

TENDRIL_TEST(leak_check_kill_matrix, a_kill_just_before_it_is_given_wins) {
    try_way({
        .name = "kill and given in one turn",
        .act =
            [](trial& cell) {
                in_the_hub([&] {
                    request(cell.first(), cell.kill);
                    cell.call.give();
                });
            },
        .allowed = interrupted({"kill"}),
    });
    try_way({
        .name = "exit and given in one turn",
        .act =
            [](trial& cell) {
                in_the_hub([&] {
                    request_exit(cell.first());
                    cell.call.give();
                });
            },
        .allowed = interrupted({"exit"}),
    });
}

TENDRIL_TEST(leak_check_kill_matrix, a_kill_just_after_it_was_given_stays_pending) {
    try_way({
        .name = "given and kill in one turn",
        .act =
            [](trial& cell) {
                in_the_hub([&] {
                    cell.call.give();
                    request(cell.first(), cell.kill);
                });
            },
        .allowed = given_before("kill"),
    });
    try_way({
        .name = "given and exit in one turn",
        .act =
            [](trial& cell) {
                in_the_hub([&] {
                    cell.call.give();
                    request_exit(cell.first());
                });
            },
        .allowed = given_before("exit"),
    });
}

TENDRIL_TEST(leak_check_kill_matrix, a_kill_before_the_call_is_seen_at_its_start) {
    try_way({
        .name = "kill before the call",
        .how = [] { return manner{.wished_before = true}; },
        .act = give,
        .allowed =
            [](blocking_call const& call) {
                bool const inside = call.to_wishes != answer::never_inside;
                return outcomes{inside ? transcript{"kill"} : transcript{"got it", "kill"}};
            },
    });
}

TENDRIL_TEST(leak_check_kill_matrix, a_kill_of_a_shielded_wait_comes_after_it) {
    try_way({
        .name = "kill behind a shield",
        .how = [] { return manner{.shielded = true}; },
        .act = kill_and_give,
        .allowed =
            [](auto&) {
                return outcomes{{"got it", "kill"}};
            },
    });
}

TENDRIL_TEST(leak_check_kill_matrix, cleanup_that_sleeps_is_not_killed_again) {
    try_way({
        .name = "kill in cleanup",
        .how = [] { return manner{.where = place::above_cleanup}; },
        .act =
            [](trial& cell) {
                request(cell.first(), cell.kill);
                yield();
                request(cell.first(), cell.second);
                give(cell);
            },
        .allowed =
            [](auto&) {
                return outcomes{{"cleaned up", "kill", "second"}};
            },
        .applies = ends_with_the_wish,
    });
}

TENDRIL_TEST(leak_check_kill_matrix, a_kill_in_a_handler_leaves_what_is_handled) {
    try_way({
        .name = "kill in a handler",
        .how = [] { return manner{.where = place::a_handler}; },
        .act = kill_and_give,
        .allowed = interrupted({"kill"}),
    });
}

TENDRIL_TEST(leak_check_kill_matrix, a_kill_of_a_nested_greenlet_goes_on_to_the_outer_one) {
    try_way({
        .name = "kill in a nested greenlet",
        .how = [] { return manner{.where = place::a_nested_greenlet}; },
        .act = kill_and_give,
        .allowed =
            [](blocking_call const& call) {
                // One that ends before the wish is delivered takes it along.
                if (call.to_wishes == answer::either) {
                    return outcomes{{"got it"}, {"kill"}};
                }
                return outcomes{waits_on(call) ? transcript{"got it"} : transcript{"kill"}};
            },
    });
}

TENDRIL_TEST(leak_check_kill_matrix, one_that_swallows_eight_exits_is_left_alone) {
    try_way({
        .name = "eight exits swallowed",
        .how =
            [] {
                this_hub().set_error_handler([](std::exception_ptr, std::string_view) {});
                return manner{.attempts = 9};
            },
        .act =
            [](trial& cell) {
                request_exit(cell.first());
                yield();
                yield();
                give(cell);
            },
        .allowed =
            [](auto&) {
                transcript all(8, "exit");
                all.push_back("got it");
                return outcomes{all};
            },
        .applies =
            [](blocking_call const& call) { return ends_with_the_wish(call) && call.repeatable; },
    });
}

TENDRIL_TEST(leak_check_kill_matrix, an_outer_limit_ends_the_wait) {
    try_way({
        .name = "outer limit",
        .how = [] { return manner{.outer_limit = 1ms}; },
        .act =
            [](trial& cell) {
                cell.pass(2ms);
                give(cell);
            },
        .allowed = limited("timed out"),
        .applies = is_limited,
    });
}

TENDRIL_TEST(leak_check_kill_matrix, its_own_limit_ends_the_wait) {
    manner const short_limit{.limit = [] { return deadline::after(1ms); }};
    try_way({
        .name = "own limit",
        .how = [=] { return short_limit; },
        .act =
            [](trial& cell) {
                cell.pass(2ms);
                give(cell);
            },
        .allowed = limited("out of time"),
        .applies = has_limit,
    });
    try_way({
        .name = "own limit, then kill",
        .how = [=] { return short_limit; },
        .act =
            [](trial& cell) {
                among_alarms const also{
                    deadline::after(1ms).moment(), [&] { request(cell.first(), cell.kill); }};
                cell.pass(2ms);
                give(cell);
            },
        .allowed =
            [](auto&) {
                return outcomes{{"out of time", "kill"}, {"kill"}};
            },
        .applies = has_limit,
    });
}

TENDRIL_TEST(leak_check_kill_matrix, of_two_limits_of_one_moment_one_wins) {
    try_way({
        .name = "outer and own limit at once",
        .how =
            [] { return manner{.limit = [] { return deadline::after(1ms); }, .outer_limit = 1ms}; },
        .act =
            [](trial& cell) {
                cell.pass(2ms);
                give(cell);
            },
        .allowed =
            [](auto&) {
                return outcomes{{"out of time"}, {"timed out"}};
            },
        .applies = has_limit,
    });
}

TENDRIL_TEST(leak_check_kill_matrix, what_is_given_at_the_moment_of_a_limit_is_given_once) {
    constexpr char const* names[2][2] = {
        {"own limit, then given at once", "given, then own limit at once"},
        {"outer limit, then given at once", "given, then outer limit at once"}};
    for (bool const outer : {false, true}) {
        for (bool const given_first : {false, true}) {
            try_way({
                .name = names[outer][given_first],
                .how =
                    [=] {
                        auto const moment = deadline::after(given_first ? 2ms : 1ms);
                        return outer ? manner{.outer_limit = given_first ? 2ms : 1ms}
                                     : manner{.limit = [=] { return moment; }};
                    },
                .act =
                    [=](trial& cell) {
                        among_alarms const giving{
                            deadline::after(given_first ? 2ms : 1ms).moment(), cell.call.give};
                        cell.pass(3ms);
                    },
                .allowed =
                    [](auto&) {
                        return outcomes{{"got it"}, {"timed out"}, {"out of time"}};
                    },
                .applies = [=](auto& call) { return outer ? is_limited(call) : has_limit(call); },
            });
        }
    }
}

TENDRIL_TEST(leak_check_kill_matrix, a_scope_that_is_cancelled_ends_the_wait) {
    manner const in_a_scope{.scope_limit = 1h};
    try_way({
        .name = "scope cancelled",
        .how = [=] { return in_a_scope; },
        .act =
            [](trial& cell) {
                cell.scope->cancel();
                yield();
                give(cell);
            },
        .allowed = scoped(false),
    });
    try_way({
        .name = "scope cancelled and given in one turn",
        .how = [=] { return in_a_scope; },
        .act =
            [](trial& cell) {
                in_the_hub([&] {
                    cell.scope->cancel();
                    cell.call.give();
                });
            },
        .allowed = scoped(false),
    });
    try_way({
        .name = "given and scope cancelled in one turn",
        .how = [=] { return in_a_scope; },
        .act =
            [](trial& cell) {
                in_the_hub([&] {
                    cell.call.give();
                    cell.scope->cancel();
                });
            },
        .allowed = scoped(true),
    });
    try_way({
        .name = "limit of a scope",
        .how = [] { return manner{.scope_limit = 1ms}; },
        .act =
            [](trial& cell) {
                cell.pass(2ms);
                give(cell);
            },
        .allowed = limited("scope"),
        .applies = is_limited,
    });
}

TENDRIL_TEST(leak_check_kill_matrix, its_end_ends_all_waits) {
    try_way({
        .name = "closed",
        .act = [](trial& cell) { in_the_hub(cell.call.close); },
        .allowed = [](auto&) { return outcomes{{"closed"}}; },
        .applies = [](auto& call) { return has_end(call) && !call.alone; },
        .next_ends = {"closed"},
    });
    try_way({
        .name = "closed and kill in one turn",
        .act =
            [](trial& cell) {
                in_the_hub([&] {
                    cell.call.close();
                    request(cell.first(), cell.kill);
                });
                give_again_what_stays_open(cell);
            },
        .allowed =
            [](auto&) {
                return outcomes{{"closed", "kill"}};
            },
        .applies = has_end,
        .next_ends = {"closed", "got it"},
    });
    try_way({
        .name = "kill and closed in one turn",
        .act =
            [](trial& cell) {
                in_the_hub([&] {
                    request(cell.first(), cell.kill);
                    cell.call.close();
                });
                give_again_what_stays_open(cell);
            },
        .allowed = [](auto&) { return outcomes{{"kill"}}; },
        .applies = has_end,
        .next_ends = {"closed", "got it"},
    });
}

TENDRIL_TEST(leak_check_kill_matrix, what_was_given_just_before_the_end_is_not_lost) {
    try_way({
        .name = "given and closed in one turn",
        .act =
            [](trial& cell) {
                in_the_hub([&] {
                    cell.call.give();
                    cell.call.close();
                });
            },
        .allowed =
            [](blocking_call const& call) {
                return call.to_wishes == answer::given_late ? outcomes{{"closed"}}
                                                            : outcomes{{"got it"}};
            },
        .applies = has_end,
        .next_ends = {"closed", "got it"},
    });
}

TENDRIL_TEST(leak_check_kill_matrix, a_hub_that_closes_ends_all_waits) {
    int cells = 0;
    for (auto const list : {test::every_blocking_call, test::every_call_that_stops_time}) {
        auto const calls = list();
        // What is made once for the thread is made before.
        close_around(calls.front());
        for (call_maker const& make : calls) {
            leak_check const before;
            std::ptrdiff_t const objects = tendril::testing::live_allocations();
            close_around(make);
            EXPECT_EQ(before.leaks(), "");
            EXPECT_EQ(tendril::testing::live_allocations(), objects);
            ++cells;
        }
    }
    count_cells(cells, "the hub closes");
    EXPECT_GT(cells, 10);
}

// After all the others.
TENDRIL_TEST(leak_check_kill_matrix, there_are_two_thousand_cells) {
    constexpr std::size_t ways = 32;
    std::size_t cells = 0;
    for (auto const& [way, number] : cells_of_ways()) {
        cells += static_cast<std::size_t>(number);
    }
    std::printf(
        "%zu cells of the matrix of kills: %zu ways, %zu calls\n", cells, cells_of_ways().size(),
        test::every_blocking_call().size() + test::every_call_that_stops_time().size());
    // Unless some were left out by a filter.
    EXPECT_TRUE(cells >= 2000 || cells_of_ways().size() < ways);
}
