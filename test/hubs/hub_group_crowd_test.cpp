// SPDX-License-Identifier: BSL-1.0
//
// A thousand greenlets on the hubs of a group, each in a state that a seed picks, and the ways in
// which all may end at once: the group is stopped, it is destroyed, a task fails, the process exits
// on any of its threads. Those of one thread are in leak_check_random_states_test.cpp.
#include <harness/forking.hpp>
#include <harness/hubs.hpp>
#include <harness/stress.hpp>
#include <tendril/greenlet/greenlet_local.hpp>
#include <tendril/hubs/hub_group.hpp>
#include <tendril/support/random.hpp>
#include <tendril/sync/shared.hpp>
#include <tendril/threads/run_in_thread.hpp>
#include <tendril/time/sleep.hpp>

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

constexpr int greenlets_of_crowd = TENDRIL_TSAN ? 200 : 1000;

// What all of them wait for in vain; outlives the groups.
struct waited_for {
    shared_event never;
    shared_semaphore none{0};
    shared_queue<int> empty;
    shared_promise<int> unkept;
};

struct yields_at_its_end {
    ~yields_at_its_end() { yield(); }
};

struct counted_local {
    std::shared_ptr<int> token;
};
greenlet_local<counted_local> local_of_crowd;

// One of the crowd: in a state that the number picks. Everything holds the token.
void live(std::uint64_t state, waited_for& vain, std::shared_ptr<int> const& token) {
    local_of_crowd->token = token;
    switch (state % 10) {
    case 0:
        sleep_for(1h);
        break;
    case 1:
        vain.never.wait();
        break;
    case 2:
        vain.none.acquire();
        break;
    case 3:
        vain.empty.get();
        break;
    case 4:
        vain.unkept.get_future().get();
        break;
    case 5: {
        yields_at_its_end const last;
        sleep_for(1h);
        break;
    }
    case 6:
        // Swallows what it is told, twice.
        static_cast<void>(test::outcome_of([] { sleep_for(1h); }));
        static_cast<void>(test::outcome_of([] { sleep_for(1h); }));
        sleep_for(1h);
        break;
    case 7:
        spawn([token] { sleep_for(1h); });
        break;
    case 8:
        while (true) {
            yield();
        }
    default:
        break;
    }
}

void gather(
    hub_group& hubs, waited_for& vain, std::shared_ptr<int> const& token, std::uint64_t seed) {
    seeded_random random{seed};
    for (int number = 0; number < greenlets_of_crowd; ++number) {
        auto const one = hubs.spawn(
            [&vain, token, state = random.next()] { live(state, vain, token); });
        if (random.next() % 10 == 0) {
            one.cancel();
        }
    }
}

// Tries a way to end with one crowd after the other.
template <typename F>
void try_crowds_of_hubs(char const* what, hub_group_options (*options)(), F&& end) {
    int const runs = test::laps(3, 300);
    for (int seed = 1; seed <= runs; ++seed) {
        tendril::testing::leak_check const before;
        auto const token = std::make_shared<int>(0);
        waited_for vain;
        std::optional<hub_group> hubs{std::in_place, options()};
        gather(*hubs, vain, token, static_cast<std::uint64_t>(seed));
        end(hubs);
        hubs.reset();
        EXPECT_EQ(token.use_count(), 1) << "seed " << seed;
        EXPECT_EQ(before.leaks(), "") << "seed " << seed;
    }
    std::printf("    %d crowds of %d greenlets: %s\n", runs, greenlets_of_crowd, what);
}

hub_group_options two_hubs() { return {.size = 2, .time_to_unwind = 20ms}; }
hub_group_options two_hubs_with_one_fate() {
    return {.size = 2, .errors = on_error::end_all, .time_to_unwind = 20ms};
}

// Ends the process with status 0 if that goes in order.
template <typename F>
[[noreturn]] void exit_with_a_group(F&& leave) {
    static waited_for vain;
    static std::optional<hub_group> hubs;
    try {
        hubs.emplace(hub_group_options{.size = 2, .time_to_unwind = 20ms});
        gather(*hubs, vain, std::make_shared<int>(0), 1);
        leave(*hubs);
    } catch (...) {
        ::_exit(2);
    }
    ::_exit(3);
}

}  // namespace

TENDRIL_TEST(hub_group_crowd, is_ended_by_a_stop) {
    try_crowds_of_hubs("stopped", two_hubs, [](auto& hubs) { EXPECT_FALSE(hubs->stop(1ms)); });
}

TENDRIL_TEST(hub_group_crowd, is_ended_by_the_destructor) {
    try_crowds_of_hubs("destroyed", two_hubs, [](auto& hubs) { hubs.reset(); });
}

TENDRIL_TEST(hub_group_crowd, is_ended_by_an_error) {
    try_crowds_of_hubs("an error", two_hubs_with_one_fate, [](auto& hubs) {
        hubs->spawn([] { throw std::runtime_error{"over"}; });
        EXPECT_EQ(test::outcome_of([&] { hubs->join(); }), "over");
    });
}

TENDRIL_TEST(hub_group_crowd, a_process_that_exits_ends_with_a_group) {
    // The child makes its own threads, and ends with the handlers of `exit`.
    if (!test::can_make_threads_in_a_child) {
        GTEST_SKIP() << "a sanitizer refuses threads in the child";
    }
    pid_t const child = ::fork();
    if (child == 0) {
        exit_with_a_group([](hub_group&) { std::exit(0); });
    }
    EXPECT_TRUE(test::has_held(child));
}

TENDRIL_TEST(hub_group_crowd, a_process_that_quits_at_once_does_not_wait_for_a_group) {
    if (!test::can_make_threads_in_a_child) {
        GTEST_SKIP() << "a sanitizer refuses threads in the child";
    }
    pid_t const child = ::fork();
    if (child == 0) {
        exit_with_a_group([](hub_group& hubs) {
            // On a thread of the group as well.
            hubs.spawn([] { std::quick_exit(0); });
            for (;;) {
                ::pause();
            }
        });
    }
    EXPECT_TRUE(test::has_held(child));
}
