// SPDX-License-Identifier: BSL-1.0
//
// How a main task has ended: it returned, it failed, or somebody cancelled it.
#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <stdexcept>

using namespace std::chrono_literals;

namespace {

// DOC: tell
void complete(tendril::hub& hub, tendril::task<void> work) {
    try {
        hub.run_until_complete(work);
        std::cout << "it has returned\n";
    } catch (tendril::task_cancelled const&) {
        std::cout << "it was cancelled\n";
    } catch (std::exception const& error) {
        std::cout << "it has failed: " << error.what() << '\n';
    }
}
// DOC-END: tell

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::hub hub{{.clock = &clock}};
    // DOC: three
    complete(hub, tendril::spawn([] { tendril::sleep_for(1s); }));
    complete(hub, tendril::spawn([] { throw std::runtime_error{"no such file"}; }));

    tendril::task<void> endless = tendril::spawn([] { tendril::sleep_for(1h); });
    hub.call_later(1s, [endless] { endless.cancel(); });
    complete(hub, endless);
    // DOC-END: three
}
