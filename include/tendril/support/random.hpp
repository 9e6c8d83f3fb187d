// SPDX-License-Identifier: BSL-1.0
#pragma once

// Where random numbers come from, as an interface, so that a test can decide them.
//
// The library draws numbers for one purpose: to spread retries (jitter of back-off delays). It
// never uses them for secrets.

#include <cstdint>

namespace tendril {

class random_source {
public:
    virtual ~random_source() = default;

    /// Returns the next 64 random bits.
    virtual std::uint64_t next() noexcept = 0;
};

/// A sequence that a seed determines: the SplitMix64 generator of Steele, Lea and Flood (2014).
class seeded_random final : public random_source {
public:
    /// Starts the sequence that belongs to `seed`.
    explicit seeded_random(std::uint64_t seed) noexcept : state_{seed} {}
    std::uint64_t next() noexcept override;

private:
    std::uint64_t state_;
};

/// Returns a seed from the operating system. Thread: any.
std::uint64_t random_seed() noexcept;

/// Returns a number below `limit`, each with nearly the same probability. Requires: limit > 0.
std::uint64_t random_below(random_source& source, std::uint64_t limit) noexcept;

}  // namespace tendril
