// SPDX-License-Identifier: BSL-1.0
#include "thread_pool_core.hpp"

#include <tendril/task/run_in_thread.hpp>

namespace tendril {
namespace {

// Takes no more jobs when the process ends.
class stop_at_exit {
public:
    explicit stop_at_exit(thread_pool& stopped) noexcept : stopped_{stopped} {}
    stop_at_exit(stop_at_exit const&) = delete;
    stop_at_exit& operator=(stop_at_exit const&) = delete;
    ~stop_at_exit() { stopped_.core().stop(); }

private:
    thread_pool& stopped_;
};

}  // namespace

thread_pool& default_thread_pool() {
    static thread_pool& of_process = *new thread_pool;
    static stop_at_exit const stop{of_process};
    return of_process;
}

}  // namespace tendril
