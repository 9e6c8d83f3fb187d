// SPDX-License-Identifier: BSL-1.0
#pragma once

// A function over a range, each call in a task of a pool: what `map`, `imap` and `imap_unordered`
// of pool.hpp walk over.
//
//     for (int size : connections.imap(urls, fetch_size)) { … }
//
// There is no greenlet behind it: the one who walks takes items from the range and starts tasks, as
// far as there are slots, each time it asks for the next result and while it waits for that. So the
// range is used by nobody else, and nothing is left blocked when the walk ends early: the tasks
// that have begun go on, and no more are started.
//
//     what fails            what comes of it
//     a call                throws at its result; the walk can go on with the next one
//     the range itself      throws in its place, and nothing comes after it
//
// Read next: pool.hpp.

#include <tendril/hub/cancellation.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/intrusive_list.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/select.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>
#include <tendril/task/task_set.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <limits>
#include <list>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace tendril {

/// How a walk over a range behaves.
struct imap_options {
    /// How many results may be under way or unread: no more tasks are started while there are so
    /// many.
    std::size_t max_unread = std::numeric_limits<std::size_t>::max();
};

namespace detail {

enum class map_order : std::uint8_t { as_given, as_completed };

// What the walk needs to know of one call.
class map_entry : public completion, public list_hook<map_entry> {
public:
    using completion::completion;

protected:
    ~map_entry() = default;
};

}  // namespace detail

/// The results of a function over a range, for one walk with a range-for. It must not outlive the
/// range, if that is not its own. Switches: never, but each step of the walk may.
template <typename Range, typename F>
class pool_map {
public:
    using item = std::decay_t<std::ranges::range_reference_t<Range>>;
    using result = std::invoke_result_t<F&, item>;
    using value_type = std::conditional_t<std::is_void_v<result>, std::monostate, result>;

    class iterator {
    public:
        using value_type = pool_map::value_type;
        using difference_type = std::ptrdiff_t;
        iterator() noexcept = default;
        explicit iterator(pool_map& walked) noexcept : walked_{&walked} {}
        value_type& operator*() const noexcept { return *walked_->present_; }
        iterator& operator++() {
            walked_->go_on();
            return *this;
        }
        void operator++(int) { walked_->go_on(); }
        bool operator==(std::default_sentinel_t) const noexcept { return walked_->at_end_; }

    private:
        pool_map* walked_ = nullptr;
    };

    /// For the pool. Throws: std::bad_alloc; misuse when nothing may be unread. Switches: never.
    template <typename G>
    pool_map(
        std::shared_ptr<detail::task_set> set, Range&& range, G&& function, detail::map_order order,
        imap_options const& options)
        : set_{std::move(set)},
          range_{std::forward<Range>(range)},
          function_{std::make_shared<F>(std::forward<G>(function))},
          order_{order},
          max_unread_{options.max_unread} {
        TENDRIL_REQUIRE(max_unread_ > 0, "imap() with no unread result could never start a task");
    }
    pool_map(pool_map const&) = delete;
    pool_map& operator=(pool_map const&) = delete;
    ~pool_map() = default;

    iterator begin() {
        go_on();
        return iterator{*this};
    }
    std::default_sentinel_t end() const noexcept { return {}; }

    /// All results, in order. Throws: the first error in that order, when every task that was
    /// started has ended; what was requested for the caller, and then they are cancelled before.
    /// Switches: may.
    std::vector<value_type> collect() {
        std::vector<value_type> all;
        std::exception_ptr error;
        try {
            for (at_end_ = false; error == nullptr && step(error);) {
                if (present_) {
                    all.push_back(std::move(*present_));
                }
            }
            let_run_out();
        } catch (...) {
            end_all();
            throw;
        }
        if (error != nullptr) {
            std::rethrow_exception(error);
        }
        return all;
    }

private:
    class entry final : public detail::map_entry {
    public:
        explicit entry(pool_map& map) noexcept : detail::map_entry{&map}, map_{map} {}
        ~entry() = default;
        void completed(detail::task_core&) noexcept override {
            has_ended = true;
            --map_.running_;
            map_.ended_.push_back(*this);
            map_.progressed_.set();
        }

        task<result> call;
        // Of the range, which has no more items then.
        std::exception_ptr range_error;
        bool has_ended = false;
        typename std::list<entry>::iterator self;

    private:
        pool_map& map_;
    };

