// SPDX-License-Identifier: BSL-1.0
//
// The matrix of kills: every call that waits, ended in every way. A cell is one call and one way.
// Two greenlets wait for the same thing; the first of them is disturbed, then, or before, it is
// given once, and who gets it gives it on. So the second one must get it in any case, the first one
// has exactly one outcome, and a wish that lost is delivered at the next park. Nothing is left: no
// waiter (the primitives would stop the program), greenlet, alarm, descriptor or object.
#include <harness/blocking_calls.hpp>
#include <harness/failing_allocations.hpp>
#include <harness/hubs.hpp>
#include <tendril/hub/alarm.hpp>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <optional>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::leak_check;
using test::answer;
using test::blocking_call;
using test::call_maker;
using test::transcript;
using test::virtual_clock;
using test::wish;

// The outcomes that are allowed.
using outcomes = std::vector<transcript>;
using judge = std::function<outcomes(blocking_call const&)>;

// How a call has ended, in a word.
std::string end_of(blocking_call const& call, deadline limit) {
    try {
        return call.take(limit) ? "got it" : "out of time";
    } catch (std::string const& word) {
        return word;
    } catch (greenlet_exit const&) {
        return "exit";
    } catch (timed_out const&) {
        return "timed out";
    } catch (would_block_forever const&) {
        return "would block forever";
    } catch (misuse const& error) {
        return error.what();
    } catch (std::exception const&) {
        return "closed";
    }
}

// Calls a function in the hub, and lets everybody run.
template <typename F>
void in_the_hub(F&& function) {
    this_hub().call_soon([&] { function(); });
    yield();
    yield();
}

// Calls a function among the alarms of a moment.
class among_alarms final : public alarm {
public:
    among_alarms(time_point moment, std::function<void()> function)
        : function_{std::move(function)} {
        arm(this_hub(), moment);
    }
    ~among_alarms() = default;

private:
    void expire() noexcept override { function_(); }

    std::function<void()> function_;
};

// What the first greenlet does beside the call.
struct manner {
    std::function<deadline()> limit = [] { return deadline::after(1h); };
    std::optional<std::chrono::milliseconds> outer_limit = std::nullopt;
    bool wished_before = false;
    bool shielded = false;
    bool sleeps_in_cleanup = false;
    int attempts = 1;
};

// One cell, in a hub of its own.
class trial {
public:
    trial(call_maker const& make, manner how) : how_{std::move(how)} {
        in_the_hub([&] { call = make(); });
        first_ = this_hub().spawn_raw([this] { run_first(); });
        if (!call.alone) {
            start_next();
        }
        yield();
        if (call.prepare) {
            in_the_hub(call.prepare);
        }
    }
    trial(trial const&) = delete;
    trial& operator=(trial const&) = delete;
    ~trial() {
        withdraw(first(), kill);
        withdraw(first(), second);
    }

    control_block& first() const noexcept { return *first_.block(); }

    // Lets everything go on to its end.
    void finish() {
        yield();
        if (call.alone) {
            // Not before the reactor has been looked at, and the first one is gone.
            sleep_for(1ns);
            start_next();
        }
        sleep_for(2s);
        at_rest = false;
        in_the_hub([&] { at_rest = call.at_rest(); });
    }

    blocking_call call;
    wish kill{"kill"};
    wish second{"second"};
    transcript seen;
    std::string next_end = "waits";
    bool at_rest = true;

private:
    void run_first() {
        std::optional<test::yields_when_destroyed> cleanup;
        std::optional<timeout> outer;
        std::optional<interruption_shield> shield;
        if (how_.wished_before) {
            request(first(), kill);
        }
        if (how_.shielded) {
            shield.emplace();
        }
        if (how_.outer_limit) {
            outer.emplace(*how_.outer_limit);
        }
        for (int attempt = 0; attempt < how_.attempts; ++attempt) {
            if (note(end_of_call()) == "got it") {
                give_on();
                break;
            }
        }
        outer.reset();
        shield.reset();
        // What is still pending comes now.
        while (seen.back() != "exit" && note(test::outcome_of([] { yield(); })) != "returned") {}
        if (seen.back() == "returned") {
            seen.pop_back();
        }
    }

