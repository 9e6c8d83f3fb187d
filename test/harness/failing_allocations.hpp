// SPDX-License-Identifier: BSL-1.0
#pragma once

// Makes allocations of the calling thread fail: harness/failing_allocations.cpp replaces
// `operator new` for the whole program.
//
//     {
//         tendril::test::failing_allocation next{3};      // the third from now on throws bad_alloc
//         …
//     }
//     {
//         tendril::test::no_allocation until_end;         // every one throws
//         …
//     }

#include <cstddef>

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

class no_allocation {
public:
    no_allocation() noexcept;
    no_allocation(no_allocation const&) = delete;
    no_allocation& operator=(no_allocation const&) = delete;
    ~no_allocation();
};

/// How many objects the process has allocated with `new` and not deleted. Thread: any.
std::ptrdiff_t live_allocations() noexcept;

}  // namespace tendril::test
