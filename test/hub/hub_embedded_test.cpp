// SPDX-License-Identifier: BSL-1.0
//
// A hub on an io_context that the program runs. These tests run in real time, and end by events.
#include <harness/hubs.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/time/sleep.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using boost::asio::io_context;
using test::contains;
using test::lone_waiter;
using test::misuse_of;
using test::outcome_of;
using test::transcript;

TENDRIL_TEST(hub, an_embedded_one_runs_greenlets_while_the_program_runs_its_context) {
    io_context io;
    transcript seen;
    {
        hub mine{io, embedded};
        mine.spawn_raw([&] { seen.push_back("greenlet"); });
        seen.push_back("before");
        io.run();
    }
    EXPECT_EQ(seen, (transcript{"before", "greenlet"}));
}

TENDRIL_TEST(hub, the_context_of_an_embedded_one_has_work_while_a_task_is_alive) {
    io_context io;
    hub mine{io, embedded};
    bool woken = false;
    lone_waiter* waiting = nullptr;
    mine.spawn_raw([&] {
        lone_waiter me;
        waiting = &me;
        me.park();
        woken = true;
    });
    boost::asio::steady_timer timer{io, 1ms};
    timer.async_wait([&](auto) { boost::asio::post(io, [&] { waiting->wake(); }); });
    io.run();
    EXPECT_TRUE(woken);
}

TENDRIL_TEST(hub, the_context_of_an_embedded_one_runs_out_of_work_when_no_task_is_left) {
    io_context io;
    hub mine{io, embedded};
    io.run();
    EXPECT_TRUE(io.stopped());
}

TENDRIL_TEST(hub, greenlets_of_an_embedded_one_sleep) {
    io_context io;
    hub mine{io, embedded};
    transcript seen;
    mine.spawn_raw([&] {
        sleep_for(2ms);
        seen.push_back("second");
    });
    mine.spawn_raw([&] {
        sleep_for(1ms);
        seen.push_back("first");
    });
    io.run();
    EXPECT_EQ(seen, (transcript{"first", "second"}));
}

TENDRIL_TEST(hub, an_alarm_of_an_embedded_one_that_is_armed_in_a_handler_comes_in_time) {
    io_context io;
    hub mine{io, embedded};
    transcript seen;
    mine.call_later(1h, [] {}).set_reference(reference::unreferenced);
    boost::asio::post(io, [&] { mine.call_later(1ms, [&] { seen.push_back("call"); }); });
    io.run();
    EXPECT_EQ(seen, transcript{"call"});
}

TENDRIL_TEST(hub, an_unreferenced_call_of_an_embedded_one_does_not_keep_the_context_running) {
    io_context io;
    hub mine{io, embedded};
    auto call = mine.call_later(1h, [] {});
    call.set_reference(reference::unreferenced);
    io.run();
    EXPECT_TRUE(call.cancel());
}

TENDRIL_TEST(hub, handlers_of_the_program_have_their_turn_while_greenlets_spin) {
    io_context io;
    hub mine{io, embedded, {.budget = 8}};
    bool handled = false;
    mine.spawn_raw([&] {
        while (!handled) {
            yield();
        }
    });
    boost::asio::post(io, [&] { boost::asio::post(io, [&] { handled = true; }); });
    io.run();
    EXPECT_TRUE(handled);
}

TENDRIL_TEST(hub, a_turn_of_an_embedded_one_takes_as_many_steps_as_the_budget_allows) {
    io_context io;
    hub mine{io, embedded, {.budget = 8}};
    int steps = 0;
    bool done = false;
    mine.spawn_raw([&] {
        while (!done) {
            ++steps;
            yield();
        }
    });
    io.poll_one();
    EXPECT_LE(steps, 8);
    EXPECT_GE(steps, 4);
    done = true;
    io.run();
}

TENDRIL_TEST(hub, another_thread_may_post_to_an_embedded_one) {
    io_context io;
    hub mine{io, embedded};
    lone_waiter* waiting = nullptr;
    std::thread poster;
    mine.spawn_raw([&] {
        lone_waiter me;
        waiting = &me;
        poster = std::thread{[&, door = mine.remote()] { door.post([&] { waiting->wake(); }); }};
        me.park();
    });
    io.run();
    poster.join();
}

TENDRIL_TEST(hub, a_post_to_an_embedded_one_comes_while_the_context_waits_for_something_else) {
    io_context io;
    hub mine{io, embedded};
    auto work = boost::asio::make_work_guard(io);
    std::thread poster{[&, door = mine.remote()] { door.post([&] { work.reset(); }); }};
    io.run();
    poster.join();
}

TENDRIL_TEST(hub, greenlets_of_an_embedded_one_wait_for_descriptors) {
    io_context io;
    hub mine{io, embedded};
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    bool readable = false;
    mine.spawn_raw([&] {
        wait_readable(ends[0]);
        readable = true;
    });
    boost::asio::post(io, [&] { EXPECT_EQ(write(ends[1], "x", 1), 1); });
    io.run();
    EXPECT_TRUE(readable);
    close(ends[0]);
    close(ends[1]);
}

