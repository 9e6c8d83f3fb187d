// SPDX-License-Identifier: BSL-1.0
//
// What a crowd has left behind goes back to the system.
//
// Two numbers say what is needed: how many stacks are in use, and the most that were since the last
// look. Idle stacks beyond that were not needed in between. Their pages go first: whoever takes
// such a stack again pays a fault. Whole slabs go a look later, with the addresses, the guards and
// the page tables, which for a hundred thousand stacks are 50 MiB.
//
// Invariants:
// 1. A stack of a retired slab is in no list, and its `size_class` says so.
// 2. The slabs of a class that stay have room for all that are in use, of whatever size, and for
//    the idle ones that are wanted.
#include <tendril/context/stack_pool.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tendril {
namespace {

constexpr std::size_t stacks_at_a_time = 64;
constexpr std::uint16_t retired_class = 0xffff;

}  // namespace

void stack_pool::review() noexcept {
    std::size_t const needed = std::max(peak_since_review_ - in_use_, always_warm);
    std::size_t const needed_lately = std::max(
        std::max(peak_since_review_, peak_before_review_) - in_use_, always_warm);
    peak_ = std::max(peak_, peak_since_review_);
    peak_before_review_ = std::exchange(peak_since_review_, in_use_);

    std::size_t const warm = count_warm();
    unneeded_ = warm - std::min(warm, needed);
    // A slab is dear to make again, so many must be idle, and for long.
    if (count_idle() >= std::max(idle_crowd, 4 * needed_lately)) {
        for (std::size_t index = 0; index < class_count; ++index) {
            retire_slabs(index, in_use_ + needed_lately);
        }
    }
    is_settled_ = needed_lately == always_warm && unneeded_ == 0 && retired_.empty();
}

given_back stack_pool::give_back_some() noexcept {
    if (unneeded_ > 0) {
        size_class& most = *std::max_element(
            classes_.begin(), classes_.end(),
            [](auto const& one, auto const& other) { return one.warm_count < other.warm_count; });
        std::size_t const count = std::min({unneeded_, most.warm_count, stacks_at_a_time});
        cool(most, count);
        // Some may have been taken since the review.
        unneeded_ -= count == 0 ? unneeded_ : count;
        return given_back::pages;
    }
    if (!retired_.empty()) {
        free_slab(retired_.back().memory, retired_.back().class_index);
        retired_.pop_back();
        return given_back::slab;
    }
    return given_back::nothing;
}

// Takes slabs with nothing but idle stacks out of a class, beyond room for `wanted` stacks.
void stack_pool::retire_slabs(std::size_t class_index, std::size_t wanted) noexcept {
    size_class& from = classes_[class_index];
    try {
        retired_.reserve(retired_.size() + from.slabs.size());
    } catch (...) {
        // Without memory for the list of them they stay.
        return;
    }
    std::size_t room = 0;
    std::size_t const retired_before = retired_.size();
    for (slab& each : from.slabs) {
        stack* const end = each.stacks.get() + each.carved;
        bool const is_spare = room >= wanted &&
            std::all_of(each.stacks.get(), end, [](stack const& one) { return one.idle; });
        if (!is_spare) {
            room += each.slots;
            continue;
        }
        std::for_each(each.stacks.get(), end, [](stack& one) { one.size_class = retired_class; });
        retired_.push_back({std::exchange(each, slab{}), class_index});
    }
    if (retired_.size() > retired_before) {
        std::erase_if(from.slabs, [](slab const& each) { return each.memory == nullptr; });
        from.warm_count -= drop_retired(from.warm);
        drop_retired(from.cold);
    }
}

// Returns how many it has taken out of the list.
std::size_t stack_pool::drop_retired(stack*& list) noexcept {
    std::size_t dropped = 0;
    for (stack** link = &list; *link != nullptr;) {
        stack& each = **link;
        if (each.size_class == retired_class) {
            *link = each.next_idle;
            ++dropped;
        } else {
            link = &each.next_idle;
        }
    }
    return dropped;
}

}  // namespace tendril
