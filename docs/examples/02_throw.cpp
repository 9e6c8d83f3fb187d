// SPDX-License-Identifier: BSL-1.0
// Sitting 3: exceptions cross stacks.
//
// What a greenlet throws goes to its parent. What is thrown into it arrives where it is suspended.
// And nothing that was begun is left undone: a greenlet that nobody refers to any more is unwound.
#include <tendril/greenlet.hpp>

#include <iostream>
#include <stdexcept>

using tendril::greenlet;

namespace {

struct speaker {
    char const* name;
    ~speaker() { std::cout << name << " is destroyed\n"; }
};

}  // namespace

int main() {
    // DOC: out
    greenlet failing{[] {
        speaker const local{"the local of failing"};
        throw std::runtime_error{"something broke"};
    }};
    try {
        failing.switch_to();
    } catch (std::runtime_error const& error) {
        std::cout << "main caught: " << error.what() << '\n';
    }
    // DOC-END: out

    // DOC: in
    greenlet patient{[] {
        auto caller = greenlet::current().parent();
        try {
            caller.switch_to();
        } catch (std::invalid_argument const& error) {
            std::cout << "patient caught: " << error.what() << '\n';
        }
        return 7;
    }};
    patient.switch_to();
    int result = patient.throw_into(std::invalid_argument{"from main"}).as<int>();
    std::cout << "patient went on and returned " << result << '\n';
    // DOC-END: in

    // DOC: end
    {
        greenlet forgotten{[] {
            speaker const local{"the local of forgotten"};
            greenlet::current().parent().switch_to();
            std::cout << "this line is never reached\n";
        }};
        forgotten.switch_to();
        std::cout << "main drops the last handle\n";
    }
    std::cout << "main goes on\n";
    // DOC-END: end
}