TENDRIL_TEST(hub, the_stack_that_runs_the_context_must_not_park) {
    io_context io;
    hub mine{io, embedded};
    EXPECT_TRUE(contains(misuse_of([] { sleep_for(1s); }), "runs the io_context"));
}

TENDRIL_TEST(hub, a_handler_of_the_program_must_not_park_on_an_embedded_one) {
    io_context io;
    hub mine{io, embedded};
    std::string outcome;
    boost::asio::post(io, [&] { outcome = outcome_of([] { sleep_for(1s); }); });
    io.run();
    EXPECT_EQ(outcome, "misuse");
}

TENDRIL_TEST(hub, another_thread_that_runs_the_context_of_an_embedded_one_is_refused) {
    io_context io;
    hub mine{io, embedded};
    mine.spawn_raw([] {});
    std::string outcome;
    std::thread{[&] { outcome = outcome_of([&] { io.run(); }); }}.join();
    EXPECT_EQ(outcome, "wrong thread");
}

TENDRIL_TEST(hub, an_embedded_one_is_made_on_the_threads_own_stack) {
    io_context io;
    std::string outcome;
    greenlet{[&] { outcome = outcome_of([&] { hub{io, embedded}; }); }}.switch_to();
    EXPECT_EQ(outcome, "misuse");
}

TENDRIL_TEST(hub, an_embedded_one_takes_no_other_clock) {
    io_context io;
    tendril::testing::virtual_clock clock;
    EXPECT_EQ(outcome_of([&] { hub{io, embedded, {.clock = &clock}}; }), "misuse");
}

TENDRIL_TEST(hub, main_does_not_run_an_embedded_one) {
    io_context io;
    hub mine{io, embedded};
    EXPECT_EQ(outcome_of([&] { mine.run_forever(); }), "misuse");
    EXPECT_EQ(outcome_of([&] { mine.join(); }), "misuse");
    EXPECT_EQ(outcome_of([&] { run([] {}); }), "misuse");
}

TENDRIL_TEST(hub, an_embedded_one_ends_its_greenlets_with_the_loop_turning) {
    io_context io;
    transcript seen;
    {
        hub mine{io, embedded};
        mine.spawn_raw([&] {
            test::yields_when_destroyed const cleanup{seen, "cleaned up"};
            lone_waiter{}.park();
        });
        io.run_for(0ms);
        io.poll();
    }
    EXPECT_EQ(seen, transcript{"cleaned up"});
}

TENDRIL_TEST(hub, closing_an_embedded_one_in_a_handler_of_its_context_is_misuse) {
    io_context io;
    hub mine{io, embedded};
    std::string text;
    boost::asio::post(io, [&] { text = misuse_of([&] { mine.close(); }); });
    io.run();
    EXPECT_TRUE(contains(text, "let the context's run() return first"));
}

TENDRIL_TEST(hub, closing_an_embedded_one_on_a_greenlet_is_misuse) {
    io_context io;
    hub mine{io, embedded};
    std::string outcome;
    mine.spawn_raw([&] { outcome = outcome_of([&] { mine.close(); }); });
    io.run();
    EXPECT_EQ(outcome, "misuse");
}

TENDRIL_TEST(hub, a_context_may_outlive_its_hub_with_handlers_of_it_pending) {
    io_context io;
    {
        hub mine{io, embedded};
        mine.call_later(1h, [] {});
        mine.call_soon([] {});
        io.poll_one();
    }
    EXPECT_EQ(outcome_of([&] { io.run(); }), "returned");
}

TENDRIL_TEST(hub, a_second_embedded_one_may_follow_on_the_same_context) {
    io_context io;
    int ran = 0;
    for (int round = 0; round < 2; ++round) {
        hub mine{io, embedded};
        mine.spawn_raw([&] { ++ran; });
        io.restart();
        io.run();
    }
    EXPECT_EQ(ran, 2);
}

TENDRIL_TEST(hub, an_embedded_one_uses_no_processor_time_while_it_waits) {
    io_context io;
    hub mine{io, embedded};
    mine.spawn_raw([] { sleep_for(50ms); });
    io.run();
    EXPECT_LE(mine.statistics().turns, 4u);
}

TENDRIL_TEST(hub, whoever_idles_in_an_embedded_one_goes_on_when_the_others_wait) {
    io_context io;
    hub mine{io, embedded};
    transcript seen;
    mine.spawn_raw([&] {
        idle();
        seen.push_back("idled");
    });
    mine.spawn_raw([&] {
        for (int count = 0; count < 3; ++count) {
            seen.push_back("step");
            yield();
        }
    });
    boost::asio::post(io, [&] { seen.push_back("handler"); });
    io.run();
    ASSERT_EQ(seen.size(), 5u);
    EXPECT_EQ(seen.back(), "idled");
}

TENDRIL_TEST(hub, two_may_idle_in_an_embedded_one) {
    io_context io;
    hub mine{io, embedded};
    int idled = 0;
    for (int count = 0; count < 2; ++count) {
        mine.spawn_raw([&] {
            idle();
            ++idled;
        });
    }
    io.run();
    EXPECT_EQ(idled, 2);
}

}  // namespace
