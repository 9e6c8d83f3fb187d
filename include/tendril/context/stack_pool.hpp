// SPDX-License-Identifier: BSL-1.0
#pragma once

// Where stacks come from: one pool for each thread, which cuts them out of large slabs.
//
//     tendril::stack_pool pool;
//     tendril::stack& memory = pool.acquire(64 * 1024);
//     …
//     pool.release(memory);        // the next acquire of this size gets the same warm stack
//
// * A slab reserves address space for many slots with one `mmap`. A slot costs memory only where
//   it has been touched: a stack that used one page costs one page.
// * The guard below a stack is 64 KiB and not one page: a function compiled without stack probes
//   (Debian's C libraries are) may step over a page in one stride. Where the kernel has guard
//   markers (Linux 6.13, `MADV_GUARD_INSTALL`) a guard costs no mapping, so a million guarded
//   stacks fit; older kernels fall back to `mprotect`, which runs into `vm.max_map_count` at about
//   32,000 stacks and then says so. The environment variable TENDRIL_STACK_GUARD (`marker`,
//   `mprotect`, `none`) forces one way.
// * The tops of neighbouring stacks are shifted by 64 bytes, in 32 colours. Without that, the hot
//   frames of all stacks compete for the same few lines of the cache; with more colours the first
//   frames would spill to a second page.
//
// Idle stacks are reused last in, first out, warm ones before cold ones. Policy for their memory:
// the first 4096 idle stacks of a size (`set_warm_limit`) keep their pages; those that come back
// beyond that number give them back to the system, a 64th of the limit at a time, and so do all
// idle ones at `trim`. So a burst of a million greenlets does not stay in memory, and a server at
// its usual load makes no system call.
//
// What a crowd leaves behind is given back when nobody has needed it for a while. Whoever has time
// to spare, as a hub that would sleep, calls `review` now and then: idle stacks beyond the most
// that were needed since the last call lose their pages, and slabs that were not needed between the
// last two are unmapped, if all their stacks are idle and there are many.
//
// A system call for each stack would cost more than all else in a short life. Where the kernel
// takes lists of ranges (Linux 6.15, `process_madvise`), guards and the return of pages are asked
// for by the dozen: as many at a time as there are stacks of the size already, and 64 at most.
//
// Read next: machine_context.hpp.

#include <tendril/context/stack.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace tendril {

/// How the pool makes the memory below a stack fault.
enum class stack_guard {
    /// Guard markers in the page table: no cost per stack.
    marker,
    /// A protected mapping: two mappings per stack.
    mprotect,
    /// Nothing: an overflow overwrites the neighbour. Only on request.
    none,
};

/// What a step of `give_back_some` has given back to the system.
enum class given_back : std::uint8_t {
    /// There is nothing left to do until the next `review`.
    nothing,
    /// The pages of some idle stacks.
    pages,
    /// A whole slab.
    slab,
};

/// Numbers of one pool at one moment.
struct stack_pool_statistics {
    /// Stacks that are in use.
    std::size_t in_use = 0;
    /// Stacks that wait to be used again, and how many of them have kept their pages.
    std::size_t idle = 0;
    std::size_t warm = 0;
    /// The most that were ever in use at once.
    std::size_t peak = 0;
    /// Slabs mapped, and the address space that they take, in bytes.
    std::size_t slabs = 0;
    std::size_t reserved = 0;
};

class stack_pool {
public:
    /// The usual size of a stack, and the smallest and largest that are made, in bytes.
    static constexpr std::size_t default_size = 192 * 1024;
    static constexpr std::size_t minimum_size = 64 * 1024;
    static constexpr std::size_t maximum_size = std::size_t{1} << 30U;
    /// The size of the guard below each stack, in bytes.
    static constexpr std::size_t guard_size = 64 * 1024;
    /// How many idle stacks of a size keep their pages, unless `set_warm_limit` says otherwise.
    static constexpr std::size_t default_warm_limit = 4096;
    /// How many idle stacks keep their pages although nobody has needed them for long, and from
    /// how many idle ones on slabs are unmapped.
    static constexpr std::size_t always_warm = 64;
    static constexpr std::size_t idle_crowd = 1024;

    /// Makes an empty pool that guards its stacks in the best way that this kernel has, or as the
    /// environment says.
    stack_pool();
    /// As above, but guards as told.
    explicit stack_pool(stack_guard guard) noexcept;
    stack_pool(stack_pool const&) = delete;
    stack_pool& operator=(stack_pool const&) = delete;
    /// Gives the memory back to the system. Slabs that still hold a stack in use are leaked: a
    /// stack is never freed while frames live on it.
    ~stack_pool();

    /// Returns a stack with room for `size` bytes of frames or more, less its colour (at most
    /// 2 KiB). Throws: stack_exhausted, and then the pool is unchanged; misuse when the size is
    /// above `maximum_size`.
    stack& acquire(std::size_t size = default_size) {
        return acquire_of_class(size_class_of(size));
    }

    /// The class of slots that a size falls into. Throws: misuse when it is above `maximum_size`.
    static std::size_t size_class_of(std::size_t size) {
        return size == default_size ? default_class : look_up_class(size);
    }

