// SPDX-License-Identifier: BSL-1.0
//
// What listeners of both kinds do alike. What is special to one: tcp_listener, unix_socket.
#include <harness/descriptor_limit.hpp>
#include <harness/network.hpp>
#include <tendril/io/accept_loop.hpp>
#include <tendril/net/listener_socket.hpp>
#include <tendril/net/unix_socket.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/testing/failing_system_calls.hpp>

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::failing_system_calls;
using test::hear;
using test::say;
using test::settle;

struct tcp_door {
    explicit tcp_door(listen_options const& options = {})
        : listener{tcp_listener::bind("127.0.0.1", 0, options)} {}
    tcp_stream client() const { return test::connect_at_once(listener.local_endpoint()); }

    tcp_listener listener;
};

struct unix_door {
    explicit unix_door(unix_listen_options const& options = {})
        : listener{unix_listener::bind("@tendril doors " + std::to_string(::getpid()), options)} {}
    unix_stream client() const { return unix_stream::connect(listener.name()); }

    unix_listener listener;
};

// Calls `test(door)` with a door of each kind.
template <typename F>
void for_each_door(F&& test) {
    {
        SCOPED_TRACE("tcp");
        tcp_door door;
        test(door);
    }
    {
        SCOPED_TRACE("unix");
        unix_door door;
        test(door);
    }
}

// The same, with a descriptor in reserve.
template <typename F>
void for_each_reserve(F&& test) {
    {
        SCOPED_TRACE("tcp");
        tcp_door door{{.reserve_descriptor = true}};
        test(door);
    }
    {
        SCOPED_TRACE("unix");
        unix_door door{{.reserve_descriptor = true}};
        test(door);
    }
}

// A kernel where another thread is always faster to take what becomes free.
struct kernel_without_descriptors {
    kernel_without_descriptors() {
        table.accept4 = [](int, sockaddr*, socklen_t*, int) {
            errno = EMFILE;
            return -1;
        };
        table.eventfd = [](unsigned, int) {
            errno = EMFILE;
            return -1;
        };
    }

    system_calls table = real_kernel();
    replaced_system_calls in_place{table};
};

std::ptrdiff_t open_now() {
    return std::distance(
        std::filesystem::directory_iterator{"/proc/self/fd"},
        std::filesystem::directory_iterator{});
}

error_code error_of_accept(auto& listener) {
    error_code error;
    bool const accepted = listener.accept(error).is_open();
    EXPECT_EQ(accepted, !error.failed());
    return error;
}

}  // namespace

// Every form of accept.

TENDRIL_HUB_TEST(listener_socket, accepts_until_a_limit) {
    for_each_door([&](auto& door) {
        error_code error;
        auto const before = clock.elapsed();
        EXPECT_FALSE(door.listener.accept_for(error, 3s).is_open());
        EXPECT_EQ(error, errc::timed_out);
        EXPECT_EQ(clock.elapsed() - before, 3s);
        EXPECT_EQ(
            test::code_of([&] { door.listener.accept_until(deadline::after(1s)); }),
            errc::timed_out);
        EXPECT_EQ(test::code_of([&] { door.listener.accept_for(1s); }), errc::timed_out);
    });
}

TENDRIL_HUB_TEST(listener_socket, who_is_there_beats_a_limit_that_has_passed) {
    for_each_door([](auto& door) {
        auto client = door.client();
        auto accepted = door.listener.accept_until(deadline::at(time_point::min()));
        say(client, "in time");
        EXPECT_EQ(hear(accepted), "in time");
    });
}

TENDRIL_HUB_TEST(listener_socket, who_comes_before_the_limit_is_accepted) {
    for_each_door([](auto& door) {
        auto acceptor = spawn([&] { return door.listener.accept_for(1h).is_open(); });
        settle();
        auto const client = door.client();
        EXPECT_TRUE(acceptor.get());
    });
}

