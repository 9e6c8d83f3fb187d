// SPDX-License-Identifier: BSL-1.0
//
// What is left of a greenlet when there is no memory: for objects, for stacks, or for anything.
#include <harness/failing_allocations.hpp>
#include <harness/greenlets.hpp>
#include <tendril/greenlet/greenlet.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <new>
#include <stdexcept>
#include <vector>

namespace {

using namespace tendril;
using test::on_new_thread;
using test::switch_to_parent;
using test::unraisable_errors;

// Swallows every exit that it is given, until `stubborn` is false.
greenlet swallowing_greenlet_for(bool const& stubborn) {
    greenlet made{[&stubborn] {
        do {
            try {
                switch_to_parent();
            } catch (greenlet_exit const&) {}
        } while (stubborn);
    }};
    made.switch_to();
    return made;
}

// Uses every operation that may allocate: makes, starts, sends much, throws, ends.
void use_every_operation() {
    std::array<char, 300> const much{};
    greenlet child{[much] {
        auto first = switch_to_parent(much).as<std::array<char, 300>>();
        switch_to_parent(first);
    }};
    child.switch_to();
    child.switch_to(much);
    greenlet const grandchild{[] { switch_to_parent(); }, {.parent = child}};
    try {
        child.throw_into(std::runtime_error{"a text that is too long to be kept in place"});
    } catch (std::runtime_error const&) {}
}

// Lets one call, and for ever from one call on, of one row of the kernel's table fail.
enum class kernel_row { mmap, madvise, mprotect };

struct kernel_faults {
    static inline int calls = 0;
    static inline int first = 0;
    static inline bool for_ever = false;

    static bool strike() {
        ++calls;
        bool const struck = for_ever ? calls >= first : calls == first;
        errno = struck ? ENOMEM : errno;
        return struck;
    }
    static void plan(int number, bool persistent) {
        calls = 0;
        first = number;
        for_ever = persistent;
    }
    static system_calls table(kernel_row row) {
        system_calls broken = real_kernel();
        switch (row) {
        case kernel_row::mmap:
            broken.mmap = [](void* at, std::size_t size, int access, int how, int fd, off_t from) {
                return strike() ? MAP_FAILED : real_kernel().mmap(at, size, access, how, fd, from);
            };
            break;
        case kernel_row::madvise:
            broken.madvise = [](void* at, std::size_t size, int advice) {
                return strike() ? -1 : real_kernel().madvise(at, size, advice);
            };
            break;
        case kernel_row::mprotect:
            broken.mprotect = [](void* at, std::size_t size, int access) {
                return strike() ? -1 : real_kernel().mprotect(at, size, access);
            };
            break;
        }
        return broken;
    }
};

// Starts twenty greenlets while the kernel fails: they take two slabs. Each either starts, or is
// refused and can be started later. Returns how many were refused.
int start_twenty(kernel_row row) {
    std::vector<greenlet> all;
    for (int count = 0; count < 20; ++count) {
        all.emplace_back([] { switch_to_parent(); });
    }
    int refused = 0;
    {
        system_calls const broken = kernel_faults::table(row);
        replaced_system_calls const until_end{broken};
        for (greenlet const& each : all) {
            try {
                each.switch_to();
            } catch (stack_exhausted const&) {
                ++refused;
                EXPECT_FALSE(each.started() || each.dead());
            }
        }
    }
    for (greenlet const& each : all) {
        each.started() ? value{} : each.switch_to();
        EXPECT_TRUE(each);
    }
    return refused;
}

struct fault_tally {
    int points = 0;
    int refused = 0;
};

// Fails the first call, then the second, and so on, until there are no more.
fault_tally strike_every_call(char const* guard, kernel_row row, bool persistent) {
    fault_tally tally;
    ::setenv("TENDRIL_STACK_GUARD", guard, 1);
    scope_exit const restore{[] { ::unsetenv("TENDRIL_STACK_GUARD"); }};
    for (int number = 1;; ++number) {
        kernel_faults::plan(number, persistent);
        on_new_thread([&] { tally.refused += start_twenty(row); });
        if (kernel_faults::calls < number) {
            return tally;
        }
        ++tally.points;
    }
}

// Leaves the process, which must be a child, with no memory that `malloc` could find.
void use_all_memory_up() {
    rlimit const small{512U << 20U, 512U << 20U};
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &small), 0);
    // Volatile, so that the compiler does not assume that what nobody uses can be had.
    void* volatile taken = nullptr;
    for (std::size_t size = 1U << 20U; size > 2048; size /= 2) {
        do {
            taken = std::malloc(size);
        } while (taken != nullptr);
    }
    for (std::size_t size = 2048; size > 0; size -= 16) {
        do {
            taken = std::malloc(size);
        } while (taken != nullptr);
    }
}