    /// As `acquire`, for whoever has looked up the class already.
    stack& acquire_of_class(std::size_t index) {
        stack* taken = classes_[index].warm;
        if (taken != nullptr && !fresh_) [[likely]] {
            classes_[index].warm = taken->next_idle;
            --classes_[index].warm_count;
            taken->idle = false;
        } else {
            taken = &acquire_slowly(index);
        }
        if (++in_use_ > peak_since_review_) {
            peak_since_review_ = in_use_;
        }
        return *taken;
    }

    /// Takes back a stack on which no frame lives any more.
    void release(stack& returned) noexcept {
        TENDRIL_ASSERT(!returned.idle, "stack_pool invariant 1");
        sanitizer::clean(returned.sanitizer);
        size_class& to = classes_[returned.size_class];
        if (to.warm_count < warm_limit_) [[likely]] {
            returned.next_idle = std::exchange(to.warm, &returned);
            ++to.warm_count;
        } else {
            make_cold(returned, to);
        }
        returned.idle = true;
        --in_use_;
    }

    /// Gives the pages of idle stacks back to the system and keeps their addresses.
    void trim() noexcept;

    /// Says whether a crowd has left something behind, so that a `review` may find what to give
    /// back, now or later.
    bool has_leftovers() const noexcept {
        return !is_settled_ || peak_since_review_ - in_use_ > always_warm;
    }

    /// Finds out what nobody has needed since the last call, or the last two. What that is, the
    /// next calls of `give_back_some` give back.
    void review() noexcept;

    /// Gives back a part of what `review` has found, in some 50 us: the pages of 64 stacks, or a
    /// slab.
    given_back give_back_some() noexcept;

    /// Says how many idle stacks of a size keep their pages from now on.
    void set_warm_limit(std::size_t limit) noexcept { warm_limit_ = limit; }

    /// While on, every stack is handed out without a page, so that `stack_usage` tells what its
    /// present user has touched and not what earlier ones have. Costs a system call each.
    void set_fresh(bool fresh) noexcept { fresh_ = fresh; }

    /// The stack whose guard an address lies in, or null. It may be called in a signal handler of
    /// the pool's own thread.
    stack const* guarded_at(void const* address) const noexcept;

    /// The stack that an address lies in, its guard not counted, or null.
    stack const* holding(void const* address) const noexcept;

    /// Returns the numbers of this moment.
    stack_pool_statistics statistics() const noexcept;

    /// How this pool guards its stacks.
    stack_guard guard() const noexcept { return guard_; }

private:
    struct slab {
        std::byte* memory = nullptr;
        std::size_t slots = 0;
        // Guarded; `carved` of them have been handed out.
        std::size_t prepared = 0;
        std::size_t carved = 0;
        std::unique_ptr<stack[]> stacks;
    };
    struct size_class {
        stack* warm = nullptr;
        stack* cold = nullptr;
        std::size_t warm_count = 0;
        std::vector<slab> slabs;
    };
    // Out of its class, and unmapped at the next opportunity.
    struct retired_slab {
        slab memory;
        std::size_t class_index;
    };

    static constexpr std::size_t smallest_slot = minimum_size + guard_size;
    static constexpr std::size_t class_count = 15;
    static constexpr std::size_t default_class = 1;
    static_assert(default_size + guard_size == smallest_slot << default_class);

    static std::size_t slot_size(std::size_t class_index) noexcept {
        return smallest_slot << class_index;
    }
    // How far the slots of a class are apart: see `page_offset` in the source.
    static std::size_t slot_pitch(std::size_t class_index) noexcept;
    struct place {
        stack const* in = nullptr;
        std::size_t offset = 0;
    };

    static std::size_t look_up_class(std::size_t size);
    TENDRIL_COLD stack& acquire_slowly(std::size_t index);
    TENDRIL_COLD void make_cold(stack& returned, size_class& to) noexcept;
    static void cool(size_class& idle, std::size_t count) noexcept;
    static stack* take_idle(size_class& from) noexcept;
    place find(void const* address) const noexcept;
    stack& carve(std::size_t class_index);
    void reserve(std::size_t class_index);
    void prepare(slab& source, std::size_t class_index);
    bool prepare_many(slab& source, std::size_t class_index) noexcept;
    void protect(std::byte* slot);
    static void free_slab(slab& freed, std::size_t class_index) noexcept;
    void retire_slabs(std::size_t class_index, std::size_t wanted) noexcept;
    static std::size_t drop_retired(stack*& list) noexcept;
    std::size_t count_warm() const noexcept;
    std::size_t count_idle() const noexcept;

    std::array<size_class, class_count> classes_;
    stack_guard guard_;
    bool fresh_ = false;
    std::size_t warm_limit_ = default_warm_limit;
    std::size_t next_colour_ = 0;
    std::size_t in_use_ = 0;
    std::size_t peak_ = 0;
    // The most that were in use since the last `review`, and between the two before.
    std::size_t peak_since_review_ = 0;
    std::size_t peak_before_review_ = 0;
    // The last review has found nothing, and has nothing to come back for.
    bool is_settled_ = true;
    // Warm stacks that have not been needed.
    std::size_t unneeded_ = 0;
    std::vector<retired_slab> retired_;
};

}  // namespace tendril
