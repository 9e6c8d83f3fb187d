// SPDX-License-Identifier: BSL-1.0
//
// The end of a hub.
#include <harness/hubs.hpp>
#include <tendril/greenlet/big_stack.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/time/sleep.hpp>

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::contains;
using test::lone_waiter;
using test::misuse_of;
using test::run_on_new_thread;
using test::strand_on_new_thread;
using test::transcript;
using test::yields_when_destroyed;

[[noreturn]] void swallow_exits(int& swallowed) {
    while (true) {
        try {
            sleep_for(1h);
        } catch (greenlet_exit const&) {
            ++swallowed;
        }
    }
}

struct waits_for_ever_when_destroyed {
    ~waits_for_ever_when_destroyed() { lone_waiter{"what never comes"}.park(); }
};

// Writes a word when it is destroyed, for captures.
auto noted(transcript& seen, std::string word) {
    auto note = [&seen, word = std::move(word)](void*) { seen.push_back(word); };
    return std::unique_ptr<void, decltype(note)>{&seen, std::move(note)};
}

}  // namespace

// What ends.

TENDRIL_HUB_TEST(hub_close, ends_every_greenlet_of_the_thread) {
    transcript seen;
    auto const sleeper = this_hub().spawn_raw([&] {
        scope_exit const note{[&] { seen.push_back("sleeper"); }};
        sleep_for(1h);
    });
    greenlet by_hand{[&] {
        scope_exit const note{[&] { seen.push_back("by hand"); }};
        greenlet::current().parent().switch_to();
    }};
    by_hand.switch_to();
    yield();
    this_hub().close();
    EXPECT_EQ(seen, (transcript{"sleeper", "by hand"}));
    EXPECT_TRUE(sleeper.dead());
    EXPECT_TRUE(by_hand.dead());
    EXPECT_EQ(clock.elapsed(), 0ns);
}

TENDRIL_HUB_TEST(hub_close, greenlets_that_have_not_begun_never_do) {
    bool began = false;
    auto const captured = std::make_shared<int>(1);
    auto const other = this_hub().spawn_raw([&began, captured] { began = true; });
    this_hub().close();
    EXPECT_FALSE(began);
    EXPECT_TRUE(other.dead());
    EXPECT_EQ(captured.use_count(), 1);
}

TENDRIL_HUB_TEST(hub_close, those_that_are_ready_end_at_their_next_park) {
    transcript seen;
    auto const other = this_hub().spawn_raw([&] {
        yield();
        seen.push_back(test::outcome_of([] { sleep_for(1h); }));
    });
    yield();
    this_hub().close();
    EXPECT_EQ(seen, (transcript{"exit"}));
}

TENDRIL_HUB_TEST(hub_close, cleanup_that_parks_can_finish) {
    transcript seen;
    for (char const* word : {"a", "b"}) {
        this_hub().spawn_raw([&seen, word] {
            yields_when_destroyed const second{seen, std::string{word} + " second"};
            yields_when_destroyed const first{seen, std::string{word} + " first"};
            sleep_for(1h);
        });
    }
    yield();
    this_hub().close();
    // In which order the greenlets are asked to exit is not promised.
    std::sort(seen.begin(), seen.begin() + 2);
    std::sort(seen.begin() + 2, seen.end());
    EXPECT_EQ(seen, (transcript{"a first", "b first", "a second", "b second"}));
}

TENDRIL_HUB_TEST(hub_close, cleanup_of_one_suspended_by_hand_can_park_too) {
    transcript seen;
    greenlet g{[&] {
        yields_when_destroyed const cleanup{seen, "cleanup"};
        greenlet::current().parent().switch_to();
    }};
    g.switch_to();
    this_hub().close();
    EXPECT_EQ(seen, (transcript{"cleanup"}));
}

TENDRIL_HUB_TEST(hub_close, greenlets_made_meanwhile_never_begin) {
    transcript seen;
    auto const other = this_hub().spawn_raw([&] {
        scope_exit const cleanup{[&] {
            this_hub().spawn_raw([&] { seen.push_back("began"); });
            lone_waiter pause;
            pause.park_until(deadline::after(1ms));
            seen.push_back("cleanup");
        }};
        sleep_for(1h);
    });
    yield();
    this_hub().close();
    EXPECT_EQ(seen, (transcript{"cleanup"}));
}