    void go_on() {
        std::exception_ptr error;
        at_end_ = !step(error);
        if (error != nullptr) {
            std::rethrow_exception(error);
        }
    }

    // Waits for the next result, or its error. Returns whether there was one.
    bool step(std::exception_ptr& error) {
        present_.reset();
        entry* const next = wait_for_next();
        if (next == nullptr) {
            return false;
        }
        std::list<entry> taken;
        taken.splice(taken.begin(), entries_, next->self);
        error = next->range_error;
        if (next->call.valid()) {
            error = next->call.state().failure();
        }
        if (error == nullptr) {
            auto& stored = static_cast<detail::task_result<result>&>(next->call.state()).result();
            present_.emplace(std::move(stored));
        }
        return true;
    }

    entry* wait_for_next() {
        check_interruption();
        for (;;) {
            progressed_.reset();
            while (wants_more() && set_->try_take()) {
                start_one();
            }
            if (entry* const ready = find_ready()) {
                return ready;
            }
            bool const more = wants_more();
            if (entries_.empty() && !more) {
                return nullptr;
            }
            if (more) {
                select_in_order(
                    progressed_.on_set([] {}), detail::slot_arm{*set_, [this] { start_one(); }});
            } else {
                progressed_.wait();
            }
        }
    }

    entry* find_ready() noexcept {
        if (order_ == detail::map_order::as_completed) {
            return ended_.empty() ? nullptr : static_cast<entry*>(&ended_.front());
        }
        return entries_.empty() || !entries_.front().has_ended ? nullptr : &entries_.front();
    }

    // Says whether a task is to be started, for which there is an item.
    bool wants_more() { return entries_.size() < max_unread_ && has_item(); }

    bool has_item() {
        if (range_is_over_) {
            return false;
        }
        try {
            if (!at_) {
                at_.emplace(std::ranges::begin(range_));
            } else if (is_used_) {
                ++*at_;
            }
            is_used_ = false;
            range_is_over_ = *at_ == std::ranges::end(range_);
        } catch (std::exception const&) {
            note_range_error();
        } catch (...) {
            // A cancel, for example, is for the one who walks and does not wait for its place.
            range_is_over_ = true;
            throw;
        }
        return !range_is_over_;
    }

    entry& add_entry() {
        entry& added = entries_.emplace_back(*this);
        added.self = std::prev(entries_.end());
        return added;
    }

    void note_range_error() {
        range_is_over_ = true;
        entry& added = add_entry();
        added.range_error = std::current_exception();
        added.has_ended = true;
        ended_.push_back(added);
    }

    // Requires: there is an item, and a slot was taken for it.
    void start_one() {
        detail::taken_slot slot{set_};
        entry& added = add_entry();
        is_used_ = true;
        try {
            added.call = slot.fill_with([this] {
                return spawn(
                    [call = function_](item&& given) -> result {
                        return std::invoke(*call, std::move(given));
                    },
                    **at_);
            });
            added.call.state().observe(added);
            ++running_;
        } catch (std::exception const&) {
            entries_.pop_back();
            note_range_error();
        } catch (...) {
            entries_.pop_back();
            range_is_over_ = true;
            throw;
        }
    }

    // For whoever must not leave before its tasks.
    void let_run_out() {
        range_is_over_ = true;
        for (entry& each : entries_) {
            if (each.call.valid()) {
                each.call.state().waive_error();
            }
        }
        while (running_ > 0) {
            progressed_.reset();
            progressed_.wait();
        }
    }
    void end_all() {
        for (entry& each : entries_) {
            if (each.call.valid()) {
                each.call.cancel();
            }
        }
        interruption_shield const until_they_have_ended;
        let_run_out();
    }

    std::shared_ptr<detail::task_set> set_;
    Range range_;
    std::shared_ptr<F> function_;
    detail::map_order order_;
    std::size_t max_unread_;
    std::optional<std::ranges::iterator_t<Range>> at_;
    // The item under it has a task.
    bool is_used_ = false;
    bool range_is_over_ = false;
    bool at_end_ = false;
    // Started and not read, in the order of the items.
    std::list<entry> entries_;
    // Those of them that have ended, in the order in which they did.
    intrusive_list<detail::map_entry, detail::map_entry> ended_;
    std::size_t running_ = 0;
    // Something has ended since the walk looked last.
    event progressed_;
    std::optional<value_type> present_;
};

}  // namespace tendril
