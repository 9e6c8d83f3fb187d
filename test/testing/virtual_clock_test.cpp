// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/testing/virtual_clock.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <optional>
#include <thread>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::transcript;
using test::virtual_clock;

}  // namespace

TENDRIL_TEST(virtual_clock, stands_still_by_itself) {
    virtual_clock clock;
    time_point const before = clock.now();
    EXPECT_EQ(clock.now(), before);
    EXPECT_EQ(clock.elapsed(), 0ns);
}

TENDRIL_TEST(virtual_clock, starts_some_way_from_the_beginning_of_time) {
    virtual_clock clock;
    EXPECT_LT(time_point{}, clock.now());
    EXPECT_EQ(clock.now(), virtual_clock{}.now());
}

TENDRIL_TEST(virtual_clock, advances_when_it_is_told_to) {
    virtual_clock clock;
    time_point const before = clock.now();
    clock.advance(5ms);
    EXPECT_EQ(clock.now(), before + 5ms);
    EXPECT_EQ(clock.elapsed(), 5ms);
}

TENDRIL_TEST(virtual_clock, jumps_forward_and_never_back) {
    virtual_clock clock;
    time_point const before = clock.now();
    EXPECT_TRUE(clock.jump_to(before + 1h));
    EXPECT_EQ(clock.elapsed(), 1h);
    EXPECT_TRUE(clock.jump_to(before));
    EXPECT_EQ(clock.elapsed(), 1h);
}

TENDRIL_HUB_TEST(virtual_clock, an_age_passes_in_no_time) {
    auto const before = std::chrono::steady_clock::now();
    sleep_for(24h * 365 * 100);
    EXPECT_EQ(clock.elapsed(), 24h * 365 * 100);
    EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
}

TENDRIL_HUB_TEST(virtual_clock, jumps_from_one_alarm_to_the_next) {
    transcript seen;
    for (int const delay : {3, 1, 2}) {
        this_hub().call_later(std::chrono::hours{delay}, [&] {
            auto const passed = std::chrono::duration_cast<std::chrono::hours>(clock.elapsed());
            seen.push_back(std::to_string(passed.count()));
        });
    }
    sleep_for(4h);
    EXPECT_EQ(seen, (transcript{"1", "2", "3"}));
}

TENDRIL_HUB_TEST(virtual_clock, stands_still_while_somebody_can_run) {
    auto const sleeper = spawn([] { sleep_for(1ns); });
    for (int step = 0; step < 5000; ++step) {
        yield();
    }
    EXPECT_EQ(clock.elapsed(), 0ns);
    EXPECT_FALSE(sleeper.done());
}

TENDRIL_HUB_TEST(virtual_clock, stands_still_while_the_reactor_has_something_to_do) {
    auto when = 1ns;
    boost::asio::post(this_hub().context(), [&] {
        boost::asio::post(this_hub().context(), [&] { when = clock.elapsed(); });
    });
    sleep_for(1h);
    EXPECT_EQ(when, 0ns);
}

TENDRIL_HUB_TEST(virtual_clock, stands_still_while_a_job_elsewhere_is_under_way) {
    remote const door = this_hub().remote();
    test::lone_waiter end_of_job;
    auto const sleeper = spawn([] { sleep_for(1h); });
    yield();
    std::optional<job_under_way> job{std::in_place, this_hub()};
    std::thread elsewhere{[&] { door.post([&] { end_of_job.wake(); }); }};
    end_of_job.park();
    job.reset();
    elsewhere.join();
    EXPECT_EQ(clock.elapsed(), 0ns);
    sleeper.join();
    EXPECT_EQ(clock.elapsed(), 1h);
}

TENDRIL_HUB_TEST(virtual_clock, a_job_without_a_remote_keeps_main_from_being_told_that_it_waits) {
    std::atomic<bool> asleep{false};
    test::lone_waiter end_of_job;
    job_under_way const job{this_hub()};
    boost::asio::io_context& reactor = this_hub().context();
    std::thread elsewhere{[&] {
        while (!asleep) {
            std::this_thread::yield();
        }
        boost::asio::post(reactor, [&] { end_of_job.wake(); });
    }};
    asleep = true;
    EXPECT_EQ(test::outcome_of([&] { end_of_job.park(); }), "returned");
    elsewhere.join();
}

TENDRIL_HUB_TEST(virtual_clock, a_parked_socket_does_not_hold_time_back) {
    boost::asio::io_context& reactor = this_hub().context();
    boost::asio::local::stream_protocol::socket here{reactor};
    boost::asio::local::stream_protocol::socket there{reactor};
    boost::asio::local::connect_pair(here, there);
    char byte = 0;
    bool stopped = false;
    here.async_read_some(boost::asio::buffer(&byte, 1), [&](auto, std::size_t) { stopped = true; });
    sleep_for(1h);
    EXPECT_EQ(clock.elapsed(), 1h);
    here.close();
    sleep_for(1ns);
    EXPECT_TRUE(stopped);
}

TENDRIL_HUB_TEST(virtual_clock, time_that_passes_unnoticed_is_seen_in_the_next_turn) {
    bool called = false;
    this_hub().call_later(1h, [&] { called = true; });
    clock.advance(2h);
    EXPECT_FALSE(called);
    sleep_for(1ns);
    EXPECT_TRUE(called);
    EXPECT_EQ(clock.elapsed(), 2h + 1ns);
}
