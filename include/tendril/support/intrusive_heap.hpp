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
// array, four children to a parent and, with a key of eight bytes, to a cache line, so that finding
// the next one touches few lines however many items there are. An item knows a ticket, and an array
// of its own says where in the heap the ticket is: items that make place for others are not
// touched. They are mostly on the stacks of those who wait, each in a page of its own, and a heap
// of a hundred thousand that wrote into eight of them at every step would do little else. The
// arrays grow by doubling and never shrink: after the first lap nothing is allocated.
//
// Invariants:
// 1. The heap is the places from `root` to `end_`. No entry is before the one at its parent.
// 2. `positions_[entry.ticket]` is the entry's place, and `items_[entry.ticket]` its item, whose
//    hook holds the ticket.
// 3. Every other ticket is in `free_tickets_`.
//
// Sources: the d-ary heap of D. B. Johnson (1975), with d = 4; the hole that sinks to the bottom
// before it is filled, of I. Wegener's bottom-up heapsort (1993).

#include <tendril/support/assert.hpp>
#include <tendril/support/cache_line.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace tendril {

template <typename Key, typename T, typename Sequence>
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
    template <typename Key, typename T, typename Sequence>
    friend class intrusive_heap;

    static constexpr std::uint32_t none = UINT32_MAX;
    std::uint32_t ticket_ = none;
};

/// The heap. `Sequence` numbers those that came; when it runs out, all are numbered anew.
template <typename Key, typename T, typename Sequence = std::uint32_t>
class intrusive_heap {
public:
    /// How many items are in it.
    std::size_t size() const noexcept { return end_ - root; }
    bool empty() const noexcept { return end_ == root; }

    /// The smallest key. Requires: not empty.
    Key const& top_key() const noexcept { return entries_[root].key; }

    /// The item with the smallest key. Requires: not empty.
    T& top() const noexcept { return *items_[entries_[root].ticket]; }

    /// Adds an item that is in no heap. Throws: std::bad_alloc, and then nothing has changed.
    void push(Key key, T& item) {
        TENDRIL_ASSERT(!hook_of(item).in_heap(), "an item is in at most one heap");
        std::uint32_t const ticket = take_ticket();
        items_[ticket] = &item;
        hook_of(item).ticket_ = ticket;
        entry const last{key, take_sequence(), ticket};
        rise(end_++, last);
    }

    /// Takes an item out; does nothing when it is not in the heap.
    void erase(T& item) noexcept {
        if (!hook_of(item).in_heap()) {
            return;
        }
        std::uint32_t const ticket = std::exchange(hook_of(item).ticket_, heap_hook::none);
        free_tickets_.push_back(ticket);
        std::size_t const hole = positions_[ticket];
        entry const last = entries_[--end_];
        if (hole != end_) {
            rise(sink(hole), last);
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
        Sequence sequence;
        std::uint32_t ticket;

        // Without a branch: which of two sleepers wakes first is a toss of a coin.
        bool before(entry const& other) const noexcept {
            bool const is_less = key < other.key;
            bool const is_equal = key == other.key;
            return is_less | (is_equal & (sequence < other.sequence));
        }
    };

    static constexpr std::size_t arity = 4;
    // The root is the last of the first four places, and then the children of every parent begin at
    // a multiple of four.
    static constexpr std::size_t root = arity - 1;
    static constexpr std::size_t first_child(std::size_t parent) noexcept {
        return (parent - root + 1) * arity;
    }
    static constexpr std::size_t parent_of(std::size_t child) noexcept {
        return child / arity + root - 1;
    }
    // The first three levels: what has come so far leaves soon, and its item's memory is asked for.
    static constexpr std::size_t near_top = root + 1 + arity + arity * arity;

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
        entries_.resize(root + room);
        free_tickets_.reserve(room);
        positions_.resize(room);
        items_.resize(room);
        for (std::size_t ticket = room; ticket > before; --ticket) {
            free_tickets_.push_back(static_cast<std::uint32_t>(ticket - 1));
        }
    }

    Sequence take_sequence() noexcept {
        if (next_sequence_ == std::numeric_limits<Sequence>::max()) {
            number_anew();
        }
        return next_sequence_++;
    }

    // What is sorted is a heap.
    void number_anew() noexcept {
        auto const first = entries_.begin() + root;
        auto const end = entries_.begin() + static_cast<std::ptrdiff_t>(end_);
        std::sort(first, end, [](entry const& a, entry const& b) { return a.before(b); });
        next_sequence_ = 0;
        for (std::size_t position = root; position < end_; ++position) {
            entries_[position].sequence = next_sequence_++;
            place(position, entry{entries_[position]});
        }
    }

    void place(std::size_t position, entry const& moved) noexcept {
        entries_[position] = moved;
        positions_[moved.ticket] = static_cast<std::uint32_t>(position);
    }

    // Puts an entry where it belongs between a hole and the root.
    void rise(std::size_t hole, entry const& moved) noexcept {
        while (hole > root && moved.before(entries_[parent_of(hole)])) {
            place(hole, entries_[parent_of(hole)]);
            hole = parent_of(hole);
        }
        place(hole, moved);
    }

    // Moves a hole down to where it has no children. Returns the place.
    std::size_t sink(std::size_t hole) noexcept {
        while (first_child(hole) < end_) {
            std::size_t const next = smallest_child(hole);
            place(hole, entries_[next]);
            if (hole < near_top) {
                __builtin_prefetch(items_[entries_[hole].ticket]);
            }
            hole = next;
        }
        return hole;
    }

    std::size_t smallest_child(std::size_t parent) const noexcept {
        std::size_t const first = first_child(parent);
        if (first + arity > end_) {
            return smallest_of_few(first);
        }
        std::size_t const left = first + entries_[first + 1].before(entries_[first]);
        std::size_t const right = first + 2 + entries_[first + 3].before(entries_[first + 2]);
        return entries_[right].before(entries_[left]) ? right : left;
    }

    std::size_t smallest_of_few(std::size_t first) const noexcept {
        std::size_t smallest = first;
        for (std::size_t child = first + 1; child < end_; ++child) {
            if (entries_[child].before(entries_[smallest])) {
                smallest = child;
            }
        }
        return smallest;
    }

    std::vector<entry, cache_line_allocator<entry>> entries_;
    std::vector<std::uint32_t> positions_;
    std::vector<T*> items_;
    std::vector<std::uint32_t> free_tickets_;
    std::size_t end_ = root;
    Sequence next_sequence_ = 0;
};

}  // namespace tendril
