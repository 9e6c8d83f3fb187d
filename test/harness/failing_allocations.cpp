// SPDX-License-Identifier: BSL-1.0
#include <harness/failing_allocations.hpp>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace tendril::test {
namespace {

// How many allocations of the thread are still to succeed before one fails; negative: all of them.
thread_local int until_failure = -1;

}  // namespace

failing_allocation::failing_allocation(int number) noexcept { until_failure = number; }
failing_allocation::~failing_allocation() { until_failure = -1; }
bool failing_allocation::has_failed() const noexcept { return until_failure == 0; }

}  // namespace tendril::test

// Not inlined: the compiler would see `free` where it expects the partner of `new`, and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
    using tendril::test::until_failure;
    if (until_failure > 0 && --until_failure == 0) {
        throw std::bad_alloc{};
    }
    if (void* const memory = std::malloc(size)) {
        return memory;
    }
    throw std::bad_alloc{};
}

[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
