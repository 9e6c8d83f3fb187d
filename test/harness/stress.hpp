// SPDX-License-Identifier: BSL-1.0
#pragma once

// How long a long test is: short usually, long under `./dev test --stress`.

#include <cstdlib>

namespace tendril::test {

/// Says whether the long tests were asked for.
inline bool under_stress() {
    char const* const asked = std::getenv("TENDRIL_STRESS");
    return asked != nullptr && *asked == '1';
}

/// How many laps to make.
inline int laps(int usually, int when_stressed) { return under_stress() ? when_stressed : usually; }

}  // namespace tendril::test
