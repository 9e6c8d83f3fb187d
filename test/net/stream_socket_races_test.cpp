// SPDX-License-Identifier: BSL-1.0
//
// Several things that happen to one stream in the same turn.
#include <harness/own_folder.hpp>
#include <harness/streams.hpp>
#include <harness/stress.hpp>
#include <tendril/net/stream_socket.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::for_each_kind;
using test::hear;
using test::hear_all;
using test::laps;
using test::read_error;
using test::say;
using test::settle;
using test::write_error;
namespace asio_error = boost::asio::error;

// The orders of: 0 data comes, 1 the reader is cancelled, 2 the hub looks at the system.
std::vector<std::array<int, 3>> every_order() {
    std::vector<std::array<int, 3>> all;
    std::array<int, 3> order{0, 1, 2};
    do {
        all.push_back(order);
    } while (std::next_permutation(order.begin(), order.end()));
    return all;
}

// A kernel that takes so many bytes, and no more.
struct {
    std::size_t room = 0;
} narrow;

struct narrow_kernel {
    system_calls table = kernel();
    replaced_system_calls in_place{table};

    explicit narrow_kernel(std::size_t room) {
        narrow.room = room;
        table.send = [](int fd, void const* data, std::size_t size, int flags) {
            if (narrow.room == 0) {
                errno = EAGAIN;
                return ssize_t{-1};
            }
            ssize_t const sent = real_kernel().send(fd, data, std::min(size, narrow.room), flags);
            narrow.room -= sent > 0 ? static_cast<std::size_t>(sent) : 0;
            return sent;
        };
    }
};

// Closes a stream that is read from, and has another pair use its numbers at once.
template <typename Make>
void reuse_numbers(Make&& make, int times) {
    int reused = 0;
    for (int lap = 0; lap < times; ++lap) {
        auto old = std::make_unique<decltype(make())>(make());
        auto reader = test::spawn_reader(old->there);
        settle();
        int const number = old->there.native_handle();
        say(old->here, "too late");
        old->there.close();
        old->here.close();
        auto young = make();
        bool const again = young.here.native_handle() == number ||
            young.there.native_handle() == number;
        reused += again ? 1 : 0;
        say(young.here, "for the young one");
        ASSERT_EQ(reader.get(), errc::closed);
        ASSERT_EQ(hear(young.there), "for the young one");
    }
    std::printf("%d numbers of %d were used again\n", reused, times);
    EXPECT_GT(reused, 0);
}

// Several programs may run this test at the same time.
std::string name_beside_others(std::string_view word) {
    return "@tendril " + std::string{word} + " " + std::to_string(::getpid());
}

// Every wait that a stream knows, at one stream each, and what is needed for it.
struct outstanding {
    std::string const full_name = name_beside_others("full");
    test::unnamed_file file{std::string(8 * 1024 * 1024, 'x')};
    test::unix_pair reads = test::connected_unix_pair();
    test::unix_pair limited = test::connected_unix_pair();
    test::unix_pair writes = test::connected_unix_pair();
    test::unix_pair sends = test::connected_unix_pair();
    test::unix_pair receives = test::connected_unix_pair();
    unix_listener accepts = unix_listener::bind(name_beside_others("outstanding"));
    unix_listener full = unix_listener::bind(full_name, {.backlog = 0});
    unix_stream first = unix_stream::connect(full_name);

    std::vector<task<void>> start() {
        limited.here.set_read_limit(1h);
        test::fill(writes.here);
        std::vector<task<void>> all;
        all.push_back(spawn([this] { hear(reads.here); }));
        all.push_back(spawn([this] { hear(limited.here); }));
        all.push_back(spawn([this] { say(writes.here, "x"); }));
        all.push_back(spawn([this] { sends.here.send_file(file.descriptor()); }));
        all.push_back(spawn([this] {
            char data[1];
            receives.here.receive_descriptors(boost::asio::buffer(data));
        }));
        all.push_back(spawn([this] { accepts.accept(); }));
        all.push_back(spawn([this] { unix_stream::connect(full_name); }));
        return all;
    }
};

}  // namespace

