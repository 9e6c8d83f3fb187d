// SPDX-License-Identifier: BSL-1.0
// Exercise 20: a supervisor of many children. One that fails begins anew, and so does one that is
// told to; after too many failures all are ended.
//
// Each attempt has a scope of its own within the group's. `restart` cancels that scope, and the
// scope absorbs what it has thrown: the loop goes round. When the group is cancelled, the scope
// lets the exception pass, and the loop is left. So nobody needs to ask who has cancelled.
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <functional>
#include <iostream>
#include <list>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

namespace {

// DOC: restarts
class supervisor {
public:
    explicit supervisor(int failures_allowed) : failures_left_{failures_allowed} {}

    class child {
    public:
        // Ends the present attempt, and begins another.
        void restart() {
            if (attempt_ != nullptr) {
                attempt_->cancel("restarted");
            }
        }

    private:
        friend class supervisor;
        tendril::cancel_scope* attempt_ = nullptr;
    };

    // Keeps `work` running until it returns.
    child& add(std::function<void()> work) {
        child& added = children_.emplace_back();
        group_.spawn([this, &added, work = std::move(work)] {
            while (!try_once(added, work)) {
                tendril::sleep_for(pause);  // is left here when all are to end
            }
        });
        return added;
    }

    // Waits until all have returned. Throws: exception_group when they have failed too often.
    void join() { group_.join(); }

private:
    static constexpr auto pause = 10ms;

    // Returns whether the work is done.
    bool try_once(child& tried, std::function<void()> const& work) {
        tendril::cancel_scope attempt;
        tried.attempt_ = &attempt;
        tendril::scope_exit const over{[&] { tried.attempt_ = nullptr; }};
        try {
            return attempt.run(work);
        } catch (std::exception const&) {
            if (--failures_left_ < 0) {
                throw;  // fails the group, which ends the others
            }
            return false;
        }
    }

    int failures_left_;
    std::list<child> children_;
    // The last member: its destructor waits for those who use the others.
    tendril::task_group group_;
};
// DOC-END: restarts

// Serves for ever, but breaks from time to time.
void serve(char const* name, std::chrono::milliseconds until_it_breaks) {
    std::cout << name << " begins\n";
    try {
        tendril::sleep_for(until_it_breaks);
    } catch (tendril::scope_cancelled const& why) {
        std::cout << name << " leaves: " << why.reason() << '\n';
        throw;
    }
    std::cout << name << " breaks\n";
    throw std::runtime_error{std::string{name} + " is broken"};
}

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        supervisor all{1};
        auto& sturdy = all.add([] { serve("sturdy", 1h); });
        all.add([] { serve("weak", 1s); });
        all.add([] { std::cout << "short returns\n"; });
        tendril::sleep_for(500ms);
        sturdy.restart();
        try {
            all.join();
        } catch (tendril::exception_group const& several) {
            std::cout << several.what() << '\n';
        }
    });
}