// Ends a hundred greenlets, two of which refuse and fail, where nothing can be allocated.
[[noreturn]] void end_greenlets_without_memory() {
    int ended = 0;
    bool const stubborn = true;
    std::vector<greenlet> all;
    for (int count = 0; count < 100; ++count) {
        all.push_back(test::suspended_greenlet(ended));
    }
    greenlet refusing = swallowing_greenlet_for(stubborn);
    greenlet failing{[] {
        try {
            switch_to_parent();
        } catch (greenlet_exit const&) {
            throw 7;
        }
    }};
    failing.switch_to();
    use_all_memory_up();
    // Before the others, whose functions are memory that would be free again.
    refusing = greenlet{};
    failing = greenlet{};
    all.clear();
    ::_exit(ended == 100 ? 42 : 1);
}

long limit_of_mappings() {
    long limit = 0;
    std::ifstream{"/proc/sys/vm/max_map_count"} >> limit;
    return limit;
}

// Splits one mapping into as many as the kernel allows, and leaves room for a few more.
void use_mappings_up(long limit) {
    constexpr std::size_t page = 4096;
    std::size_t const size = static_cast<std::size_t>(limit + 100) * page;
    void* const memory = ::mmap(
        nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    auto* const start = static_cast<std::byte*>(memory);
    std::size_t at = page;
    while (at < size && ::mprotect(start + at, page, PROT_READ) == 0) {
        at += 2 * page;
    }
    ::mprotect(start, 80 * page, PROT_NONE);
}

// Starts greenlets until the kernel's limit is reached, ends one, and starts another in its place.
[[noreturn]] void meet_the_limit_of_mappings(long limit) {
    ::setenv("TENDRIL_STACK_GUARD", "mprotect", 1);
    greenlet last;
    bool good = false;
    on_new_thread([&] {
        int ended = 0;
        std::vector<greenlet> all;
        all.reserve(1000);
        all.push_back(test::suspended_greenlet(ended));
        use_mappings_up(limit);
        try {
            while (true) {
                last = greenlet{[] {}};
                all.push_back(test::suspended_greenlet(ended));
            }
        } catch (stack_exhausted const& error) {
            std::fprintf(stderr, "%s\n", error.what());
        }
        all.pop_back();
        last.switch_to();
        good = ended == 1 && last.dead() && all.size() > 2;
        last = greenlet{};
    });
    ::_exit(good ? 42 : 1);
}

}  // namespace

// No memory for objects.

TENDRIL_TEST(greenlet, switches_throws_and_ends_without_allocating) {
    int ended = 0;
    int sum = 0;
    greenlet ending = test::suspended_greenlet(ended);
    greenlet throwing = test::suspended_greenlet(ended);
    greenlet adding{[](int first) {
        for (int received = first;;) {
            received = switch_to_parent(received + 1).as<int>();
        }
    }};
    std::exception_ptr const error = std::make_exception_ptr(7);
    {
        test::no_allocation const until_end;
        for (int count = 0; count < 10; ++count) {
            sum += adding.switch_to(count).as<int>();
        }
        ending = greenlet{};
        try {
            throwing.throw_into(error);
        } catch (int number) {
            sum += number;
        }
        adding = greenlet{};
    }
    EXPECT_EQ(ended, 2);
    EXPECT_EQ(sum, 55 + 7);
}

