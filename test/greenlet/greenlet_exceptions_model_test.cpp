// SPDX-License-Identifier: BSL-1.0
//
// What a greenlet sees of its own exceptions, whoever runs in between: the same as a thread would
// see that runs the same function alone. The thread is the oracle. Three greenlets take their turns
// in every possible order.
#include <harness/greenlets.hpp>
#include <harness/valgrind.hpp>
#include <tendril/greenlet/greenlet.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using test::switch_to_parent;
using test::transcript;

std::string text_of_handled() {
    std::exception_ptr const handled = std::current_exception();
    if (handled == nullptr) {
        return "nothing";
    }
    try {
        std::rethrow_exception(handled);
    } catch (std::string const& text) {
        return text;
    }
}

// Runs a plot: writes down what the C++ runtime says, and suspends where the plot says so.
struct witness {
    std::string name;
    transcript seen;
    std::function<void()> pause;

    void look() {
        seen.push_back(text_of_handled() + ", " + std::to_string(std::uncaught_exceptions()));
    }
    void look_pause_look() {
        look();
        pause();
        look();
    }
};

struct pauses_when_destroyed {
    witness& who;
    ~pauses_when_destroyed() { who.look_pause_look(); }
};

// Each plot pauses twice, so that it has three turns.
using plot = void (*)(witness&);

void two_handlers(witness& self) {
    try {
        throw self.name + " outer";
    } catch (std::string const&) {
        try {
            throw self.name + " inner";
        } catch (std::string const&) {
            self.look_pause_look();
        }
        self.look_pause_look();
    }
    self.look();
}

void unwinding_then_a_handler(witness& self) {
    try {
        pauses_when_destroyed const guard{self};
        throw self.name + " own";
    } catch (std::string const&) {
        self.look_pause_look();
    }
    self.look();
}

void unwinding_inside_a_handler(witness& self) {
    try {
        throw self.name + " outer";
    } catch (std::string const&) {
        try {
            pauses_when_destroyed const guard{self};
            throw self.name + " inner";
        } catch (std::string const&) {
            self.look_pause_look();
        }
        self.look();
    }
}

void rethrowing_from_a_handler(witness& self) {
    std::exception_ptr const kept = std::make_exception_ptr(self.name + " kept");
    try {
        try {
            std::rethrow_exception(kept);
        } catch (std::string const&) {
            self.look_pause_look();
            throw;
        }
    } catch (std::string const&) {
        self.look_pause_look();
    }
    self.look();
}

constexpr std::array<plot, 4> plots{
    &two_handlers,
    &unwinding_then_a_handler,
    &unwinding_inside_a_handler,
    &rethrowing_from_a_handler,
};

transcript seen_by_a_thread(plot played, std::string const& name) {
    witness alone{.name = name, .seen = {}, .pause = [] {}};
    std::thread{[&] { played(alone); }}.join();
    return alone.seen;
}

using cast_of_three = std::array<std::size_t, 3>;

// Plays three plots in one order of their nine turns. Says whether each saw what it should.
bool each_sees_its_own(
    cast_of_three const& cast, std::array<transcript, 3> const& expected,
    std::array<int, 9> const& order) {
    std::array<witness, 3> witnesses;
    std::array<greenlet, 3> all;
    for (std::size_t who = 0; who < 3; ++who) {
        witnesses[who].name = std::to_string(who);
        witnesses[who].pause = [] { switch_to_parent(); };
        all[who] = greenlet{
            [played = plots[cast[who]], &witness = witnesses[who]] { played(witness); }};
    }
    for (int const who : order) {
        all[static_cast<std::size_t>(who)].switch_to();
    }
    return std::equal(
        witnesses.begin(), witnesses.end(), expected.begin(),
        [](witness const& saw, transcript const& should) { return saw.seen == should; });
}

// Plays three plots in all orders, and returns how many those were; stops at the first wrong one.
int play_in_every_order(cast_of_three const& cast) {
    std::array<transcript, 3> expected;
    for (std::size_t who = 0; who < 3; ++who) {
        expected[who] = seen_by_a_thread(plots[cast[who]], std::to_string(who));
    }
    std::array<int, 9> order{0, 0, 0, 1, 1, 1, 2, 2, 2};
    int orders = 0;
    do {
        if (!each_sees_its_own(cast, expected, order)) {
            ADD_FAILURE() << "plots " << cast[0] << cast[1] << cast[2] << ", order " << orders;
            return orders;
        }
        ++orders;
    } while (std::next_permutation(order.begin(), order.end()));
    return orders;
}

