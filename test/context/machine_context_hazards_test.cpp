// SPDX-License-Identifier: BSL-1.0
//
// What a jump carries and what it leaves with the thread; signals on small stacks; unwinders that
// walk past the first frame.
#include <harness/bare_context.hpp>
#include <harness/tendril_test.hpp>
#include <harness/valgrind.hpp>
#include <tendril/context/machine_context.hpp>
#include <tendril/context/stack_pool.hpp>
#include <tendril/support/scope_exit.hpp>

#include <alloca.h>
#include <csignal>
#include <execinfo.h>
#include <sys/time.h>
#include <unwind.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cfenv>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using test::bare_context;

// A storm of signals whose handler uses much of whatever stack it finds itself on.
class signal_storm {
public:
    signal_storm() {
        delivered = 0;
        struct sigaction action {};
        action.sa_handler = &format_something;
        action.sa_flags = SA_RESTART;
        ::sigaction(SIGALRM, &action, nullptr);
        itimerval const every_200_us{{0, 200}, {0, 200}};
        ::setitimer(ITIMER_REAL, &every_200_us, nullptr);
    }
    signal_storm(signal_storm const&) = delete;
    signal_storm& operator=(signal_storm const&) = delete;
    ~signal_storm() {
        itimerval const off{};
        // The handler stays: a last signal may still be on its way.
        ::setitimer(ITIMER_REAL, &off, nullptr);
    }

    static inline std::atomic<int> delivered{0};

private:
    static void format_something(int number) {
        int const saved = errno;
        char text[256];
        std::snprintf(text, sizeof text, "signal %d, %s %.17g", number, "formatted", 1.0 / 3);
        ++delivered;
        errno = saved;
    }
};

// Fills half of a small stack and jumps to and fro until the storm is over. Says whether what it
// wrote is still there.
bool weather_the_storm(bare_context& self, bool const& over) {
    constexpr std::size_t half = 32 * 1024;
    auto* const block = static_cast<unsigned char*>(alloca(half));
    std::memset(block, 0x5A, half);
    while (!over) {
        self.suspend();
    }
    return std::all_of(block, block + half, [](unsigned char each) { return each == 0x5A; });
}

// The frames that an unwinder finds on a stack of its own, from a certain depth.
struct walk {
    std::vector<void*> frames;
    int depth = 0;
    machine_context home;
    machine_context inside;
    sanitizer_record home_record{};
    sanitizer_record* inside_record = nullptr;
    static inline walk* running = nullptr;
};

[[gnu::noinline]] void walk_from(walk& self, int depth) {
    if (depth > 1) {
        walk_from(self, depth - 1);
    } else {
        self.frames.resize(200);
        int const count = ::backtrace(self.frames.data(), 200);
        self.frames.resize(static_cast<std::size_t>(count));
    }
    // No tail call: each level has a frame.
    asm volatile("" : : : "memory");
}

TENDRIL_NEVER_LEFT void entry_of_walk(arrival from) {
    note_departure(from);
    walk& self = *walk::running;
    sanitizer::arrive(*self.inside_record);
    walk_from(self, self.depth);
    jump_for_good(self.inside, self.home, live_exception_state(), self.home_record);
}

std::vector<void*> frames_from_depth(int depth) {
    stack_pool pool;
    stack& memory = pool.acquire(1024 * 1024);
    walk self;
    self.depth = depth;
    self.home_record = sanitizer::of_this_thread();
    self.inside_record = &memory.sanitizer;
    walk::running = &self;
    prepare(self.inside, memory, &entry_of_walk);
    jump(self.home, self.inside, live_exception_state(), self.home_record, memory.sanitizer);
    pool.release(memory);
    return self.frames;
}

// How many frames lie beyond the first function of the stack; -1 when that is not among them.
int frames_beyond_the_entry(std::vector<void*> const& frames) {
    for (std::size_t index = 0; index < frames.size(); ++index) {
        void* const in_call = static_cast<char*>(frames[index]) - 1;
        if (::_Unwind_FindEnclosingFunction(in_call) == reinterpret_cast<void*>(&entry_of_walk)) {
            return static_cast<int>(frames.size() - 1 - index);
        }
    }
    return -1;
}

bool is_blocked(int signal) {
    sigset_t blocked;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    return ::sigismember(&blocked, signal) == 1;
}

void block(int how, int signal) {
    sigset_t one;
    ::sigemptyset(&one);
    ::sigaddset(&one, signal);
    ::pthread_sigmask(how, &one, nullptr);
}

}  // namespace

// Signals.

