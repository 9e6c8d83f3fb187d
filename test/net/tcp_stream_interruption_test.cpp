// SPDX-License-Identifier: BSL-1.0
//
// What happens to a stream when a greenlet that waits for it is ended.
#include <harness/network.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/net/tcp_stream.hpp>
#include <tendril/time/timeout.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::connected_pair;
using test::fill;
using test::full_listener;
using test::hear;
using test::read_error;
using test::say;
using test::settle;
using test::spawn_reader;
using test::spawn_writer;
using test::stream_pair;
using test::transcript;
using test::write_error;

// Each wait that a connection knows, so that a test can try them all.
struct waiting_call {
    char const* name;
    std::function<task<void>()> start;
};
struct all_waits {
    stream_pair reads = connected_pair();
    stream_pair writes = connected_pair();
    full_listener full;
    tcp_listener accepts = tcp_listener::bind("127.0.0.1", 0);

    std::vector<waiting_call> calls{
        {"read_some", [this] { return spawn([this] { hear(reads.here); }); }},
        {"write_some",
         [this] {
             fill(writes.here);
             return spawn([this] { writes.here.write_some(boost::asio::buffer("x", 1)); });
         }},
        {"write", [this] { return spawn([this] { say(writes.here, "x"); }); }},
        {"accept", [this] { return spawn([this] { accepts.accept(); }); }},
        {"connect", [this] { return spawn([this] { tcp_stream::connect(full.endpoint()); }); }},
    };
};

struct my_error {};

}  // namespace

// Ending a greenlet that waits.

TENDRIL_HUB_TEST(tcp, every_wait_can_be_cancelled) {
    all_waits all;
    for (waiting_call const& call : all.calls) {
        auto waiting = call.start();
        settle();
        ASSERT_FALSE(waiting.done()) << call.name;
        waiting.cancel();
        waiting.join();
        EXPECT_TRUE(waiting.was_cancelled()) << call.name;
    }
}

TENDRIL_HUB_TEST(tcp, every_wait_can_be_killed_with_any_error) {
    all_waits all;
    for (waiting_call const& call : all.calls) {
        auto waiting = call.start();
        settle();
        waiting.kill(my_error{});
        EXPECT_THROW(waiting.get(), my_error) << call.name;
    }
}

TENDRIL_HUB_TEST(tcp, every_wait_can_be_cancelled_twice_before_it_has_left) {
    all_waits all;
    for (waiting_call const& call : all.calls) {
        auto waiting = call.start();
        settle();
        waiting.cancel();
        waiting.kill(my_error{});
        waiting.join();
        EXPECT_THROW(waiting.get(), my_error) << call.name;
    }
}

TENDRIL_HUB_TEST(tcp, every_wait_obeys_a_timeout) {
    all_waits all;
    for (waiting_call const& call : all.calls) {
        auto const before = clock.elapsed();
        std::string how;
        auto waiting = spawn([&] {
            auto inner = call.start();
            how = test::interruption_of([&] { with_timeout(3s, [&] { inner.join(); }); });
            inner.cancel();
            inner.join();
        });
        waiting.join();
        EXPECT_EQ(how, "timed out") << call.name;
        EXPECT_EQ(clock.elapsed() - before, 3s) << call.name;
    }
}

TENDRIL_HUB_TEST(tcp, every_wait_ends_when_the_hub_closes) {
    all_waits all;
    std::vector<task<void>> waiting;
    for (waiting_call const& call : all.calls) {
        // The two kinds of write would be in each other's way.
        if (std::string{call.name} != "write_some") {
            waiting.push_back(call.start());
        }
    }
    fill(all.writes.here);
    settle();
    this_hub().close();
    for (auto const& each : waiting) {
        EXPECT_TRUE(each.was_cancelled());
    }
}

TENDRIL_HUB_TEST(tcp, a_call_of_a_greenlet_that_is_to_end_does_nothing) {
    auto [here, there] = connected_pair();
    task<void> writer;
    writer = spawn([&end = here, &writer] {
        writer.cancel();
        say(end, "never");
    });
    writer.join();
    EXPECT_TRUE(writer.was_cancelled());
    here.close();
    EXPECT_EQ(test::hear_all(there), "");
}