TENDRIL_HUB_TEST(listener_socket, closed_busy_and_moved_hold_for_both_kinds) {
    for_each_door([](auto& door) {
        auto acceptor = spawn([&] { return error_of_accept(door.listener); });
        settle();
        EXPECT_EQ(error_of_accept(door.listener), errc::busy);
        auto moved = std::move(door.listener);
        EXPECT_FALSE(door.listener.is_open());
        EXPECT_EQ(door.listener.native_handle(), -1);
        EXPECT_GE(moved.native_handle(), 0);
        moved.close();
        moved.close();
        EXPECT_EQ(acceptor.get(), errc::closed);
        EXPECT_EQ(error_of_accept(moved), errc::closed);
    });
}

TENDRIL_HUB_TEST(listener_socket, a_connection_that_failed_is_passed_over_by_both_kinds) {
    for_each_door([](auto& door) {
        for (int const failure : {ECONNABORTED, EPROTO, EINTR, EPERM}) {
            failing_system_calls const next{&system_calls::accept4, failure};
            auto const client = door.client();
            EXPECT_TRUE(door.listener.accept().is_open()) << failure;
        }
    });
}

// The reserve.

TENDRIL_HUB_TEST(listener_socket, without_a_reserve_clients_wait_until_descriptors_come_back) {
    for_each_door([](auto& door) {
        auto client = door.client();
        {
            test::descriptors_left const none{0};
            EXPECT_EQ(error_of_accept(door.listener).value(), EMFILE);
        }
        auto accepted = door.listener.accept();
        say(accepted, "at last");
        EXPECT_EQ(hear(client), "at last");
    });
}

TENDRIL_HUB_TEST(
    listener_socket, with_a_reserve_all_who_wait_are_turned_away_and_the_lack_is_told) {
    for_each_reserve([](auto& door) {
        auto one = door.client();
        auto other = door.client();
        std::ptrdiff_t const before = open_now();
        {
            test::descriptors_left const none{0};
            EXPECT_EQ(error_of_accept(door.listener).value(), EMFILE);
            EXPECT_EQ(hear(one), "");
            EXPECT_EQ(hear(other), "");
        }
        EXPECT_EQ(open_now(), before);
        auto client = door.client();
        auto accepted = door.listener.accept();
        say(accepted, "room again");
        EXPECT_EQ(hear(client), "room again");
    });
}

TENDRIL_HUB_TEST(listener_socket, with_a_reserve_it_waits_while_nobody_comes) {
    for_each_reserve([](auto& door) {
        test::descriptors_left const none{0};
        error_code error;
        door.listener.accept_for(error, 1s);
        EXPECT_EQ(error, errc::timed_out);
    });
}

TENDRIL_HUB_TEST(listener_socket, who_comes_while_it_waits_is_turned_away_too) {
    for_each_reserve([](auto& door) {
        auto acceptor = spawn([&] { return error_of_accept(door.listener); });
        settle();
        auto client = door.client();
        test::descriptors_left const none{0};
        EXPECT_EQ(acceptor.get().value(), EMFILE);
        EXPECT_EQ(hear(client), "");
    });
}

TENDRIL_HUB_TEST(listener_socket, a_connection_that_finds_room_after_all_is_accepted) {
    for_each_reserve([](auto& door) {
        failing_system_calls const first{&system_calls::accept4, EMFILE};
        auto one = door.client();
        auto other = door.client();
        auto accepted = door.listener.accept();
        EXPECT_EQ(hear(one), "");
        say(accepted, "room");
        EXPECT_EQ(hear(other), "room");
    });
}

TENDRIL_HUB_TEST(listener_socket, a_reserve_that_was_lost_is_opened_again) {
    for_each_reserve([](auto& door) {
        auto const client = door.client();
        std::ptrdiff_t const with_reserve = open_now();
        {
            kernel_without_descriptors const kernel;
            EXPECT_EQ(error_of_accept(door.listener).value(), EMFILE);
        }
        EXPECT_EQ(open_now(), with_reserve - 1);
        error_code error;
        EXPECT_TRUE(door.listener.accept_for(error, 1ms).is_open());
        EXPECT_EQ(open_now(), with_reserve);
    });
}

