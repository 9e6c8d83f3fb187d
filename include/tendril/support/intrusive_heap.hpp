// SPDX-License-Identifier: BSL-1.0
#pragma once

// A priority queue from which any item can be taken out: the heap behind the timers.
//
//     struct timer : tendril::heap_hook { … };
//     tendril::intrusive_heap<std::int64_t, timer> timers;
//     timers.push(deadline, t);    // logarithmic
//     timers.erase(t);             // the same, from the middle
//
// Items with equal keys leave in the order in which they came. The item holds its own position;
// the keys stand side by side in one array, four children to a parent, so that finding the next
// one touches two or three cache lines however many items there are, and none of the items
// themselves. The array grows by doubling and never shrinks: after the first lap nothing is
// allocated.
//
// Source of the layout: the d-ary heap of D. B. Johnson (1975), with d = 4.

#include <tendril/support/assert.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

namespace tendril {

template <typename Key, typename T>
class intrusive_heap;

/// The position of one item. Derive from it, publicly.
class heap_hook {
public:
    heap_hook() noexcept = default;
    heap_hook(heap_hook const&) = delete;
    heap_hook& operator=(heap_hook const&) = delete;

    /// Says whether the item is in a heap.
    bool in_heap() const noexcept { return position_ != nowhere; }

private:
    template <typename Key, typename T>
    friend class intrusive_heap;

    static constexpr std::size_t nowhere = SIZE_MAX;
    std::size_t position_ = nowhere;
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
    T& top() const noexcept { return *entries_.front().item; }

    /// Adds an item that is in no heap. Throws: std::bad_alloc, and then nothing has changed.
    void push(Key key, T& item) {
        TENDRIL_ASSERT(!hook_of(item).in_heap(), "an item is in at most one heap");
        entries_.push_back(entry{key, next_sequence_, &item});
        ++next_sequence_;
        sift_up(entries_.size() - 1);
    }

    /// Takes an item out; does nothing when it is not in the heap.
    void erase(T& item) noexcept {
        std::size_t const hole = hook_of(item).position_;
        if (hole == heap_hook::nowhere) {
            return;
        }
        hook_of(item).position_ = heap_hook::nowhere;
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
        T* item;

        bool before(entry const& other) const noexcept {
            return std::tie(key, sequence) < std::tie(other.key, other.sequence);
        }
    };

    static constexpr std::size_t arity = 4;
    static heap_hook& hook_of(T& item) noexcept { return item; }

    void place(std::size_t position, entry const& moved) noexcept {
        entries_[position] = moved;
        hook_of(*moved.item).position_ = position;
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
    std::uint64_t next_sequence_ = 0;
};

}  // namespace tendril
