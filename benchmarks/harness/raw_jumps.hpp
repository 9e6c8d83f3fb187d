// SPDX-License-Identifier: BSL-1.0
#pragma once

// The baseline of every switch: Boost's bare jump, there and back.

#include <tendril/context.hpp>

#include <cstdint>

namespace bench {

inline void bounce(tendril::arrival from) {
    while (true) {
        from = boost::context::detail::jump_fcontext(from.fctx, nullptr);
    }
}

inline void raw_jumps(std::uint64_t iterations) {
    tendril::stack_pool pool;
    tendril::stack& memory = pool.acquire();
    void* other = boost::context::detail::make_fcontext(memory.top, memory.size(), &bounce);
    for (std::uint64_t done = 0; done < iterations; ++done) {
        other = boost::context::detail::jump_fcontext(other, nullptr).fctx;
    }
    pool.release(memory);
}

}  // namespace bench
