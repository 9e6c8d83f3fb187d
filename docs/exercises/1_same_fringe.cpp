// SPDX-License-Identifier: BSL-1.0
// Exercise 1: do two trees have the same leaves, in the same order, whatever their shape?
//
// Each tree is walked by a greenlet of its own, which sends one leaf at a time to whoever asks. The
// recursion stays a recursion: it is suspended in the middle, several calls deep. A walk that is
// not needed any more is ended by dropping its handle.
#include <tendril/greenlet.hpp>

#include <iostream>
#include <memory>
#include <optional>

using tendril::greenlet;
using tendril::greenlet_ref;

namespace {

struct tree {
    int leaf = 0;
    std::unique_ptr<tree> left;
    std::unique_ptr<tree> right;
};

std::unique_ptr<tree> leaf(int value) {
    return std::make_unique<tree>(tree{value, nullptr, nullptr});
}
std::unique_ptr<tree> node(std::unique_ptr<tree> left, std::unique_ptr<tree> right) {
    return std::make_unique<tree>(tree{0, std::move(left), std::move(right)});
}

// DOC: walk
void send_leaves(tree const& of, greenlet_ref to) {
    if (!of.left) {
        to.switch_to(std::optional{of.leaf});
        return;
    }
    send_leaves(*of.left, to);
    send_leaves(*of.right, to);
}

greenlet walk(tree const& of) {
    return greenlet{[&of, asks = greenlet::current()] {
        send_leaves(of, asks);
        return std::optional<int>{};  // no more
    }};
}

bool same_fringe(tree const& a, tree const& b) {
    greenlet const walk_a = walk(a);
    greenlet const walk_b = walk(b);
    while (true) {
        auto const from_a = walk_a.switch_to().as<std::optional<int>>();
        auto const from_b = walk_b.switch_to().as<std::optional<int>>();
        if (from_a != from_b) {
            return false;
        }
        if (!from_a) {
            return true;
        }
    }
}
// DOC-END: walk

}  // namespace

int main() {
    auto const left_deep = node(node(leaf(1), leaf(2)), leaf(3));
    auto const right_deep = node(leaf(1), node(leaf(2), leaf(3)));
    auto const different = node(leaf(1), node(leaf(9), leaf(3)));
    auto const shorter = node(leaf(1), leaf(2));
    std::cout << std::boolalpha << same_fringe(*left_deep, *right_deep) << '\n'
              << same_fringe(*left_deep, *different) << '\n'
              << same_fringe(*left_deep, *shorter) << '\n';
}
