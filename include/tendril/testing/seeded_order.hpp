// SPDX-License-Identifier: BSL-1.0
#pragma once

// Another order of events for every seed, and the same one for the same seed.
//
//     tendril::testing::for_each_seed(100, [](tendril::testing::seeded_order& order) {
//         tendril::testing::virtual_clock clock;
//         tendril::run({.clock = &clock, .order = &order}, [] { … });
//     });
//
// Which of several ready greenlets runs next is free, although the hub usually takes the one that
// has waited longest; a program that needs that order without saying so has a bug which one user in
// a thousand sees. A seeded order takes any of them. It can also force switches: a function that
// may switch then does, at its entry, although it finds what it wants at once, so that nobody
// relies on its not switching.
//
// What is promised stays as it is: primitives serve their waiters first come, first served,
// callbacks run in the order of the calls, and an alarm comes no sooner than its moment.
//
// A failure prints its seed. The environment variable TENDRIL_SEED then runs that one alone.

#include <tendril/hub/ready_queue.hpp>
#include <tendril/support/random.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace tendril::testing {

/// How often a function that may switch, but need not, is made to.
enum class forced_switches : std::uint8_t { none, half, all };

class seeded_order final : public ready_order {
public:
    /// Makes the order that belongs to `seed`. Switches: never.
    explicit seeded_order(
        std::uint64_t seed, forced_switches forced = forced_switches::half) noexcept;

    /// The seed. Switches: never.
    std::uint64_t seed() const noexcept { return seed_; }

    /// A number for all that was decided so far: two runs that are the same have the same one.
    /// Switches: never.
    std::uint64_t trace() const noexcept { return trace_; }

    /// How many decisions there were. Switches: never.
    std::uint64_t decisions() const noexcept { return decisions_; }

    std::size_t choose(std::size_t count) noexcept override;
    bool switches_now() noexcept override;

private:
    void note(std::uint64_t decided, std::uint64_t among) noexcept;

    seeded_random random_;
    std::uint64_t seed_;
    std::uint64_t trace_ = 0;
    std::uint64_t decisions_ = 0;
    forced_switches forced_;
};

/// Prints "seed N" to the standard error stream when an exception leaves its scope, so that the
/// failure can be replayed.
class announced_seed {
public:
    /// Switches: never.
    explicit announced_seed(std::uint64_t seed) noexcept;
    announced_seed(announced_seed const&) = delete;
    announced_seed& operator=(announced_seed const&) = delete;
    ~announced_seed();

    /// Prints it now. Switches: never.
    void announce() const noexcept;

private:
    std::uint64_t seed_;
    int exceptions_;
};

/// A function that `for_each_seed` has called has returned false.
class failed_seed : public std::runtime_error {
public:
    /// Switches: never.
    explicit failed_seed(std::uint64_t seed);
    /// Which one it was. Switches: never.
    std::uint64_t seed() const noexcept { return seed_; }

private:
    std::uint64_t seed_;
};

/// The seed that TENDRIL_SEED in the environment asks for, if it does.
/// Throws: misuse when that is not a number. Switches: never.
std::optional<std::uint64_t> wanted_seed();

/// Calls `function(order)` with the orders of the seeds 1 to `count`, or of the one that
/// TENDRIL_SEED names. A call fails when it throws, or returns false; then the seed is printed and
/// the others are left out. Returns how many calls there were.
/// Throws: what the function throws; failed_seed when it returns false. Switches: may.
template <typename F>
std::uint64_t for_each_seed(std::uint64_t count, F&& function) {
    std::optional<std::uint64_t> const wanted = wanted_seed();
    std::uint64_t const first = wanted.value_or(1);
    std::uint64_t const calls = wanted ? 1 : count;
    for (std::uint64_t seed = first; seed - first < calls; ++seed) {
        announced_seed const announced{seed};
        seeded_order order{seed};
        if constexpr (std::is_same_v<std::invoke_result_t<F&, seeded_order&>, bool>) {
            if (!function(order)) {
                throw failed_seed{seed};
            }
        } else {
            function(order);
        }
    }
    return calls;
}

}  // namespace tendril::testing
