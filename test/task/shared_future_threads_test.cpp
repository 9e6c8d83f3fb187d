// SPDX-License-Identifier: BSL-1.0
//
// Shared futures under real threads: who comes first is decided once, and everybody sees the same.
#include <harness/greenlets.hpp>
#include <harness/stress.hpp>
#include <harness/tasks.hpp>
#include <tendril/support/random.hpp>
#include <tendril/task/shared_future.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::laps;
using test::outcome_of;

// What a reader gets, as a number: the value, or a word for what came in its place.
constexpr int was_cancelled = -1;
constexpr int was_broken = -2;
constexpr int gave_up = -3;

int read_number(shared_future<int> const& from, std::chrono::microseconds patience) {
    try {
        int const* const value = from.get_for(patience);
        return value == nullptr ? gave_up : *value;
    } catch (task_cancelled const&) {
        return was_cancelled;
    } catch (broken_promise const&) {
        return was_broken;
    }
}

// One round: a value that several would give, cancel or drop, and what each reader has got.
struct contest {
    void give(int who, std::uint64_t how) {
        shared_promise<int> mine{promise};
        if (how % 8 == 0) {
            won += promise.get_future().cancel() ? 1 : 0;
        } else if (how % 8 != 1) {
            won += mine.try_set_value(who) ? 1 : 0;
        }
    }
    void read(std::size_t place, std::chrono::microseconds patience) {
        got[place] = read_number(answer, patience);
    }

    shared_promise<int> promise;
    shared_future<int> answer = promise.get_future();
    std::atomic<int> won{0};
    std::array<std::atomic<int>, 8> got{};
};

// Three readers and a producer in one hub, for each of the rounds.
void take_part_in_hub(std::vector<contest>& rounds, std::barrier<>& in_step, int who) {
    std::size_t const first = who == 1 ? 0 : 3;
    seeded_random random{static_cast<std::uint64_t>(who)};
    run([&] {
        for (contest& round : rounds) {
            in_step.arrive_and_wait();
            std::vector<task<void>> readers;
            for (std::size_t place = first; place < first + 3; ++place) {
                auto const patience = random.next() % 4 == 0 ? 20us : 10s;
                readers.push_back(
                    spawn([&round, place, patience] { round.read(place, patience); }));
            }
            yield();
            round.give(who, random.next());
            for (auto const& reader : readers) {
                reader.join();
            }
        }
    });
}

// A thread without a hub gives and reads; the first of them gives in any case.
void take_part_as_thread(std::vector<contest>& rounds, std::barrier<>& in_step, int who) {
    seeded_random random{static_cast<std::uint64_t>(who)};
    for (contest& round : rounds) {
        in_step.arrive_and_wait();
        round.give(who, who == 3 ? 2 : random.next());
        round.read(static_cast<std::size_t>(who) + 3, 10s);
    }
}

enum class what_comes { give, cancel, expire };

}  // namespace

TENDRIL_TEST(shared_future_threads, two_hubs_and_two_threads_agree_on_one_winner) {
    std::vector<contest> rounds(static_cast<std::size_t>(laps(500, 50'000)));
    std::barrier<> in_step{4};
    std::thread first_hub{[&] { take_part_in_hub(rounds, in_step, 1); }};
    std::thread second_hub{[&] { take_part_in_hub(rounds, in_step, 2); }};
    std::thread first{[&] { take_part_as_thread(rounds, in_step, 3); }};
    std::thread second{[&] { take_part_as_thread(rounds, in_step, 4); }};
    for (std::thread* each : {&first_hub, &second_hub, &first, &second}) {
        each->join();
    }
    for (contest& round : rounds) {
        EXPECT_EQ(round.won, 1);
        int const truth = read_number(round.answer, 0us);
        EXPECT_NE(truth, gave_up);
        for (auto const& got : round.got) {
            EXPECT_TRUE(got == truth || got == gave_up || got == 0) << got << ", not " << truth;
        }
        EXPECT_EQ(round.answer.waiting(), 0U);
    }
}

TENDRIL_TEST(shared_future_threads, a_promise_that_goes_while_readers_come_reaches_all_of_them) {
    for (int lap = laps(200, 20'000); lap > 0; --lap) {
        auto p = std::make_unique<shared_promise<int>>();
        auto const f = p->get_future();
        std::barrier<> together{3};
        std::atomic<int> broken{0};
        auto const read = [&] {
            together.arrive_and_wait();
            broken += read_number(f, 10s) == was_broken ? 1 : 0;
        };
        std::thread in_hub{[&] { run(read); }};
        std::thread plain{read};
        together.arrive_and_wait();
        p.reset();
        in_hub.join();
        plain.join();
        EXPECT_EQ(broken, 2);
    }
}

TENDRIL_HUB_TEST(
    shared_future_threads, of_value_cancel_and_limit_one_ends_the_wait_in_all_96_orders) {
    int played = 0;
    test::second_thread elsewhere;
    std::array<what_comes, 3> sequence{what_comes::give, what_comes::cancel, what_comes::expire};
    do {
        for (unsigned plan = 0; plan < 16; ++plan) {
            ++played;
            shared_promise<int> p;
            test::attempt reader;
            bool got = false;
            std::string next;
            start(reader, [&, f = p.get_future()] {
                std::string const end = outcome_of([&] { got = f.get_for(1min) != nullptr; });
                next = test::sleep_outcome();
                throw end == "returned" ? std::string{got ? "got" : "limit"} : end;
            });
            yield();
            for (unsigned step = 0; step < 3; ++step) {
                switch (sequence[step]) {
                case what_comes::give:
                    (plan & 8U) != 0 ? elsewhere.run([&] { p.set_value(7); }) : p.set_value(7);
                    break;
                case what_comes::cancel:
                    reader.run_by.cancel();
                    break;
                case what_comes::expire:
                    clock.advance(1h);
                    break;
                }
                if ((plan & (1U << step)) != 0) {
                    sleep_for(1ns);
                }
            }
            reader.run_by.join();
            EXPECT_EQ(got, reader.outcome == "got");
            EXPECT_FALSE(reader.outcome == "cancelled" && next == "cancelled") << "twice";
            EXPECT_EQ(p.get_future().get(), 7);
            EXPECT_EQ(p.get_future().waiting(), 0U);
        }
    } while (std::next_permutation(sequence.begin(), sequence.end()));
    EXPECT_EQ(played, 96);
}