TENDRIL_HUB_TEST(hub_close, a_greenlet_that_has_switched_by_hand_outlives_the_one_it_switched_to) {
    transcript seen;
    auto const outer = this_hub().spawn_raw([&] {
        std::string const lives_longer = "inner";
        scope_exit const note{[&] { seen.push_back("outer"); }};
        greenlet g{[&] {
            scope_exit const inner_note{[&] { seen.push_back(lives_longer); }};
            sleep_for(1h);
        }};
        g.switch_to();
        sleep_for(1h);
    });
    yield();
    this_hub().close();
    EXPECT_EQ(seen, (transcript{"inner", "outer"}));
}

TENDRIL_HUB_TEST(hub_close, ends_a_greenlet_that_has_switched_by_hand_and_that_nobody_continues) {
    transcript seen;
    greenlet returns_to_main{[] {}};
    this_hub().spawn_raw([&] {
        scope_exit const note{[&] { seen.push_back("spawned"); }};
        returns_to_main.switch_to();
    });
    yield();
    this_hub().close();
    EXPECT_EQ(seen, (transcript{"spawned"}));
}

// Calls and posts.

TENDRIL_HUB_TEST(hub_close, calls_what_is_queued_and_drops_what_is_delayed) {
    transcript seen;
    this_hub().call_soon([&] { seen.push_back("soon"); });
    this_hub().call_later(1h, [&seen, gone = noted(seen, "dropped")] { seen.push_back("later"); });
    this_hub().close();
    EXPECT_EQ(seen, (transcript{"soon", "dropped"}));
    EXPECT_EQ(clock.elapsed(), 0ns);
}

TENDRIL_HUB_TEST(hub_close, delayed_calls_of_the_time_of_cleanup_are_made) {
    transcript seen;
    this_hub().call_later(500us, [&] { seen.push_back("in time"); });
    this_hub().call_later(1h, [&] { seen.push_back("too late"); });
    this_hub().spawn_raw([&] {
        yields_when_destroyed const cleanup{seen, "cleanup"};
        sleep_for(2h);
    });
    yield();
    this_hub().close();
    EXPECT_EQ(seen, (transcript{"in time", "cleanup"}));
}

TENDRIL_HUB_TEST(hub_close, calls_what_was_posted_before) {
    transcript seen;
    remote const door = this_hub().remote();
    EXPECT_TRUE(door.post([&] { seen.push_back("posted"); }));
    this_hub().close();
    EXPECT_EQ(seen, (transcript{"posted"}));
    EXPECT_FALSE(door.post([] {}));
}

TENDRIL_HUB_TEST(hub_close, a_call_that_asks_for_itself_for_ever_does_not_hold_it_up) {
    int calls = 0;
    std::function<void()> again = [&] {
        ++calls;
        this_hub().call_soon(again);
    };
    again();
    this_hub().close();
    EXPECT_GE(calls, 1);
}

TENDRIL_HUB_TEST(hub_close, captures_that_use_the_hub_when_they_are_dropped_can) {
    transcript seen;
    auto last_words = [&seen](void*) {
        seen.push_back(this_hub().now() == now() ? "used the hub" : "another hub");
        this_hub().call_soon([] {});
    };
    std::unique_ptr<void, decltype(last_words)> owned{&seen, last_words};
    this_hub().call_later(1h, [owned = std::move(owned)] {});
    this_hub().close();
    EXPECT_EQ(seen, (transcript{"used the hub"}));
}

// What is refused.

TENDRIL_HUB_TEST(hub_close, does_nothing_the_second_time) {
    hub& here = this_hub();
    here.close();
    EXPECT_NO_THROW(here.close());
}

