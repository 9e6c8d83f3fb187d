// SPDX-License-Identifier: BSL-1.0
//
// Slots come in classes of 128 KiB times a power of two, guard included. A class cuts its stacks
// from its newest slab and reserves the next slab, twice as large, when that is used up.
//
// Invariants:
// 1. A stack is either in use or in the idle list of its class, never both.
// 2. Every prepared slot is guarded, and only such are carved.
// 3. Slots are carved in order: `carved` of them have a valid entry in `stacks`.
// 4. A stack in a cold list has no page of its own.
#include "valgrind.hpp"

#include <tendril/context/stack_pool.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/system_calls.hpp>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace tendril {
namespace {

// Younger than the C library's headers here: see madvise(2) of Linux 6.13.
constexpr int install_guard_marker = 102;

// How many ranges are asked for at a time.
constexpr std::size_t most_ranges = 64;
using ranges = std::array<iovec, most_ranges>;

constexpr std::size_t page_size = 4096;

constexpr std::size_t colours = 32;
constexpr std::size_t colour_step = 64;

// A page that nobody uses keeps the slots of a class apart, but for the smallest. The processor
// looks an address up by the low bits of its page's number; the first pages of stacks that are a
// power of two apart would share few places there, and a hundred stacks already push each other
// out. Slots of 128 KiB fare as well without, and the page's entry in the page tables would cost
// 8 bytes in 260.
constexpr std::size_t page_offset = page_size;

constexpr std::size_t first_slab_slots = 16;
constexpr std::size_t largest_slab_slots = 4096;
constexpr std::size_t largest_slab_bytes = std::size_t{1} << 30U;

bool kernel_has_guard_markers() noexcept {
    std::size_t const size = stack_pool::guard_size;
    void* probe = kernel().mmap(
        nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (probe == MAP_FAILED) {
        return false;
    }
    bool const has_markers = kernel().madvise(probe, size, install_guard_marker) == 0;
    kernel().munmap(probe, size);
    return has_markers;
}

stack_guard best_guard() noexcept {
    static stack_guard const best = kernel_has_guard_markers() ? stack_guard::marker
                                                               : stack_guard::mprotect;
    return best;
}

stack_guard guard_from_environment() noexcept {
    char const* const wanted = std::getenv("TENDRIL_STACK_GUARD");
    std::string_view const name = wanted == nullptr ? "" : wanted;
    if (name == "marker") {
        return stack_guard::marker;
    }
    if (name == "mprotect") {
        return stack_guard::mprotect;
    }
    if (name == "none") {
        return stack_guard::none;
    }
    return best_guard();
}

iovec pages_of(stack const& idle) noexcept {
    // The colour above the top shares its page with the first frames.
    auto const end = reinterpret_cast<std::uintptr_t>(idle.top) + colours * colour_step;
    auto const start = reinterpret_cast<std::uintptr_t>(idle.limit);
    return {idle.limit, (end - start) & ~(page_size - 1)};
}

void give_pages_back(stack const& idle) noexcept {
    iovec const pages = pages_of(idle);
    kernel().madvise(pages.iov_base, pages.iov_len, MADV_DONTNEED);
}

// Advises the kernel of many ranges at once. Returns false when it takes them one by one only, and
// then some may have been done. Valgrind knows no such call.
bool advise(ranges const& all, std::size_t count, int advice) noexcept {
    if (RUNNING_ON_VALGRIND) {
        return false;
    }
    ssize_t length = 0;
    for (std::size_t index = 0; index < count; ++index) {
        length += static_cast<ssize_t>(all[index].iov_len);
    }
    return kernel().process_madvise(all.data(), count, advice) == length;
}

[[noreturn]] void throw_exhausted(char const* what) {
    throw stack_exhausted{
        std::string{"no memory for another stack: "} + what + ": " + std::strerror(errno) +
        " (with TENDRIL_STACK_GUARD=mprotect, or before Linux 6.13, every stack takes two memory "
        "mappings: sysctl vm.max_map_count; else look at ulimit -v and vm.overcommit_memory)"};
}

}  // namespace

stack_pool::stack_pool() : stack_pool{guard_from_environment()} {}

stack_pool::stack_pool(stack_guard guard) noexcept : guard_{guard} {}

stack_pool::~stack_pool() {
    for (std::size_t index = 0; index < class_count; ++index) {
        for (slab& held : classes_[index].slabs) {
            free_slab(held, index);
        }
    }
    for (retired_slab& each : retired_) {
        free_slab(each.memory, each.class_index);
    }
}

stack& stack_pool::acquire_slowly(std::size_t index) {
    stack* taken = take_idle(classes_[index]);
    if (taken == nullptr) {
        taken = &carve(index);
    }
    if (fresh_) {
        give_pages_back(*taken);
    }
    return *taken;
}

stack* stack_pool::take_idle(size_class& from) noexcept {
    bool const is_warm = from.warm != nullptr;
    stack*& list = is_warm ? from.warm : from.cold;
    stack* const taken = list;
    if (taken != nullptr) {
        list = taken->next_idle;
        taken->idle = false;
        from.warm_count -= is_warm;
    }
    return taken;
}

void stack_pool::make_cold(stack& returned, size_class& to) noexcept {
    returned.next_idle = std::exchange(to.warm, &returned);
    ++to.warm_count;
    std::size_t const at_a_time = std::clamp(warm_limit_ / 64, std::size_t{1}, most_ranges);
    if (to.warm_count >= warm_limit_ + at_a_time) {
        cool(to, at_a_time);
    }
}

// Takes so many warm stacks' pages.
void stack_pool::cool(size_class& idle, std::size_t count) noexcept {
    ranges pages;
    stack* const first = idle.warm;
    for (std::size_t index = 0; index < count; ++index) {
        stack& next = *idle.warm;
        idle.warm = next.next_idle;
        pages[index] = pages_of(next);
    }
    idle.warm_count -= count;
    bool const done = count > 1 && advise(pages, count, MADV_DONTNEED);
    for (stack* each = first; each != idle.warm;) {
        stack& cold = *std::exchange(each, each->next_idle);
        if (!done) {
            give_pages_back(cold);
        }
        cold.next_idle = std::exchange(idle.cold, &cold);
    }
}

void stack_pool::trim() noexcept {
    for (size_class& each : classes_) {
        while (each.warm_count > 0) {
            cool(each, std::min(each.warm_count, most_ranges));
        }
    }
}

stack_pool_statistics stack_pool::statistics() const noexcept {
    stack_pool_statistics numbers{
        .in_use = in_use_,
        .idle = count_idle(),
        .warm = count_warm(),
        .peak = std::max(peak_, peak_since_review_),
    };
    for (std::size_t index = 0; index < class_count; ++index) {
        numbers.slabs += classes_[index].slabs.size();
        for (slab const& each : classes_[index].slabs) {
            numbers.reserved += each.slots * slot_pitch(index);
        }
    }
    return numbers;
}

std::size_t stack_pool::count_warm() const noexcept {
    std::size_t count = 0;
    for (size_class const& each : classes_) {
        count += each.warm_count;
    }
    return count;
}

std::size_t stack_pool::count_idle() const noexcept {
    std::size_t carved = 0;
    for (size_class const& in : classes_) {
        for (slab const& each : in.slabs) {
            carved += each.carved;
        }
    }
    return carved - in_use_;
}

std::size_t stack_pool::slot_pitch(std::size_t class_index) noexcept {
    return slot_size(class_index) + (class_index == 0 ? 0 : page_offset);
}

std::size_t stack_pool::look_up_class(std::size_t size) {
    TENDRIL_REQUIRE(size <= maximum_size, "a stack has at most 1 GiB: is the size meant in bytes?");
    std::size_t const wanted = std::max(size, minimum_size) + guard_size;
    std::size_t const slot = std::bit_ceil(wanted);
    return static_cast<std::size_t>(std::countr_zero(slot) - std::countr_zero(smallest_slot));
}

stack_pool::place stack_pool::find(void const* address) const noexcept {
    auto const* const wanted = static_cast<std::byte const*>(address);
    for (std::size_t index = 0; index < class_count; ++index) {
        std::size_t const pitch = slot_pitch(index);
        for (slab const& each : classes_[index].slabs) {
            if (wanted >= each.memory && wanted < each.memory + each.carved * pitch) {
                auto const offset = static_cast<std::size_t>(wanted - each.memory);
                return {&each.stacks[offset / pitch], offset % pitch};
            }
        }
    }
    return {};
}

stack const* stack_pool::guarded_at(void const* address) const noexcept {
    place const found = find(address);
    bool const in_guard = guard_ != stack_guard::none && found.offset < guard_size;
    return in_guard ? found.in : nullptr;
}

stack const* stack_pool::holding(void const* address) const noexcept {
    return guarded_at(address) == nullptr ? find(address).in : nullptr;
}

// Cuts the next slot from the newest slab. The slot counts as carved only when it is guarded, so
// a failure leaves the pool as it was.
stack& stack_pool::carve(std::size_t class_index) {
    size_class& from = classes_[class_index];
    if (from.slabs.empty() || from.slabs.back().carved == from.slabs.back().slots) {
        reserve(class_index);
    }
    slab& source = from.slabs.back();
    std::byte* const slot = source.memory + source.carved * slot_pitch(class_index);
    if (source.carved == source.prepared) {
        prepare(source, class_index);
    }

    std::byte* const limit = slot + (guard_ == stack_guard::none ? 0 : guard_size);
    std::byte* const end = slot + slot_size(class_index);
    std::byte* const top = end - (next_colour_++ % colours) * colour_step;
    stack& carved = source.stacks[source.carved++];
    carved = stack{
        .top = top,
        .limit = limit,
        .next_idle = nullptr,
        .below = nullptr,
        .sanitizer = sanitizer::of_new_stack(limit, static_cast<std::size_t>(top - limit)),
        .size_class = static_cast<std::uint16_t>(class_index),
        .idle = false,
        .valgrind_id = static_cast<std::uint32_t>(VALGRIND_STACK_REGISTER(limit, top)),
    };
    return carved;
}

void stack_pool::reserve(std::size_t class_index) {
    size_class& to = classes_[class_index];
    std::size_t const pitch = slot_pitch(class_index);
    std::size_t const doubled = to.slabs.empty() ? first_slab_slots : to.slabs.back().slots * 2;
    std::size_t const fitting = std::max(
        largest_slab_bytes / slot_size(class_index), std::size_t{1});
    std::size_t const slots = std::min({doubled, largest_slab_slots, fitting});

    slab reserved;
    reserved.slots = slots;
    reserved.stacks = std::make_unique_for_overwrite<stack[]>(slots);
    to.slabs.reserve(to.slabs.size() + 1);
    void* const memory = kernel().mmap(
        nullptr, slots * pitch, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) {
        throw_exhausted("mmap");
    }
    // Both are wishes: a kernel without huge pages or without names answers EINVAL. A huge page
    // would make the first touch of a stack cost 2 MiB.
    kernel().madvise(memory, slots * pitch, MADV_NOHUGEPAGE);
    ::prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, memory, slots * pitch, "tendril stacks");
    reserved.memory = static_cast<std::byte*>(memory);
    to.slabs.push_back(std::move(reserved));
}

