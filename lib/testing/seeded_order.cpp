// SPDX-License-Identifier: BSL-1.0
#include <tendril/support/assert.hpp>
#include <tendril/testing/seeded_order.hpp>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>

namespace tendril::testing {

seeded_order::seeded_order(std::uint64_t seed, forced_switches forced) noexcept
    : random_{seed},
      seed_{seed},
      forced_{forced} {}

std::size_t seeded_order::choose(std::size_t count) noexcept {
    std::uint64_t const chosen = count == 1 ? 0 : random_below(random_, count);
    note(chosen, count);
    return static_cast<std::size_t>(chosen);
}

bool seeded_order::switches_now() noexcept {
    bool const heads = forced_ == forced_switches::half && random_below(random_, 2) == 0;
    bool const decided = heads || forced_ == forced_switches::all;
    note(decided ? 1 : 0, 2);
    return decided;
}

// Mixes what was decided into the trace, as the hash function FNV-1a does with bytes.
void seeded_order::note(std::uint64_t decided, std::uint64_t among) noexcept {
    constexpr std::uint64_t prime = 0x100000001b3U;
    trace_ = (trace_ ^ decided) * prime;
    trace_ = (trace_ ^ among) * prime;
    ++decisions_;
}

announced_seed::announced_seed(std::uint64_t seed) noexcept
    : seed_{seed},
      exceptions_{std::uncaught_exceptions()} {}

announced_seed::~announced_seed() {
    if (std::uncaught_exceptions() > exceptions_) {
        announce();
    }
}

void announced_seed::announce() const noexcept {
    auto const seed = static_cast<std::uintmax_t>(seed_);
    std::fprintf(stderr, "seed %ju fails; replay it alone with TENDRIL_SEED=%ju\n", seed, seed);
}

failed_seed::failed_seed(std::uint64_t seed)
    : runtime_error{"what must hold in every order fails with seed " + std::to_string(seed)},
      seed_{seed} {}

std::optional<std::uint64_t> wanted_seed() {
    char const* const text = std::getenv("TENDRIL_SEED");
    if (text == nullptr) {
        return std::nullopt;
    }
    std::string_view const digits{text};
    std::uint64_t seed = 0;
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seed);
    TENDRIL_REQUIRE(
        error == std::errc{} && end == digits.data() + digits.size(),
        "TENDRIL_SEED in the environment must be a number, the seed of one order");
    return seed;
}

}  // namespace tendril::testing
