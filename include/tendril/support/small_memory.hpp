// SPDX-License-Identifier: BSL-1.0
#pragma once

// Small pieces of memory that have just been used, for whoever needs one next.
//
// A greenlet that lives for 40 ns would spend a fifth of them in the allocator of the C library,
// for the memory of its function. So each thread keeps some pieces of each small size, last in,
// first out, and 2 MiB in all at most. A piece may be given back on another thread than the one
// that took it, or to the global `operator delete`: all of them come from there.

#include <tendril/support/config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

namespace tendril {

class small_memory {
public:
    /// The largest size that is kept. It and the smaller ones are what the C library rounds to.
    static constexpr std::size_t largest = 248;
    /// How many pieces of a size are kept.
    static constexpr std::uint32_t most = 1024;

    small_memory() = default;
    small_memory(small_memory const&) = delete;
    small_memory& operator=(small_memory const&) = delete;
    ~small_memory() { clear(); }

    /// Frees all that is kept.
    void clear() noexcept {
        for (shelf& each : shelves_) {
            while (piece* const freed = each.newest) {
                each.newest = freed->older;
                ::operator delete(freed);
            }
            each.room = capacity;
        }
    }

    /// Returns memory for `size` bytes. Throws: std::bad_alloc.
    void* take(std::size_t size) {
        shelf& from = shelves_[shelf_of(size)];
        piece* const taken = from.newest;
        if (taken == nullptr) [[unlikely]] {
            return ::operator new(rounded(size));
        }
        from.newest = taken->older;
        ++from.room;
        return taken;
    }

    /// Takes back what `take(size)` has returned, here or on another thread.
    void give_back(void* memory, std::size_t size) noexcept {
        shelf& to = shelves_[shelf_of(size)];
        if (to.room == 0) [[unlikely]] {
            ::operator delete(memory);
            return;
        }
        --to.room;
        to.newest = ::new (memory) piece{to.newest};
    }

    /// How many pieces are kept.
    std::size_t kept() const noexcept {
        std::size_t count = 0;
        for (shelf const& each : shelves_) {
            count += capacity - each.room;
        }
        return count;
    }

private:
    // AddressSanitizer shall see every use after the end.
    static constexpr std::uint32_t capacity = TENDRIL_ASAN ? 0 : most;

    struct piece {
        piece* older;
    };
    struct shelf {
        piece* newest = nullptr;
        std::uint32_t room = capacity;
    };

    static constexpr std::size_t shelf_of(std::size_t size) { return (size + 7) / 16; }
    static constexpr std::size_t rounded(std::size_t size) { return shelf_of(size) * 16 + 8; }

    std::array<shelf, (largest + 7) / 16 + 1> shelves_;
};

}  // namespace tendril