TENDRIL_HUB_TEST(tcp, ending_the_reader_does_not_disturb_the_writer) {
    auto [here, there] = connected_pair();
    auto reader = spawn_reader(here);
    std::size_t const filled = fill(here);
    auto writer = spawn([&end = here] { return write_error(end, "written"); });
    settle();
    reader.cancel();
    reader.join();
    EXPECT_EQ(test::hear_exactly(there, filled + 7).substr(filled), "written");
    EXPECT_FALSE(writer.get().failed());
}

TENDRIL_HUB_TEST(tcp, ending_the_writer_does_not_disturb_the_reader) {
    auto [here, there] = connected_pair();
    auto reader = spawn([&end = here] { return hear(end); });
    auto writer = spawn_writer(here);
    settle();
    writer.cancel();
    writer.join();
    say(there, "read");
    EXPECT_EQ(reader.get(), "read");
}

// Data and an end in the same moment. Whatever the order, no byte is lost: either the read returns
// it and the end is delivered later, or the next read finds it.

namespace {

// Lets `turns` turns of the loop pass between the steps, in every order of them.
transcript race(std::vector<int> const& order, int turns) {
    auto [here, there] = connected_pair();
    std::string got;
    auto reader = spawn([&end = there, &got] { got += hear(end); });
    settle();
    for (int const step : order) {
        switch (step) {
        case 0:
            say(here, "data");
            break;
        case 1:
            reader.cancel();
            break;
        default:
            this_hub().context().poll();
        }
        for (int turn = 0; turn < turns; ++turn) {
            yield();
        }
    }
    reader.join();
    if (got.empty()) {
        got = hear(there);
    }
    return {got, reader.was_cancelled() || reader.succeeded() ? "ended" : "failed"};
}

}  // namespace

