// SPDX-License-Identifier: BSL-1.0
#pragma once

// Makes one allocation of the calling thread fail: harness/failing_allocations.cpp replaces
// `operator new` for the whole program.
//
//     {
//         tendril::test::failing_allocation next{3};      // the third from now on throws bad_alloc
//         …
//     }

namespace tendril::test {

class failing_allocation {
public:
    explicit failing_allocation(int number) noexcept;
    failing_allocation(failing_allocation const&) = delete;
    failing_allocation& operator=(failing_allocation const&) = delete;
    ~failing_allocation();

    /// Says whether there were so many.
    bool has_failed() const noexcept;
};

}  // namespace tendril::test
