// SPDX-License-Identifier: BSL-1.0
#pragma once

// Books that a program of greenlets keeps about itself: which rule it has found broken, and where
// each item is that somebody has put somewhere.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tendril::test {

/// The first rule that was found broken. Costs nothing while all hold.
class verdict {
public:
    /// Notes `rule` unless it holds.
    void require(bool holds, char const* rule) noexcept {
        if (!holds && broken_ == nullptr) {
            broken_ = rule;
        }
    }
    /// The rule, or null.
    char const* broken() const noexcept { return broken_; }

private:
    char const* broken_ = nullptr;
};

/// What keeps items.
enum class store : std::uint8_t { fifo, lifo, by_rank, rendezvous, buffered };
inline constexpr std::size_t number_of_stores = 5;
inline constexpr std::size_t most_workers = 8;

/// Follows every item from the attempt to put it to the one who gets it.
class item_ledger {
public:
    explicit item_ledger(verdict& judge) : judge_{judge} { items_.reserve(32); }

    /// A new item that `producer` is about to put into `where`. Later ones have larger numbers.
    int offer(std::size_t producer, store where) {
        items_.push_back({producer, where});
        return static_cast<int>(items_.size()) - 1;
    }

    /// The put has succeeded.
    void accept(int item) { at(item).accepted = true; }

    /// `consumer` has got it. The number of nobody is `most_workers`, for what is found at the end.
    void take(int item, store where, std::size_t consumer) {
        entry& taken = at(item);
        judge_.require(!taken.taken, "an item is got once");
        judge_.require(taken.where == where, "an item is got where it was put");
        taken.taken = true;
        int& last = last_taken_[static_cast<std::size_t>(where)][consumer][taken.producer];
        bool const in_order = where != store::lifo && where != store::by_rank;
        judge_.require(
            !in_order || last < item + 1, "the items of one producer are got in their order");
        last = item + 1;
    }

    /// At the end: what was accepted was got, and nothing else.
    void balance() {
        for (entry const& each : items_) {
            judge_.require(each.accepted || !each.taken, "an item that was refused is not got");
            judge_.require(!each.accepted || each.taken, "an item that was put is not lost");
        }
    }

private:
    struct entry {
        std::size_t producer;
        store where;
        bool accepted = false;
        bool taken = false;
    };

    entry& at(int item) { return items_[static_cast<std::size_t>(item)]; }

    verdict& judge_;
    std::vector<entry> items_;
    // The number behind the last item that a consumer has got from a producer in a store.
    using of_producers = std::array<int, most_workers>;
    using of_consumers = std::array<of_producers, most_workers + 1>;
    std::array<of_consumers, number_of_stores> last_taken_{};
};

}  // namespace tendril::test
