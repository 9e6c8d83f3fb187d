// SPDX-License-Identifier: BSL-1.0
#pragma once

// Items in the order in which they came, in a ring of fixed capacity that is allocated once.
//
//     tendril::ring_buffer<int> ring{128};
//     ring.push(1);                  // requires: not full
//     int first = ring.front();
//     ring.pop();                    // requires: not empty
//
// A ring of capacity zero is both full and empty, and allocates nothing.

#include <cstddef>
#include <memory>
#include <utility>

namespace tendril {

template <typename T>
class ring_buffer {
public:
    /// Allocates room for `capacity` items.
    /// Throws: std::bad_alloc, std::bad_array_new_length.
    explicit ring_buffer(std::size_t capacity)
        : room_{capacity == 0 ? nullptr : std::allocator<T>{}.allocate(capacity)},
          capacity_{capacity} {}
    ring_buffer(ring_buffer const&) = delete;
    ring_buffer& operator=(ring_buffer const&) = delete;
    ~ring_buffer() {
        clear();
        if (room_ != nullptr) {
            std::allocator<T>{}.deallocate(room_, capacity_);
        }
    }

    /// Says whether no item is in it.
    bool empty() const noexcept { return size_ == 0; }
    /// Says whether there is no room for another one.
    bool full() const noexcept { return size_ == capacity_; }
    /// How many items are in it, and how many may be.
    std::size_t size() const noexcept { return size_; }
    std::size_t capacity() const noexcept { return capacity_; }

    /// Adds an item at the end. Requires: not full. Throws: what moving it throws, and then nothing
    /// has changed.
    void push(T&& item) {
        std::construct_at(room_ + end_, std::move(item));
        end_ = behind(end_);
        ++size_;
    }

    /// The item that has been in it longest. Requires: not empty.
    T& front() noexcept { return room_[first_]; }

    /// Destroys the first item. Requires: not empty; its destructor leaves the ring alone.
    void pop() noexcept {
        std::destroy_at(room_ + first_);
        first_ = behind(first_);
        --size_;
    }

    /// Destroys all items.
    void clear() noexcept {
        while (!empty()) {
            pop();
        }
    }

private:
    std::size_t behind(std::size_t index) const noexcept {
        return index + 1 == capacity_ ? 0 : index + 1;
    }

    T* room_;
    std::size_t capacity_;
    std::size_t size_ = 0;
    std::size_t first_ = 0;
    std::size_t end_ = 0;
};

}  // namespace tendril