TENDRIL_HUB_TEST(hub_close, refuses_new_work_from_then_on) {
    hub& here = this_hub();
    deadline const present = deadline::at(now());
    here.close();
    EXPECT_TRUE(contains(misuse_of([&] { here.call_soon([] {}); }), "has closed"));
    EXPECT_TRUE(contains(misuse_of([&] { here.call_at(present, [] {}); }), "has closed"));
    EXPECT_TRUE(contains(misuse_of([&] { here.remote(); }), "has closed"));
    EXPECT_TRUE(contains(misuse_of([&] { here.spawn_raw([] {}); }), "has closed"));
}

TENDRIL_HUB_TEST(hub_close, cannot_be_called_in_a_callback) {
    std::string text;
    this_hub().call_soon([&] { text = misuse_of([] { this_hub().close(); }); });
    yield();
    EXPECT_TRUE(contains(text, "cannot be called in a callback")) << text;
}

TENDRIL_HUB_TEST(hub_close, cannot_be_called_by_a_greenlet_that_the_hub_runs) {
    std::string text;
    this_hub().spawn_raw([&] { text = misuse_of([] { this_hub().close(); }); });
    sleep_for(1ms);
    EXPECT_TRUE(contains(text, "let the main greenlet do it")) << text;
}

TENDRIL_TEST(hub_close, may_be_called_by_a_greenlet_for_which_main_waits) {
    transcript seen;
    run_on_new_thread([&] {
        this_hub().spawn_raw([&] {
            scope_exit const note{[&] { seen.push_back("ended"); }};
            sleep_for(1h);
        });
        yield();
        greenlet{[] { this_hub().close(); }}.switch_to();
        seen.push_back("main");
    });
    EXPECT_EQ(seen, (transcript{"ended", "main"}));
}

// Those that do not end.

TENDRIL_TEST(hub_close, reports_and_leaves_one_that_swallows_its_exits) {
    transcript errors;
    int swallowed = 0;
    strand_on_new_thread([&] {
        test::collect_errors(errors);
        this_hub().spawn_raw([&] { swallow_exits(swallowed); });
        yield();
        this_hub().close();
    });
    EXPECT_EQ(swallowed, 8);
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(contains(errors[0], "swallowed greenlet_exit again and again")) << errors[0];
}

TENDRIL_TEST(hub_close, is_not_held_up_by_one_that_swallows_its_exits_and_is_always_ready) {
    transcript errors;
    strand_on_new_thread([&] {
        test::collect_errors(errors);
        this_hub().spawn_raw([] {
            while (true) {
                try {
                    yield();
                } catch (greenlet_exit const&) {}
            }
        });
        yield();
        this_hub().close();
    });
    EXPECT_EQ(errors.size(), 1U);
}

TENDRIL_TEST(hub_close, reports_and_leaves_one_suspended_by_hand_that_swallows_its_exits) {
    transcript errors;
    int swallowed = 0;
    strand_on_new_thread([&] {
        test::collect_errors(errors);
        this_hub().spawn_raw([&swallowed] {
            while (true) {
                try {
                    greenlet{[] {}, {.parent = greenlet::current().parent()}}.switch_to();
                } catch (greenlet_exit const&) {
                    ++swallowed;
                }
            }
        });
        yield();
        this_hub().close();
    });
    EXPECT_EQ(swallowed, 8);
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(contains(errors[0], "swallowed greenlet_exit again and again")) << errors[0];
}

TENDRIL_TEST(hub_close, reports_once_and_leaves_cleanup_that_waits_for_what_can_never_happen) {
    transcript errors;
    strand_on_new_thread([&] {
        test::collect_errors(errors);
        this_hub().spawn_raw([] {
            waits_for_ever_when_destroyed const cleanup;
            sleep_for(1h);
        });
        yield();
        this_hub().close();
    });
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(contains(errors[0], "the hub closes, and cleanup waits")) << errors[0];
    EXPECT_TRUE(contains(errors[0], "waits for what never comes")) << errors[0];
}

TENDRIL_TEST(hub_close, an_embedded_one_leaves_cleanup_that_waits_in_vain_as_well) {
    transcript errors;
    std::thread{[&] {
        bool const leaks_are_checked = &__lsan_disable != nullptr;
        if (leaks_are_checked) {
            __lsan_disable();
        }
        boost::asio::io_context io;
        hub mine{io, embedded};
        test::collect_errors(errors);
        mine.spawn_raw([] {
            waits_for_ever_when_destroyed const cleanup;
            sleep_for(1h);
        });
        io.poll();
        mine.close();
    }}.join();
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_TRUE(contains(errors[0], "the hub closes, and cleanup waits")) << errors[0];
}

