// SPDX-License-Identifier: BSL-1.0
//
// Every allocation fails, of what futures do: nothing leaks, and nobody waits for ever.
#include <harness/failure_points.hpp>
#include <tendril/task/ensure_task.hpp>
#include <tendril/task/future.hpp>
#include <tendril/task/shared_future.hpp>
#include <tendril/time/sleep.hpp>

#include <string>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::try_all;

constexpr char const* long_text = "a value that is too long for the room in a string";

// What could not be passed on, for want of memory, breaks the promise at the end of the chain.
template <typename Future>
void get_or_find_broken(Future const& last) {
    try {
        last.get();
    } catch (broken_promise const&) {}
}

}  // namespace

TENDRIL_TEST(future_faults, of_allocations_in_links_and_continuations) {
    try_all("then", [] {
        promise<std::string> p;
        auto const size = p.get_future().then([](std::string& text) {
            sleep_for(1ms);
            return text.size();
        });
        p.set_value(long_text);
        get_or_find_broken(size);
    });
    try_all("forward_result", [] {
        promise<std::string> p;
        auto const last = p.get_future();
        forward_result(spawn([] { return std::string{long_text}; }), std::move(p));
        get_or_find_broken(last);
    });
}

TENDRIL_TEST(future_faults, of_allocations_in_what_wakes_readers) {
    try_all("ensure_task", [] {
        promise<std::string> p;
        this_hub().call_later(1ms, [&] { p.try_set_exception(std::make_exception_ptr(1)); });
        try {
            ensure_task(p.get_future()).get();
        } catch (int) {}
    });
    try_all("shared_future", [] {
        shared_promise<std::string> p;
        auto const called = std::make_shared<bool>(false);
        p.get_future().on_done([called] { *called = true; });
        p.set_value(long_text);
        p.get_future().get();
        sleep_for(1ms);
        EXPECT_TRUE(*called);
    });
}
