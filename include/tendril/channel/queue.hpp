// SPDX-License-Identifier: BSL-1.0
#pragma once

// Items that greenlets pass to each other, with a bound on how many may wait, counted until they
// are done.
//
//     tendril::queue<job> jobs{16};
//     jobs.put(job{1});                      // waits while 16 items are in it
//     job next = jobs.get();                 // waits while it is empty
//     jobs.task_done();                      // and jobs.join() waits until every item is done
//
//              empty                     between   full                    shut down
//     put      to the longest waiting    stores    waits; the item enters  queue_shut_down
//              getter, else stores                 in order of arrival
//     get      waits                     takes     takes, and lets the     takes what is left,
//                                                  first putter in         then queue_shut_down
//     peek     waits                     copies    copies                  as get
//
// Three kinds differ in which item `get` takes: `queue` the oldest, `lifo_queue` the newest,
// `priority_queue` the greatest, and of equal ones the oldest.
//
// An item goes to a named getter together with its wake-up: a getter that is interrupted can
// neither lose nor double one, and a putter that is interrupted keeps its item. One whose item
// cannot be moved or compared gets the error; nobody else notices.
//
// Use it for work that is counted; where only the end matters use `channel`. The waiting is in
// queue_core.hpp.

#include <tendril/channel/queue_core.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <set>
#include <utility>

namespace tendril {
namespace detail {

// What a kind of queue has to say: where an item goes, and which one is taken. `push` may throw,
// and then nothing has changed; `pop` destroys the top and may not.

template <typename T>
class fifo_items {
public:
    void push(T&& item) { items_.push_back(std::move(item)); }
    T& top() noexcept { return items_.front(); }
    void pop() noexcept { items_.pop_front(); }
    std::size_t size() const noexcept { return items_.size(); }

private:
    std::deque<T> items_;
};

template <typename T>
class lifo_items {
public:
    void push(T&& item) { items_.push_back(std::move(item)); }
    T& top() noexcept { return items_.back(); }
    void pop() noexcept { items_.pop_back(); }
    std::size_t size() const noexcept { return items_.size(); }

private:
    std::deque<T> items_;
};

// A tree, so that items are compared when they enter, which is their putter's affair, and never
// when they leave; and it keeps equal ones in order of arrival.
template <typename T, typename Compare>
class priority_items {
public:
    explicit priority_items(Compare less) : items_{greater{std::move(less)}} {}

    void push(T&& item) { items_.insert(entry{std::move(item)}); }
    T& top() noexcept { return items_.begin()->item; }
    void pop() noexcept { items_.erase(items_.begin()); }
    std::size_t size() const noexcept { return items_.size(); }

private:
    struct entry {
        // It may be moved out of the tree, which happens just before its place is given up.
        mutable T item;
    };
    struct greater {
        Compare less;
        bool operator()(entry const& a, entry const& b) const { return less(b.item, a.item); }
    };
    std::multiset<entry, greater> items_;
};

}  // namespace detail

/// First in, first out.
template <typename T>
class queue : public detail::queue_core<T, detail::fifo_items<T>> {
    using core = detail::queue_core<T, detail::fifo_items<T>>;

public:
    /// Makes a queue for at most `capacity` items; zero means without bound. It may begin with
    /// some items, which count as put. Throws: misuse when these are more than the capacity.
    /// Switches: never.
    explicit queue(std::size_t capacity = 0) : core{capacity, {}} {}
    queue(std::size_t capacity, std::initializer_list<T> items) : core{capacity, {}} {
        this->begin_with(items);
    }

    /// Another queue with copies of its items, its capacity, and as many items to be done. Who
    /// waits here waits here only. Throws: what copying an item throws. Switches: never.
    queue copy() const { return queue{*this}; }

private:
    queue(queue const&) = default;
};

/// Last in, first out.
template <typename T>
class lifo_queue : public detail::queue_core<T, detail::lifo_items<T>> {
    using core = detail::queue_core<T, detail::lifo_items<T>>;

public:
    /// As those of `queue`; the last of the items is taken first. Switches: never.
    explicit lifo_queue(std::size_t capacity = 0) : core{capacity, {}} {}
    lifo_queue(std::size_t capacity, std::initializer_list<T> items) : core{capacity, {}} {
        this->begin_with(items);
    }
    lifo_queue copy() const { return lifo_queue{*this}; }

private:
    lifo_queue(lifo_queue const&) = default;
};

/// The greatest first, as in `std::priority_queue`; of equal ones the oldest. `Compare` should look
/// at the priority only.
template <typename T, typename Compare = std::less<T>>
class priority_queue : public detail::queue_core<T, detail::priority_items<T, Compare>> {
    using items_type = detail::priority_items<T, Compare>;
    using core = detail::queue_core<T, items_type>;

public:
    /// As those of `queue`. Throws also: what comparing throws. Switches: never.
    explicit priority_queue(std::size_t capacity = 0, Compare less = {})
        : core{capacity, items_type{std::move(less)}} {}
    priority_queue(std::size_t capacity, std::initializer_list<T> items, Compare less = {})
        : core{capacity, items_type{std::move(less)}} {
        this->begin_with(items);
    }
    priority_queue copy() const { return priority_queue{*this}; }

private:
    priority_queue(priority_queue const&) = default;
};

}  // namespace tendril
