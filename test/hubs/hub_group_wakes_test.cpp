// SPDX-License-Identifier: BSL-1.0
//
// Wakes of a shared_queue between four threads, two of them hubs, each of them counted: items are
// put only when everybody waits whom they shall wake, so every item is a wake. Nobody has a limit:
// where one is lost, the test hangs. A hundred million under `./dev test --stress`.
#include <harness/hubs.hpp>
#include <harness/stress.hpp>
#include <tendril/hubs/hub_group.hpp>
#include <tendril/sync/shared.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace tendril;

constexpr std::size_t greenlets_that_get = 127;
constexpr std::size_t all_that_get = greenlets_that_get + 1;

// One queue: greenlets of one hub and a plain thread get from it, the other hub puts.
class counted_wakes {
public:
    // Puts an item for each of them, again and again. Returns how many that were.
    std::uint64_t put(std::uint64_t rounds) {
        std::vector<std::uint64_t> items;
        for (std::uint64_t round = 0; round < rounds; ++round) {
            until_all_wait();
            items.assign(all_that_get, round);
            queue_.put_all(items);
            everybody_has_got_.acquire();
        }
        until_all_wait();
        queue_.close();
        return rounds * all_that_get;
    }

    // Gets one item after the other, until there are no more.
    void get() {
        try {
            while (true) {
                sum_ += queue_.get();
                if (++got_ % all_that_get == 0) {
                    everybody_has_got_.release();
                }
            }
        } catch (std::system_error const& closed) {
            EXPECT_EQ(closed.code(), errc::closed);
        }
    }

    std::uint64_t got() const { return got_; }
    std::uint64_t sum() const { return sum_; }

private:
    // Those who were given an item and do not know yet would count as well, but there are none.
    void until_all_wait() {
        while (queue_.waiting() != all_that_get) {
            yield();
            std::this_thread::yield();
        }
    }

    shared_queue<std::uint64_t> queue_;
    shared_semaphore everybody_has_got_{0};
    std::atomic<std::uint64_t> got_{0};
    std::atomic<std::uint64_t> sum_{0};
};

}  // namespace

TENDRIL_TEST(hub_group_wakes, of_a_queue_are_counted_and_none_is_lost) {
    int const wanted = test::laps(TENDRIL_TSAN ? 40'000 : 400'000, 100'000'000);
    std::uint64_t const rounds = static_cast<std::uint64_t>(wanted) / (2 * all_that_get) + 1;
    std::array<counted_wakes, 2> each_way;
    std::uint64_t wakes = 0;
    {
        hub_group hubs{{.size = 2}};
        std::vector<shared_future<void>> getting;
        for (std::size_t way = 0; way < 2; ++way) {
            for (std::size_t number = 0; number < greenlets_that_get; ++number) {
                getting.push_back(hubs.spawn_on(1 - way, [&, way] { each_way[way].get(); }));
            }
        }
        std::jthread const third{[&] { each_way[0].get(); }};
        std::jthread const fourth{[&] { each_way[1].get(); }};
        auto const there = hubs.spawn_on(0, [&] { return each_way[0].put(rounds); });
        auto const back = hubs.spawn_on(1, [&] { return each_way[1].put(rounds); });
        wakes = there.get() + back.get();
        for (auto const& one : getting) {
            one.get();
        }
    }
    EXPECT_EQ(wakes, 2 * rounds * all_that_get);
    for (counted_wakes const& way : each_way) {
        EXPECT_EQ(way.got(), rounds * all_that_get);
        EXPECT_EQ(way.sum(), rounds * (rounds - 1) / 2 * all_that_get);
    }
    std::printf("    %ju wakes, none lost\n", static_cast<std::uintmax_t>(wakes));
}