void stack_pool::prepare(slab& source, std::size_t class_index) {
    if (!prepare_many(source, class_index)) {
        protect(source.memory + source.prepared * slot_pitch(class_index));
        ++source.prepared;
    }
}

// Guards as many slots as the class has carved so far, in one system call. A test that replaces it
// sees every slot by itself.
bool stack_pool::prepare_many(slab& source, std::size_t class_index) noexcept {
    std::size_t const left = source.slots - source.prepared;
    // Slabs double until they are large, so this is what the class has, or less.
    std::size_t const made = source.slots - first_slab_slots + source.carved;
    std::size_t const count = std::min(
        {source.slots < first_slab_slots ? 0 : made, left, most_ranges});
    if (count < 2 || guard_ != stack_guard::marker || kernel_is_replaced()) {
        return false;
    }
    ranges guards;
    for (std::size_t index = 0; index < count; ++index) {
        std::byte* const start = source.memory +
            (source.prepared + index) * slot_pitch(class_index);
        guards[index] = {start, guard_size};
    }
    if (!advise(guards, count, install_guard_marker)) {
        return false;
    }
    source.prepared += count;
    return true;
}

void stack_pool::protect(std::byte* slot) {
    switch (guard_) {
    case stack_guard::marker:
        if (kernel().madvise(slot, guard_size, install_guard_marker) != 0) {
            throw_exhausted("madvise(MADV_GUARD_INSTALL)");
        }
        return;
    case stack_guard::mprotect:
        if (kernel().mprotect(slot, guard_size, PROT_NONE) != 0) {
            throw_exhausted("mprotect");
        }
        return;
    case stack_guard::none:
        return;
    }
}

void stack_pool::free_slab(slab& freed, std::size_t class_index) noexcept {
    stack* const carved_end = freed.stacks.get() + freed.carved;
    if (!std::all_of(freed.stacks.get(), carved_end, [](stack& each) { return each.idle; })) {
        // Somebody refused to die there. The table of stacks is leaked with the slab.
        static_cast<void>(freed.stacks.release());
        return;
    }
    std::for_each(freed.stacks.get(), carved_end, [](stack& each) {
        sanitizer::forget(each.sanitizer);
        VALGRIND_STACK_DEREGISTER(each.valgrind_id);
    });
    kernel().munmap(freed.memory, freed.slots * slot_pitch(class_index));
}

}  // namespace tendril
