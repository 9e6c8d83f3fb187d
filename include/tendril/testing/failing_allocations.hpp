// SPDX-License-Identifier: BSL-1.0
#pragma once

// Makes allocations of the calling thread fail.
//
//     TENDRIL_FAILING_ALLOCATIONS()                       // in one source of the test program
//
//     {
//         tendril::testing::failing_allocations next{3};  // the third from now on throws bad_alloc
//         …
//     }
//
// The macro replaces `operator new` and `operator delete` of the whole program. They do what they
// always do, and count. Other threads notice nothing.
//
// Switches: never. Read next: failures.hpp.

#include <tendril/testing/failures.hpp>

#include <cstddef>
#include <new>

namespace tendril::testing {

namespace detail {
void* allocate(std::size_t size);
void* allocate(std::size_t size, std::size_t alignment);
void deallocate(void* memory) noexcept;
}  // namespace detail

class failing_allocations {
public:
    /// Lets the allocation with this number fail, counted from now, or all from it on, until the
    /// end of the scope. One inside another takes its place for as long as it lives.
    /// Throws: misuse when the program lacks the operators, or the number is zero.
    explicit failing_allocations(std::size_t number, failure how = failure::once);
    failing_allocations(failing_allocations const&) = delete;
    failing_allocations& operator=(failing_allocations const&) = delete;
    ~failing_allocations();

    /// Says whether any has failed: whether there were so many.
    bool has_failed() const noexcept { return failed_; }

private:
    friend void* detail::allocate(std::size_t size);
    friend void* detail::allocate(std::size_t size, std::size_t alignment);
    void count();

    failing_allocations* outer_;
    // How many are still to succeed, and the one that fails.
    std::size_t left_;
    failure how_;
    bool failed_ = false;
};

/// How many objects the process has made with `new` and not deleted, when it has the operators.
/// What this thread keeps for its next small functions (support/small_memory.hpp) does not count.
/// Thread: any.
std::ptrdiff_t live_allocations() noexcept;

}  // namespace tendril::testing

// Not inlined: the compiler would see `free` where it expects the partner of `new`, and warn.
#define TENDRIL_FAILING_ALLOCATIONS()                                                              \
    [[gnu::noinline]] void* operator new(std::size_t size) {                                       \
        return ::tendril::testing::detail::allocate(size);                                         \
    }                                                                                              \
    [[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {           \
        return ::tendril::testing::detail::allocate(size, static_cast<std::size_t>(alignment));    \
    }                                                                                              \
    [[gnu::noinline]] void operator delete(void* memory) noexcept {                                \
        ::tendril::testing::detail::deallocate(memory);                                            \
    }                                                                                              \
    [[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {                   \
        ::tendril::testing::detail::deallocate(memory);                                            \
    }                                                                                              \
    [[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {              \
        ::tendril::testing::detail::deallocate(memory);                                            \
    }                                                                                              \
    [[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { \
        ::tendril::testing::detail::deallocate(memory);                                            \
    }                                                                                              \
    static_assert(true)
