// SPDX-License-Identifier: BSL-1.0
//
// A thousand live greenlets, each in a state that a seed picks, and the ways in which all may end
// at once: the hub closes, the thread ends without a word, the process exits. Nothing is left.
#include <harness/blocking_calls.hpp>
#include <harness/failing_allocations.hpp>
#include <harness/forking.hpp>
#include <harness/greenlets.hpp>
#include <harness/hubs.hpp>
#include <harness/stress.hpp>
#include <tendril/coroutine/generator.hpp>
#include <tendril/support/random.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <iterator>
#include <memory>
#include <thread>

namespace {

// The threads of pools have stayed with this process.
bool has_several_threads() {
    std::filesystem::directory_iterator const threads{"/proc/self/task"};
    return std::distance(begin(threads), end(threads)) > 1;
}

bool is_child_of_several_threads = false;

}  // namespace

#if TENDRIL_ASAN
// LeakSanitizer counts the threads of the parent as the child's, cannot look at what they hold, and
// takes it for leaks. The tokens of the crowd are counted all the same.
extern "C" [[gnu::visibility("default")]] int __lsan_is_turned_off();
int __lsan_is_turned_off() { return is_child_of_several_threads ? 1 : 0; }
#endif

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::answer;
using test::blocking_call;
using test::call_maker;
using test::ignore_errors;
using test::virtual_clock;

constexpr int size_of_crowd = TENDRIL_TSAN ? 200 : 1000;

// Those that an exit ends at once.
std::vector<call_maker> const& calls_that_can_be_ended() {
    static std::vector<call_maker> const chosen = [] {
        std::vector<call_maker> able;
        run([&] {
            for (call_maker const& make : test::every_blocking_call()) {
                answer const to_wishes = make().to_wishes;
                if (to_wishes == answer::at_once || to_wishes == answer::given_late ||
                    to_wishes == answer::either) {
                    able.push_back(make);
                }
            }
        });
        return able;
    }();
    return chosen;
}

// Which of them were in a crowd already.
std::vector<bool>& calls_in_crowds() {
    static std::vector<bool> used(calls_that_can_be_ended().size());
    return used;
}

void wait_for_ever() { sleep_for(1h); }

struct waits_in_cleanup {
    ~waits_in_cleanup() { yield(); }
};

class crowd {
public:
    explicit crowd(std::uint64_t seed) : random_{seed} {}

    // Makes them all, and lets those run whose state asks for it.
    void gather() {
        for (int made = 0; made < size_of_crowd; ++made) {
            add_one();
            if (random_below(random_, 20) == 0) {
                yield();
            }
        }
    }

    // Whether what stood in the frames of functions is gone. What they have captured goes with the
    // handles at last.
    bool is_gone() noexcept {
        held_.clear();
        spawned_.clear();
        return token_.use_count() == 1;
    }
    std::weak_ptr<int> token() const noexcept { return token_; }

private:
    using maker = void (crowd::*)();

    void add_one() {
        static constexpr std::array<maker, 13> states{
            &crowd::add_unstarted,    &crowd::add_suspended, &crowd::add_suspended_in_a_handler,
            &crowd::add_dead,         &crowd::add_dropped,   &crowd::add_sleeping,
            &crowd::add_waiting,      &crowd::add_waiting,   &crowd::add_waiting,
            &crowd::add_with_cleanup, &crowd::add_stubborn,  &crowd::add_nested,
            &crowd::add_generating};
        (this->*states[random_below(random_, states.size())])();
        if (random_below(random_, 10) == 0 && !spawned_.empty()) {
            request_exit(*spawned_[random_below(random_, spawned_.size())].block());
        }
    }

    // Every one holds the token in what it has captured, and once more in a frame.
    template <typename F>
    auto holding(F&& function) {
        return [token = token_, function = std::forward<F>(function)]() mutable {
            std::shared_ptr<int> const in_a_frame = token;
            function();
        };
    }
    template <typename F>
    greenlet by_hand(F&& function) {
        return greenlet{holding(std::forward<F>(function))};
    }
    template <typename F>
    void spawn(F&& function) {
        spawned_.push_back(this_hub().spawn_raw(holding(std::forward<F>(function))));
    }

