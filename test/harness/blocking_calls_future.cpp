// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/future.hpp>
#include <tendril/task/shared_future.hpp>
#include <tendril/task/when_done.hpp>

#include <exception>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

namespace tendril::test {
namespace {

// Floor task: futures.

// A promise of either family, and one of the ways to ask its future.
template <typename Promise, typename Take>
auto future_of(char const* name, Take take, bool by_a_thread = false) {
    return [=](bool timed) {
        auto const p = std::make_shared<Promise>();
        return blocking_call{
            .name = name,
            .take = [=](deadline limit) { return take(p->get_future(), timed, limit); },
            .give =
                [=] {
                    if (by_a_thread) {
                        std::thread{[=] { p->try_set_value(7); }}.join();
                    } else {
                        p->try_set_value(7);
                    }
                },
            .close = [=] { p->try_set_exception(std::runtime_error{"closed"}); },
        };
    };
}

constexpr auto by_wait = [](auto const& f, bool timed, deadline limit) {
    if (timed) {
        return f.wait_until(limit) && *f.try_get() == 7;
    }
    f.wait();
    return *f.try_get() == 7;
};

constexpr auto by_get = [](auto const& f, bool timed, deadline limit) {
    if (timed) {
        auto const* const value = f.get_until(limit);
        return value != nullptr && *value == 7;
    }
    return f.get() == 7;
};

// The handler must not look for a wish: that is for the call.
template <typename Handle>
bool by_select(Handle const& awaited, bool timed, deadline limit) {
    bool got = false;
    auto const ask = [&](Handle& ended) {
        if (std::exception_ptr const error = ended.exception()) {
            std::rethrow_exception(error);
        }
        got = ended.succeeded();
    };
    if (timed) {
        select(when_done(awaited, ask), at(limit, [] {}));
    } else {
        select(when_done(awaited, ask));
    }
    return got;
}

// The task ends in a later turn than it is told to.
blocking_call select_over_a_task(bool timed) {
    struct shared_state {
        event go;
        task<int> ends;
    };
    auto const s = std::make_shared<shared_state>();
    s->ends = spawn([s] {
        s->go.wait();
        s->ends = {};
        return 7;
    });
    return {
        .name = "select over a task",
        .take = [=, ends = s->ends](deadline limit) { return by_select(ends, timed, limit); },
        .give = [=] { s->go.set(); },
        .to_wishes = answer::given_late,
    };
}

}  // namespace

void add_calls_of_future(calls& all) {
    add_both(all, future_of<promise<int>>("future::wait", by_wait));
    add_both(all, future_of<promise<int>>("future::get", by_get));
    add_both(all, future_of<promise<int>>("select over a future", by_select<future<int>>));
    add_both(all, select_over_a_task);
    add_both(
        all,
        future_of<shared_promise<int>>(
            "select over a shared_future", by_select<shared_future<int>>));
    add_both(all, future_of<shared_promise<int>>("shared_future::get", by_get));
    add_both(
        all, future_of<shared_promise<int>>("shared_future::get, given by a thread", by_get, true));
}

}  // namespace tendril::test
