// SPDX-License-Identifier: BSL-1.0
//
// What a greenlet learns that waits for a stream when somebody else closes, moves or wants it.
#include <harness/network.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/net/tcp_stream.hpp>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using test::connected_pair;
using test::fill;
using test::hear;
using test::read_error;
using test::say;
using test::settle;
using test::spawn_reader;
using test::spawn_writer;
using test::stream_pair;
using test::transcript;
using test::write_error;

// So many small buffers that the writer lets others run between them.
std::vector<boost::asio::const_buffer> many_parts() {
    return std::vector<boost::asio::const_buffer>(5000, boost::asio::buffer("part", 4));
}

}  // namespace

// Two who want the same.

TENDRIL_HUB_TEST(tcp, a_second_reader_is_told_busy_and_the_first_reads_on) {
    auto [here, there] = connected_pair();
    auto first = spawn([&end = there] { return hear(end); });
    settle();
    EXPECT_EQ(read_error(there), errc::busy);
    say(here, "for the first");
    EXPECT_EQ(first.get(), "for the first");
}

TENDRIL_HUB_TEST(tcp, a_second_writer_is_told_busy_and_the_first_writes_on) {
    auto [here, there] = connected_pair();
    std::size_t const filled = fill(here);
    auto first = spawn([&end = here] { return write_error(end, "from the first"); });
    settle();
    EXPECT_EQ(write_error(here), errc::busy);
    EXPECT_EQ(test::hear_exactly(there, filled + 14).substr(filled), "from the first");
    EXPECT_FALSE(first.get().failed());
}

TENDRIL_HUB_TEST(tcp, a_second_acceptor_is_told_busy_and_the_first_accepts_on) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    auto first = spawn([&] { return listener.accept(); });
    settle();
    error_code error;
    listener.accept(error);
    EXPECT_EQ(error, errc::busy);
    tcp_stream const client = tcp_stream::connect(listener.local_endpoint());
    EXPECT_TRUE(first.get().is_open());
}

TENDRIL_HUB_TEST(tcp, a_reader_that_has_left_makes_room_for_the_next) {
    auto [here, there] = connected_pair();
    auto first = spawn([&end = there] { hear(end); });
    settle();
    first.cancel();
    first.join();
    say(here, "for the second");
    EXPECT_EQ(hear(there), "for the second");
}

// Closing.

TENDRIL_HUB_TEST(tcp, closing_wakes_the_reader_and_the_writer) {
    auto [here, there] = connected_pair();
    auto reader = spawn_reader(here);
    auto writer = spawn_writer(here);
    settle();
    here.close();
    EXPECT_EQ(reader.get(), errc::closed);
    EXPECT_EQ(writer.get(), errc::closed);
}

TENDRIL_HUB_TEST(tcp, closing_a_listener_wakes_who_accepts) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    auto acceptor = spawn([&] {
        error_code error;
        listener.accept(error);
        return error;
    });
    settle();
    listener.close();
    EXPECT_EQ(acceptor.get(), errc::closed);
}

TENDRIL_HUB_TEST(tcp, destroying_a_stream_wakes_its_reader_and_its_writer) {
    auto pair = std::make_unique<stream_pair>(connected_pair());
    tcp_stream other_end = std::move(pair->there);
    auto reader = spawn_reader(pair->here);
    auto writer = spawn_writer(pair->here);
    settle();
    pair = nullptr;
    EXPECT_EQ(reader.get(), errc::closed);
    EXPECT_EQ(writer.get(), errc::closed);
}

TENDRIL_HUB_TEST(tcp, a_listener_may_be_destroyed_while_somebody_accepts) {
    auto listener = std::make_unique<tcp_listener>(tcp_listener::bind("127.0.0.1", 0));
    auto acceptor = spawn([&on = *listener] {
        error_code error;
        on.accept(error);
        return error;
    });
    settle();
    listener = nullptr;
    EXPECT_EQ(acceptor.get(), errc::closed);
}

TENDRIL_HUB_TEST(tcp, a_reader_follows_a_stream_that_is_moved) {
    auto [here, there] = connected_pair();
    auto reader = spawn([&end = there] { return hear(end); });
    settle();
    tcp_stream const moved = std::move(there);
    say(here, "after the move");
    EXPECT_EQ(reader.get(), "after the move");
}

TENDRIL_HUB_TEST(tcp, a_reader_of_a_stream_that_is_assigned_to_is_told_closed) {
    auto [here, there] = connected_pair();
    auto [other_here, other_there] = connected_pair();
    auto reader = spawn_reader(there);
    settle();
    there = std::move(other_there);
    EXPECT_EQ(reader.get(), errc::closed);
    say(other_here, "for the next reader");
    EXPECT_EQ(hear(there), "for the next reader");
}

