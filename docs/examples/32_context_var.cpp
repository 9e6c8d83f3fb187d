// SPDX-License-Identifier: BSL-1.0
// A value that flows from a task to all that it spawns, without being passed along.
#include <tendril/hub.hpp>
#include <tendril/task.hpp>

#include <iostream>
#include <string>

namespace {

// DOC: request
tendril::context_var<std::string> request{"no request"};

void log(std::string const& text) { std::cout << '[' << request.get() << "] " << text << '\n'; }

void handle(std::string const& name) {
    auto const scope = request.set_in_scope(name);
    log("begins");
    auto helper = tendril::spawn([] {
        log("a task that it spawns");
        tendril::run_in_thread([] { log("a job that this one waits for"); });
        request.set("changed");
        log("in the helper only");
    });
    helper.join();
    log("ends");
}
// DOC-END: request

// DOC: context
void run_later() {
    tendril::carried_context const kept = [] {
        auto const scope = request.set_in_scope("17");
        return tendril::copy_context();
    }();
    log("now");
    tendril::run_in_context(kept, [] { log("as it was"); });
}
// DOC-END: context

}  // namespace

int main() {
    tendril::run([] {
        auto first = tendril::spawn(handle, "42");
        first.join();
        auto second = tendril::spawn(handle, "43");
        second.join();
        run_later();
    });
}
