// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/support/error.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/time/sleep.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <system_error>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;
using test::transcript;

// Two connected descriptors, in their ordinary, blocking mode.
class connected_pair {
public:
    connected_pair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()), 0); }
    ~connected_pair() {
        close_first();
        close(ends_[1]);
    }
    int first() const { return ends_[0]; }
    int second() const { return ends_[1]; }
    void write_to_first() const { EXPECT_EQ(write(ends_[1], "x", 1), 1); }
    void fill_second() const {
        std::array<char, 4096> const data{};
        while (send(ends_[1], data.data(), data.size(), MSG_DONTWAIT) > 0) {}
    }
    void drain_first() const {
        std::array<char, 4096> data;
        while (recv(ends_[0], data.data(), data.size(), MSG_DONTWAIT) > 0) {}
    }
    void close_first() {
        if (ends_[0] >= 0) {
            close(ends_[0]);
            ends_[0] = -1;
        }
    }

private:
    std::array<int, 2> ends_{};
};

std::error_code code_of(unique_function<void()> function) {
    try {
        function();
        return {};
    } catch (std::system_error const& error) {
        return error.code();
    }
}

TENDRIL_HUB_TEST(descriptor, a_wait_ends_when_there_is_something_to_read) {
    connected_pair const pair;
    transcript seen;
    this_hub().spawn_raw([&] {
        wait_readable(pair.first());
        seen.push_back("readable");
    });
    yield();
    seen.push_back("write");
    pair.write_to_first();
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"write", "readable"}));
}

TENDRIL_HUB_TEST(descriptor, what_is_readable_already_ends_the_wait_too) {
    connected_pair const pair;
    pair.write_to_first();
    EXPECT_TRUE(wait_readable_until(pair.first(), deadline::never()));
}

TENDRIL_HUB_TEST(descriptor, the_end_of_a_stream_is_readable) {
    connected_pair pair;
    pair.close_first();
    EXPECT_EQ(outcome_of([&] { wait_readable(pair.second()); }), "returned");
}

TENDRIL_HUB_TEST(descriptor, a_wait_to_write_ends_when_there_is_room) {
    connected_pair const pair;
    pair.fill_second();
    EXPECT_FALSE(wait_writable_for(pair.second(), 1s));
    pair.drain_first();
    EXPECT_TRUE(wait_writable_for(pair.second(), 1s));
}

TENDRIL_HUB_TEST(descriptor, a_wait_ends_at_its_limit) {
    connected_pair const pair;
    EXPECT_FALSE(wait_readable_for(pair.first(), 1s));
    EXPECT_EQ(clock.elapsed(), 1s);
}

TENDRIL_HUB_TEST(descriptor, one_greenlet_may_read_while_another_writes) {
    connected_pair const pair;
    pair.fill_second();
    transcript seen;
    this_hub().spawn_raw([&] {
        wait_readable(pair.second());
        seen.push_back("readable");
    });
    this_hub().spawn_raw([&] {
        wait_writable(pair.second());
        seen.push_back("writable");
    });
    yield();
    pair.drain_first();
    sleep_for(1ms);
    EXPECT_EQ(write(pair.first(), "x", 1), 1);
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"writable", "readable"}));
}

TENDRIL_HUB_TEST(descriptor, a_second_reader_is_told_that_the_direction_is_busy) {
    connected_pair const pair;
    this_hub().spawn_raw([&] { wait_readable(pair.first()); });
    yield();
    EXPECT_EQ(code_of([&] { wait_readable(pair.first()); }), make_error_code(errc::busy));
    pair.write_to_first();
    sleep_for(1ms);
}

TENDRIL_HUB_TEST(descriptor, an_interrupted_wait_leaves_nothing_behind) {
    connected_pair const pair;
    greenlet const reader = this_hub().spawn_raw([&] { wait_readable(pair.first()); });
    yield();
    request_exit(*reader.block());
    yield();
    EXPECT_TRUE(reader.dead());
    pair.write_to_first();
    EXPECT_EQ(outcome_of([&] { wait_readable(pair.first()); }), "returned");
}

TENDRIL_HUB_TEST(descriptor, calling_off_ends_the_waits_of_both_directions) {
    connected_pair const pair;
    pair.fill_second();
    transcript seen;
    for (auto const wait : {wait_readable, wait_writable}) {
        this_hub().spawn_raw([&seen, &pair, wait] {
            seen.push_back(code_of([&] { wait(pair.second()); }).message());
        });
    }
    yield();
    EXPECT_EQ(call_off_waits(pair.second()), 2);
    yield();
    EXPECT_EQ(seen, (transcript{"Operation canceled", "Operation canceled"}));
    EXPECT_EQ(call_off_waits(pair.second()), 0);
}

TENDRIL_HUB_TEST(descriptor, a_number_that_stands_for_another_file_does_not_reach_the_old_waiter) {
    connected_pair old;
    int const number = old.first();
    std::string outcome;
    this_hub().spawn_raw([&] { outcome = code_of([&] { wait_readable(number); }).message(); });
    yield();
    call_off_waits(number);
    old.close_first();
    connected_pair const fresh;
    EXPECT_EQ(fresh.first(), number);
    fresh.write_to_first();
    EXPECT_EQ(outcome_of([&] { wait_readable(number); }), "returned");
    EXPECT_EQ(outcome, "Operation canceled");
}

