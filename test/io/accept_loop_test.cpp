// SPDX-License-Identifier: BSL-1.0
#include <harness/failing_allocations.hpp>
#include <harness/network.hpp>
#include <tendril/io/accept_loop.hpp>
#include <tendril/support/random.hpp>

#include <chrono>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Draws the same number for ever.
class loaded_die final : public random_source {
public:
    explicit loaded_die(std::uint64_t number) : number_{number} {}
    std::uint64_t next() noexcept override { return number_; }

private:
    std::uint64_t number_;
};

error_code lack() { return boost::asio::error::no_descriptors; }

// What a loop is told, one outcome a call, and when it asked. At the end it hears "closed".
struct scripted_door {
    void operator()(error_code& error) {
        asked.push_back(now());
        error = asked.size() > outcomes.size() ? io_error(errc::closed)
                                               : outcomes[asked.size() - 1];
    }
    std::vector<milliseconds> pauses() const {
        std::vector<milliseconds> all;
        for (std::size_t at = 1; at < asked.size(); ++at) {
            all.push_back(std::chrono::duration_cast<milliseconds>(asked[at] - asked[at - 1]));
        }
        return all;
    }

    std::vector<error_code> outcomes;
    std::vector<time_point> asked{};
};

// Runs a loop against a door, where chance is always the same. Returns its pauses.
std::vector<milliseconds> pauses_of(
    scripted_door door, accept_pauses const& pauses = {}, std::uint64_t chance = 0) {
    tendril::testing::virtual_clock time;
    loaded_die random{chance};
    tendril::run({.clock = &time, .random = &random}, [&] {
        test::reported_errors const errors;
        accept_loop{"a door", pauses}.run(door);
    });
    return door.pauses();
}

}  // namespace

TENDRIL_HUB_TEST(accept_loop, accepts_until_the_listener_is_closed) {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_endpoint const address = listener.local_endpoint();
    accept_loop loop{"a test"};
    int accepted = 0;
    auto acceptor = spawn([&] {
        loop.run([&](error_code& error) { accepted += listener.accept(error).is_open() ? 1 : 0; });
    });
    tcp_stream const one = tcp_stream::connect(address);
    tcp_stream const other = tcp_stream::connect(address);
    test::settle();
    EXPECT_EQ(accepted, 2);
    EXPECT_FALSE(acceptor.done());
    listener.close();
    acceptor.get();
    EXPECT_EQ(loop.failures(), 0U);
}

TENDRIL_TEST(accept_loop, pauses_twice_as_long_each_time_and_a_second_at_most) {
    EXPECT_EQ(
        pauses_of({std::vector(9, lack())}),
        (std::vector<milliseconds>{10ms, 20ms, 40ms, 80ms, 160ms, 320ms, 640ms, 1000ms, 1000ms}));
    EXPECT_EQ(
        pauses_of({std::vector(4, lack())}, {.first = 3ms, .longest = 8ms}),
        (std::vector<milliseconds>{3ms, 6ms, 8ms, 8ms}));
}

TENDRIL_TEST(accept_loop, chance_takes_an_eighth_from_a_pause_at_most) {
    EXPECT_EQ(pauses_of({std::vector(9, lack())}, {}, 125).back(), 875ms);
    EXPECT_EQ(
        pauses_of({std::vector(3, lack())}, {}, 1), (std::vector<milliseconds>{9ms, 19ms, 39ms}));
}

TENDRIL_TEST(accept_loop, a_success_makes_the_next_pause_short_again) {
    EXPECT_EQ(
        pauses_of({{lack(), lack(), {}, lack()}}),
        (std::vector<milliseconds>{10ms, 20ms, 0ms, 10ms}));
}

TENDRIL_ORDERED_HUB_TEST(accept_loop, reports_each_series_once_and_says_whose) {
    test::reported_errors const errors;
    scripted_door door{{lack(), lack(), {}, lack(), lack(), lack()}};
    accept_loop loop{"the gate"};
    loop.run(door);
    EXPECT_EQ(loop.failures(), 5U);
    ASSERT_EQ(errors.texts.size(), 2U);
    EXPECT_TRUE(errors.texts[0].starts_with("the gate: ")) << errors.texts[0];
    EXPECT_NE(errors.texts[0].find("accepting pauses"), std::string::npos) << errors.texts[0];
    EXPECT_NE(errors.texts[0].find("open files"), std::string::npos) << errors.texts[0];
}

TENDRIL_ORDERED_HUB_TEST(accept_loop, a_second_run_begins_with_a_short_pause_and_counts_on) {
    test::reported_errors const errors;
    accept_loop loop{"the gate"};
    loop.run(scripted_door{std::vector(8, lack())});
    auto const before = clock.elapsed();
    loop.run(scripted_door{{lack()}});
    EXPECT_LE(clock.elapsed() - before, 10ms);
    EXPECT_EQ(loop.failures(), 9U);
    EXPECT_EQ(errors.texts.size(), 2U);
}

TENDRIL_HUB_TEST(accept_loop, a_lack_of_memory_is_waited_out_and_other_exceptions_leave) {
    test::reported_errors const errors;
    accept_loop loop{"the gate"};
    int calls = 0;
    auto const fail = [&](error_code&) {
        if (++calls < 3) {
            throw std::bad_alloc{};
        }
        throw std::runtime_error{"mine"};
    };
    EXPECT_EQ(test::text_of([&] { loop.run(fail); }), "mine");
    EXPECT_EQ(loop.failures(), 2U);
}

TENDRIL_HUB_TEST(accept_loop, can_be_ended_while_it_pauses) {
    test::reported_errors const errors;
    accept_loop loop{"the gate"};
    auto acceptor = spawn([&] { loop.run([](error_code& error) { error = lack(); }); });
    sleep_for(10s);
    auto const before = clock.elapsed();
    acceptor.cancel();
    acceptor.join();
    EXPECT_TRUE(acceptor.was_cancelled());
    EXPECT_EQ(clock.elapsed(), before);
}

TENDRIL_HUB_TEST(accept_loop, refuses_to_do_without_a_pause) {
    EXPECT_THROW((accept_loop{"x", {.first = 0ms}}), misuse);
    EXPECT_THROW((accept_loop{"x", {.first = -1ms}}), misuse);
    EXPECT_THROW((accept_loop{"x", {.first = 5ms, .longest = 4ms}}), misuse);
}

TENDRIL_TEST(accept_loop, goes_on_where_there_is_no_memory_even_for_a_pause) {
    // In a new hub no alarm was ever armed.
    tendril::testing::virtual_clock my_time;
    int asked = 0;
    std::thread{[&] {
        run({.clock = &my_time}, [&] {
            this_hub().set_error_handler([](std::exception_ptr, std::string_view) {});
            accept_loop loop{"the door"};
            test::no_allocation until_end;
            loop.run(
                [&](error_code& error) { error = ++asked > 3 ? io_error(errc::closed) : lack(); });
        });
    }}.join();
    EXPECT_EQ(asked, 4);
}
