// SPDX-License-Identifier: BSL-1.0
//
// Calls of a reader that are ended from outside, and calls at once.
#include <harness/failing_allocations.hpp>
#include <harness/memory_lines.hpp>
#include <tendril/io/buffered_reader.hpp>
#include <tendril/scope/cancel_scope.hpp>
#include <tendril/time/timeout.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::settle;
using test::error_of;
using test::memory_stream;
using test::put;

struct reader_call {
    char const* name;
    std::function<void(byte_reader&)> make;
};

// Each waits for more than "some".
std::vector<reader_call> const calls_of_readers{
    {"read_exactly", [](byte_reader& reader) { reader.read_exactly(10); }},
    {"read_until", [](byte_reader& reader) { reader.read_until("!"); }},
    {"read_line", [](byte_reader& reader) { reader.read_line(); }},
    {"lines", [](byte_reader& reader) { reader.lines().begin(); }},
    {"read_all", [](byte_reader& reader) { reader.read_all(); }},
    {"peek", [](byte_reader& reader) { reader.peek(10); }},
};

}  // namespace

TENDRIL_HUB_TEST(buffered_reader, a_call_that_is_ended_from_outside_loses_nothing) {
    using ending = std::function<void(task<std::string>&)>;
    std::vector<ending> const endings{
        [](auto& waiting) { waiting.cancel(); },
        [](auto& waiting) { waiting.kill(); },
        [](auto&) { sleep_for(2s); },
    };
    for (reader_call const& call : calls_of_readers) {
        for (ending const& end : endings) {
            auto [here, there] = memory_stream::pair({.largest_read = 1});
            buffered_reader reader{here};
            auto waiting = spawn([&] {
                return test::outcome_of([&] {
                    timeout const limit{1s};
                    call.make(reader);
                });
            });
            put(there, "some");
            settle();
            EXPECT_FALSE(waiting.done()) << call.name;
            end(waiting);
            waiting.join();
            EXPECT_EQ(reader.buffered(), "some") << call.name;
            put(there, " more\n");
            EXPECT_EQ(reader.read_line(), "some more") << call.name;
        }
    }
}

TENDRIL_HUB_TEST(buffered_reader, a_call_looks_for_interruption_even_when_it_need_not_wait) {
    for (reader_call const& call : calls_of_readers) {
        auto [here, there] = memory_stream::pair();
        buffered_reader reader{here};
        put(there, "a whole line!\n");
        there.shutdown_send();
        reader.peek();
        auto asked = spawn([&] { return test::outcome_of([&] { call.make(reader); }); });
        asked.cancel();
        asked.join();
        EXPECT_EQ(reader.buffered(), "a whole line!\n") << call.name;
    }
}

TENDRIL_HUB_TEST(buffered_reader, bytes_that_come_together_with_a_kill_are_read_next) {
    auto [here, there] = memory_stream::pair();
    buffered_reader reader{here};
    auto waiting = spawn([&] { return test::outcome_of([&] { reader.read_line(); }); });
    settle();
    put(there, "x");
    waiting.kill();
    waiting.join();
    put(there, "y\n");
    EXPECT_EQ(reader.read_line(), "xy");
}

TENDRIL_HUB_TEST(buffered_reader, a_limit_around_a_line_is_safe) {
    auto [here, there] = memory_stream::pair();
    buffered_reader reader{here};
    put(there, "half of ");
    auto const nothing = move_on_after(1s, [&] { return reader.read_line(); });
    EXPECT_FALSE(nothing.has_value());
    put(there, "a line\n");
    EXPECT_EQ(reader.read_line(), "half of a line");
}

TENDRIL_HUB_TEST(buffered_reader, a_second_reader_is_refused_and_the_first_undisturbed) {
    auto [here, there] = memory_stream::pair();
    buffered_reader reader{here};
    auto first = spawn([&] { return reader.read_line(); });
    put(there, "some");
    settle();
    for (reader_call const& call : calls_of_readers) {
        EXPECT_TRUE(test::contains(
            test::outcome_of([&] { call.make(reader); }), "one reader and one writer"))
            << call.name;
    }
    std::string data(9, '.');
    EXPECT_EQ(
        error_of([&](auto& error) { reader.read_some(boost::asio::buffer(data), error); }),
        errc::busy);
    EXPECT_THROW(reader.consume(1), misuse);
    put(there, "thing\n");
    EXPECT_EQ(first.get(), "something");
    EXPECT_EQ(reader.buffered(), "");
}

TENDRIL_HUB_TEST(buffered_reader, one_who_waits_is_woken_with_the_error_of_the_stream) {
    auto [here, there] = memory_stream::pair();
    buffered_reader reader{here};
    auto waiting = spawn(
        [&] { return error_of([&](auto& error) { reader.read_line(9, error); }); });
    settle();
    here.close();
    EXPECT_EQ(waiting.get(), errc::closed);
}

TENDRIL_HUB_TEST(buffered_reader, a_want_of_memory_loses_nothing) {
    auto [here, there] = memory_stream::pair();
    buffered_reader reader{here, {.block = 64}};
    std::string const text(200, 'x');
    put(there, text + "\n");
    for (std::uint64_t nth = 1; nth < 12; ++nth) {
        try {
            tendril::testing::failing_allocations const out_of_memory{nth};
            EXPECT_EQ(reader.read_line(), text);
            break;
        } catch (std::bad_alloc const&) {
            EXPECT_EQ(reader.buffered(), (text + "\n").substr(0, reader.buffered().size()));
        }
    }
    EXPECT_EQ(reader.buffered(), "");
}
