// SPDX-License-Identifier: BSL-1.0
//
// Nodes know the number of their spawner only. The living are sorted by number, so that a spawner
// is found by bisection; each is linked to its spawner's children, and a walk without recursion
// puts the tree into the order in which it is printed.
//
// Invariant: a node hangs under one of a smaller number. A number that has gone around, and that
// somebody younger has now, counts as that of a dead spawner; so there is no circle.
#include <tendril/hub/waiter.hpp>
#include <tendril/inspect/spawn_tree.hpp>

#include <algorithm>
#include <iterator>
#include <ostream>
#include <utility>

namespace tendril {
namespace {

constexpr std::size_t most_indentation = 32;

std::uint32_t maker_of(control_block const& block) noexcept {
    if (block.body != nullptr) {
        if (auto const spawner = block.body->spawner()) {
            return *spawner;
        }
    }
    return block.parent == nullptr ? block.id : block.parent->id;
}

spawn_tree::node describe_node(control_block const& block) {
    spawn_tree::node made;
    made.id = block.id;
    made.spawner = maker_of(block);
    made.state = block.state;
    made.name = name_of(block) == nullptr ? "" : name_of(block);
    if (block.state == greenlet_state::parked && block.parked_on != nullptr) {
        made.waits_for = static_cast<waiter*>(block.parked_on)->what();
    }
    made.made_at = block.body == nullptr ? std::source_location{} : block.body->made_at;
    return made;
}

// The living, by number: the main greenlet comes first.
std::vector<spawn_tree::node> list_living(thread_record& thread) {
    std::vector<spawn_tree::node> all;
    thread.blocks.for_each([&](control_block const& block) {
        if (block.state != greenlet_state::dead) {
            all.push_back(describe_node(block));
        }
    });
    std::sort(all.begin(), all.end(), [](auto const& a, auto const& b) { return a.id < b.id; });
    return all;
}

std::size_t index_of_spawner(std::vector<spawn_tree::node> const& all, std::size_t of) {
    auto const found = std::lower_bound(
        all.begin(), all.end(), all[of].spawner,
        [](spawn_tree::node const& each, std::uint32_t id) { return each.id < id; });
    auto const index = static_cast<std::size_t>(found - all.begin());
    return index < of && found->id == all[of].spawner ? index : 0;
}

// Puts each behind its spawner, and those of one spawner in the order of their numbers.
std::vector<spawn_tree::node> in_order_of_the_tree(std::vector<spawn_tree::node> all) {
    constexpr std::size_t none = SIZE_MAX;
    std::vector<std::size_t> first_child(all.size(), none);
    std::vector<std::size_t> next_sibling(all.size(), none);
    for (std::size_t index = all.size(); index-- > 1;) {
        std::size_t const above = index_of_spawner(all, index);
        next_sibling[index] = std::exchange(first_child[above], index);
    }
    std::vector<spawn_tree::node> ordered;
    ordered.reserve(all.size());
    std::vector<std::pair<std::size_t, std::size_t>> open;  // an index and its level
    open.emplace_back(0, 0);
    while (!open.empty()) {
        auto const [index, level] = open.back();
        open.pop_back();
        if (next_sibling[index] != none) {
            open.emplace_back(next_sibling[index], level);
        }
        if (first_child[index] != none) {
            open.emplace_back(first_child[index], level + 1);
        }
        all[index].level = level;
        ordered.push_back(std::move(all[index]));
    }
    return ordered;
}

}  // namespace

spawn_tree::spawn_tree() : nodes_{in_order_of_the_tree(list_living(this_thread()))} {}

spawn_tree::spawn_tree(std::uint32_t top) {
    std::vector<node> all = in_order_of_the_tree(list_living(this_thread()));
    auto const first = std::find_if(
        all.begin(), all.end(), [&](node const& each) { return each.id == top; });
    if (first == all.end()) {
        return;
    }
    std::size_t const level = first->level;
    auto const end = std::find_if(
        first + 1, all.end(), [&](node const& each) { return each.level <= level; });
    nodes_.assign(std::make_move_iterator(first), std::make_move_iterator(end));
    for (node& each : nodes_) {
        each.level -= level;
    }
}

std::ostream& operator<<(std::ostream& out, spawn_tree const& printed) {
    for (spawn_tree::node const& each : printed.nodes()) {
        out << std::string(2 * std::min(each.level, most_indentation), ' ');
        if (each.level >= most_indentation) {
            out << "(level " << each.level << ") ";
        }
        out << "greenlet " << each.id;
        if (!each.name.empty()) {
            out << " '" << each.name << '\'';
        }
        out << ' ' << to_string(each.state);
        if (!each.waits_for.empty()) {
            out << ", waits for " << each.waits_for;
        }
        if (each.made_at.line() != 0) {
            out << ", made at " << each.made_at.file_name() << ':' << each.made_at.line();
        }
        out << '\n';
    }
    return out;
}

}  // namespace tendril
