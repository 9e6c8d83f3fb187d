// SPDX-License-Identifier: BSL-1.0
// Sitting 5: how a greenlet is ended from outside.
//
// Its stack cannot simply be freed: what lies in its frames has destructors. So it is continued
// once more with an exception, `greenlet_exit`, and ends by itself.
#include <tendril/greenlet.hpp>

#include <iostream>
#include <memory>
#include <stdexcept>

using tendril::greenlet;

namespace {

struct speaker {
    char const* name;
    ~speaker() { std::cout << "  " << name << " is destroyed\n"; }
};

void suspend() { greenlet::current().parent().switch_to(); }

void inner() {
    speaker const local{"the local of inner"};
    suspend();
    std::cout << "this line is never reached\n";
}

void cleanup_goes_from_the_inside_out() {
    // DOC: order
    greenlet victim{[captured = std::make_unique<speaker>("what it captured")] {
        speaker const local{"the local of its function"};
        inner();
    }};
    victim.switch_to();
    std::cout << "main throws into it\n";
    auto back = victim.throw_into();  // without arguments that is greenlet_exit
    std::cout << std::boolalpha << "dead: " << victim.dead()
              << ", came back: " << back.holds<tendril::greenlet_exit>() << '\n';
    // DOC-END: order
}

void the_last_handle_does_the_same() {
    // DOC: last
    greenlet victim{[] { inner(); }};
    victim.switch_to();
    greenlet second = victim;
    victim = greenlet{};
    std::cout << "one handle is left\n";
    second = greenlet{};
    std::cout << "none is left\n";
    // DOC-END: last
}

void an_exit_may_be_swallowed() {
    // DOC: swallow
    greenlet stubborn{[] {
        try {
            suspend();
        } catch (...) {
            std::cout << "  stubborn swallows the exit\n";
        }
        suspend();  // alive: the exit was an exception like any other
        return 7;
    }};
    stubborn.switch_to();
    stubborn.throw_into();
    std::cout << "dead: " << stubborn.dead() << '\n';
    std::cout << "in the end it returns " << stubborn.switch_to().as<int>() << '\n';
    // DOC-END: swallow
}

void the_last_handle_insists() {
    // DOC: insist
    greenlet stubborn{[] {
        for (int times = 1;; ++times) {
            try {
                suspend();
            } catch (tendril::greenlet_exit const&) {
                std::cout << "  exit number " << times << '\n';
                if (times == 3) {
                    throw;
                }
            }
        }
    }};
    stubborn.switch_to();
    stubborn = greenlet{};  // eight times at most; then it would be reported and left alive
    std::cout << "main goes on\n";
    // DOC-END: insist
}

void errors_stay_with_their_owners() {
    // DOC: handler
    greenlet victim{[] {
        try {
            throw std::runtime_error{"the victim's own"};
        } catch (std::runtime_error const&) {
            speaker const local{"the local of its handler"};
            suspend();  // in the middle of the handler
        }
    }};
    victim.switch_to();
    try {
        throw std::runtime_error{"main's own"};
    } catch (std::runtime_error const&) {
        victim = greenlet{};  // ends it, inside a handler of ours and inside one of its own
        try {
            throw;
        } catch (std::runtime_error const& error) {
            std::cout << "main rethrew " << error.what() << '\n';
        }
    }
    // DOC-END: handler
}

void who_never_ran_has_nothing_to_unwind() {
    // DOC: unstarted
    greenlet unborn{[captured = std::make_unique<speaker>("what the unborn captured")] {
        std::cout << "this line is never reached\n";
    }};
    try {
        unborn.throw_into(std::runtime_error{"too late"});
    } catch (std::runtime_error const& error) {
        std::cout << "its parent caught: " << error.what() << '\n';
    }
    std::cout << "started: " << unborn.started() << ", dead: " << unborn.dead() << '\n';
    // DOC-END: unstarted
}

}  // namespace

int main() {
    cleanup_goes_from_the_inside_out();
    the_last_handle_does_the_same();
    an_exit_may_be_swallowed();
    the_last_handle_insists();
    errors_stay_with_their_owners();
    who_never_ran_has_nothing_to_unwind();
}