TENDRIL_HUB_TEST(descriptor, a_descriptor_that_was_closed_without_notice_can_be_waited_for_anew) {
    connected_pair old;
    int const number = old.first();
    std::error_code stale;
    this_hub().spawn_raw([&] { stale = code_of([&] { wait_writable(number); }); });
    old.fill_second();
    yield();
    old.close_first();
    connected_pair const fresh;
    ASSERT_EQ(fresh.first(), number);
    fresh.write_to_first();
    EXPECT_EQ(outcome_of([&] { wait_readable(number); }), "returned");
    yield();
    EXPECT_EQ(stale, std::errc::operation_canceled);
}

TENDRIL_HUB_TEST(descriptor, a_regular_file_is_always_ready) {
    std::FILE* const file = std::tmpfile();
    EXPECT_TRUE(wait_readable_until(fileno(file), deadline::never()));
    EXPECT_TRUE(wait_writable_until(fileno(file), deadline::never()));
    std::fclose(file);
}

TENDRIL_HUB_TEST(descriptor, a_number_without_a_file_is_an_error) {
    EXPECT_EQ(code_of([] { wait_readable(-1); }), std::errc::bad_file_descriptor);
}

TENDRIL_HUB_TEST(descriptor, the_flags_of_a_descriptor_stay_as_they_are) {
    connected_pair const pair;
    EXPECT_FALSE(wait_readable_for(pair.first(), 1ms));
    EXPECT_EQ(fcntl(pair.first(), F_GETFL) & O_NONBLOCK, 0);
}

TENDRIL_HUB_TEST(descriptor, main_is_not_told_that_it_waits_in_vain) {
    connected_pair const pair;
    std::thread const writer;
    this_hub().call_soon([&] { pair.write_to_first(); });
    EXPECT_EQ(outcome_of([&] { wait_readable(pair.first()); }), "returned");
}

TENDRIL_HUB_TEST(descriptor, main_is_told_when_the_last_wait_for_a_descriptor_is_over) {
    connected_pair const pair;
    EXPECT_FALSE(wait_readable_for(pair.first(), 1s));
    EXPECT_EQ(outcome_of([] { test::lone_waiter{}.park(); }), "would block forever");
}

TENDRIL_HUB_TEST(descriptor, a_wait_in_a_callback_is_misuse_and_leaves_nothing_behind) {
    connected_pair const pair;
    std::string outcome;
    this_hub().call_soon([&] { outcome = outcome_of([&] { wait_readable(pair.first()); }); });
    yield();
    EXPECT_EQ(outcome, "misuse");
    pair.write_to_first();
    EXPECT_EQ(outcome_of([&] { wait_readable(pair.first()); }), "returned");
}

TENDRIL_HUB_TEST(descriptor, a_hub_without_a_descriptor_for_its_set_says_so) {
    system_calls broken = kernel();
    broken.epoll_create1 = [](int) {
        errno = EMFILE;
        return -1;
    };
    connected_pair const pair;
    replaced_system_calls const until_end_of_scope{broken};
    EXPECT_EQ(code_of([&] { wait_readable(pair.first()); }), std::errc::too_many_files_open);
}

// Limits.

TENDRIL_HUB_TEST(descriptor, a_wait_to_read_takes_any_duration) {
    connected_pair const pair;
    auto const wait = [&](auto limit) {
        bool const ready = wait_readable_for(pair.first(), limit);
        pair.drain_first();
        return ready;
    };
    test::expect_no_time_is_enough(clock, wait);
    test::expect_an_age_is_enough(wait, [&] { pair.write_to_first(); });
}

TENDRIL_HUB_TEST(descriptor, a_wait_to_write_takes_any_duration) {
    connected_pair const pair;
    auto const wait = [&](auto limit) {
        pair.fill_second();
        return wait_writable_for(pair.second(), limit);
    };
    test::expect_no_time_is_enough(clock, wait);
    test::expect_an_age_is_enough(wait, [&] { pair.drain_first(); });
}

TENDRIL_HUB_TEST(descriptor, what_came_while_the_process_stood_still_beats_the_limit) {
    connected_pair const pair;
    bool in_time = false;
    this_hub().spawn_raw([&] { in_time = wait_readable_for(pair.first(), 1s); });
    yield();
    pair.write_to_first();
    clock.advance(1h);
    sleep_for(1ms);
    EXPECT_TRUE(in_time);
}

}  // namespace

TENDRIL_HUB_TEST(descriptor, a_set_that_cannot_be_asked_wakes_all_who_wait) {
    connected_pair const pair;
    system_calls table = kernel();
    table.epoll_wait = [](int, epoll_event*, int, int) {
        errno = EBADF;
        return -1;
    };
    replaced_system_calls const in_place{table};
    auto reads = spawn([&] { wait_readable(pair.first()); });
    auto writes = spawn([&] {
        pair.fill_second();
        wait_writable(pair.second());
    });
    pair.write_to_first();
    reads.join();
    writes.join();
}