TENDRIL_HUB_TEST(tcp, data_that_comes_with_the_end_of_its_reader_is_never_lost) {
    std::vector<int> order{0, 1, 2};
    do {
        for (int turns = 0; turns < 4; ++turns) {
            EXPECT_EQ(race(order, turns), (transcript{"data", "ended"}))
                << order[0] << order[1] << order[2] << " with " << turns << " turns";
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

TENDRIL_HUB_TEST(tcp, a_connection_that_comes_with_the_end_of_its_acceptor_is_never_lost) {
    for (bool const cancel_first : {false, true}) {
        tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
        tcp_stream accepted;
        auto acceptor = spawn([&] { accepted = listener.accept(); });
        settle();
        tcp_stream client;
        if (cancel_first) {
            acceptor.cancel();
        }
        client = tcp_stream::connect(listener.local_endpoint());
        acceptor.cancel();
        acceptor.join();
        if (!accepted.is_open()) {
            accepted = listener.accept();
        }
        EXPECT_EQ(accepted.remote_endpoint(), client.local_endpoint());
    }
}

TENDRIL_HUB_TEST(tcp, data_that_is_there_beats_a_timeout_of_the_same_turn) {
    auto [here, there] = connected_pair();
    auto reader = spawn([&end = there] {
        timeout const limit{1s};
        return hear(end);
    });
    settle();
    say(here, "in time");
    clock.advance(1h);
    EXPECT_EQ(reader.get(), "in time");
}

// A write that was interrupted half way.

TENDRIL_HUB_TEST(tcp, a_half_written_write_breaks_the_writing_side_only) {
    auto [here, there] = connected_pair();
    std::string const large(32 * 1024 * 1024, 'x');
    auto writer = spawn([&end = here, &large] { say(end, large); });
    settle();
    writer.cancel();
    writer.join();
    EXPECT_TRUE(writer.was_cancelled());
    EXPECT_EQ(write_error(here), errc::broken);
    error_code error;
    here.write_some(boost::asio::buffer("x", 1), error);
    EXPECT_EQ(error, errc::broken);
    say(there, "still heard");
    EXPECT_EQ(hear(here), "still heard");
}

TENDRIL_HUB_TEST(tcp, a_write_that_had_sent_nothing_breaks_nothing) {
    auto [here, there] = connected_pair();
    std::size_t const filled = fill(here);
    auto writer = spawn([&end = here] { say(end, "never sent"); });
    settle();
    writer.cancel();
    writer.join();
    EXPECT_EQ(test::hear_exactly(there, filled).size(), filled);
    EXPECT_FALSE(write_error(here, "sent").failed());
    EXPECT_EQ(hear(there), "sent");
}

TENDRIL_HUB_TEST(tcp, a_write_of_many_buffers_breaks_the_stream_between_them_too) {
    auto [here, there] = connected_pair();
    std::string const block(256 * 1024, 'b');
    std::vector<boost::asio::const_buffer> const parts(200, boost::asio::buffer(block));
    auto writer = spawn([&end = here, &parts] { end.write(parts); });
    // What is read makes room for exactly the parts of one system call, again and again.
    for (int count = 0; count < 3; ++count) {
        settle();
        test::hear_exactly(there, 16 * block.size());
    }
    settle();
    writer.cancel();
    writer.join();
    EXPECT_EQ(write_error(here), errc::broken);
}

// A pending end is delivered at the next part; that is half way as well.
TENDRIL_ORDERED_HUB_TEST(tcp, a_write_that_ends_itself_between_its_buffers_breaks_the_stream) {
    auto [here, there] = connected_pair();
    std::vector<boost::asio::const_buffer> const parts(5000, boost::asio::buffer("part", 4));
    auto writer = spawn([&end = here, &parts] { end.write(parts); });
    spawn([&] { writer.cancel(); });
    writer.join();
    EXPECT_TRUE(writer.was_cancelled());
    EXPECT_EQ(write_error(here), errc::broken);
}

TENDRIL_HUB_TEST(tcp, a_broken_stream_still_closes_in_order) {
    auto [here, there] = connected_pair();
    std::string const large(32 * 1024 * 1024, 'x');
    auto writer = spawn([&end = here, &large] { say(end, large); });
    settle();
    writer.cancel();
    writer.join();
    here.close();
    EXPECT_FALSE(here.is_open());
    EXPECT_EQ(write_error(here), errc::closed);
}

// After a short read the next one lets others go first, and they may do anything.

TENDRIL_HUB_TEST(tcp, one_that_is_closed_by_those_who_go_first_says_so) {
    auto [here, there] = connected_pair();
    say(there, "x");
    EXPECT_EQ(hear(here), "x");
    auto const closer = spawn([&end = here] { end.close(); });
    EXPECT_EQ(read_error(here), errc::closed);
}

TENDRIL_ORDERED_HUB_TEST(tcp, a_reader_that_is_cancelled_by_those_who_go_first_leaves) {
    auto [here, there] = connected_pair();
    auto reader = spawn([&end = here] { return test::interruption_of([&] { hear(end); }); });
    auto const canceller = spawn([&] { reader.cancel(); });
    EXPECT_EQ(reader.get(), "cancelled");
}

// Lets the reads of this thread learn that it pays to let others go first.
void let_others_go_first_and_pay() {
    auto [here, there] = connected_pair();
    for (int count = 0; count < 100; ++count) {
        auto const sender = spawn([&end = there] { say(end, "x"); });
        EXPECT_EQ(hear(here), "x");
    }
}

TENDRIL_ORDERED_HUB_TEST(tcp, what_those_who_go_first_send_is_read_before_their_cancel_counts) {
    let_others_go_first_and_pay();
    auto [here, there] = connected_pair();
    std::string heard;
    auto const reader = spawn([&end = here, &heard] {
        heard = hear(end);
        sleep_for(1h);
    });
    auto const sender = spawn([&, &end = there] {
        say(end, "x");
        reader.cancel();
    });
    reader.join();
    EXPECT_EQ(heard, "x");
    EXPECT_FALSE(reader.succeeded());
}
