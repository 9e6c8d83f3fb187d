// SPDX-License-Identifier: BSL-1.0
//
// What a stack does to its surroundings, and they to it: large frames, failing calls of the kernel,
// page tables, and what dead frames leave behind.
#include <harness/bare_context.hpp>
#include <harness/tendril_test.hpp>
#include <harness/unprobed_frames.hpp>
#include <tendril/context/stack_pool.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <alloca.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using test::bare_context;

// A number of KiB in a file of /proc that belongs to this process.
long number_in(char const* file, std::string const& row) {
    std::ifstream all{file};
    for (std::string word; all >> word;) {
        long number = 0;
        if (word == row && all >> number) {
            return number;
        }
    }
    return -1;
}

// What the kernel says about the mapping that holds an address, in one row of its description.
std::string said_of_mapping(void const* address, std::string const& row) {
    std::ifstream all{"/proc/self/smaps"};
    auto const wanted = reinterpret_cast<std::uintptr_t>(address);
    bool inside = false;
    for (std::string line; std::getline(all, line);) {
        std::uintptr_t start = 0;
        std::uintptr_t end = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx ", &start, &end) == 2) {
            inside = start <= wanted && wanted < end;
        } else if (inside && line.starts_with(row)) {
            return line.substr(row.size());
        }
    }
    return "";
}

// Leaves about a hundred bytes of the running stack and calls a function there.
[[gnu::noinline]] void call_at_the_bottom(stack const& memory, void (*function)()) {
    auto const* const frame = static_cast<std::byte*>(__builtin_frame_address(0));
    auto const left = static_cast<std::size_t>(frame - memory.limit);
    auto* const filler = static_cast<char*>(alloca(left - 512));
    std::memset(filler, 1, 16);
    asm volatile("" : : "r"(filler) : "memory");
    function();
}

void overflow_with_a_frame_of(int kibibytes) {
    stack_pool pool;
    pool.acquire(64 * 1024);
    auto const overflow = [&](bare_context& self) {
        call_at_the_bottom(self.memory(), test::unprobed_frame_of(kibibytes));
    };
    bare_context other{pool, overflow, 64 * 1024};
    other.resume();
}

bool kernel_finds_fault_at(std::byte const* address) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    scope_exit const close{[&] { ::close(ends[0]), ::close(ends[1]); }};
    return ::write(ends[1], address, 1) == -1 && errno == EFAULT;
}

// Lets one call, or every call from one on, of each kind fail.
struct pool_faults {
    static inline int calls = 0;
    static inline int first = 0;
    static inline bool for_ever = false;

    static bool strike() {
        ++calls;
        errno = ENOMEM;
        return for_ever ? calls >= first : calls == first;
    }
    static system_calls table() {
        system_calls broken = real_kernel();
        broken.mmap = [](void* at, std::size_t size, int access, int how, int fd, off_t from) {
            return strike() ? MAP_FAILED : real_kernel().mmap(at, size, access, how, fd, from);
        };
        broken.madvise = [](void* at, std::size_t size, int advice) {
            return strike() ? -1 : real_kernel().madvise(at, size, advice);
        };
        broken.mprotect = [](void* at, std::size_t size, int access) {
            return strike() ? -1 : real_kernel().mprotect(at, size, access);
        };
        return broken;
    }
};

// Asks a pool for twenty stacks, small and large in turn, and returns those that it gave.
std::vector<stack*> stacks_in_spite_of_faults(stack_pool& pool) {
    std::vector<stack*> taken;
    system_calls const broken = pool_faults::table();
    replaced_system_calls const until_end{broken};
    for (std::size_t count = 0; count < 20; ++count) {
        try {
            taken.push_back(&pool.acquire(count % 2 == 0 ? 64 * 1024 : 192 * 1024));
        } catch (stack_exhausted const&) {}
    }
    return taken;
}

void expect_guarded_stacks_and_right_numbers(stack_guard kind, int first, bool for_ever) {
    pool_faults::calls = 0;
    pool_faults::first = first;
    pool_faults::for_ever = for_ever;
    stack_pool pool{kind};
    std::vector<stack*> const taken = stacks_in_spite_of_faults(pool);
    EXPECT_EQ(pool.statistics().in_use, taken.size());
    EXPECT_EQ(pool.statistics().idle, 0U);
    for (stack* const each : taken) {
        EXPECT_TRUE(kernel_finds_fault_at(each->limit - 1));
        each->top[-1] = std::byte{1};
        pool.release(*each);
    }
    EXPECT_EQ(pool.statistics().in_use, 0U);
    EXPECT_EQ(pool.statistics().idle, taken.size());
}

