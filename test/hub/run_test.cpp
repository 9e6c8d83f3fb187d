// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <harness/hubs.hpp>
#include <tendril/hub/run.hpp>
#include <tendril/time/sleep.hpp>

#include <memory>
#include <stdexcept>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::contains;
using test::lone_waiter;
using test::misuse_of;
using test::note_at_end;
using test::on_new_thread;
using test::transcript;

hub* hub_of_this_thread() { return hub::of(this_thread()); }

}  // namespace

TENDRIL_TEST(run, what_waits_on_its_way_out_at_the_end_of_a_thread_gets_a_hub) {
    bool finished = false;
    greenlet kept;
    std::thread{[&] {
        kept = greenlet{[&] {
            scope_exit const cleanup{[&] {
                sleep_for(1us);
                finished = true;
            }};
            test::switch_to_parent();
        }};
        kept.switch_to();
    }}.join();
    EXPECT_TRUE(finished);
    EXPECT_TRUE(kept.dead());
}

TENDRIL_TEST(run, returns_what_main_returns) {
    EXPECT_EQ(run([] { return 7; }), 7);
    run([] {});
    auto owned = run([] { return std::make_unique<int>(7); });
    EXPECT_EQ(*owned, 7);
}

TENDRIL_TEST(run, may_return_a_reference) {
    int number = 1;
    int& same = run([&]() -> int& { return number; });
    EXPECT_EQ(&same, &number);
}

TENDRIL_TEST(run, throws_what_main_throws_after_everything_else_has_ended) {
    transcript seen;
    try {
        run([&] {
            this_hub().spawn_raw([&] {
                test::yields_when_destroyed const cleanup{seen, "cleanup"};
                sleep_for(1h);
            });
            yield();
            throw std::runtime_error{"broken"};
        });
    } catch (std::runtime_error const& error) {
        seen.push_back(error.what());
    }
    EXPECT_EQ(seen, (transcript{"cleanup", "broken"}));
}

TENDRIL_TEST(run, ends_every_other_greenlet_before_it_returns) {
    transcript seen;
    run([&] {
        this_hub().spawn_raw([&] {
            note_at_end const note{seen, "ended"};
            sleep_for(1h);
        });
        yield();
    });
    EXPECT_EQ(seen, (transcript{"ended"}));
    EXPECT_EQ(hub_of_this_thread(), nullptr);
}

TENDRIL_TEST(run, main_runs_on_the_callers_own_stack) {
    greenlet_ref const caller = greenlet::current();
    run([&] { EXPECT_EQ(greenlet::current(), caller); });
}

TENDRIL_TEST(run, uses_the_hub_that_the_options_describe) {
    test::virtual_clock clock;
    run({.clock = &clock}, [&] {
        sleep_for(1h);
        EXPECT_EQ(clock.elapsed(), 1h);
    });
}

TENDRIL_TEST(run, can_be_called_again_after_it_has_returned) {
    for (int lap = 0; lap < 3; ++lap) {
        EXPECT_EQ(run([&] { return lap; }), lap);
    }
}

TENDRIL_TEST(run, works_inside_a_greenlet) {
    int result = 0;
    greenlet g{[&] {
        result = run([] {
            sleep_for(1us);
            return 7;
        });
    }};
    g.switch_to();
    EXPECT_EQ(result, 7);
    EXPECT_TRUE(g.dead());
}

// What is refused.

TENDRIL_HUB_TEST(run, is_refused_inside_run) {
    std::string const text = misuse_of([] { run([] {}); });
    EXPECT_TRUE(contains(text, "run() inside run()")) << text;
    EXPECT_TRUE(contains(text, "spawn a task instead")) << text;
    EXPECT_NO_THROW(sleep_for(1ms));
}

TENDRIL_HUB_TEST(run, is_refused_in_a_greenlet_of_the_hub) {
    std::string text;
    this_hub().spawn_raw([&] { text = misuse_of([] { run([] {}); }); });
    yield();
    EXPECT_TRUE(contains(text, "run() inside run()")) << text;
}

TENDRIL_TEST(run, is_refused_in_a_greenlet_of_a_hub_that_the_thread_has_made_by_itself) {
    std::string text;
    on_new_thread([&] {
        this_hub().spawn_raw([&] { text = misuse_of([] { run([] {}); }); });
        sleep_for(1us);
    });
    EXPECT_TRUE(contains(text, "run() inside run()")) << text;
}