    std::string end_of_call() {
        if (!how_.sleeps_in_cleanup) {
            return end_of(call, how_.limit());
        }
        try {
            test::yields_when_destroyed const cleanup{seen, "cleaned up"};
            return call.take(how_.limit()) ? "got it" : "out of time";
        } catch (std::string const& word) {
            return word;
        }
    }

    // It may be closed meanwhile.
    void give_on() const {
        try {
            call.give_on();
        } catch (std::runtime_error const&) {}
    }

    std::string const& note(std::string word) {
        seen.push_back(std::move(word));
        return seen.back();
    }

    void start_next() {
        next_ = this_hub().spawn_raw([this] {
            next_end = end_of(call, deadline::after(1h));
            if (next_end == "got it") {
                give_on();
            }
        });
    }

    manner how_;
    greenlet first_;
    greenlet next_;
};

// A way to end a wait: what is done, and what may come of it.
struct way {
    char const* name;
    std::function<manner()> how = [] { return manner{}; };
    std::function<void(trial&)> act;
    // What the first greenlet may see.
    judge allowed;
    // Which calls it makes sense for.
    std::function<bool(blocking_call const&)> applies = [](blocking_call const&) { return true; };
    // How the second one may end.
    transcript next_ends = {"got it"};
};

bool waits_on(blocking_call const& call) {
    return call.to_wishes == answer::later || call.to_wishes == answer::over_soon ||
        call.to_wishes == answer::never_inside;
}

// A wish that comes before what is waited for.
judge interrupted(transcript words) {
    return [=](blocking_call const& call) {
        transcript late = words;
        late.insert(late.begin(), "got it");
        return outcomes{waits_on(call) ? late : words};
    };
}

// A wish that comes after it.
judge given_before(std::string word) {
    return [=](blocking_call const& call) {
        bool const late = call.to_wishes == answer::given_late ||
            call.to_wishes == answer::ends_before_time;
        return outcomes{late ? transcript{word} : transcript{"got it", word}};
    };
}

// A limit, which a call that waits on may outlive.
judge limited(std::string word) {
    return [=](blocking_call const& call) {
        bool const ends = waits_on(call) || call.to_wishes == answer::ends_before_time;
        return outcomes{ends ? transcript{"got it"} : transcript{word}};
    };
}

bool has_limit(blocking_call const& call) { return call.timed; }
bool has_end(blocking_call const& call) { return call.close != nullptr; }
bool is_limited(blocking_call const& call) { return call.to_wishes != answer::never_inside; }

void give(trial& cell) { in_the_hub(cell.call.give); }

// Of what has an end for those who wait only: a descriptor, for example.
void give_again_what_stays_open(trial& cell) {
    if (cell.call.alone) {
        give(cell);
    }
}