bool contains_marker(stack const& searched) {
    static constexpr unsigned char marker[] = {0xDE, 0xAD, 0x5E, 0xC2, 0xE7, 0x01, 0x23, 0x45};
    auto const* const start = reinterpret_cast<unsigned char const*>(searched.limit);
    auto const* const end = reinterpret_cast<unsigned char const*>(searched.top);
    return std::search(start, end, std::begin(marker), std::end(marker)) != end;
}

}  // namespace

TENDRIL_TEST(stack_pool, unprobed_frames_of_8_to_63_kib_end_in_the_guard) {
#if TENDRIL_ASAN || TENDRIL_TSAN
    GTEST_SKIP() << "sanitizers report the fault in words of their own";
#endif
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    for (int const kibibytes : {8, 16, 32, 48, 63}) {
        EXPECT_EXIT(overflow_with_a_frame_of(kibibytes), ::testing::KilledBySignal(SIGSEGV), "")
            << kibibytes;
    }
}

TENDRIL_TEST(stack_pool, no_address_within_64_kib_below_any_of_a_hundred_stacks_is_mapped) {
    stack_pool pool;
    std::vector<stack*> taken;
    for (int count = 0; count < 100; ++count) {
        taken.push_back(&pool.acquire(64 * 1024));
    }
    for (stack* const each : taken) {
        for (std::size_t below = 1024; below <= stack_pool::guard_size; below += 1024) {
            ASSERT_TRUE(kernel_finds_fault_at(each->limit - below)) << below;
        }
        pool.release(*each);
    }
}

TENDRIL_TEST(stack_pool, gives_guarded_stacks_or_none_whatever_call_fails) {
    stack_guard const best = stack_pool{}.guard();
    int points = 0;
    for (stack_guard const kind : {stack_guard::mprotect, best}) {
        for (bool const for_ever : {false, true}) {
            pool_faults::calls = 0;
            for (int first = 1; first == 1 || pool_faults::calls >= first - 1; ++first) {
                expect_guarded_stacks_and_right_numbers(kind, first, for_ever);
                ++points;
            }
        }
    }
    EXPECT_GE(points, 80);
}

TENDRIL_TEST(stack_pool, lies_in_memory_that_is_never_made_of_huge_pages) {
    stack_pool pool;
    stack& s = pool.acquire();
    s.top[-1] = std::byte{1};
    if (said_of_mapping(s.top - 1, "VmFlags:").empty()) {
        GTEST_SKIP() << "this kernel does not describe its mappings";
    }
    EXPECT_NE(said_of_mapping(s.top - 1, "VmFlags:").find(" nh"), std::string::npos);
    EXPECT_EQ(std::stol(said_of_mapping(s.top - 1, "AnonHugePages:")), 0);
    pool.release(s);
}

TENDRIL_TEST(stack_pool, the_page_tables_of_1600_small_stacks_take_at_most_300_bytes_each) {
#if TENDRIL_ASAN || TENDRIL_TSAN
    GTEST_SKIP() << "the shadow memory of sanitizers needs page tables too";
#endif
    stack_pool pool;
    std::vector<stack*> taken(1600);
    long const before = number_in("/proc/self/status", "VmPTE:");
    for (stack*& each : taken) {
        each = &pool.acquire(64 * 1024);
        each->top[-1] = std::byte{1};
    }
    long const after = number_in("/proc/self/status", "VmPTE:");
    std::for_each(taken.begin(), taken.end(), [&](stack* each) { pool.release(*each); });
    ASSERT_GT(before, 0);
    // A page of the table spans sixteen slots; and something is needed for the list of stacks.
    EXPECT_LE((after - before) * 1024, 300 * 1600);
}

TENDRIL_TEST(stack_pool, what_dead_frames_held_stays_on_an_idle_stack_until_it_is_trimmed) {
    stack_pool pool;
    stack& s = pool.acquire();
    static constexpr unsigned char secret[] = {0xDE, 0xAD, 0x5E, 0xC2, 0xE7, 0x01, 0x23, 0x45};
    std::memcpy(s.top - 5000, secret, sizeof secret);
    pool.release(s);
    EXPECT_TRUE(contains_marker(s));
    pool.trim();
    EXPECT_FALSE(contains_marker(s));
}
