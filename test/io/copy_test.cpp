// SPDX-License-Identifier: BSL-1.0
#include <harness/memory_lines.hpp>
#include <harness/no_stacks.hpp>
#include <tendril/io/buffered_reader.hpp>
#include <tendril/io/buffered_writer.hpp>
#include <tendril/io/copy.hpp>
#include <tendril/time/timeout.hpp>

#include <chrono>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::settle;
using test::error_of;
using test::got;
using test::memory_stream;
using test::put;

// A proxy between a client and a backend, which hold the outer ends.
struct proxied {
    explicit proxied(test::memory_stream_options options = {})
        : proxied{memory_stream::pair(options), memory_stream::pair(options)} {}

    memory_stream client;
    memory_stream to_client;
    memory_stream to_backend;
    memory_stream backend;

private:
    using two = std::pair<memory_stream, memory_stream>;
    proxied(two front, two back)
        : client{std::move(front.first)},
          to_client{std::move(front.second)},
          to_backend{std::move(back.first)},
          backend{std::move(back.second)} {}
};

}  // namespace

TENDRIL_HUB_TEST(copy, moves_all_up_to_the_end_and_counts) {
    proxied ends{{.capacity = 1000}};
    std::string const text(100000, 'x');
    auto writer = spawn([&] {
        put(ends.client, text);
        ends.client.shutdown_send();
    });
    auto reader = spawn([&] { return test::got_all(ends.backend); });
    EXPECT_EQ(copy(ends.to_client, ends.to_backend), text.size());
    // It leaves the other stream open.
    put(ends.to_backend, "more");
    ends.to_backend.close();
    EXPECT_EQ(reader.get(), text + "more");
    writer.join();
}

TENDRIL_HUB_TEST(copy, takes_readers_and_writers) {
    proxied ends;
    put(ends.client, "line\nrest");
    ends.client.shutdown_send();
    buffered_reader reader{ends.to_client};
    buffered_writer writer{ends.to_backend};
    EXPECT_EQ(reader.read_line(), "line");
    EXPECT_EQ(copy(reader, writer), 4U);
    writer.flush();
    EXPECT_EQ(got(ends.backend), "rest");
}

TENDRIL_HUB_TEST(copy, ends_with_the_error_of_either_side) {
    proxied ends;
    ends.to_client.close();
    EXPECT_EQ(
        error_of([&](auto& error) { copy(ends.to_client, ends.to_backend, error); }), errc::closed);
    proxied others;
    put(others.client, "x");
    others.to_backend.close();
    EXPECT_TRUE(test::contains(
        test::outcome_of([&] { copy(others.to_client, others.to_backend); }),
        "copy: closed by this program"));
}

TENDRIL_HUB_TEST(copy, both_ways_ends_when_both_directions_have_ended) {
    proxied ends{{.capacity = 10}};
    auto proxy = spawn([&] { return copy_both(ends.to_client, ends.to_backend); });
    put(ends.client, "question");
    ends.client.shutdown_send();
    EXPECT_EQ(test::got_all(ends.backend), "question");
    settle();
    // Half of the connection is closed; the other goes on.
    EXPECT_FALSE(proxy.done());
    put(ends.backend, "a long answer that comes late");
    ends.backend.shutdown_send();
    EXPECT_EQ(test::got_all(ends.client), "a long answer that comes late");
    both_copied const bytes = proxy.get();
    EXPECT_EQ(bytes.there, 8U);
    EXPECT_EQ(bytes.back, 29U);
    EXPECT_TRUE(ends.to_client.is_open());
}

TENDRIL_HUB_TEST(copy, both_ways_ends_when_one_direction_fails) {
    proxied ends;
    auto proxy = spawn([&] {
        return error_of([&](auto& error) { copy_both(ends.to_client, ends.to_backend, error); });
    });
    settle();
    ends.client.close();
    settle();
    EXPECT_FALSE(proxy.done());
    // Nobody is there to read it.
    put(ends.backend, "x");
    EXPECT_EQ(proxy.get(), boost::asio::error::broken_pipe);
    EXPECT_EQ(got(ends.backend), "");
}

TENDRIL_HUB_TEST(copy, both_ways_ends_when_a_stream_is_closed_by_us) {
    proxied ends;
    auto proxy = spawn(
        [&] { return test::outcome_of([&] { copy_both(ends.to_client, ends.to_backend); }); });
    settle();
    ends.to_backend.close();
    EXPECT_TRUE(test::contains(proxy.get(), "copy_both: closed by this program"));
}

TENDRIL_HUB_TEST(copy, is_ended_from_outside_with_both_of_its_directions) {
    proxied ends;
    auto killed = spawn(
        [&] { return test::outcome_of([&] { copy_both(ends.to_client, ends.to_backend); }); });
    settle();
    killed.cancel();
    EXPECT_EQ(killed.get(), "cancelled");
    EXPECT_EQ(
        test::outcome_of([&] {
            timeout const limit{1s};
            copy_both(ends.to_client, ends.to_backend);
        }),
        "timed out");
    EXPECT_EQ(
        test::outcome_of([&] {
            timeout const limit{1s};
            copy(ends.to_client, ends.to_backend);
        }),
        "timed out");
    // Nobody reads any more.
    put(ends.client, "x");
    EXPECT_EQ(got(ends.to_client), "x");
}

TENDRIL_TEST(copy_both, a_way_that_gets_no_stack_ends_the_other) {
    test::with_no_stack_left([] {
        proxied ends;
        EXPECT_THROW(copy_both(ends.to_client, ends.to_backend), stack_exhausted);
    });
}
