// SPDX-License-Identifier: BSL-1.0
//
// Generators: functions that give out values one at a time and stand still in between.
#include <tendril/coroutine.hpp>

#include <functional>
#include <iostream>
#include <memory>
#include <ranges>
#include <string>

namespace {

using namespace tendril;

// DOC: first_generator
void first_squares() {
    generator<int> squares{[](auto& yield) {
        for (int number = 1;; ++number) {
            yield(number * number);  // suspended here until the next one is wanted
        }
    }};
    for (int square : squares) {
        if (square > 30) {
            break;
        }
        std::cout << square << ' ';
    }
    std::cout << '\n';
}  // `squares` ends here: greenlet_exit is thrown at its yield
// DOC-END: first_generator

// DOC: tree
struct tree {
    std::string word;
    std::unique_ptr<tree> left;
    std::unique_ptr<tree> right;
};

// A recursion like any other: `yield` is called from as deep as the tree is.
void walk(tree const* at, generator<std::string const&>::yield_type& yield) {
    if (at != nullptr) {
        walk(at->left.get(), yield);
        yield(at->word);
        walk(at->right.get(), yield);
    }
}
// DOC-END: tree

std::unique_ptr<tree> leaf(std::string word) {
    return std::make_unique<tree>(tree{std::move(word), nullptr, nullptr});
}

void words_of_a_tree() {
    tree const root{"is", leaf("a tree"), leaf("this")};
    generator<std::string const&> words{[&](auto& yield) { walk(&root, yield); }};
    for (std::string const& word : words) {
        std::cout << word << ' ';
    }
    std::cout << '\n';
}

// DOC: send
// The consumer answers: what it sends is what `yield` returns.
void running_average() {
    generator<double, double> average{[](auto& yield) {
        double sum = 0;
        for (int count = 0;; ++count) {
            sum += yield(count == 0 ? 0 : sum / count).value_or(0);
        }
    }};
    average.next();
    for (double number : {4.0, 8.0, 3.0}) {
        std::cout << "average " << *average.send(number) << '\n';
    }
}
// DOC-END: send

// DOC: outer
// An inner generator may yield for an outer one. The next question to the outer one continues the
// inner one, wherever it stands.
void layers() {
    generator<std::string> outer{[](auto& yield_outer) {
        generator<std::string> inner{[&](auto& yield_inner) {
            yield_outer("from the inner one, past the outer one");
            yield_inner("from the inner one");
        }};
        yield_outer("the outer one was given: " + *inner.next());
    }};
    for (std::string const& text : outer) {
        std::cout << text << '\n';
    }
}
// DOC-END: outer

generator<int> numbers_to(int last) {
    return generator<int>{[last](auto& yield) { yield.from(std::views::iota(1, last + 1)); }};
}

void pipeline() {
    generator<int> numbers = numbers_to(10);
    auto odd = numbers | std::views::filter([](int number) { return number % 2 == 1; }) |
        std::views::transform([](int number) { return number * 10; });
    for (int number : odd) {
        std::cout << number << ' ';
    }
    std::cout << '\n';
}

}  // namespace

int main() {
    first_squares();
    words_of_a_tree();
    running_average();
    layers();
    pipeline();
}
