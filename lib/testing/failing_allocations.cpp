// SPDX-License-Identifier: BSL-1.0
//
// Nothing here allocates with `new`, and every counter exists before the first constructor runs:
// the operators are called very early.
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/testing/failing_allocations.hpp>

#include <atomic>
#include <cstdlib>

namespace tendril::testing {
namespace {

constinit thread_local failing_allocations* innermost = nullptr;
// How many allocations the operators have made on this thread, whatever came of them.
constinit thread_local std::size_t seen_here = 0;
constinit std::atomic<std::ptrdiff_t> live_objects{0};

void* counted(void* memory) {
    if (memory == nullptr) {
        throw std::bad_alloc{};
    }
    live_objects.fetch_add(1, std::memory_order_relaxed);
    return memory;
}

bool program_has_operators() {
    std::size_t const before = seen_here;
    ::operator delete(::operator new(1));
    return seen_here != before;
}

}  // namespace

failing_allocations::failing_allocations(std::size_t number, failure how)
    : outer_{innermost},
      left_{number},
      how_{how} {
    TENDRIL_REQUIRE(number > 0, "the first allocation has the number 1");
    innermost = nullptr;
    bool const possible = program_has_operators();
    innermost = outer_;
    TENDRIL_REQUIRE(
        possible,
        "this program has the usual operator new, which cannot be made to fail: write "
        "TENDRIL_FAILING_ALLOCATIONS() in one of its sources");
    innermost = this;
}

failing_allocations::~failing_allocations() { innermost = outer_; }

void failing_allocations::count() {
    if (left_ == 0 || --left_ > 0) {
        return;
    }
    failed_ = true;
    left_ = how_ == failure::for_ever ? 1 : 0;
    throw std::bad_alloc{};
}

std::ptrdiff_t live_allocations() noexcept {
    thread_record const* const thread = tendril::detail::this_thread_record;
    std::size_t const kept = thread == nullptr ? 0 : thread->bodies.kept();
    return live_objects.load(std::memory_order_relaxed) - static_cast<std::ptrdiff_t>(kept);
}

namespace detail {

void* allocate(std::size_t size) {
    ++seen_here;
    if (innermost != nullptr) {
        innermost->count();
    }
    return counted(std::malloc(size == 0 ? 1 : size));
}

void* allocate(std::size_t size, std::size_t alignment) {
    ++seen_here;
    if (innermost != nullptr) {
        innermost->count();
    }
    return counted(std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment));
}

void deallocate(void* memory) noexcept {
    if (memory != nullptr) {
        live_objects.fetch_sub(1, std::memory_order_relaxed);
    }
    std::free(memory);
}

}  // namespace detail
}  // namespace tendril::testing