TENDRIL_TEST(hub_close, reports_and_leaves_cleanup_in_vain_of_one_suspended_by_hand) {
    transcript errors;
    strand_on_new_thread([&] {
        test::collect_errors(errors);
        greenlet g{[] {
            waits_for_ever_when_destroyed const cleanup;
            greenlet::current().parent().switch_to();
        }};
        g.switch_to();
        this_hub().close();
    });
    ASSERT_FALSE(errors.empty());
    EXPECT_TRUE(contains(errors[0], "waits for what never comes")) << errors[0];
}

TENDRIL_TEST(hub_close, ends_one_suspended_by_hand_before_it_gives_up_on_those_that_wait_for_it) {
    transcript errors;
    transcript seen;
    run_on_new_thread([&] {
        test::collect_errors(errors);
        lone_waiter* waits = nullptr;
        this_hub().spawn_raw([&] {
            scope_exit const cleanup{[&] {
                lone_waiter me;
                waits = &me;
                me.park();
                seen.push_back("woken");
            }};
            sleep_for(1h);
        });
        greenlet g{[&] {
            scope_exit const cleanup{[&] { waits->wake(); }};
            greenlet::current().parent().switch_to();
        }};
        g.switch_to();
        yield();
        this_hub().close();
    });
    EXPECT_EQ(errors, transcript{});
    EXPECT_EQ(seen, (transcript{"woken"}));
}

TENDRIL_TEST(hub_close, a_greenlet_left_behind_ignores_later_wakes_and_lost_handles) {
    strand_on_new_thread([] {
        transcript errors;
        int swallowed = 0;
        lone_waiter* waits = nullptr;
        bool went_on = false;
        greenlet g = this_hub().spawn_raw([&] {
            while (true) {
                try {
                    lone_waiter me;
                    waits = &me;
                    me.park();
                    went_on = true;
                } catch (greenlet_exit const&) {
                    ++swallowed;
                }
            }
        });
        test::collect_errors(errors);
        yield();
        this_hub().close();
        EXPECT_FALSE(waits->wake());
        g = {};
        EXPECT_FALSE(went_on);
    });
}

TENDRIL_TEST(hub_close, leaves_main_alone_that_stands_on_a_big_stack) {
    std::thread{[] {
        hub mine;
        greenlet const closer{[&] {
            mine.close();
            return 1;
        }};
        EXPECT_EQ(on_big_stack([&] { return closer.switch_to().as<int>(); }), 1);
    }}.join();
}

TENDRIL_TEST(hub_close, the_last_handle_to_one_left_behind_may_go) {
    static int swallowed = 0;
    strand_on_new_thread([] {
        transcript errors;
        test::collect_errors(errors);
        greenlet g{[] { swallow_exits(swallowed); }};
        greenlet_ref const ref = g;
        this_hub().call_soon([] {});
        this_hub().spawn_raw([&] { g.switch_to(); });
        yield();
        this_hub().close();
        EXPECT_FALSE(ref.dead());
        g = {};
        EXPECT_FALSE(ref.dead());
    });
    EXPECT_EQ(swallowed, 8);
}

TENDRIL_TEST(hub_close, a_later_hub_of_the_thread_does_not_wait_for_those_left_behind) {
    strand_on_new_thread([] {
        transcript errors;
        test::collect_errors(errors);
        this_hub().spawn_raw([] {
            waits_for_ever_when_destroyed const cleanup;
            sleep_for(1h);
        });
        yield();
        this_hub().close();
        EXPECT_EQ(errors.size(), 1U);
        hub later;
        test::collect_errors(errors);
        std::string text;
        try {
            sleep_until(deadline::never());
        } catch (would_block_forever const& error) {
            text = error.what();
        }
        EXPECT_FALSE(contains(text, "what never comes")) << text;
        later.close();
        EXPECT_EQ(errors.size(), 1U);
    });
}