TENDRIL_TEST(run, is_refused_while_a_hub_object_lives) {
    hub mine;
    EXPECT_TRUE(contains(misuse_of([] { run([] {}); }), "has a hub"));
    EXPECT_EQ(hub_of_this_thread(), &mine);
}

TENDRIL_TEST(run, is_refused_while_a_hub_object_lives_though_another_was_made_before) {
    on_new_thread([] {
        this_hub().close();
        hub mine;
        EXPECT_TRUE(contains(misuse_of([] { run([] {}); }), "has a hub"));
        EXPECT_EQ(hub_of_this_thread(), &mine);
    });
}

TENDRIL_TEST(run, is_refused_in_a_callback) {
    std::string text;
    on_new_thread([&] {
        this_hub().call_soon([&] { text = misuse_of([] { run([] {}); }); });
        sleep_for(1us);
    });
    EXPECT_TRUE(contains(text, "run() inside run()")) << text;
}

// The hub that a thread makes by itself.

TENDRIL_TEST(run, a_thread_makes_its_hub_at_the_first_call_that_needs_one) {
    on_new_thread([] {
        EXPECT_EQ(hub_of_this_thread(), nullptr);
        sleep_for(1us);
        EXPECT_NE(hub_of_this_thread(), nullptr);
        EXPECT_EQ(&this_hub(), hub_of_this_thread());
    });
}

TENDRIL_TEST(run, the_hub_of_a_thread_ends_its_greenlets_when_the_thread_ends) {
    transcript seen;
    on_new_thread([&] {
        this_hub().spawn_raw([&] {
            test::yields_when_destroyed const cleanup{seen, "cleanup"};
            sleep_for(1h);
        });
        yield();
        seen.push_back("end of the function");
    });
    EXPECT_EQ(seen, (transcript{"end of the function", "cleanup"}));
}

TENDRIL_TEST(run, a_hub_made_after_a_run_ends_with_the_thread_too) {
    transcript seen;
    on_new_thread([&] {
        run([] {});
        this_hub().spawn_raw([&] {
            test::yields_when_destroyed const cleanup{seen, "cleanup"};
            sleep_for(1h);
        });
        yield();
    });
    EXPECT_EQ(seen, (transcript{"cleanup"}));
}

TENDRIL_TEST(run, takes_over_the_hub_that_the_thread_has_made) {
    on_new_thread([] {
        hub& made = this_hub();
        bool called = false;
        run([&] {
            lone_waiter call{"the call"};
            made.call_later(1us, [&] {
                called = true;
                call.wake();
            });
            EXPECT_EQ(&this_hub(), &made);
            call.park();
        });
        EXPECT_TRUE(called);
        EXPECT_EQ(hub_of_this_thread(), nullptr);
    });
}

TENDRIL_TEST(run, with_options_does_not_take_over_the_hub_that_the_thread_has_made) {
    on_new_thread([] {
        hub& made = this_hub();
        std::string const text = misuse_of([] { run({.budget = 1}, [] {}); });
        EXPECT_TRUE(contains(text, "before anything that needs a hub")) << text;
        EXPECT_EQ(hub_of_this_thread(), &made);
    });
}

TENDRIL_TEST(run, a_new_hub_is_made_after_the_first_has_closed) {
    on_new_thread([] {
        this_hub().close();
        EXPECT_EQ(hub_of_this_thread(), nullptr);
        sleep_for(1us);
        EXPECT_NE(hub_of_this_thread(), nullptr);
    });
}

TENDRIL_TEST(run, a_callback_dropped_at_the_end_of_a_thread_may_use_the_hub) {
    transcript seen;
    on_new_thread([&] {
        auto last_words = [&seen](void*) {
            static_cast<void>(now());
            seen.push_back("used the hub");
        };
        std::unique_ptr<void, decltype(last_words)> owned{&seen, last_words};
        this_hub().call_later(1h, [owned = std::move(owned)] {});
    });
    EXPECT_EQ(seen, (transcript{"used the hub"}));
}

TENDRIL_TEST(run, threads_have_hubs_of_their_own) {
    run([] {
        hub* const mine = &this_hub();
        on_new_thread([&] { EXPECT_NE(&this_hub(), mine); });
        EXPECT_EQ(&this_hub(), mine);
    });
}
