// SPDX-License-Identifier: BSL-1.0
// Exercise 21: many ask for the same, and it is computed once.
//
// The computation is a task of its own and in nobody's scope, so it does not matter who has started
// it: whoever asks may be cancelled, and the others still get the value. It ends early only when
// the last one who waits has left. From that moment it takes nobody in any more, for it is on its
// way out: who asks next starts another one.
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/support.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>

using namespace std::chrono_literals;

namespace {

// DOC: single_flight
template <typename Key, typename T>
class single_flight {
public:
    explicit single_flight(std::function<T(Key const&)> compute) : compute_{std::move(compute)} {}

    // Waits for the value, which is computed once for all who ask meanwhile.
    // Throws: what the computation throws, in each of them; what was requested for the caller.
    T get(Key const& key) {
        tendril::check_interruption();
        std::shared_ptr<flight> const mine = board(key);
        ++mine->passengers;
        tendril::scope_exit const leave{[&] {
            if (--mine->passengers == 0) {
                flights_.erase(key);
                mine->work.cancel();  // does nothing when it has landed
            }
        }};
        return mine->work.get();
    }

private:
    struct flight {
        tendril::task<T> work;
        int passengers = 0;
    };

    std::shared_ptr<flight> board(Key const& key) {
        auto const found = flights_.find(key);
        if (found != flights_.end()) {
            return found->second;
        }
        // The task owns what it uses: it may outlive this object for the rest of a cancelled call.
        auto made = std::make_shared<flight>(flight{tendril::spawn(compute_, key)});
        flights_.emplace(key, made);
        return made;
    }

    std::function<T(Key const&)> compute_;
    // In which somebody waits.
    std::map<Key, std::shared_ptr<flight>> flights_;
};
// DOC-END: single_flight

std::size_t fetch(std::string const& page) {
    std::cout << "fetches " << page << '\n';
    try {
        tendril::sleep_for(1s);
    } catch (tendril::cancelled const&) {
        std::cout << "nobody wants " << page << '\n';
        tendril::interruption_shield const shield;
        tendril::sleep_for(1s);  // takes its time to stop
        throw;
    }
    return page.size();
}

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        single_flight<std::string, std::size_t> pages{fetch};
        auto const ask =
            [&pages](char const* who, char const* page, std::chrono::milliseconds patience) {
                auto const size = tendril::move_on_after(patience, [&] { return pages.get(page); });
                std::cout << who << (size ? " has " + std::to_string(*size) : " has left") << '\n';
            };
        tendril::with_task_group([&](tendril::task_group& group) {
            auto const starter = group.spawn(ask, "starter", "index", 1h);
            group.spawn(ask, "second", "index", 1h);
            group.spawn(ask, "third", "index", 1h);
            tendril::sleep_for(500ms);
            starter.cancel();
        });
        tendril::with_task_group([&](tendril::task_group& group) {
            group.spawn(ask, "hasty", "news", 50ms);
            tendril::sleep_for(100ms);
            group.spawn(ask, "patient", "news", 1h);
        });
    });
}
