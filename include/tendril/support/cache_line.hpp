// SPDX-License-Identifier: BSL-1.0
#pragma once

// Memory that begins where a cache line begins.
//
//     std::vector<entry, tendril::cache_line_allocator<entry>> entries;

#include <cstddef>
#include <new>

namespace tendril {

/// What the processors that Linux runs on most fetch at a time, in bytes.
inline constexpr std::size_t cache_line_size = 64;

/// An allocator of the standard library's kind whose every block begins with a cache line.
template <typename T>
class cache_line_allocator {
public:
    using value_type = T;

    cache_line_allocator() noexcept = default;
    template <typename Other>
    cache_line_allocator(cache_line_allocator<Other> const&) noexcept {}

    /// Memory for so many. Throws: std::bad_alloc.
    T* allocate(std::size_t count) {
        return static_cast<T*>(::operator new(count * sizeof(T), alignment));
    }

    void deallocate(T* memory, std::size_t) noexcept { ::operator delete(memory, alignment); }

    /// All are alike: what one has allocated, any other may free.
    bool operator==(cache_line_allocator const&) const noexcept { return true; }

private:
    static constexpr std::align_val_t alignment{cache_line_size};
};

}  // namespace tendril
