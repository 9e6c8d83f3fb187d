// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <harness/hubs.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/time/sleep.hpp>

#include <sys/mman.h>

#include <cerrno>
#include <vector>

namespace tendril::test {

/// Calls a function, on a thread of its own, when no greenlet that has not begun can get a stack.
template <typename F>
void with_no_stack_left(F function) {
    run_on_new_thread([&] {
        system_calls table = kernel();
        table.mmap = [](void*, std::size_t, int, int, int, off_t) -> void* {
            errno = ENOMEM;
            return MAP_FAILED;
        };
        replaced_system_calls const until_end{table};
        event over;
        std::vector<task<void>> all;
        do {
            all.push_back(spawn([&over] { over.wait(); }));
            yield();
        } while (!all.back().done());
        static_cast<void>(all.back().exception());
        ignore_errors();
        function();
        over.set();
        for (task<void> const& each : all) {
            each.join();
        }
    });
}

}  // namespace tendril::test