TENDRIL_TEST(machine_context, handlers_of_500_signals_fit_on_small_stacks_that_are_half_full) {
#if TENDRIL_TSAN
    GTEST_SKIP() << "ThreadSanitizer delivers signals later, and not where they arrive";
#endif
    stack_pool pool;
    bool over = false;
    std::array<bool, 4> intact{};
    std::vector<std::unique_ptr<bare_context>> all;
    for (std::size_t who = 0; who < 4; ++who) {
        all.push_back(std::make_unique<bare_context>(
            pool, [&, who](bare_context& self) { intact[who] = weather_the_storm(self, over); },
            64 * 1024));
    }
    signal_storm const storm;
    while (!std::exchange(over, signal_storm::delivered >= 500)) {
        for (auto const& each : all) {
            each->resume();
        }
    }
    for (auto const& each : all) {
        each->finished() ? void() : each->resume();
    }
    EXPECT_EQ(intact, (std::array{true, true, true, true}));
}

TENDRIL_TEST(machine_context, the_signal_mask_stays_with_the_thread) {
    stack_pool pool;
    bare_context other{pool, [](bare_context& self) {
                           block(SIG_BLOCK, SIGUSR2);
                           self.suspend();
                           block(SIG_UNBLOCK, SIGUSR2);
                       }};
    other.resume();
    EXPECT_TRUE(is_blocked(SIGUSR2));
    other.resume();
    EXPECT_FALSE(is_blocked(SIGUSR2));
}

// Words of the thread and of the processor.

TENDRIL_TEST(machine_context, errno_stays_with_the_thread) {
    int inside = 0;
    int outside = 0;
    stack_pool pool;
    bare_context other{pool, [&](bare_context& self) {
                           errno = ENOENT;
                           self.suspend();
                           inside = errno;
                       }};
    errno = ECONNREFUSED;
    other.resume();
    outside = errno;
    errno = EAGAIN;
    other.resume();
    EXPECT_EQ(outside, ENOENT);
    EXPECT_EQ(inside, EAGAIN);
}

#if defined(__x86_64__)
TENDRIL_TEST(machine_context, a_new_one_rounds_as_whoever_prepared_it_did_then) {
    int inside = 0;
    stack_pool pool;
    std::fesetround(FE_UPWARD);
    bare_context other{pool, [&](bare_context&) { inside = std::fegetround(); }};
    std::fesetround(FE_TONEAREST);
    other.resume();
    EXPECT_EQ(inside, FE_UPWARD);
}

TENDRIL_TEST(machine_context, a_floating_point_error_of_one_is_not_seen_by_others) {
    std::feclearexcept(FE_ALL_EXCEPT);
    stack_pool pool;
    bare_context other{pool, [](bare_context& self) {
                           std::feraiseexcept(FE_DIVBYZERO);
                           self.suspend();
                       }};
    other.resume();
    EXPECT_EQ(std::fetestexcept(FE_ALL_EXCEPT), 0);
    other.resume();
}

TENDRIL_TEST(machine_context, flushing_tiny_numbers_to_zero_is_a_matter_of_each) {
    if (test::runs_under_valgrind()) {
        GTEST_SKIP() << "Valgrind keeps no other bits of this register than the rounding mode";
    }
    // What start-up code sets in programs that are linked with -ffast-math.
    constexpr unsigned int flush_and_ignore = 0x8040;
    unsigned int const usual = __builtin_ia32_stmxcsr();
    unsigned int later = 0;
    stack_pool pool;
    bare_context other{pool, [&](bare_context& self) {
                           __builtin_ia32_ldmxcsr(usual | flush_and_ignore);
                           self.suspend();
                           later = __builtin_ia32_stmxcsr();
                       }};
    other.resume();
    EXPECT_EQ(__builtin_ia32_stmxcsr() & flush_and_ignore, usual & flush_and_ignore);
    other.resume();
    EXPECT_EQ(later & flush_and_ignore, flush_and_ignore);
}
#endif

// Unwinders.

TENDRIL_TEST(machine_context, a_backtrace_ends_within_three_frames_of_the_entry) {
    for (int const depth : {1, 50}) {
        std::vector<void*> const frames = frames_from_depth(depth);
        EXPECT_GE(frames.size(), static_cast<std::size_t>(depth));
        EXPECT_LE(frames_beyond_the_entry(frames), 3) << depth;
        EXPECT_GE(frames_beyond_the_entry(frames), 0) << depth;
    }
}

TENDRIL_TEST(machine_context, an_exception_that_nobody_catches_there_is_named_at_the_end) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    stack_pool pool;
    bool throws = false;
    bare_context other{pool, [&](bare_context&) {
                           if (throws) {
                               throw std::runtime_error{"lost on a stack"};
                           }
                       }};
    EXPECT_DEATH((throws = true, other.resume()), "std::runtime_error");
    other.resume();
}
