// SPDX-License-Identifier: BSL-1.0
//
// What holds for every primitive that hands over to a waiter: one winner, and nothing left behind.
#include <harness/tasks.hpp>
#include <tendril/hub/alarm.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/auto_reset_event.hpp>
#include <tendril/sync/condition_variable.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/latch.hpp>
#include <tendril/sync/mutex.hpp>
#include <tendril/sync/semaphore.hpp>
#include <tendril/sync/shared_mutex.hpp>
#include <tendril/sync/wait_queue.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::attempt;
using test::outcome_of;
using test::start;

// A primitive as a thing that whoever made it gives once, and that those who take it give on.
struct given_once {
    std::string name;
    std::function<bool(deadline)> take;
    std::function<void()> give;
    std::function<void()> give_on;
};

template <typename Lock>
given_once lock_of_maker(std::string name) {
    auto const m = std::make_shared<Lock>();
    m->lock();
    return {
        std::move(name),
        [m](deadline limit) { return m->try_lock_until(limit); },
        [m] { m->unlock(); },
        [m] { m->unlock(); },
    };
}

given_once readers_behind_a_writer() {
    auto const m = std::make_shared<tendril::shared_mutex>();
    m->lock();
    return {
        "shared_mutex, readers behind a writer",
        [m](deadline limit) { return m->try_lock_shared_until(limit); },
        [m] { m->unlock(); },
        [m] { m->unlock_shared(); },
    };
}

given_once writers_behind_a_reader() {
    auto const m = std::make_shared<tendril::shared_mutex>();
    m->lock_shared();
    return {
        "shared_mutex, writers behind a reader",
        [m](deadline limit) { return m->try_lock_until(limit); },
        [m] { m->unlock_shared(); },
        [m] { m->unlock(); },
    };
}

given_once condition_of_a_mutex() {
    struct guarded {
        tendril::mutex m;
        tendril::condition_variable changed;
    };
    auto const c = std::make_shared<guarded>();
    return {
        "condition_variable",
        [c](deadline limit) {
            std::unique_lock lock{c->m};
            return c->changed.wait_until(lock, limit) == std::cv_status::no_timeout;
        },
        [c] { c->changed.notify_one(); },
        [c] { c->changed.notify_one(); },
    };
}

// The same for what has `wait_until`, and is given to all or given on by one word.
template <typename Primitive, typename... Args>
given_once waited_for(std::string name, void (*give)(Primitive&), Args... args) {
    auto const p = std::make_shared<Primitive>(args...);
    return {
        std::move(name),
        [p](deadline limit) { return p->wait_until(limit); },
        [p, give] { give(*p); },
        [p, give] { give(*p); },
    };
}

given_once permits_of_a_semaphore() {
    auto const s = std::make_shared<bounded_semaphore>(1);
    s->acquire();
    return {
        "semaphore",
        [s](deadline limit) { return s->try_acquire_until(limit); },
        [s] { s->release(); },
        [s] { s->release(); },
    };
}

std::vector<given_once> every_primitive() {
    return {
        lock_of_maker<tendril::mutex>("mutex"),
        lock_of_maker<tendril::recursive_mutex>("recursive_mutex"),
        lock_of_maker<tendril::shared_mutex>("shared_mutex, writers behind a writer"),
        readers_behind_a_writer(),
        writers_behind_a_reader(),
        condition_of_a_mutex(),
        permits_of_a_semaphore(),
        waited_for<event>("event", [](event& e) { e.set(); }),
        waited_for<auto_reset_event>("auto_reset_event", [](auto_reset_event& e) { e.set(); }),
        waited_for<tendril::latch>(
            "latch", [](tendril::latch& l) { l.count_down(l.try_wait() ? 0 : 1); }, 1),
    };
}

// Made by the hub, which gives them in its callbacks.
std::vector<given_once> every_primitive_of_the_hub() {
    std::vector<given_once> made;
    this_hub().call_soon([&] { made = every_primitive(); });
    yield();
    return made;
}

// Calls a function among the alarms of a moment.
class call_among_alarms final : public alarm {
public:
    call_among_alarms(time_point moment, std::function<void()> function)
        : function_{std::move(function)} {
        arm(this_hub(), moment);
    }
    ~call_among_alarms() = default;

private:
    void expire() noexcept override { function_(); }

    std::function<void()> function_;
};

// Takes it until a moment, gives it on, and says in its outcome whether it had it.
void start_taker(attempt& into, given_once const& thing, deadline limit) {
    start(into, [&thing, limit] {
        if (!thing.take(limit)) {
            throw std::string{"limit"};
        }
        thing.give_on();
    });
}

}  // namespace