TENDRIL_TEST(greenlet, any_allocation_that_fails_is_thrown_to_whoever_asked_and_leaves_nothing) {
    std::size_t const blocks = this_thread().blocks.live();
    int number = 1;
    for (bool failed = true; failed; ++number) {
        bool thrown = false;
        {
            test::failing_allocation const next{number};
            try {
                use_every_operation();
            } catch (std::bad_alloc const&) {
                thrown = true;
            }
            failed = next.has_failed();
        }
        ASSERT_EQ(thrown, failed) << number;
        ASSERT_EQ(this_thread().blocks.live(), blocks) << number;
        ASSERT_EQ(this_thread().stacks.statistics().in_use, 0U) << number;
    }
    EXPECT_GT(number, 6);
}

TENDRIL_TEST(greenlet, a_thread_without_memory_for_its_first_one_can_try_again) {
    auto const begin_and_end = [] {
        greenlet const first{[] { switch_to_parent(); }};
        first.switch_to();
    };
    int failures = 0;
    bool has_failed = true;
    for (int number = 1; has_failed; ++number) {
        on_new_thread([&] {
            try {
                test::failing_allocation const next{number};
                scope_exit const look{[&] { has_failed = next.has_failed(); }};
                begin_and_end();
            } catch (std::bad_alloc const&) {
                ++failures;
            }
            begin_and_end();
            EXPECT_EQ(this_thread().started, 0U);
        });
    }
    EXPECT_GE(failures, 4);
}

TENDRIL_TEST(greenlet, one_that_refuses_to_die_is_reported_even_without_memory) {
    bool stubborn = true;
    greenlet refusing = swallowing_greenlet_for(stubborn);
    greenlet_ref const named = refusing;
    unraisable_errors::collected().reserve(1);
    static int reports;
    reports = 0;
    unraisable_handler const before = set_unraisable_handler(
        [](std::exception_ptr, control_block const&) noexcept { ++reports; });
    {
        test::no_allocation const until_end;
        refusing = greenlet{};
    }
    set_unraisable_handler(before);
    EXPECT_EQ(reports, 1);
    stubborn = false;
    release(*named.block());
}

TENDRIL_TEST(greenlet, a_lost_error_that_cannot_be_described_is_still_printed) {
    std::exception_ptr const error = std::make_exception_ptr(
        std::runtime_error{"a long text lost"});
    greenlet const g{[] {}, {.name = "worker"}};
    ::testing::internal::CaptureStderr();
    {
        test::no_allocation const until_end;
        report_unraisable(this_thread(), error, *g.block());
    }
    std::string const printed = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(printed.find("worker"), std::string::npos) << printed;
}

TENDRIL_TEST(greenlet, a_process_without_any_memory_still_ends_them) {
#if TENDRIL_ASAN || TENDRIL_TSAN
    GTEST_SKIP() << "sanitizers reserve more address space than the limit of this test";
#endif
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        end_greenlets_without_memory(), ::testing::ExitedWithCode(42), "nobody can receive it");
}

// No memory for stacks.

TENDRIL_TEST(greenlet, starts_or_is_refused_whatever_call_of_the_kernel_fails) {
    std::vector<char const*> guards{"mprotect"};
    // ThreadSanitizer takes milliseconds for the record of each stack.
    if (stack_pool{}.guard() == stack_guard::marker && !TENDRIL_TSAN) {
        guards.push_back("marker");
    }
    for (char const* const guard : guards) {
        fault_tally sum;
        for (kernel_row const row : {kernel_row::mmap, kernel_row::madvise, kernel_row::mprotect}) {
            for (bool const persistent : {false, true}) {
                fault_tally const tally = strike_every_call(guard, row, persistent);
                sum.points += tally.points;
                sum.refused += tally.refused;
            }
        }
        EXPECT_GE(sum.points, 40) << guard;
        // When no guard can be had from the n-th on, that alone refuses 20 + 19 + … + 1.
        EXPECT_GE(sum.refused, 210) << guard;
    }
}

TENDRIL_TEST(greenlet, one_that_is_refused_at_the_limit_of_mappings_runs_when_another_has_ended) {
#if TENDRIL_ASAN || TENDRIL_TSAN
    GTEST_SKIP() << "sanitizers need mappings of their own at the limit";
#endif
    long const limit = limit_of_mappings();
    if (limit <= 0 || limit > 1000000) {
        GTEST_SKIP() << "the limit of mappings is " << limit;
    }
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        meet_the_limit_of_mappings(limit), ::testing::ExitedWithCode(42), "vm.max_map_count");
}
