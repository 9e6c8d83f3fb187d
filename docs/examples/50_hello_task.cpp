// SPDX-License-Identifier: BSL-1.0
//
// The smallest program with a task: make one, and let the hub run until it has ended.
#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

int main() {
    tendril::testing::virtual_clock clock;
    // DOC: hello
    tendril::hub hub{{.clock = &clock}};

    tendril::task<int> letters = tendril::spawn([] {
        std::cout << "hello ";
        tendril::sleep_for(1s);
        std::cout << "world\n";
        return 10;
    });
    std::cout << "nothing has run yet\n";
    std::cout << hub.run_until_complete(letters) << " letters\n";
    hub.close();
    // DOC-END: hello
}