    void add_unstarted() {
        held_.push_back(by_hand([] {}));
    }
    void add_suspended() {
        held_.push_back(by_hand([] { test::switch_to_parent(); }));
        held_.back().switch_to();
    }
    void add_suspended_in_a_handler() {
        held_.push_back(by_hand([] {
            try {
                throw 1;
            } catch (int) {
                test::switch_to_parent();
            }
        }));
        held_.back().switch_to();
    }
    void add_dead() {
        held_.push_back(by_hand([] {}));
        held_.back().switch_to();
    }
    void add_dropped() {
        by_hand([] { test::switch_to_parent(); }).switch_to();
    }
    void add_sleeping() { spawn(&wait_for_ever); }
    void add_waiting() {
        auto const& able = calls_that_can_be_ended();
        // What it waits for outlives the greenlets.
        std::size_t const choice = random_below(random_, able.size());
        calls_in_crowds()[choice] = true;
        calls_.push_back(able[choice]());
        spawn([call = &calls_.back()] { call->take(deadline::after(1h)); });
    }
    void add_with_cleanup() {
        spawn([] {
            waits_in_cleanup const last;
            wait_for_ever();
        });
    }
    void add_stubborn() {
        spawn([left = random_below(random_, 4)]() mutable {
            while (true) {
                try {
                    wait_for_ever();
                } catch (greenlet_exit const&) {
                    if (left-- == 0) {
                        throw;
                    }
                }
            }
        });
    }
    void add_nested() {
        spawn([] { greenlet{&wait_for_ever}.switch_to(); });
    }
    void add_generating() {
        spawn([] {
            generator<int> numbers{[](auto& give) { give(1); }};
            numbers.next();
            wait_for_ever();
        });
    }

    seeded_random random_;
    std::shared_ptr<int> token_ = std::make_shared<int>();
    std::deque<blocking_call> calls_;
    std::vector<greenlet> held_;
    std::vector<greenlet> spawned_;
};

// Ends the process with status 0 if nothing is left of the crowd after the last destructor.
[[noreturn]] void exit_with_a_crowd(std::uint64_t seed) {
    static std::weak_ptr<int> token;
    std::atexit([] {
        if (!token.expired()) {
            ::_exit(1);
        }
    });
    static std::optional<crowd> all;
    try {
        all.emplace(seed);
        token = all->token();
        ignore_errors();
        all->gather();
    } catch (...) {
        ::_exit(2);
    }
    std::exit(0);
}

// Tries a way to end with one crowd after the other.
template <typename F>
void try_crowds(char const* what, F&& live_and_end) {
    calls_that_can_be_ended();
    int const runs = test::laps(8, 1000);
    for (int seed = 1; seed <= runs; ++seed) {
        tendril::testing::leak_check const before;
        SCOPED_TRACE("seed " + std::to_string(seed));
        live_and_end(static_cast<std::uint64_t>(seed));
        EXPECT_EQ(before.leaks(), "");
    }
    auto const& used = calls_in_crowds();
    std::printf(
        "%d crowds of %d greenlets in %zd of %zu calls: %s\n", runs, size_of_crowd,
        std::count(used.begin(), used.end(), true), used.size(), what);
}

}  // namespace

TENDRIL_TEST(leak_check_random_states, a_hub_that_closes_ends_a_crowd) {
    try_crowds("the hub closes", [](std::uint64_t seed) {
        crowd all{seed};
        virtual_clock clock;
        run({.clock = &clock}, [&] {
            ignore_errors();
            all.gather();
        });
        EXPECT_TRUE(all.is_gone());
    });
}

TENDRIL_TEST(leak_check_random_states, a_hub_that_is_destroyed_ends_a_crowd) {
    try_crowds("a hub is destroyed", [](std::uint64_t seed) {
        bool is_gone = false;
        std::thread{[&] {
            crowd all{seed};
            {
                hub mine;
                ignore_errors();
                all.gather();
            }
            is_gone = all.is_gone();
        }}.join();
        EXPECT_TRUE(is_gone);
    });
}

TENDRIL_TEST(leak_check_random_states, a_thread_that_ends_ends_a_crowd) {
    try_crowds("the thread ends", [](std::uint64_t seed) {
        crowd all{seed};
        std::thread{[&] {
            ignore_errors();
            all.gather();
        }}.join();
        EXPECT_TRUE(all.is_gone());
    });
}

TENDRIL_TEST(leak_check_random_states, a_process_that_exits_ends_with_a_crowd) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << "ThreadSanitizer refuses the child of a process with threads";
    }
    try_crowds("the process exits", [](std::uint64_t seed) {
        bool const has_others = has_several_threads();
        pid_t const child = ::fork();
        if (child == 0) {
            is_child_of_several_threads = has_others;
            exit_with_a_crowd(seed);
        }
        EXPECT_TRUE(test::has_held(child));
    });
}
