// SPDX-License-Identifier: BSL-1.0
// Exercise 9: a supervisor that starts its child anew when it fails, and gives up after a while.
//
// The supervisor is the parent of the child, so it hears of the failure wherever the child failed
// and whoever had switched to it. It stands between the child and its clients: a request goes to
// the supervisor, and a failure costs its sender an answer, never an exception.
#include <tendril/greenlet.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

using tendril::greenlet;

namespace {

// DOC: supervisor
struct too_many_failures : std::runtime_error {
    too_many_failures() : runtime_error{"the child failed too often"} {}
};

class supervisor {
public:
    supervisor(int (*child)(int), int restarts)
        : child_{child},
          restarts_{restarts},
          me_{[this](int request) { supervise(request); }} {}

    // Answers a request, or says in words why not. Throws: too_many_failures.
    std::string ask(int request) { return me_.switch_to(request).as<std::string>(); }

private:
    // A child serves until it fails.
    greenlet new_child() const {
        return greenlet{[this](int request) {
            while (true) {
                int const answer = child_(request);
                request = greenlet::current().parent().switch_to(answer).as<int>();
            }
        }};
    }

    void supervise(int request) {
        greenlet child = new_child();
        for (int failures = 0;;) {
            std::string answer;
            try {
                answer = std::to_string(child.switch_to(request).as<int>());
            } catch (std::exception const& error) {
                if (++failures > restarts_) {
                    throw too_many_failures{};  // to our own parent
                }
                answer = std::string{"none: "} + error.what();
                child = new_child();  // the old one is dead, and its stack back in the pool
            }
            request = greenlet::current().parent().switch_to(answer).as<int>();
        }
    }

    int (*child_)(int);
    int restarts_;
    greenlet me_;
};
// DOC-END: supervisor

int reciprocal_in_percent(int number) {
    if (number == 0) {
        throw std::domain_error{"zero has no reciprocal"};
    }
    return 100 / number;
}

}  // namespace

int main() {
    supervisor reliable{&reciprocal_in_percent, 2};
    try {
        for (int request : {4, 0, 5, 0, 2, 0, 1}) {
            std::cout << request << ": " << reliable.ask(request) << '\n';
        }
    } catch (too_many_failures const& error) {
        std::cout << "main caught: " << error.what() << '\n';
    }
}
