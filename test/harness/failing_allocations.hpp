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

#include <tendril/testing/failing_allocations.hpp>

#include <cstddef>

namespace tendril::test {

using testing::live_allocations;

class failing_allocation final : public testing::failing_allocations {
public:
    explicit failing_allocation(int number)
        : failing_allocations{static_cast<std::size_t>(number)} {}
};

class no_allocation final : public testing::failing_allocations {
public:
    no_allocation() : failing_allocations{1, testing::failure::for_ever} {}
};

}  // namespace tendril::test
