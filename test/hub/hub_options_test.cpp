// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <tendril/hub/hub_options.hpp>
#include <tendril/time/sleep.hpp>

#include <boost/asio/io_context.hpp>

#include <stdexcept>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::transcript;

// Tells of what takes 100 ms or longer: what it was, its line in this file, and how long.
struct long_run_log {
    long_run_log() {
        this_hub().watch_long_runs(100ms, [this](long_run const& slow) {
            lines.push_back(
                std::string{slow.what} + " " + std::to_string(slow.origin.line()) + " " +
                std::to_string(slow.took / 1ms));
        });
    }
    transcript lines;
};

std::string line_of(std::source_location here = std::source_location::current()) {
    return std::to_string(here.line());
}

TENDRIL_HUB_TEST(hub, tells_of_a_callback_that_takes_long_and_where_it_was_asked_for) {
    long_run_log log;
    std::string const line = (this_hub().call_soon([&] { clock.advance(150ms); }), line_of());
    yield();
    EXPECT_EQ(log.lines, transcript{"a callback " + line + " 150"});
}

TENDRIL_HUB_TEST(hub, tells_of_a_delayed_call_that_takes_long) {
    long_run_log log;
    std::string const line = (this_hub().call_later(1s, [&] { clock.advance(150ms); }), line_of());
    sleep_for(2s);
    EXPECT_EQ(log.lines, transcript{"a callback " + line + " 150"});
}

TENDRIL_HUB_TEST(hub, says_nothing_of_what_is_quick) {
    long_run_log log;
    this_hub().call_soon([&] { clock.advance(99ms); });
    this_hub().spawn_raw([&] { clock.advance(99ms); });
    yield();
    EXPECT_EQ(log.lines, transcript{});
}

TENDRIL_HUB_TEST(hub, tells_of_each_turn_of_a_greenlet_that_takes_long) {
    long_run_log log;
    this_hub().spawn_raw([&] {
        clock.advance(150ms);
        sleep_for(1ms);
        clock.advance(50ms);
        sleep_for(1ms);
        clock.advance(250ms);
    });
    sleep_for(1s);
    EXPECT_EQ(log.lines, (transcript{"a greenlet 0 150", "a greenlet 0 250"}));
}

TENDRIL_HUB_TEST(hub, tells_of_a_posted_function_that_takes_long) {
    long_run_log log;
    this_hub().remote().post([&] { clock.advance(150ms); });
    sleep_for(1s);
    EXPECT_EQ(log.lines, transcript{"a posted function 0 150"});
}

TENDRIL_HUB_TEST(hub, names_a_greenlet_that_has_ended_in_its_long_run) {
    greenlet_state state{};
    this_hub().watch_long_runs(1ms, [&](long_run const& slow) { state = slow.who.block()->state; });
    this_hub().spawn_raw([&] { clock.advance(1ms); });
    yield();
    EXPECT_EQ(state, greenlet_state::dead);
}

TENDRIL_HUB_TEST(hub, an_empty_handler_ends_the_watch) {
    long_run_log log;
    this_hub().watch_long_runs(0ms, nullptr);
    this_hub().call_soon([&] { clock.advance(150ms); });
    yield();
    EXPECT_EQ(log.lines, transcript{});
}

TENDRIL_HUB_TEST(hub, reports_what_the_handler_of_long_runs_throws) {
    transcript errors;
    test::collect_errors(errors);
    this_hub().watch_long_runs(1ms, [](long_run const&) { throw std::runtime_error{"oops"}; });
    this_hub().call_soon([&] { clock.advance(1ms); });
    yield();
    this_hub().watch_long_runs(1ms, nullptr);
    EXPECT_EQ(errors, transcript{"the handler of long runs: std::runtime_error: oops"});
}

TENDRIL_ORDERED_HUB_TEST(hub, the_order_of_greenlets_is_the_same_while_long_runs_are_watched) {
    long_run_log log;
    transcript seen;
    for (char const* word : {"a", "b", "c"}) {
        this_hub().spawn_raw([&seen, word] {
            seen.push_back(word);
            yield();
            seen.push_back(word);
        });
    }
    yield();
    yield();
    EXPECT_EQ(seen, (transcript{"a", "b", "c", "a", "b", "c"}));
}

TENDRIL_HUB_TEST(hub, waiting_for_a_moment_is_no_long_run) {
    long_run_log log;
    this_hub().spawn_raw([] { sleep_for(1h); });
    sleep_for(2h);
    EXPECT_EQ(log.lines, transcript{});
}

TENDRIL_HUB_TEST(hub, tells_of_main_when_it_takes_long) {
    long_run_log log;
    this_hub().call_soon([] {});
    yield();
    clock.advance(150ms);
    sleep_for(1ms);
    EXPECT_EQ(log.lines, transcript{"a greenlet 0 150"});
}

TENDRIL_HUB_TEST(hub, a_limit_of_any_size_says_what_is_long) {
    int told = 0;
    auto const runs_told_with = [&](std::chrono::nanoseconds limit) {
        told = 0;
        this_hub().watch_long_runs(limit, [&](long_run const&) { ++told; });
        this_hub().call_soon([&] { clock.advance(24h * 365); });
        yield();
        this_hub().watch_long_runs(0ns, nullptr);
        return told;
    };
    EXPECT_EQ(runs_told_with(std::chrono::nanoseconds::max()), 0);
    EXPECT_GT(runs_told_with(0ns), 0);
    EXPECT_GT(runs_told_with(std::chrono::nanoseconds::min()), 0);
}

TENDRIL_TEST(hub, tells_of_the_runs_of_an_embedded_one_too) {
    boost::asio::io_context io;
    hub mine{io, embedded};
    transcript seen;
    mine.watch_long_runs(0ns, [&](long_run const& slow) { seen.push_back(slow.what); });
    mine.call_soon([] {});
    mine.spawn_raw([] {});
    io.run();
    mine.watch_long_runs(0ns, nullptr);
    EXPECT_EQ(seen, (transcript{"a callback", "a greenlet"}));
}

}  // namespace