TENDRIL_ORDERED_HUB_TEST(
    wait_queue_every_primitive, give_kill_and_limit_of_one_turn_have_one_winner) {
    std::array<int, 3> order{0, 1, 2};
    do {
        for (given_once const& thing : every_primitive_of_the_hub()) {
            attempt first;
            attempt second;
            time_point const moment = now() + 1ms;
            start_taker(first, thing, deadline::at(moment + order[0] * 1ns));
            start_taker(second, thing, deadline::never());
            yield();
            call_among_alarms const give{moment + order[1] * 1ns, thing.give};
            call_among_alarms const kill{moment + order[2] * 1ns, [&] { first.run_by.kill(); }};
            clock.advance(2ms);
            sleep_for(1ms);
            // All three were due in one turn, and the earliest has won.
            auto const winner = std::min_element(order.begin(), order.end()) - order.begin();
            char const* const expected[] = {"limit", "returned", "exit"};
            EXPECT_EQ(first.outcome, expected[winner]) << thing.name;
            EXPECT_EQ(second.outcome, "returned") << thing.name;
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

TENDRIL_HUB_TEST(wait_queue_every_primitive, what_a_killed_one_was_given_goes_to_the_next) {
    for (given_once const& thing : every_primitive()) {
        attempt first;
        attempt second;
        start(first, [&] {
            thing.take(deadline::never());
            scope_exit const give_on{thing.give_on};
            sleep_for(1h);
        });
        start_taker(second, thing, deadline::never());
        yield();
        thing.give();
        first.run_by.kill();
        sleep_for(1ms);
        EXPECT_EQ(first.outcome, "exit") << thing.name;
        EXPECT_EQ(second.outcome, "returned") << thing.name;
        EXPECT_EQ(clock.elapsed() / 1h, 0) << thing.name;
    }
}

TENDRIL_ORDERED_HUB_TEST(wait_queue_every_primitive, who_gives_up_leaves_no_waiter_and_no_alarm) {
    for (std::string const how : {"kill", "cancel", "limit", "outer limit"}) {
        for (given_once const& thing : every_primitive()) {
            attempt taker;
            start(taker, [&] {
                deadline const own = how == "limit" ? deadline::after(1ms) : deadline::after(1h);
                timeout const outer{how == "outer limit" ? deadline::after(1ms) : own};
                if (!thing.take(own)) {
                    throw std::string{"limit"};
                }
            });
            yield();
            if (how == "kill") {
                taker.run_by.kill();
            } else if (how == "cancel") {
                taker.run_by.cancel();
            }
            sleep_for(1ms);
            EXPECT_NE(taker.outcome, "waits") << thing.name << how;
            EXPECT_NE(taker.outcome, "returned") << thing.name << how;
            EXPECT_EQ(this_hub().statistics().alarms, 0U) << thing.name << how;
            // A waiter that it has left behind would stop the program here.
        }
    }
}

TENDRIL_HUB_TEST(wait_queue_every_primitive, the_next_wait_of_one_that_gave_up_is_its_own) {
    for (given_once const& thing : every_primitive()) {
        attempt taker;
        start(taker, [&] {
            thing.take(deadline::after(1ms));
            event unrelated;
            throw std::string{unrelated.wait_for(1h) ? "woken" : "not woken"};
        });
        sleep_for(2ms);
        thing.give();
        sleep_for(2h);
        EXPECT_EQ(taker.outcome, "not woken") << thing.name;
    }
}

TENDRIL_HUB_TEST(wait_queue_every_primitive, a_pending_cancellation_is_noticed_without_waiting) {
    for (given_once const& thing : every_primitive()) {
        attempt taker;
        thing.give();
        start(taker, [&] {
            taker.run_by.cancel();
            thing.take(deadline::after(1h));
        });
        yield();
        EXPECT_EQ(taker.outcome, "cancelled") << thing.name;
    }
}

TENDRIL_HUB_TEST(wait_queue_every_primitive, giving_does_not_switch) {
    for (given_once const& thing : every_primitive()) {
        attempt taker;
        start_taker(taker, thing, deadline::never());
        yield();
        std::uint64_t const switches = this_hub().statistics().switches;
        thing.give();
        EXPECT_EQ(this_hub().statistics().switches, switches) << thing.name;
        yield();
        EXPECT_EQ(taker.outcome, "returned") << thing.name;
    }
}

TENDRIL_HUB_TEST(wait_queue_every_primitive, a_callback_cannot_wait_and_leaves_nothing) {
    for (given_once const& thing : every_primitive()) {
        std::string outcome;
        this_hub().call_soon([&] { outcome = outcome_of([&] { thing.take(deadline::never()); }); });
        yield();
        EXPECT_EQ(outcome, "misuse") << thing.name;
        attempt taker;
        start_taker(taker, thing, deadline::never());
        yield();
        thing.give();
        yield();
        EXPECT_EQ(taker.outcome, "returned") << thing.name;
    }
}

TENDRIL_HUB_TEST(wait_queue_every_primitive, refuses_a_second_thread_while_somebody_waits) {
    for (given_once const& thing : every_primitive()) {
        attempt taker;
        start_taker(taker, thing, deadline::never());
        yield();
        std::string elsewhere;
        test::run_on_new_thread(
            [&] { elsewhere = outcome_of([&] { thing.take(deadline::never()); }); });
        EXPECT_EQ(elsewhere, "wrong thread") << thing.name;
        thing.give();
        yield();
        EXPECT_EQ(taker.outcome, "returned") << thing.name;
    }
}
