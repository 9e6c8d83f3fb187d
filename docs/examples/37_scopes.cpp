// SPDX-License-Identifier: BSL-1.0
//
// Cancel scopes and task groups: who ends whom, who absorbs, and what a shield is for.
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

namespace {

std::string fetch(std::string const& page, std::chrono::seconds takes) {
    tendril::sleep_for(takes);
    return "<" + page + ">";
}

void limits() {
    // DOC: limits
    // Goes on either way.
    std::optional<std::string> const news = tendril::move_on_after(
        1s, [] { return fetch("news", 2s); });
    std::cout << "news: " << news.value_or("none today") << '\n';

    // Or fails.
    try {
        tendril::fail_after(1s, [] { fetch("mail", 2s); });
    } catch (tendril::timed_out const&) {
        std::cout << "no mail in time\n";
    }
    // DOC-END: limits
}

void shields() {
    // DOC: shield
    bool const finished = tendril::move_on_after(1s, [] {
        try {
            fetch("index", 1h);
        } catch (tendril::cancelled const&) {
            // Every wait in here would end at once, but within a shield of its own.
            tendril::cancel_scope goodbye{{.limit = tendril::deadline::after(5s), .shield = true}};
            goodbye.run([] {
                tendril::sleep_for(1s);
                std::cout << "said goodbye\n";
            });
            throw;
        }
    });
    std::cout << (finished ? "finished" : "moved on") << '\n';
    // DOC-END: shield
}

void groups() {
    // DOC: group
    try {
        tendril::with_task_group([](tendril::task_group& group) {
            group.spawn([] { std::cout << fetch("a", 1s) << '\n'; });
            group.spawn([] { throw std::runtime_error{"b is broken"}; });
            group.spawn([] {
                tendril::sleep_for(1ms);
                std::cout << "never printed: the failure of b has ended the others\n";
            });
        });
    } catch (tendril::exception_group const& several) {
        std::cout << several.what() << '\n';
    }
    // DOC-END: group
}

void early_stop() {
    // DOC: race
    std::string first;
    tendril::with_task_group([&](tendril::task_group& group) {
        for (auto const takes : {3s, 1s, 2s}) {
            group.spawn([&group, &first, takes] {
                first = fetch("mirror " + std::to_string(takes.count()), takes);
                group.cancel();
            });
        }
    });
    std::cout << "first: " << first << '\n';
    // DOC-END: race
}

void readiness() {
    // DOC: start
    tendril::with_task_group([](tendril::task_group& group) {
        int const port = group.start<int>([](tendril::task_status<int>& status) {
            tendril::sleep_for(10ms);  // binds
            status.started(8080);
            tendril::sleep_for(1h);  // serves
        });
        std::cout << "serves on " << port << '\n';
        group.cancel();
    });
    // DOC-END: start
}

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        limits();
        shields();
        groups();
        early_stop();
        readiness();
    });
}
