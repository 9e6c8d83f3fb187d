// SPDX-License-Identifier: BSL-1.0
#pragma once

// The slabs that control blocks live in.
//
// One pool belongs to each thread. Freed blocks are reused last in, first out. A slab is freed only
// with the pool, or by `shrink`, so the pool doubles as the list of all greenlets of its thread, at
// no cost to birth and death beyond one bit. Slabs are allocated side by side, each time twice as
// many as before up to 64: alone, each would leave a gap of its own size to keep its alignment.
//
//     slab, 8 KiB, aligned to its own size
//     ┌────────┬─────────┬─────────┬─────┬──────────┐
//     │ header │ block 1 │ block 2 │  …  │ block 63 │   bit n of `used` in it: block n exists
//     └────────┴─────────┴─────────┴─────┴──────────┘
//
// Switches: never, unless a `visit` does.

#include <tendril/greenlet/control_block.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace tendril {

class block_pool {
public:
    block_pool() = default;
    block_pool(block_pool const&) = delete;
    block_pool& operator=(block_pool const&) = delete;

    /// Makes a control block, as its constructor says. The size class is a whole word: a byte that
    /// is put aside and read back as a part of a word makes the processor wait.
    /// Throws: std::bad_alloc, and then nothing has changed.
    control_block& create(
        thread_record& owner, control_block* parent, greenlet_body* function, std::uint32_t number,
        std::size_t stack_size_class = 0) {
        if (idle_ == nullptr) {
            add_slabs();
        }
        idle_block* const taken = std::exchange(idle_, idle_->next);
        mark(taken, true);
        ++live_;
        return *::new (static_cast<void*>(taken))
            control_block(owner, parent, function, number, stack_size_class);
    }

    /// Ends a control block and keeps its memory for the next.
    void destroy(control_block& block) noexcept {
        std::destroy_at(&block);
        mark(&block, false);
        idle_ = ::new (static_cast<void*>(&block)) idle_block{idle_};
        --live_;
    }

    /// Frees the rows of slabs that hold no block, but for the first ones, which have room for
    /// twice as many as exist. Call it seldom: it looks at every slab.
    void shrink() noexcept;

    /// How many control blocks exist.
    std::size_t live() const noexcept { return live_; }

    /// Calls `visit(control_block&)` for each block. `visit` may create blocks, which may or may
    /// not be visited, and destroy any.
    template <typename F>
    void for_each(F&& visit) {
        for (std::size_t index = 0; index < rows_.size(); ++index) {
            slab* const slabs = rows_[index].slabs.get();
            std::for_each(slabs, slabs + rows_[index].count, [&visit](slab& in) {
                for (std::size_t position = 1; position < slab_blocks; ++position) {
                    if ((in.used >> position & 1U) != 0) {
                        visit(*std::launder(reinterpret_cast<control_block*>(in.at(position))));
                    }
                }
            });
        }
    }

private:
    static constexpr std::size_t slab_blocks = 64;
    static constexpr std::size_t slab_size = slab_blocks * sizeof(control_block);

    struct idle_block {
        idle_block* next;
    };
    struct alignas(slab_size) slab {
        std::uint64_t used = 0;
        std::byte* at(std::size_t position) noexcept {
            return reinterpret_cast<std::byte*>(this) + position * sizeof(control_block);
        }
    };
    struct row {
        std::size_t count;
        std::unique_ptr<slab[]> slabs;
    };
    static constexpr std::size_t longest_row = 64;

    static void mark(void* block, bool used) noexcept {
        auto const address = reinterpret_cast<std::uintptr_t>(block);
        auto const start = address & ~(slab_size - 1);
        std::uint64_t const bit = std::uint64_t{1} << ((address - start) / sizeof(control_block));
        slab& in = *reinterpret_cast<slab*>(start);
        in.used = used ? in.used | bit : in.used & ~bit;
    }

    void add_slabs();
    void link_idle(row const& in) noexcept;

    idle_block* idle_ = nullptr;
    std::size_t live_ = 0;
    std::vector<row> rows_;
};

}  // namespace tendril
