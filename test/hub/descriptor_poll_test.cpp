// SPDX-License-Identifier: BSL-1.0
//
// Waiting for several descriptors at once.
#include <harness/descriptors.hpp>
#include <harness/tasks.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/support/error.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/testing/settle.hpp>
#include <tendril/time/sleep.hpp>

#include <sys/socket.h>

#include <chrono>
#include <system_error>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::bare_pipe;

// Three pipes, whose ends to read are waited for.
struct three_pipes {
    bare_pipe pipes[3];
    std::vector<pollfd> watched = {
        {pipes[0].ends[0], POLLIN, 0},
        {pipes[1].ends[0], POLLIN, 0},
        {pipes[2].ends[0], POLLIN, 0}};

    void write_to(int which) const { EXPECT_EQ(::write(pipes[which].ends[1], "x", 1), 1); }
};

}  // namespace

TENDRIL_HUB_TEST(descriptor_poll, all_that_are_ready_are_told) {
    three_pipes three;
    auto ready = spawn([&] { return poll(three.watched); });
    tendril::testing::settle();
    EXPECT_FALSE(ready.done());
    three.write_to(0);
    three.write_to(2);
    EXPECT_EQ(ready.get(), 2U);
    EXPECT_EQ(three.watched[0].revents, POLLIN);
    EXPECT_EQ(three.watched[1].revents, 0);
    EXPECT_EQ(three.watched[2].revents, POLLIN);
    EXPECT_EQ(poll(three.watched), 2U);
}

TENDRIL_HUB_TEST(descriptor_poll, both_directions_of_one_descriptor_are_waited_for) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    test::fill_pipe(ends[0]);
    std::vector<pollfd> twice{
        {ends[0], POLLIN | POLLOUT, 0}, {ends[0], POLLIN, 0}, {-1, POLLIN, 0}};
    auto ready = spawn([&] { return poll(twice); });
    tendril::testing::settle();
    test::drain_pipe(ends[1]);
    EXPECT_EQ(ready.get(), 1U);
    EXPECT_EQ(twice[0].revents, POLLOUT);
    ::close(ends[1]);
    EXPECT_EQ(poll(twice), 2U);
    EXPECT_NE(twice[1].revents & POLLHUP, 0);
    EXPECT_EQ(twice[2].revents, 0);
    ::close(ends[0]);
}

TENDRIL_HUB_TEST(descriptor_poll, a_limit_ends_the_wait_and_leaves_nothing_behind) {
    three_pipes three;
    auto const start = clock.now();
    EXPECT_EQ(poll_for(three.watched, 20ms), 0U);
    EXPECT_EQ(clock.now() - start, 20ms);
    EXPECT_EQ(poll_for(three.watched, -1ms), 0U);
    EXPECT_EQ(poll_for({}, 10ms), 0U);
    // Nobody waits any more.
    for (pollfd const& each : three.watched) {
        EXPECT_EQ(call_off_waits(each.fd), 0);
    }
}

TENDRIL_HUB_TEST(descriptor_poll, who_is_cancelled_leaves_nothing_behind) {
    three_pipes three;
    auto waits = spawn([&] { return test::outcome_of([&] { poll(three.watched); }); });
    tendril::testing::settle();
    waits.cancel();
    EXPECT_EQ(waits.get(), "cancelled");
    for (pollfd const& each : three.watched) {
        EXPECT_EQ(call_off_waits(each.fd), 0);
    }
}

TENDRIL_HUB_TEST(descriptor_poll, what_is_not_open_is_told_and_no_error) {
    three_pipes three;
    int const gone = three.watched[1].fd;
    three.pipes[1].close_end(0);
    EXPECT_EQ(poll(three.watched), 1U);
    EXPECT_EQ(three.watched[1].fd, gone);
    EXPECT_EQ(three.watched[1].revents, POLLNVAL);
}

TENDRIL_HUB_TEST(descriptor_poll, what_is_to_be_closed_wakes_who_waits) {
    three_pipes three;
    auto ready = spawn([&] { return poll(three.watched); });
    tendril::testing::settle();
    EXPECT_EQ(call_off_waits(three.watched[1].fd), 1);
    three.pipes[1].close_end(0);
    EXPECT_EQ(ready.get(), 1U);
    EXPECT_EQ(three.watched[1].revents, POLLNVAL);
}

TENDRIL_HUB_TEST(descriptor_poll, what_another_waits_for_is_busy_and_nobody_else_is_disturbed) {
    three_pipes three;
    auto other = spawn([&] { wait_readable(three.watched[2].fd); });
    tendril::testing::settle();
    try {
        poll(three.watched);
        ADD_FAILURE() << "two wait for one descriptor";
    } catch (std::system_error const& error) {
        EXPECT_EQ(error.code(), errc::busy);
    }
    three.write_to(2);
    other.join();
}

TENDRIL_HUB_TEST(descriptor_poll, who_finds_something_each_time_lets_others_run) {
    three_pipes three;
    three.write_to(0);
    bool other_has_run = false;
    auto const other = spawn([&] { other_has_run = true; });
    for (int round = 0; round < 2000 && !other_has_run; ++round) {
        poll(three.watched);
    }
    EXPECT_TRUE(other_has_run);
}

TENDRIL_HUB_TEST(descriptor_poll, other_events_are_misuse) {
    three_pipes three;
    three.watched[0].events = POLLPRI;
    EXPECT_THROW(poll(three.watched), misuse);
}
