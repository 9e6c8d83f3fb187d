// SPDX-License-Identifier: BSL-1.0
#include <harness/failing_allocations.hpp>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace tendril::test {
namespace {

constexpr int all_fail = -2;

// How many allocations of the thread are still to succeed before one fails. Negative: all succeed,
// or all fail.
thread_local int until_failure = -1;

std::atomic<std::ptrdiff_t> live_objects{0};

void count_down() {
    if (until_failure == all_fail || (until_failure > 0 && --until_failure == 0)) {
        throw std::bad_alloc{};
    }
}

void* counted(void* memory) {
    if (memory == nullptr) {
        throw std::bad_alloc{};
    }
    live_objects.fetch_add(1, std::memory_order_relaxed);
    return memory;
}

void give_back(void* memory) noexcept {
    if (memory != nullptr) {
        live_objects.fetch_sub(1, std::memory_order_relaxed);
    }
    std::free(memory);
}

}  // namespace

failing_allocation::failing_allocation(int number) noexcept { until_failure = number; }
failing_allocation::~failing_allocation() { until_failure = -1; }
bool failing_allocation::has_failed() const noexcept { return until_failure == 0; }

no_allocation::no_allocation() noexcept { until_failure = all_fail; }
no_allocation::~no_allocation() { until_failure = -1; }

std::ptrdiff_t live_allocations() noexcept { return live_objects.load(std::memory_order_relaxed); }

}  // namespace tendril::test

// Not inlined: the compiler would see `free` where it expects the partner of `new`, and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
    tendril::test::count_down();
    return tendril::test::counted(std::malloc(size));
}

[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
    tendril::test::count_down();
    auto const step = static_cast<std::size_t>(alignment);
    std::size_t const rounded = (size + step - 1) / step * step;
    return tendril::test::counted(std::aligned_alloc(step, rounded));
}

[[gnu::noinline]] void operator delete(void* memory) noexcept { tendril::test::give_back(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    tendril::test::give_back(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
    tendril::test::give_back(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    tendril::test::give_back(memory);
}
