// SPDX-License-Identifier: BSL-1.0
// Exercise 14: wait for the first of several batons, with one park.
//
// The waiter stands in every baton. Whoever settles the park takes it out of all of them in the
// same step: a passer before it wakes, a limit or an interruption through `withdraw`. So a baton
// never names a waiter that is settled, and what is passed later stays in its baton.
#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <initializer_list>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

// DOC: first_of_several
class baton {
public:
    void pass(std::string value) {
        if (waiting_ == nullptr) {
            stored_ = std::move(value);
        } else {
            runner& taken = *waiting_;
            taken.value = std::move(value);
            taken.leave();
            taken.wake();
        }
    }

    // Waits for a value of any of them. Empty when the limit has run out.
    static std::optional<std::string> first_of(
        std::initializer_list<baton*> batons, tendril::deadline limit) {
        tendril::check_interruption();
        for (baton* each : batons) {
            if (each->stored_) {
                return std::exchange(each->stored_, std::nullopt);
            }
        }
        runner me{batons};
        me.park_until(limit);
        return std::move(me.value);
    }

private:
    struct runner final : tendril::waiter {
        explicit runner(std::vector<baton*> places) : waiter{"a baton"}, at{std::move(places)} {
            for (baton* each : at) {
                each->waiting_ = this;
            }
        }
        ~runner() {
            if (settled() == outcome::waiting) {
                leave();  // the park was refused
            }
        }
        void leave() noexcept {
            for (baton* each : at) {
                each->waiting_ = nullptr;
            }
        }
        bool withdraw() noexcept override {
            leave();
            return true;
        }

        std::vector<baton*> at;
        std::optional<std::string> value;
    };

    runner* waiting_ = nullptr;
    std::optional<std::string> stored_;
};
// DOC-END: first_of_several

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [] {
        baton left;
        baton right;
        auto const wait = [&] {
            auto const value = baton::first_of({&left, &right}, tendril::deadline::after(5ms));
            std::cout << value.value_or("the limit has run out") << '\n';
        };
        tendril::this_hub().call_later(1ms, [&] {
            right.pass("from the right");
            left.pass("from the left, too late for that wait");
        });
        wait();
        wait();  // finds what was left in its baton
        wait();  // nobody comes
        right.pass("and nobody was lost");
        wait();
    });
}
