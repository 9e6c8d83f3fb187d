// SPDX-License-Identifier: BSL-1.0
//
// Every example and every solution of an exercise, cancelled at every call that may wait.
//
// Each is run once to count such calls, in whichever greenlet they are made; and then once for each
// of them, or for some when there are very many, with a `cancelled` thrown there. It may end in any
// way that it likes, but it must end, and leave nothing behind: no greenlet, stack, alarm or
// descriptor. They are compiled as they are, and their `main` gets a name of its own; one that has
// no parameters does not look at the arguments.
#include <harness/hubs.hpp>
#include <tendril/hub/hub_options.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/testing/leak_check.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <memory>

#define TENDRIL_EXAMPLE(name) extern "C" int example_##name(int, char**);
#include <examples.inc>
#undef TENDRIL_EXAMPLE

namespace {

using namespace tendril;

class cancel_wish final : public interruption {
public:
    cancel_wish() noexcept : interruption{rank::edge} {}
    ~cancel_wish() = default;

private:
    void raise() override { throw cancelled{}; }
};

// First come, first served; cancels whoever makes the call of a number. Calls on other threads are
// not counted: when they come is a matter of luck.
class nth_call final : public ready_order {
public:
    explicit nth_call(int wanted) noexcept : wanted_{wanted} {}

    int calls() const noexcept { return calls_; }

    std::size_t choose(std::size_t) noexcept override { return 0; }
    void pass_checkpoint() noexcept override {
        if (&this_thread() == &thread_ && ++calls_ == wanted_) {
            request(*this_thread().current, wish_);
        }
    }

private:
    int const wanted_;
    thread_record const& thread_ = this_thread();
    int calls_ = 0;
    cancel_wish wish_;
};

// What is printed goes nowhere while it lives.
class silence {
public:
    silence() {
        flush();
        int const nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
        for (std::size_t index = 0; index < kept_.size(); ++index) {
            kept_[index] = ::dup(static_cast<int>(index) + 1);
            ::dup2(nowhere, static_cast<int>(index) + 1);
        }
        ::close(nowhere);
    }
    silence(silence const&) = delete;
    silence& operator=(silence const&) = delete;
    ~silence() {
        flush();
        for (std::size_t index = 0; index < kept_.size(); ++index) {
            ::dup2(kept_[index], static_cast<int>(index) + 1);
            ::close(kept_[index]);
        }
    }

private:
    static void flush() {
        std::cout.flush();
        std::fflush(nullptr);
    }
    std::array<int, 2> kept_{};
};

using program = int (*)(int, char**);

// Runs it, and returns how many calls there were that may wait.
int run_with_a_cancel(program example, int at_call) {
    char name[] = "example";
    std::array<char*, 2> arguments{name, nullptr};
    nth_call order{at_call};
    silence const quiet;
    detail::usual_order = &order;
    scope_exit const as_usual{[] { detail::usual_order = nullptr; }};
    try {
        example(1, arguments.data());
    } catch (...) {
        // Its affair.
    }
    return order.calls();
}

// Some examples make thousands of calls, or millions, which differ little: these are tried in even
// steps, and the less often the longer a run is.
constexpr int most_runs = 200;
constexpr int most_calls = 10'000'000;

void cancel_everywhere(char const* name, program example) {
    run_with_a_cancel(example, 0);
    tendril::testing::leak_check const before;
    int const calls = run_with_a_cancel(example, 0);
    int const runs = std::min(most_runs, 1 + most_calls / std::max(calls, 1));
    int const step = std::max(1, (calls + runs - 1) / runs);
    for (int call = 1; call <= calls; call += step) {
        run_with_a_cancel(example, call);
        ASSERT_EQ(before.leaks(), "") << name << ", cancelled at call " << call;
    }
    std::printf("[    calls ] %s: %d, one in %d was cancelled\n", name, calls, step);
}

}  // namespace

#define TENDRIL_EXAMPLE(name)                                                                      \
    TENDRIL_TEST(cancel_points, name) { cancel_everywhere(#name, &example_##name); }
#include <examples.inc>
