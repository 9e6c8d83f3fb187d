// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a fuzz target is: a function that gets any bytes, and ends the program when something is
// wrong with what became of them. `./dev fuzz` lets libFuzzer make up the bytes; in the usual tests
// replay.cpp gives it those of corpus/, where every input is kept that has ever found something.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

namespace tendril::fuzz {

/// Ends the program, with the rule that was broken, unless it holds.
inline void require(bool holds, char const* rule) {
    if (!holds) {
        std::fprintf(stderr, "broken: %s\n", rule);
        std::abort();
    }
}

inline std::string_view text_of(std::uint8_t const* data, std::size_t size) {
    return {reinterpret_cast<char const*>(data), size};
}

}  // namespace tendril::fuzz