TENDRIL_HUB_TEST(stream_socket_races, completion_and_cancellation_in_one_turn_lose_no_byte) {
    auto const orders = every_order();
    for_each_kind([&](stream_socket& here, stream_socket& there) {
        int const times = laps(1000, 100'000);
        int left_over = 0;
        for (int lap = 0; lap < times; ++lap) {
            std::string got;
            auto reader = spawn([&] { got = hear(there); });
            settle();
            for (int const step : orders[static_cast<std::size_t>(lap) % orders.size()]) {
                if (step == 0) {
                    say(here, "x");
                } else if (step == 1) {
                    reader.cancel();
                } else {
                    this_hub().context().poll();
                }
            }
            reader.join();
            left_over += got.empty() ? 1 : 0;
            ASSERT_EQ(got.empty() ? hear(there) : got, "x") << "lap " << lap;
        }
        std::printf("%d races, %d of them won by the cancellation\n", times, left_over);
        EXPECT_GT(left_over, 0);
        EXPECT_LT(left_over, times);
    });
}

TENDRIL_HUB_TEST(stream_socket_races, completion_and_limit_in_one_turn_lose_no_byte) {
    for_each_kind([&clock](stream_socket& here, stream_socket& there) {
        int const times = laps(1000, 100'000);
        for (int lap = 0; lap < times; ++lap) {
            std::string got;
            auto reader = spawn([&] {
                char data[8];
                error_code error;
                got.assign(data, there.read_some_for(boost::asio::buffer(data), error, 1ms));
            });
            settle();
            if (lap % 2 == 0) {
                say(here, "x");
                clock.advance(1ms);
            } else {
                clock.advance(1ms);
                say(here, "x");
            }
            reader.join();
            ASSERT_EQ(got.empty() ? hear(there) : got, "x") << "lap " << lap;
        }
        std::printf("%d races of data and a limit\n", times);
    });
}

TENDRIL_HUB_TEST(stream_socket_races, a_number_that_is_used_again_is_no_business_of_the_reader) {
    reuse_numbers([] { return test::connected_unix_pair(); }, laps(300, 100'000));
    reuse_numbers([] { return test::connected_pair(); }, laps(100, 10'000));
}

TENDRIL_HUB_TEST(stream_socket_races, a_stream_may_be_destroyed_by_its_own_reader) {
    auto pair = std::make_unique<test::unix_pair>(test::connected_unix_pair());
    unix_stream other = std::move(pair->here);
    auto writer = test::spawn_writer(pair->there);
    auto reader = spawn([&pair] {
        std::string const heard = hear(pair->there);
        pair = nullptr;
        return heard;
    });
    settle();
    say(other, "the end");
    EXPECT_EQ(reader.get(), "the end");
    EXPECT_EQ(writer.get(), errc::closed);
}

TENDRIL_HUB_TEST(stream_socket_races, the_last_reader_may_own_the_stream) {
    auto [here, there] = test::connected_pair();
    auto reader = spawn([end = std::move(there)]() mutable { return hear_all(end); });
    settle();
    say(here, "all of it");
    here.close();
    EXPECT_EQ(reader.get(), "all of it");
}

TENDRIL_HUB_TEST(stream_socket_races, an_end_or_a_reset_by_the_peer_wakes_both_directions) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        auto reader = spawn([&] {
            char data[8];
            error_code error;
            there.read_some(boost::asio::buffer(data), error);
            return error;
        });
        auto writer = test::spawn_writer(there);
        settle();
        here.abort();
        EXPECT_TRUE(reader.get().failed());
        EXPECT_TRUE(writer.get().failed());
    });
}

TENDRIL_HUB_TEST(stream_socket_races, closing_or_shutting_down_beats_the_data_of_the_same_turn) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        auto reader = spawn([&there] { return hear(there); });
        settle();
        // What was there before the end is read, and the end comes behind it.
        say(here, "x");
        there.shutdown_receive();
        EXPECT_EQ(reader.get(), "x");
        EXPECT_EQ(read_error(there), asio_error::eof);
    });
}

