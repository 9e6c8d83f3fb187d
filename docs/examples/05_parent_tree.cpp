// SPDX-License-Identifier: BSL-1.0
// Sitting 5: who receives what a greenlet returns or throws.
//
// A switch can go to anybody. The end of a greenlet goes to one place only: to its parent, whoever
// switched to it last. Parents form a tree with the thread's own stack, `main`, at its root.
#include <tendril/greenlet.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

using tendril::greenlet;
using tendril::greenlet_ref;

namespace {

// From a greenlet up to the root, by name.
std::string line_of(greenlet_ref who) {
    std::string line;
    for (; who.block() != nullptr; who = who.parent()) {
        line += (line.empty() ? "" : " < ") + std::string{who.block()->name};
    }
    return line;
}

// Makes and starts a worker of the running greenlet. It suspends itself, and fails when continued.
greenlet failing_worker(char const* name) {
    greenlet worker{
        [] {
            greenlet::current().parent().switch_to();
            throw std::runtime_error{"the work cannot be done"};
        },
        {.name = name}};
    worker.switch_to();
    return worker;
}

void errors_go_to_the_parent() {
    greenlet worker;
    // DOC: error
    greenlet manager{
        [&] {
            worker = failing_worker("worker");  // made here, so its parent is the manager
            std::cout << line_of(worker) << '\n';
            try {
                greenlet::current().parent().switch_to();
            } catch (std::runtime_error const& error) {
                std::cout << "manager caught: " << error.what() << '\n';
            }
        },
        {.name = "manager"}};
    manager.switch_to();

    greenlet stranger{
        [&] {
            std::cout << "stranger switches to the worker\n";
            worker.switch_to();
            std::cout << "this line is never reached\n";
        },
        {.name = "stranger"}};
    stranger.switch_to();
    // The worker failed in the hands of the stranger. The manager heard of it, ended, and gave way
    // to its own parent, which is main. The stranger is where it was.
    std::cout << "worker: " << worker << "\nmanager: " << manager << "\nstranger: " << stranger
              << '\n';
    // DOC-END: error
}

void the_parent_is_asked_at_the_end() {
    // DOC: adopt
    greenlet other{
        [] {
            auto word = greenlet::current().parent().switch_to().as<std::string>();
            std::cout << "other was given \"" << word << "\"\n";
        },
        {.name = "other"}};
    greenlet child{
        [] {
            greenlet::current().parent().switch_to();
            return std::string{"the result"};
        },
        {.name = "child"}};
    other.switch_to();
    child.switch_to();
    std::cout << line_of(child) << '\n';
    child.set_parent(other);
    std::cout << line_of(child) << '\n';
    child.switch_to();  // it returns now, and nobody but `other` hears of it
    // DOC-END: adopt
}

void nobody_is_his_own_ancestor() {
    // DOC: circle
    greenlet above{[] {}, {.name = "above"}};
    greenlet below{[] {}, {.parent = above, .name = "below"}};
    try {
        above.set_parent(below);
    } catch (tendril::misuse const& error) {
        std::cout << "misuse: " << error.what() << '\n';
    }
    // DOC-END: circle
}

void the_dead_are_passed_over() {
    // DOC: dead
    greenlet middle{[] {}, {.name = "middle"}};
    greenlet lowest{[](int number) { return number + 1; }, {.parent = middle, .name = "lowest"}};
    middle.switch_to();  // runs to its end
    int const number = lowest.switch_to(41).as<int>();
    std::cout << "main was given " << number << ", past " << middle << '\n';
    // DOC-END: dead
}

}  // namespace

int main() {
    errors_go_to_the_parent();
    the_parent_is_asked_at_the_end();
    nobody_is_his_own_ancestor();
    the_dead_are_passed_over();
}