TENDRIL_HUB_TEST(tcp, a_descriptor_that_is_used_again_is_no_business_of_the_old_reader) {
    auto [here, there] = connected_pair();
    int const number = there.native_handle();
    auto old_reader = spawn_reader(there);
    settle();
    there.close();
    // The kernel gives the lowest number that is free.
    auto [new_here, new_there] = connected_pair();
    EXPECT_TRUE(new_here.native_handle() == number || new_there.native_handle() == number);
    say(new_here, "for the new one");
    say(new_there, "for the other new one");
    EXPECT_EQ(old_reader.get(), errc::closed);
    EXPECT_EQ(hear(new_there), "for the new one");
    EXPECT_EQ(hear(new_here), "for the other new one");
}

TENDRIL_HUB_TEST(tcp, data_that_came_before_the_close_is_not_mistaken_for_an_error) {
    auto [here, there] = connected_pair();
    auto reader = spawn([&end = there] { return hear(end); });
    settle();
    say(here, "x");
    // The reactor sees the data before the reader runs and hears of the close.
    this_hub().context().poll();
    there.close();
    EXPECT_EQ(reader.get(), "x");
}

// A writer lets others run between two parts of a long write, and they may do this.
TENDRIL_ORDERED_HUB_TEST(tcp, a_stream_may_be_destroyed_between_two_parts_of_a_write) {
    auto pair = std::make_unique<stream_pair>(connected_pair());
    auto const parts = many_parts();
    auto writer = spawn([&end = pair->here, &parts] {
        error_code error;
        end.write(parts, error);
        return error;
    });
    auto destroyer = spawn([&] { pair = nullptr; });
    EXPECT_EQ(writer.get(), errc::closed);
    destroyer.join();
}

TENDRIL_ORDERED_HUB_TEST(tcp, a_long_write_does_not_go_on_with_another_stream) {
    auto [here, there] = connected_pair();
    auto [other_here, other_there] = connected_pair();
    auto const parts = many_parts();
    auto writer = spawn([&end = here, &parts] {
        error_code error;
        end.write(parts, error);
        return error;
    });
    spawn([&to = here, &from = other_here] { to = std::move(from); }).join();
    EXPECT_EQ(writer.get(), errc::closed);
    here.close();
    EXPECT_EQ(test::hear_all(other_there), "");
}

// Wrong places.

TENDRIL_HUB_TEST(tcp, another_thread_is_refused) {
    auto [here, there] = connected_pair();
    int refused = 0;
    std::thread{[&end = here, &refused] {
        std::function<void()> const calls[] = {
            [&] { hear(end); },
            [&] { say(end, "x"); },
            [&] { end.shutdown_send(); },
            [&] { end.close(); },
        };
        for (auto const& call : calls) {
            try {
                call();
            } catch (wrong_thread const&) {
                ++refused;
            }
        }
    }}.join();
    EXPECT_EQ(refused, 4);
    say(here, "unharmed");
    EXPECT_EQ(hear(there), "unharmed");
}

// Its descriptor cannot be closed there, and a destructor cannot say so in another way.
TENDRIL_HUB_TEST(tcp, one_that_is_destroyed_in_another_thread_ends_the_program) {
    auto pair = connected_pair();
    EXPECT_DEATH(
        std::thread{[&] { tcp_stream const gone{std::move(pair.here)}; }}.join(),
        "destroyed on another thread");
}

TENDRIL_TEST(tcp, one_that_has_outlived_its_hub_may_be_destroyed_anywhere) {
    stream_pair pair;
    run([&] { pair = connected_pair(); });
    std::thread{[&] {
        tcp_stream const gone{std::move(pair.here)};
        EXPECT_FALSE(gone.is_open());
    }}.join();
}

TENDRIL_HUB_TEST(tcp, a_callback_may_write_and_read_what_is_there_but_not_wait) {
    auto [here, there] = connected_pair();
    transcript seen;
    this_hub().call_soon([&end = here, &seen] {
        say(end, "from a callback");
        seen.push_back(test::interruption_of([&] { hear(end); }));
    });
    settle();
    EXPECT_EQ(hear(there), "from a callback");
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_NE(seen[0].find("callback"), std::string::npos) << seen[0];
    say(there, "unharmed");
    EXPECT_EQ(hear(here), "unharmed");
}

TENDRIL_HUB_TEST(tcp, a_callback_must_not_wait_for_room_or_connect) {
    auto [here, there] = connected_pair();
    fill(here);
    transcript seen;
    this_hub().call_soon([&end = here, &seen] {
        seen.push_back(test::interruption_of([&] { say(end, "x"); }));
        seen.push_back(
            test::interruption_of([] { tcp_stream::connect(test::deserted_endpoint()); }));
    });
    settle();
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_NE(seen[0].find("callback"), std::string::npos) << seen[0];
    EXPECT_NE(seen[1].find("callback"), std::string::npos) << seen[1];
}