TENDRIL_HUB_TEST(stream_socket_races, a_write_killed_after_any_byte_breaks_the_stream) {
    constexpr std::size_t size = 64 * 1024;
    std::string const text(size, 'x');
    std::size_t const step = test::under_stress() ? 1 : 1021;
    int broken = 0;
    for (std::size_t room = 0; room < size; room += step) {
        auto [here, there] = test::connected_unix_pair();
        here.set_option(boost::asio::socket_base::send_buffer_size{4 * 64 * 1024});
        narrow_kernel const kernel{room};
        auto writer = spawn([&end = here, &text] { say(end, text); });
        // It never rests, because the kernel tells it that there is room.
        for (int turn = 0; turn < 3; ++turn) {
            yield();
        }
        writer.cancel();
        writer.join();
        ASSERT_TRUE(writer.was_cancelled()) << room;
        narrow.room = size;
        error_code const next = write_error(here);
        ASSERT_EQ(next, room == 0 ? error_code{} : io_error(errc::broken)) << room;
        broken += next.failed() ? 1 : 0;
    }
    std::printf("%d writes were left half way\n", broken);
    EXPECT_GT(broken, 50);
}

TENDRIL_HUB_TEST(stream_socket_races, a_hub_may_be_closed_with_every_operation_outstanding) {
    outstanding waits;
    auto const all = waits.start();
    settle();
    for (auto const& each : all) {
        EXPECT_FALSE(each.done());
    }
    this_hub().close();
    for (auto const& each : all) {
        EXPECT_TRUE(each.was_cancelled());
    }
}

TENDRIL_TEST(stream_socket_races, a_hub_may_end_with_every_operation_outstanding) {
    std::optional<outstanding> waits;
    run([&] {
        waits.emplace();
        waits->start();
        yield();
    });
    EXPECT_FALSE(waits->reads.here.is_open());
    waits.reset();
}

TENDRIL_HUB_TEST(stream_socket_races, connecting_ends_at_its_limit) {
    test::full_listener const full;
    auto const before = clock.elapsed();
    error_code error;
    EXPECT_FALSE(tcp_stream::connect_until(full.endpoint(), error, deadline::after(7s)).is_open());
    EXPECT_EQ(error, errc::timed_out);
    EXPECT_EQ(clock.elapsed() - before, 7s);
    EXPECT_EQ(
        test::code_of([&] { tcp_stream::connect_for(full.endpoint(), 1s); }), errc::timed_out);
}

TENDRIL_HUB_TEST(stream_socket_races, connecting_with_a_limit_is_as_without_when_somebody_answers) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    EXPECT_TRUE(tcp_stream::connect_for(listener.local_endpoint(), 1s).is_open());
    EXPECT_TRUE(listener.accept().is_open());
}

// Each is accepted, and told of the reset, or passed over; none is left.
TENDRIL_HUB_TEST(stream_socket_races, a_storm_of_resets_leaves_nothing_behind) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    int const times = laps(500, 50'000);
    int ended = 0;
    auto server = spawn([&] {
        while (true) {
            tcp_stream peer = listener.accept();
            char data[64];
            error_code error;
            while (!error.failed()) {
                peer.read_some(boost::asio::buffer(data), error);
            }
            ++ended;
        }
    });
    for (int lap = 0; lap < times; ++lap) {
        tcp_stream client = test::connect_at_once(listener.local_endpoint());
        say(client, "GET");
        client.abort();
        if (lap % 16 == 0) {
            settle();
        }
    }
    settle();
    server.cancel();
    server.join();
    std::printf("%d resets, %d were told\n", times, ended);
    EXPECT_EQ(ended, times);
}
