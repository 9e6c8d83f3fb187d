// SPDX-License-Identifier: BSL-1.0
//
// One of two tasks fails: its error is reported, and the result of the other is kept.
#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/together.hpp>

#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

// DOC: tasks
std::string task1() { throw std::runtime_error{"task1 has no result"}; }
std::string task2() { return "task2 result"; }
// DOC-END: tasks

// Prints what the usual handler prints, where the rest of the output goes.
void print_report(std::exception_ptr error, std::string_view whose) {
    try {
        std::rethrow_exception(error);
    } catch (std::exception const& failure) {
        std::cout << "error in " << whose << ": " << failure.what() << '\n';
    }
}

void print(std::vector<std::string> const& results) {
    std::cout << '[';
    for (char const* between = ""; std::string const& each : results) {
        std::cout << std::exchange(between, ", ") << each;
    }
    std::cout << "]\n";
}

void run_both() {
    // DOC: gather
    std::vector<tendril::task<std::string>> const tasks{
        tendril::spawn({.name = "task1"}, task1), tendril::spawn({.name = "task2"}, task2)};
    std::vector<std::string> results;
    for (auto at = tasks.begin(); auto const& each : tendril::gather_results(tasks)) {
        if (each.succeeded()) {
            results.push_back(each.value());
        } else {
            tendril::this_hub().report_error(each.error(), at->name());
        }
        ++at;
    }
    print(results);
    // DOC-END: gather
}

}  // namespace

int main() {
    tendril::run([] {
        tendril::this_hub().set_error_handler(print_report);
        run_both();
    });
}
