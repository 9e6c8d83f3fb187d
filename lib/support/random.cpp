// SPDX-License-Identifier: BSL-1.0
#include <tendril/support/assert.hpp>
#include <tendril/support/random.hpp>

#include <sys/random.h>

#include <chrono>

namespace tendril {

std::uint64_t seeded_random::next() noexcept {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
}

std::uint64_t random_seed() noexcept {
    std::uint64_t seed = 0;
    if (::getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed) {
        // Early in the boot the kernel may have no entropy yet; spreading retries needs little.
        seed = static_cast<std::uint64_t>(
            std::chrono::steady_clock::now().time_since_epoch().count());
    }
    return seed;
}

std::uint64_t random_below(random_source& source, std::uint64_t limit) noexcept {
    TENDRIL_ASSERT(limit > 0, "a range of random numbers is not empty");
    // The bias is below limit / 2^64, which no retry delay can notice.
    return source.next() % limit;
}

}  // namespace tendril
