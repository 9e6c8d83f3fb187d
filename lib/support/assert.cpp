// SPDX-License-Identifier: BSL-1.0
#include <tendril/support/assert.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace tendril {
namespace {

std::atomic<describe_current> who_runs{nullptr};

}  // namespace

void set_describe_current(describe_current function) noexcept { who_runs = function; }

void describe_running(char* text, unsigned long size) noexcept {
    if (size > 0) {
        text[0] = '\0';
    }
    if (auto const describe = who_runs.load()) {
        describe(text, size);
    }
}

namespace detail {

void assertion_failed(
    char const* condition, char const* text, char const* file, int line) noexcept {
    char runner[128];
    describe_running(runner, sizeof runner);
    std::fprintf(
        stderr, "tendril: invariant broken: %s (%s) at %s:%d%s%s\n", text, condition, file, line,
        runner[0] == '\0' ? "" : " in ", runner);
    std::abort();
}

}  // namespace detail
}  // namespace tendril