TENDRIL_HUB_TEST(listener_socket, the_reserve_can_be_asked_for_later_and_goes_with_the_listener) {
    for_each_door([](auto& door) {
        std::ptrdiff_t const before = open_now();
        door.listener.reserve_descriptor();
        door.listener.reserve_descriptor();
        EXPECT_EQ(open_now(), before + 1);
        door.listener.close();
        EXPECT_EQ(open_now(), before - 1);
        EXPECT_EQ(test::code_of([&] { door.listener.reserve_descriptor(); }), errc::closed);
    });
}

TENDRIL_HUB_TEST(listener_socket, that_gets_no_reserve_is_not_made) {
    std::ptrdiff_t const before = open_now();
    failing_system_calls const always{
        &system_calls::eventfd, ENFILE, 1, tendril::testing::failure::for_ever};
    EXPECT_EQ(test::code_of([] { tcp_door{{.reserve_descriptor = true}}; }).value(), ENFILE);
    EXPECT_EQ(test::code_of([] { unix_door{{.reserve_descriptor = true}}; }).value(), ENFILE);
    EXPECT_EQ(open_now(), before);
}

TENDRIL_HUB_TEST(listener_socket, turning_away_a_flood_lets_others_run_and_can_be_left) {
    tcp_door door{{.reserve_descriptor = true}};
    system_calls table = real_kernel();
    table.accept4 = [](int, sockaddr*, socklen_t*, int) {
        static bool lacks = false;
        lacks = !lacks;
        errno = lacks ? EMFILE : ECONNABORTED;
        return -1;
    };
    replaced_system_calls const until_end{table};
    auto acceptor = spawn([&] { return error_of_accept(door.listener); });
    yield();
    yield();
    EXPECT_FALSE(acceptor.done());
    // What is there without end is a lack in the end.
    EXPECT_EQ(acceptor.get().value(), EMFILE);
    auto second = spawn([&] { error_of_accept(door.listener); });
    yield();
    second.cancel();
    second.join();
    EXPECT_TRUE(second.was_cancelled());
}

TENDRIL_ORDERED_HUB_TEST(listener_socket, a_loop_with_a_reserve_turns_away_and_then_serves_again) {
    for_each_reserve([](auto& door) {
        test::reported_errors const errors;
        std::vector<std::remove_cvref_t<decltype(door.listener.accept())>> accepted;
        accept_loop loop{"the door"};
        auto acceptor = spawn([&] {
            loop.run([&](error_code& error) {
                auto stream = door.listener.accept(error);
                if (!error.failed()) {
                    accepted.push_back(std::move(stream));
                }
            });
        });
        settle();
        auto one = door.client();
        auto other = door.client();
        {
            test::descriptors_left const none{0};
            sleep_for(10s);
            EXPECT_EQ(hear(one), "");
            EXPECT_EQ(hear(other), "");
            EXPECT_EQ(loop.failures(), 1U) << "it does not ask again while nobody comes";
        }
        auto const third = door.client();
        sleep_for(2s);
        EXPECT_EQ(accepted.size(), 1U);
        EXPECT_EQ(errors.texts.size(), 1U);
        door.listener.close();
        acceptor.get();
    });
}

TENDRIL_HUB_TEST(listener_socket, another_thread_is_refused_by_both_kinds) {
    for_each_door([](auto& door) {
        std::thread{[&] {
            EXPECT_THROW(door.listener.accept(), wrong_thread);
            EXPECT_THROW(door.listener.close(), wrong_thread);
            EXPECT_THROW(door.listener.reserve_descriptor(), wrong_thread);
        }}.join();
        EXPECT_TRUE(door.listener.is_open());
        EXPECT_DEATH(
            std::thread{[&] { auto const gone{std::move(door.listener)}; }}.join(),
            "destroyed on another thread");
    });
}
