// SPDX-License-Identifier: BSL-1.0
#pragma once

// A doubly linked list whose links live in the items: the list behind every queue of waiters.
//
//     struct waiter : tendril::list_hook<> { … };
//     tendril::intrusive_list<waiter> queue;
//     queue.push_back(w);          // no allocation, cannot fail
//     w.unlink();                  // from whichever list it is in, in constant time
//
// The list owns nothing. An item is in at most one list per tag; give the hook another tag to put
// the item into a second list. An item must leave its list before it is destroyed: the hook's
// destructor unlinks it, so that a frame which unwinds cannot leave a dangling link behind.

#include <tendril/support/assert.hpp>

#include <cstddef>
#include <iterator>

namespace tendril {

template <typename T, typename Tag>
class intrusive_list;

/// The links of one item. Derive from it, publicly.
template <typename Tag = void>
class list_hook {
public:
    list_hook() noexcept = default;
    list_hook(list_hook const&) = delete;
    list_hook& operator=(list_hook const&) = delete;
    ~list_hook() { unlink(); }

    /// Says whether the item is in a list.
    bool linked() const noexcept { return next_ != nullptr; }

    /// Takes the item out of its list; does nothing when it is in none.
    void unlink() noexcept {
        if (next_ != nullptr) {
            next_->previous_ = previous_;
            previous_->next_ = next_;
            next_ = previous_ = nullptr;
        }
    }

private:
    template <typename T, typename OtherTag>
    friend class intrusive_list;

    void link_before(list_hook& position) noexcept {
        list_hook* self = this;
        // The compiler is kept from knowing where that is: g++ warns of the address of a frame that
        // is stored elsewhere, and does not see that the hook's destructor takes it back.
        asm("" : "+r"(self));
        next_ = &position;
        previous_ = position.previous_;
        previous_->next_ = self;
        position.previous_ = self;
    }

    list_hook* next_ = nullptr;
    list_hook* previous_ = nullptr;
};

template <typename T, typename Tag = void>
class intrusive_list {
public:
    using hook = list_hook<Tag>;

    /// Walks from front to back. The item under the iterator may be unlinked after the next step.
    class iterator {
    public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using pointer = T*;
        using reference = T&;

        iterator() noexcept = default;
        explicit iterator(hook* at) noexcept : at_{at} {}
        T& operator*() const noexcept { return static_cast<T&>(*at_); }
        T* operator->() const noexcept { return static_cast<T*>(at_); }
        iterator& operator++() noexcept {
            at_ = at_->next_;
            return *this;
        }
        iterator operator++(int) noexcept {
            iterator const before = *this;
            ++*this;
            return before;
        }
        bool operator==(iterator const&) const noexcept = default;

    private:
        hook* at_ = nullptr;
    };

    intrusive_list() noexcept { reset(); }
    intrusive_list(intrusive_list const&) = delete;
    intrusive_list& operator=(intrusive_list const&) = delete;
    ~intrusive_list() {
        clear();
        head_.next_ = head_.previous_ = nullptr;
    }

    /// Says whether no item is in it.
    bool empty() const noexcept { return head_.next_ == &head_; }

    /// Counts by walking: for tests and dumps.
    std::size_t size() const noexcept {
        std::size_t count = 0;
        for (hook const* at = head_.next_; at != &head_; at = at->next_) {
            ++count;
        }
        return count;
    }

    /// Adds an item that is in no list of this tag.
    void push_back(T& item) noexcept { insert(item, head_); }
    void push_front(T& item) noexcept { insert(item, *head_.next_); }

    /// Adds an item in front of `position`, which is in this list.
    void insert_before(T& position, T& item) noexcept {
        insert(item, static_cast<hook&>(position));
    }

    /// The first item. Requires: not empty.
    T& front() noexcept { return static_cast<T&>(*head_.next_); }

    /// Takes the first item out and returns it, or null when the list is empty.
    T* pop_front() noexcept {
        if (empty()) {
            return nullptr;
        }
        T& item = front();
        static_cast<hook&>(item).unlink();
        return &item;
    }

    /// Unlinks every item.
    void clear() noexcept {
        while (pop_front() != nullptr) {}
    }

    iterator begin() noexcept { return iterator{head_.next_}; }
    iterator end() noexcept { return iterator{&head_}; }

private:
    void insert(T& item, hook& position) noexcept {
        hook& links = item;
        TENDRIL_ASSERT(!links.linked(), "an item is in at most one list of a tag");
        links.link_before(position);
    }
    void reset() noexcept { head_.next_ = head_.previous_ = &head_; }

    hook head_;
};

}  // namespace tendril