std::string joined(transcript const& words) {
    std::string text;
    for (std::string const& word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

// What is wrong with a cell that has come to its end; empty when nothing is.
std::string complaint_about(trial const& cell, way const& tried) {
    std::string wrong;
    outcomes const allowed = tried.allowed(cell.call);
    bool const was_over = cell.call.to_wishes == answer::over_soon &&
        cell.seen == transcript{"got it"};
    if (std::count(allowed.begin(), allowed.end(), cell.seen) == 0 && !was_over) {
        wrong += "saw [" + joined(cell.seen) + "], not [" + joined(allowed.front()) + "]; ";
    }
    auto const& ends = tried.next_ends;
    if (std::count(ends.begin(), ends.end(), cell.next_end) == 0) {
        wrong += "the next " + cell.next_end + "; ";
    }
    wrong += cell.at_rest ? "" : "something was lost or doubled; ";
    return wrong.empty() ? wrong : cell.call.name + ": " + wrong;
}

// Runs one cell and returns what is wrong with it.
std::string run_cell(call_maker const& make, way const& tried, bool& applies) {
    std::string wrong;
    leak_check const before;
    virtual_clock jumping;
    run({.clock = &jumping}, [&] {
        trial cell{make, tried.how()};
        applies = tried.applies(cell.call);
        if (!applies) {
            give(cell);
            cell.finish();
            return;
        }
        tried.act(cell);
        cell.finish();
        wrong = complaint_about(cell, tried);
    });
    return wrong + before.leaks();
}

// As above, and looks for objects that are left.
std::string try_cell(call_maker const& make, way const& tried, bool& applies) {
    std::ptrdiff_t const objects = tendril::testing::live_allocations();
    std::ptrdiff_t kept = 0;
    {
        std::string const wrong = run_cell(make, tried, applies);
        if (!wrong.empty()) {
            return wrong;
        }
        kept = tendril::testing::live_allocations() - objects;
    }
    return kept == 0 ? "" : std::to_string(kept) + " objects are left";
}

// Tries a way on every call, and says how many cells that were.
void try_way(way const& tried) {
    int cells = 0;
    auto const calls = test::every_blocking_call();
    bool warm = true;
    // What is made once for the thread is made before.
    static_cast<void>(run_cell(calls.front(), tried, warm));
    for (call_maker const& make : calls) {
        bool applies = true;
        EXPECT_EQ(try_cell(make, tried, applies), "") << tried.name;
        cells += applies ? 1 : 0;
    }
    std::printf("%d cells: %s\n", cells, tried.name);
    EXPECT_GT(cells, 10) << tried.name;
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
        .act =
            [](trial& cell) {
                request(cell.first(), cell.kill);
                yield();
                give(cell);
            },
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
                return outcomes{
                    waits_on(call) ? transcript{"got it", "exit"} : transcript{"kill", "exit"}};
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
        .act =
            [](trial& cell) {
                request(cell.first(), cell.kill);
                yield();
                give(cell);
            },
        .allowed =
            [](auto&) {
                return outcomes{{"got it", "kill"}};
            },
    });
}

TENDRIL_TEST(leak_check_kill_matrix, cleanup_that_sleeps_is_not_killed_again) {
    try_way({
        .name = "kill in cleanup",
        .how = [] { return manner{.sleeps_in_cleanup = true}; },
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
        .applies = [](blocking_call const& call) { return !waits_on(call); },
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
        .applies = [](blocking_call const& call) { return !waits_on(call) && call.repeatable; },
    });
}

TENDRIL_TEST(leak_check_kill_matrix, an_outer_limit_ends_the_wait) {
    try_way({
        .name = "outer limit",
        .how = [] { return manner{.outer_limit = 1ms}; },
        .act =
            [](trial& cell) {
                sleep_for(2ms);
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
                sleep_for(2ms);
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
                sleep_for(2ms);
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
                sleep_for(2ms);
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
    for (bool const outer : {false, true}) {
        for (bool const given_first : {false, true}) {
            try_way({
                .name = outer ? "outer limit and given at once" : "own limit and given at once",
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
                        sleep_for(3ms);
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
    for (call_maker const& make : test::every_blocking_call()) {
        leak_check const before;
        std::ptrdiff_t const objects = tendril::testing::live_allocations();
        {
            virtual_clock jumping;
            std::optional<trial> cell;
            run({.clock = &jumping}, [&] {
                cell.emplace(make, manner{});
                if (waits_on(cell->call)) {
                    give(*cell);
                }
            });
            bool const over = cell->seen == transcript{"exit"} ||
                cell->seen == transcript{"got it"};
            EXPECT_TRUE(over || waits_on(cell->call)) << cell->call.name << joined(cell->seen);
            EXPECT_NE(cell->next_end, "closed") << cell->call.name;
        }
        EXPECT_EQ(before.leaks(), "");
        EXPECT_EQ(tendril::testing::live_allocations(), objects);
        ++cells;
    }
    std::printf("%d cells: the hub closes\n", cells);
    EXPECT_GT(cells, 10);
}
