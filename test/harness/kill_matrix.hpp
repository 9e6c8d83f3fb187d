// SPDX-License-Identifier: BSL-1.0
#pragma once

// The matrix of kills: a cell is one call that waits (blocking_calls.hpp), and one way to end it.

#include <harness/blocking_calls.hpp>
#include <harness/failing_allocations.hpp>
#include <harness/hubs.hpp>
#include <tendril/hub/alarm.hpp>
#include <tendril/scope/cancel_scope.hpp>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace tendril::test::kill_matrix {

using namespace std::chrono_literals;
using testing::leak_check;

// The outcomes that are allowed.
using outcomes = std::vector<transcript>;
using judge = std::function<outcomes(blocking_call const&)>;

// How a call has ended, in a word.
template <typename F>
std::string end_of(F&& take) {
    try {
        return take() ? "got it" : "out of time";
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

// Where the first greenlet makes the call.
enum class place {
    its_function,
    // A destructor has to wait on the way out.
    above_cleanup,
    // It handles an exception.
    a_handler,
    // A greenlet of its own makes it, to which it has switched by hand.
    a_nested_greenlet,
};

// What the first greenlet does beside the call.
struct manner {
    std::function<deadline()> limit = [] { return deadline::after(1h); };
    std::optional<std::chrono::milliseconds> outer_limit = std::nullopt;
    bool wished_before = false;
    // It is made in a scope, with this limit.
    std::optional<std::chrono::milliseconds> scope_limit = std::nullopt;
    bool shielded = false;
    place where = place::its_function;
    int attempts = 1;
};

// One cell, in a hub of its own.
class trial {
public:
    trial(call_maker const& make, manner how, virtual_clock& clock)
        : clock_{clock},
          how_{std::move(how)} {
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

    // Who waits: the first greenlet, or the one within it.
    control_block& first() const noexcept {
        return *(nested_.block() != nullptr ? nested_ : first_).block();
    }

    // Lets time pass, by hand where it stands still.
    void pass(std::chrono::nanoseconds time) {
        if (call.stops_time) {
            this_hub().call_soon([this, time] { clock_.advance(time); });
        }
        sleep_for(time);
    }

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
    // Around the call, if it is to be made in one.
    std::optional<cancel_scope> scope;
    transcript seen;
    std::string next_end = "waits";
    bool at_rest = true;

private:
    void run_first() {
        std::optional<timeout> outer;
        std::optional<interruption_shield> shield;
        if (how_.wished_before) {
            request(first(), kill);
        }
        if (how_.shielded) {
            shield.emplace();
        }
        if (how_.scope_limit) {
            scope.emplace(cancel_scope_options{.limit = deadline::after(*how_.scope_limit)});
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
        while (seen.back() != "exit" && note(outcome_of([] { yield(); })) != "returned") {}
        if (seen.back() == "returned") {
            seen.pop_back();
        }
    }

    std::string end_of_call() {
        switch (how_.where) {
        case place::its_function:
            return end_of([this] { return take(); });
        case place::above_cleanup:
            return end_of([this] {
                yields_when_destroyed const cleanup{seen, "cleaned up"};
                return take();
            });
        case place::a_handler:
            return end_in_a_handler();
        case place::a_nested_greenlet:
            return end_of([this] { return take_in_a_nested_greenlet(); });
        }
        return "nowhere";
    }

    bool take() {
        if (!scope) {
            return call.take(how_.limit());
        }
        std::optional<bool> const got = scope->run([this] { return call.take(how_.limit()); });
        return got ? *got : throw std::string{"scope"};
    }

    std::string end_in_a_handler() {
        std::string word;
        try {
            throw 1;
        } catch (int const& handled) {
            word = end_of([this] { return take(); });
            try {
                throw;
            } catch (int const& still_handled) {
                word += &handled == &still_handled ? "" : ", and another exception is handled";
            }
        }
        return word;
    }

    bool take_in_a_nested_greenlet() {
        bool got = false;
        nested_ = greenlet{[&] { got = take(); }};
        nested_.switch_to();
        return got;
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
            next_end = end_of([this] { return call.take(deadline::after(1h)); });
            if (next_end == "got it") {
                give_on();
            }
        });
    }

    virtual_clock& clock_;
    manner how_;
    greenlet first_;
    greenlet next_;
    greenlet nested_;
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

inline bool waits_on(blocking_call const& call) {
    return call.to_wishes == answer::later || call.to_wishes == answer::over_soon ||
        call.to_wishes == answer::never_inside;
}

// A wish that comes before what is waited for.
inline judge interrupted(transcript words) {
    return [=](blocking_call const& call) {
        transcript late = words;
        late.insert(late.begin(), "got it");
        if (call.to_wishes == answer::either) {
            return outcomes{words, late};
        }
        return outcomes{waits_on(call) ? late : words};
    };
}

// A wish that comes after it.
inline judge given_before(std::string word) {
    return [=](blocking_call const& call) {
        bool const late = call.to_wishes == answer::given_late ||
            call.to_wishes == answer::ends_before_time;
        if (call.to_wishes == answer::either) {
            return outcomes{{word}, {"got it", word}};
        }
        return outcomes{late ? transcript{word} : transcript{"got it", word}};
    };
}

// A limit, which a call that waits on may outlive.
inline judge limited(std::string word) {
    return [=](blocking_call const& call) {
        bool const ends = waits_on(call) || call.to_wishes == answer::ends_before_time;
        if (call.to_wishes == answer::either) {
            return outcomes{{word}, {"got it"}};
        }
        return outcomes{ends ? transcript{"got it"} : transcript{word}};
    };
}

// A scope that is cancelled: it says nothing any more when the call was made.
inline judge scoped(bool given_before) {
    return [=](blocking_call const& call) {
        if (call.to_wishes == answer::either) {
            return outcomes{{"scope"}, {"got it"}};
        }
        bool const late = call.to_wishes == answer::given_late ||
            call.to_wishes == answer::ends_before_time;
        bool const ends = given_before ? late : !waits_on(call);
        return outcomes{ends ? transcript{"scope"} : transcript{"got it"}};
    };
}

inline bool ends_with_the_wish(blocking_call const& call) {
    return !waits_on(call) && call.to_wishes != answer::either;
}

inline bool has_limit(blocking_call const& call) { return call.timed; }
inline bool has_end(blocking_call const& call) { return call.close != nullptr; }
inline bool is_limited(blocking_call const& call) { return call.to_wishes != answer::never_inside; }

inline void give(trial& cell) { in_the_hub(cell.call.give); }
inline void kill_and_give(trial& cell) {
    request(cell.first(), cell.kill);
    yield();
    give(cell);
}

// Of what has an end for those who wait only: a descriptor, for example.
inline void give_again_what_stays_open(trial& cell) {
    if (cell.call.alone) {
        give(cell);
    }
}

inline std::string joined(transcript const& words) {
    std::string text;
    for (std::string const& word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

// What is wrong with a cell that has come to its end; empty when nothing is.
inline std::string complaint_about(trial const& cell, way const& tried) {
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
inline std::string run_cell(call_maker const& make, way const& tried, bool& applies) {
    std::string wrong;
    leak_check const before;
    virtual_clock jumping;
    run({.clock = &jumping}, [&] {
        trial cell{make, tried.how(), jumping};
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
inline std::string try_cell(call_maker const& make, way const& tried, bool& applies) {
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

// How many cells there were of each way that was tried.
inline std::map<std::string, int>& cells_of_ways() {
    static std::map<std::string, int> all;
    return all;
}

inline void count_cells(int cells, char const* name) {
    cells_of_ways()[name] = cells;
    std::printf("%d cells: %s\n", cells, name);
}

// Tries a way on every call, and says how many cells that were.
inline void try_way(way const& tried) {
    int cells = 0;
    for (auto const list : {every_blocking_call, every_call_that_stops_time}) {
        calls const some = list();
        bool warm = true;
        // What is made once for the thread is made before.
        static_cast<void>(run_cell(some.front(), tried, warm));
        for (call_maker const& make : some) {
            bool applies = true;
            EXPECT_EQ(try_cell(make, tried, applies), "") << tried.name;
            cells += applies ? 1 : 0;
        }
    }
    count_cells(cells, tried.name);
    EXPECT_GT(cells, 10) << tried.name;
}

}  // namespace tendril::test::kill_matrix