// Sanitizers and Valgrind make a play fifty times as slow.
bool is_slow_here() { return TENDRIL_ASAN || TENDRIL_TSAN || test::runs_under_valgrind(); }

// All that differ in more than the order of the three; or one where each is different.
std::vector<cast_of_three> casts_to_play() {
    if (is_slow_here()) {
        return {{0, 1, 2}};
    }
    std::vector<cast_of_three> casts;
    for (std::size_t first = 0; first < plots.size(); ++first) {
        for (std::size_t second = first; second < plots.size(); ++second) {
            for (std::size_t third = second; third < plots.size(); ++third) {
                casts.push_back({first, second, third});
            }
        }
    }
    return casts;
}

// A greenlet that has played a plot up to one of its two pauses.
greenlet paused_greenlet(witness& who, plot played, int pause) {
    who.pause = [] { switch_to_parent(); };
    greenlet made{[&who, played] { played(who); }};
    for (int turn = 0; turn < pause; ++turn) {
        made.switch_to();
    }
    return made;
}

// Ways to be when one drops the last handle to another greenlet.
using situation = void (*)(std::function<void()> const& drop);

void in_no_handler(std::function<void()> const& drop) { drop(); }

void in_a_handler(std::function<void()> const& drop) {
    try {
        throw std::string{"dropper"};
    } catch (std::string const&) {
        drop();
    }
}

void while_unwinding(std::function<void()> const& drop) {
    try {
        scope_exit const guard{[&] { drop(); }};
        throw std::string{"dropper"};
    } catch (std::string const&) {}
}

// Ends a greenlet at one of its pauses, beside a neighbour that waits in two handlers.
void expect_an_end_to_disturb_nobody(plot played, int pause, situation where) {
    witness victim{.name = "victim", .seen = {}, .pause = {}};
    witness neighbour{.name = "neighbour", .seen = {}, .pause = {}};
    witness dropper;
    greenlet ended = paused_greenlet(victim, played, pause);
    greenlet const other = paused_greenlet(neighbour, &two_handlers, 1);
    where([&] {
        dropper.look();
        ended = greenlet{};
        dropper.look();
    });
    other.switch_to();
    other.switch_to();
    EXPECT_EQ(this_thread().started, 0U);
    EXPECT_EQ(dropper.seen[0], dropper.seen[1]);
    EXPECT_EQ(neighbour.seen, seen_by_a_thread(&two_handlers, "neighbour"));
}

}  // namespace

TENDRIL_TEST(greenlet, three_of_them_see_their_own_exceptions_in_all_33600_orders) {
    int orders = 0;
    for (cast_of_three const& cast : casts_to_play()) {
        orders += play_in_every_order(cast);
    }
    EXPECT_EQ(orders, is_slow_here() ? 1680 : 33600);
}

TENDRIL_TEST(greenlet, one_that_is_ended_anywhere_disturbs_the_exceptions_of_nobody) {
    int cells = 0;
    for (plot const played : plots) {
        for (int const pause : {1, 2}) {
            for (situation const where : {&in_no_handler, &in_a_handler, &while_unwinding}) {
                expect_an_end_to_disturb_nobody(played, pause, where);
                ++cells;
            }
        }
    }
    EXPECT_EQ(cells, 24);
}

TENDRIL_TEST(greenlet, the_oracle_sees_handled_exceptions_and_counts_those_in_flight) {
    EXPECT_EQ(
        seen_by_a_thread(&unwinding_inside_a_handler, "x"),
        (transcript{"x outer, 1", "x outer, 1", "x inner, 0", "x inner, 0", "x outer, 0"}));
}

TENDRIL_TEST(greenlet, a_thousand_of_them_handle_the_same_exception_at_once) {
    struct counted {
        std::shared_ptr<int> life;
    };
    // ThreadSanitizer takes milliseconds for the record of each stack.
    constexpr int many = TENDRIL_TSAN ? 100 : 1000;
    auto const life = std::make_shared<int>(0);
    std::exception_ptr error = std::make_exception_ptr(counted{life});
    std::set<void const*> objects;
    std::vector<greenlet> all;
    for (int count = 0; count < many; ++count) {
        all.emplace_back([&] {
            try {
                switch_to_parent();
            } catch (counted const& caught) {
                objects.insert(&caught);
                switch_to_parent();
            }
        });
        all.back().switch_to();
        all.back().throw_into(error);
    }
    error = nullptr;
    EXPECT_EQ(objects.size(), 1U);
    EXPECT_EQ(life.use_count(), 2);
    all.clear();
    EXPECT_EQ(life.use_count(), 1);
}
