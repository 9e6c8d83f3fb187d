// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <harness/network.hpp>
#include <tendril/file/event_counter.hpp>

#include <sys/eventfd.h>

#include <chrono>
#include <limits>
#include <memory>
#include <thread>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

}  // namespace

TENDRIL_HUB_TEST(event_counter, a_wait_takes_all_that_was_added) {
    event_counter counter;
    EXPECT_EQ(counter.try_wait(), std::nullopt);
    counter.add(2);
    counter.add();
    EXPECT_EQ(counter.wait(), 3U);
    EXPECT_EQ(counter.try_wait(), std::nullopt);
}

TENDRIL_HUB_TEST(event_counter, a_semaphore_gives_one_at_a_time) {
    event_counter counter{{.initial = 2, .semaphore = true}};
    EXPECT_EQ(counter.wait(), 1U);
    EXPECT_EQ(counter.wait(), 1U);
    EXPECT_EQ(counter.try_wait(), std::nullopt);
}

TENDRIL_HUB_TEST(event_counter, another_thread_wakes_who_waits) {
    event_counter counter;
    auto waits = spawn([&] { return counter.wait(); });
    test::settle();
    EXPECT_FALSE(waits.done());
    std::thread{[&] { counter.add(7); }}.join();
    EXPECT_EQ(waits.get(), 7U);
}

TENDRIL_HUB_TEST(event_counter, a_limit_ends_the_wait_and_a_second_waiter_is_busy) {
    event_counter counter;
    auto first = spawn([&] { return counter.wait_for(10ms); });
    test::settle();
    EXPECT_EQ(test::code_of([&] { counter.wait(); }), errc::busy);
    EXPECT_EQ(first.get(), std::nullopt);
    counter.add();
    EXPECT_EQ(counter.wait_until(deadline::at(clock.now())), 1U);
}

TENDRIL_HUB_TEST(event_counter, who_is_cancelled_takes_nothing) {
    event_counter counter;
    auto waits = spawn([&] { return test::interruption_of([&] { counter.wait(); }); });
    test::settle();
    counter.add();
    waits.cancel();
    EXPECT_EQ(waits.get(), "cancelled");
    EXPECT_EQ(counter.try_wait(), 1U);
}

TENDRIL_HUB_TEST(event_counter, a_counter_that_goes_wakes_who_waits) {
    auto counter = std::make_unique<event_counter>();
    auto waits = spawn([&] { return test::code_of([&, &it = *counter] { it.wait(); }); });
    test::settle();
    counter.reset();
    EXPECT_EQ(waits.get(), errc::closed);
}

TENDRIL_HUB_TEST(event_counter, others_add_by_its_descriptor) {
    auto counter = event_counter::adopt(::eventfd(0, EFD_CLOEXEC));
    EXPECT_EQ(::eventfd_write(counter.native_handle(), 5), 0);
    EXPECT_EQ(counter.wait(), 5U);
    EXPECT_EQ(
        test::code_of([] { event_counter::adopt(-1); }), boost::system::errc::bad_file_descriptor);
}

TENDRIL_HUB_TEST(event_counter, a_counter_that_is_full_says_so) {
    event_counter counter;
    counter.add(std::numeric_limits<std::uint64_t>::max() - 1);
    EXPECT_TRUE(test::code_of([&] { counter.add(); }).failed());
    EXPECT_EQ(counter.wait(), std::numeric_limits<std::uint64_t>::max() - 1);
}

TENDRIL_HUB_TEST(event_counter, one_that_was_moved_is_the_same_counter) {
    event_counter first{{.initial = 3}};
    event_counter moved{std::move(first)};
    EXPECT_EQ(moved.try_wait(), 3U);
    event_counter other{{.initial = 5}};
    moved = std::move(other);
    EXPECT_EQ(moved.try_wait(), 5U);
}
