// SPDX-License-Identifier: BSL-1.0
#pragma once

// A priority queue from which any item can be taken out: the heap behind the timers.
//
//     struct timer : tendril::heap_hook { … };
//     tendril::intrusive_heap<std::int64_t, timer> timers;
//     timers.push(deadline, t);    // logarithmic
//     timers.erase(t);             // the same, from the middle
//
// Items with equal keys leave in the order in which they came. The keys stand side by side in one
// array, four children to a parent, so that finding the next one touches two or three cache lines
// however many items there are. An item knows a ticket, and an array of its own says where in the
// heap the ticket is: items that make place for others are not touched. They are mostly on the
// stacks of those who wait, each in a page of its own, and a heap of a hundred thousand that wrote
// into eight of them at every step would do little else. The arrays grow by doubling and never
// shrink: after the first lap nothing is allocated.
//
// Invariants:
// 1. `entries_[positions_[entry.ticket]]` is the entry, and `items_[entry.ticket]` its item, whose
//    hook holds the ticket.
// 2. Every other ticket is in `free_tickets_`.
//
// Source of the layout: the d-ary heap of D. B. Johnson (1975), with d = 4.

#include <tendril/support/assert.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

namespace tendril {

template <typename Key, typename T>
class intrusive_heap;

/// The ticket of one item. Derive from it, publicly.
class heap_hook {
public:
    heap_hook() noexcept = default;
    heap_hook(heap_hook const&) = delete;
    heap_hook& operator=(heap_hook const&) = delete;

    /// Says whether the item is in a heap.
    bool in_heap() const noexcept { return ticket_ != none; }

private:
    template <typename Key, typename T>
    friend class intrusive_heap;

    static constexpr std::uint32_t none = UINT32_MAX;
    std::uint32_t ticket_ = none;
};

template <typename Key, typename T>
class intrusive_heap {
public:
    /// How many items are in it.
    std::size_t size() const noexcept { return entries_.size(); }
    bool empty() const noexcept { return entries_.empty(); }

    /// The smallest key. Requires: not empty.
    Key const& top_key() const noexcept { return entries_.front().key; }

    /// The item with the smallest key. Requires: not empty.
    T& top() const noexcept { return *items_[entries_.front().ticket]; }

    /// Adds an item that is in no heap. Throws: std::bad_alloc, and then nothing has changed.
    void push(Key key, T& item) {
        TENDRIL_ASSERT(!hook_of(item).in_heap(), "an item is in at most one heap");
        std::uint32_t const ticket = take_ticket();
        items_[ticket] = &item;
        hook_of(item).ticket_ = ticket;
        entries_.push_back(entry{key, next_sequence_, ticket});
        ++next_sequence_;
        sift_up(entries_.size() - 1);
    }

    /// Takes an item out; does nothing when it is not in the heap.
    void erase(T& item) noexcept {
        if (!hook_of(item).in_heap()) {
            return;
        }
        std::uint32_t const ticket = std::exchange(hook_of(item).ticket_, heap_hook::none);
        std::size_t const hole = positions_[ticket];
        free_tickets_.push_back(ticket);
        entry const last = entries_.back();
        entries_.pop_back();
        if (hole < entries_.size()) {
            entries_[hole] = last;
            sift_down(sift_up(hole));
        }
    }

    /// Takes out the item with the smallest key. Requires: not empty.
    T& pop() noexcept {
        T& item = top();
        erase(item);
        return item;
    }

private:
    struct entry {
        Key key;
        std::uint64_t sequence;
        std::uint32_t ticket;

        bool before(entry const& other) const noexcept {
            return std::tie(key, sequence) < std::tie(other.key, other.sequence);
        }
    };

    static constexpr std::size_t arity = 4;
    // The first three levels: what has come so far leaves soon, and its item's memory is asked for.
    static constexpr std::size_t near_top = 1 + arity + arity * arity;
    static heap_hook& hook_of(T& item) noexcept { return item; }

    // Makes room in all four arrays first, so that nothing behind it can fail.
    std::uint32_t take_ticket() {
        if (free_tickets_.empty()) {
            double_room();
        }
        std::uint32_t const ticket = free_tickets_.back();
        free_tickets_.pop_back();
        return ticket;
    }

    void double_room() {
        std::size_t const before = items_.size();
        std::size_t const room = std::max<std::size_t>(2 * before, 16);
        TENDRIL_ASSERT(room < heap_hook::none, "a ticket is a number of 32 bits");
        entries_.reserve(room);
        free_tickets_.reserve(room);
        positions_.resize(room);
        items_.resize(room);
        for (std::size_t ticket = room; ticket > before; --ticket) {
            free_tickets_.push_back(static_cast<std::uint32_t>(ticket - 1));
        }
    }

    void place(std::size_t position, entry const& moved) noexcept {
        entries_[position] = moved;
        positions_[moved.ticket] = static_cast<std::uint32_t>(position);
    }

    std::size_t sift_up(std::size_t position) noexcept {
        entry const moved = entries_[position];
        while (position > 0) {
            std::size_t const parent = (position - 1) / arity;
            if (!moved.before(entries_[parent])) {
                break;
            }
            place(position, entries_[parent]);
            position = parent;
        }
        place(position, moved);
        return position;
    }

    void sift_down(std::size_t position) noexcept {
        entry const moved = entries_[position];
        while (true) {
            std::size_t const first = position * arity + 1;
            if (first >= entries_.size()) {
                break;
            }
            std::size_t const smallest = smallest_from(first);
            if (!entries_[smallest].before(moved)) {
                break;
            }
            place(position, entries_[smallest]);
            if (position < near_top) {
                __builtin_prefetch(items_[entries_[position].ticket]);
            }
            position = smallest;
        }
        place(position, moved);
    }

    std::size_t smallest_from(std::size_t first) const noexcept {
        std::size_t const end = std::min(first + arity, entries_.size());
        std::size_t smallest = first;
        for (std::size_t child = first + 1; child < end; ++child) {
            if (entries_[child].before(entries_[smallest])) {
                smallest = child;
            }
        }
        return smallest;
    }

    std::vector<entry> entries_;
    std::vector<std::uint32_t> positions_;
    std::vector<T*> items_;
    std::vector<std::uint32_t> free_tickets_;
    std::uint64_t next_sequence_ = 0;
};

}  // namespace tendril
