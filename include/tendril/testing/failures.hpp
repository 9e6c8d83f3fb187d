// SPDX-License-Identifier: BSL-1.0
#pragma once

// Every place where something may fail, one after the other.
//
//     auto const points = tendril::testing::for_each_failure([](std::size_t number) {
//         tendril::testing::failing_allocations next{number};
//         …                            // try it, and check that nothing is lost or left behind
//         return next.has_failed();
//     });
//
// The first call lets the first allocation fail, the second call the second one, and so on until a
// call gets by without a failure. What fails once and then works finds code that goes on after an
// error; what fails from then on finds cleanup that needs what has just failed. Try both.
//
// Read next: failing_allocations.hpp, failing_system_calls.hpp.

#include <cstddef>
#include <cstdint>

namespace tendril::testing {

/// How long something fails.
enum class failure : std::uint8_t {
    /// One time; the next attempt succeeds.
    once,
    /// From then on, until the end of the scope.
    for_ever,
};

/// Calls `function(number)` with 1, 2, 3 and so on, as long as it returns true: there was a place
/// with that number, and it failed. Returns how many there were.
/// Throws: what the function throws. Switches: may.
template <typename F>
std::size_t for_each_failure(F&& function) {
    std::size_t number = 1;
    while (function(number)) {
        ++number;
    }
    return number - 1;
}

}  // namespace tendril::testing
