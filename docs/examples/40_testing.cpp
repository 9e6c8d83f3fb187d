// SPDX-License-Identifier: BSL-1.0
//
// A program that tests a small server, with every tool of the tower `testing`: no network, no real
// time, and orders and failures on demand.
#include <tendril/channel.hpp>
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/completion_condition.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <cerrno>
#include <chrono>
#include <iostream>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <system_error>

// DOC: operators
TENDRIL_FAILING_ALLOCATIONS();
// DOC-END: operators

namespace {

using namespace tendril;
using namespace tendril::testing;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

// DOC: subject
// The subject of the tests: answers every line with itself until the peer ends or is idle too long.
template <typename Stream>
void echo_lines(Stream& stream, std::chrono::seconds patience) {
    std::string text;
    while (true) {
        timeout const limit{patience};
        error_code error;
        auto const line = boost::asio::read_until(
            stream, boost::asio::dynamic_buffer(text), '\n', error);
        if (error.failed()) {
            return;
        }
        boost::asio::write(stream, boost::asio::buffer(text, line));
        text.erase(0, line);
    }
}
// DOC-END: subject

// DOC: clock
// An hour passes in no time.
void an_idle_peer_is_left_after_an_hour() {
    virtual_clock clock;
    run({.clock = &clock}, [&] {
        auto [peer, server] = memory_stream::pair();
        with_task_group([&stream = server](task_group& group) {
            group.spawn([&] {
                try {
                    echo_lines(stream, 1h);
                } catch (timed_out const&) {
                    stream.close();
                }
            });
            settle();  // the server waits for a line
            std::cout << "open after no time: " << stream.is_open() << '\n';
            sleep_for(1h + 1s);
            std::cout << "open after an hour: " << stream.is_open() << '\n';
        });
    });
}
// DOC-END: clock

// DOC: memory
// Every byte comes alone, so each place where a message may be torn is tried.
void a_line_may_come_in_pieces() {
    virtual_clock clock;
    run({.clock = &clock}, [] {
        auto [peer, server] = memory_stream::pair({.capacity = 3, .largest_read = 1});
        with_task_group([&near = peer, &far = server](task_group& group) {
            group.spawn([&] { echo_lines(far, 1s); });
            group.spawn([&] {
                boost::asio::write(near, boost::asio::buffer("one\ntwo\n"sv));
                near.shutdown_send();
            });
            std::string answer;
            boost::asio::read(
                near, boost::asio::dynamic_buffer(answer), boost::asio::transfer_exactly(8));
            std::cout << answer;
        });
    });
}
// DOC-END: memory

// DOC: sequencer
// The second piece begins when the first has ended, whoever comes first.
void pieces_of_two_greenlets_in_one_order() {
    run([] {
        sequencer order;
        transcript seen;
        with_task_group([&](task_group& group) {
            group.spawn([&] {
                auto const turn = order.wait_for(1);
                seen.note("second");
            });
            auto const turn = order.wait_for(0);
            settle();
            seen.note("first");
        });
        std::cout << "difference: " << seen.difference_from({"first", "2nd"});
    });
}
// DOC-END: sequencer

// DOC: seeds
// Holds in a hundred orders, with switches wherever there may be one.
void a_counter_under_a_mutex_is_right_in_every_order() {
    auto const runs = for_each_seed(100, [](seeded_order& order) {
        virtual_clock clock;
        int count = 0;
        run({.clock = &clock, .order = &order}, [&] {
            mutex one;
            with_task_group([&](task_group& group) {
                for (int each = 0; each < 4; ++each) {
                    group.spawn([&] {
                        std::lock_guard const lock{one};
                        int const before = count;
                        yield();
                        count = before + 1;
                    });
                }
            });
        });
        return count == 4;
    });
    std::cout << "right in " << runs << " orders\n";
}
// DOC-END: seeds

// DOC: allocations
// Each allocation fails, one run after the other, and nothing is left behind.
void a_queue_survives_when_memory_runs_out() {
    run([] {
        auto const points = for_each_failure([](std::size_t number) {
            leak_check const before;
            failing_allocations next{number};
            try {
                queue<std::string> lines;
                lines.put("a line that is too long for the room in a string");
            } catch (std::bad_alloc const&) {}
            return next.has_failed() && before.leaks().empty();
        });
        std::cout << "memory runs out in several places: " << (points > 1) << '\n';
    });
}
// DOC-END: allocations

// DOC: system_calls
// There is no descriptor left when the hub wants one.
void a_hub_says_when_there_are_no_descriptors() {
    failing_system_calls const next{&system_calls::eventfd, EMFILE};
    try {
        run([] { std::cout << "not reached\n"; });
    } catch (std::system_error const& error) {
        std::cout << "no hub: " << (error.code() == std::errc::too_many_files_open) << '\n';
    }
}
// DOC-END: system_calls

}  // namespace

int main() {
    an_idle_peer_is_left_after_an_hour();
    a_line_may_come_in_pieces();
    pieces_of_two_greenlets_in_one_order();
    a_counter_under_a_mutex_is_right_in_every_order();
    a_queue_survives_when_memory_runs_out();
    a_hub_says_when_there_are_no_descriptors();
}
