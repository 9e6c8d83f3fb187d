// SPDX-License-Identifier: BSL-1.0
#include <harness/bare_context.hpp>
#include <harness/tendril_test.hpp>
#include <tendril/context/stack_pool.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace tendril;

constexpr std::size_t page = 4096;

// Takes stacks from a pool and gives them back at the end.
class borrowed_stacks {
public:
    explicit borrowed_stacks(stack_pool& pool) : pool_{pool} {}
    borrowed_stacks(borrowed_stacks const&) = delete;
    borrowed_stacks& operator=(borrowed_stacks const&) = delete;
    ~borrowed_stacks() {
        for (stack* each : taken_) {
            pool_.release(*each);
        }
    }
    stack& take(std::size_t size = stack_pool::default_size) {
        taken_.push_back(&pool_.acquire(size));
        return *taken_.back();
    }

private:
    stack_pool& pool_;
    std::vector<stack*> taken_;
};

// Asks the kernel to read one byte: it answers EFAULT where a program would get a signal.
bool faults(std::byte const* address) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    ssize_t const written = ::write(ends[1], address, 1);
    bool const fault = written == -1 && errno == EFAULT;
    ::close(ends[0]);
    ::close(ends[1]);
    return fault;
}

std::size_t resident_pages(stack const& of) {
    auto const start = reinterpret_cast<std::uintptr_t>(of.limit);
    auto const end = (reinterpret_cast<std::uintptr_t>(of.top) + page - 1) / page * page;
    std::vector<unsigned char> resident((end - start) / page);
    EXPECT_EQ(::mincore(of.limit, end - start, resident.data()), 0);
    std::size_t count = 0;
    for (unsigned char each : resident) {
        count += each & 1U;
    }
    return count;
}

bool kernel_has_markers() { return stack_pool{}.guard() == stack_guard::marker; }

void expect_every_page_of_the_guard_to_fault(stack_guard kind) {
    stack_pool pool{kind};
    borrowed_stacks stacks{pool};
    stacks.take();
    stack const& s = stacks.take();
    EXPECT_FALSE(faults(s.limit));
    EXPECT_TRUE(faults(s.limit - 1));
    for (std::size_t below = page; below <= 64 * 1024; below += page) {
        EXPECT_TRUE(faults(s.limit - below)) << below;
    }
}

std::string text_of_failed_acquire(stack_pool& pool) {
    try {
        pool.release(pool.acquire());
    } catch (stack_exhausted const& error) {
        return error.what();
    }
    return "no error";
}

void expect_a_failed_guard_to_leave_the_pool_usable(stack_guard kind, system_calls const& broken) {
    stack_pool pool{kind};
    {
        replaced_system_calls const until_end{broken};
        EXPECT_THROW(pool.acquire(), stack_exhausted);
        EXPECT_THROW(pool.acquire(), stack_exhausted);
    }
    EXPECT_EQ(pool.statistics().in_use, 0U);
    EXPECT_EQ(pool.statistics().idle, 0U);
    borrowed_stacks stacks{pool};
    EXPECT_TRUE(faults(stacks.take().limit - 1));
}

// Touches only the far end of a frame that is larger than a stack with its guard.
[[gnu::noinline]] int step_over_the_guard() {
    int volatile frame[75 * 1024];
    // The whole of it is needed, as far as the compiler can see.
    asm volatile("" : : "r"(frame) : "memory");
    frame[0] = 1;
    return frame[0];
}

}  // namespace

TENDRIL_TEST(stack_pool, gives_a_stack_of_the_usual_size) {
    stack_pool pool;
    borrowed_stacks stacks{pool};
    EXPECT_EQ(stacks.take().size(), 192 * 1024U);
    EXPECT_EQ(stacks.take().size(), 192 * 1024U - 64);
}

TENDRIL_TEST(stack_pool, gives_at_least_the_size_that_was_asked_for_less_the_colour) {
    stack_pool pool;
    borrowed_stacks stacks{pool};
    for (std::size_t size = 1; size <= 64 * 1024 * 1024; size = size * 2 + 1) {
        EXPECT_GE(stacks.take(size).size() + 2048, size);
    }
}

TENDRIL_TEST(stack_pool, gives_no_less_than_the_smallest_size) {
    stack_pool pool;
    borrowed_stacks stacks{pool};
    EXPECT_GE(stacks.take(0).size() + 2048, stack_pool::minimum_size);
}

TENDRIL_TEST(stack_pool, gives_the_smallest_slot_that_fits) {
    stack_pool pool;
    borrowed_stacks stacks{pool};
    for (std::size_t slot = 128 * 1024; slot <= 16 * 1024 * 1024; slot *= 2) {
        std::size_t const fitting = slot - stack_pool::guard_size;
        EXPECT_LE(stacks.take(fitting).size(), fitting);
        EXPECT_GT(stacks.take(fitting + 1).size(), fitting);
    }
}

TENDRIL_TEST(stack_pool, gives_a_stack_of_the_largest_size) {
    stack_pool pool;
    borrowed_stacks stacks{pool};
    stack& s = stacks.take(stack_pool::maximum_size);
    EXPECT_GE(s.size() + 2048, stack_pool::maximum_size);
    *s.limit = std::byte{1};
}

TENDRIL_TEST(stack_pool, asking_for_more_than_the_largest_size_is_misuse) {
    stack_pool pool;
    EXPECT_THROW(pool.acquire(stack_pool::maximum_size + 1), misuse);
    EXPECT_THROW(pool.acquire(SIZE_MAX), misuse);
    EXPECT_EQ(pool.statistics().slabs, 0U);
}

TENDRIL_TEST(stack_pool, reuses_the_stack_that_came_back_last) {
    stack_pool pool;
    stack& a = pool.acquire();
    stack& b = pool.acquire();
    pool.release(a);
    pool.release(b);
    EXPECT_EQ(&pool.acquire(), &b);
    EXPECT_EQ(&pool.acquire(), &a);
    pool.release(a);
    pool.release(b);
}

TENDRIL_TEST(stack_pool, never_gives_an_idle_stack_of_another_size_class) {
    stack_pool pool;
    stack& small = pool.acquire(64 * 1024);
    pool.release(small);
    borrowed_stacks stacks{pool};
    EXPECT_NE(&stacks.take(192 * 1024), &small);
    EXPECT_EQ(&stacks.take(1), &small);
}

TENDRIL_TEST(stack_pool, stops_when_a_stack_comes_back_twice) {
    stack_pool pool;
    stack& s = pool.acquire();
    pool.release(s);
    EXPECT_DEATH(pool.release(s), "stack_pool invariant 1");
}

TENDRIL_TEST(stack_pool, counts_what_is_in_use_idle_and_at_its_peak) {
    stack_pool pool;
    stack& a = pool.acquire();
    stack& b = pool.acquire();
    pool.release(a);
    EXPECT_EQ(pool.statistics().in_use, 1U);
    EXPECT_EQ(pool.statistics().idle, 1U);
    EXPECT_EQ(pool.statistics().peak, 2U);
    pool.release(b);
    EXPECT_EQ(pool.statistics().in_use, 0U);
    EXPECT_EQ(pool.statistics().idle, 2U);
    EXPECT_EQ(pool.statistics().peak, 2U);
}

TENDRIL_TEST(stack_pool, reserves_sixteen_slots_first_and_then_twice_as_many) {
    constexpr std::size_t slot = 260 * 1024;
    stack_pool pool;
    borrowed_stacks stacks{pool};
    for (int count = 0; count < 16; ++count) {
        stacks.take();
    }
    EXPECT_EQ(pool.statistics().slabs, 1U);
    EXPECT_EQ(pool.statistics().reserved, 16 * slot);
    stacks.take();
    EXPECT_EQ(pool.statistics().slabs, 2U);
    EXPECT_EQ(pool.statistics().reserved, (16 + 32) * slot);
}

TENDRIL_TEST(stack_pool, reserves_address_space_without_memory_or_huge_pages) {
    static int flags;
    static bool small_pages;
    flags = 0;
    small_pages = false;
    system_calls noting = kernel();
    noting.mmap = [](void* at, std::size_t size, int access, int how, int fd, off_t offset) {
        flags = how;
        return real_kernel().mmap(at, size, access, how, fd, offset);
    };
    noting.madvise = [](void* at, std::size_t size, int advice) {
        small_pages = small_pages || advice == MADV_NOHUGEPAGE;
        return real_kernel().madvise(at, size, advice);
    };
    replaced_system_calls const until_end{noting};
    stack_pool pool;
    pool.release(pool.acquire());
    EXPECT_TRUE((flags & MAP_NORESERVE) != 0);
    EXPECT_TRUE(small_pages);
}

TENDRIL_TEST(stack_pool, maps_few_slabs_for_many_stacks) {
    stack_pool pool;
    borrowed_stacks stacks{pool};
    // ThreadSanitizer takes milliseconds for the record of each stack.
    constexpr int many = TENDRIL_TSAN ? 500 : 3000;
    for (int count = 0; count < many; ++count) {
        stacks.take(64 * 1024);
    }
    EXPECT_LE(pool.statistics().slabs, 8U);
}

TENDRIL_TEST(stack_pool, keeps_slots_a_page_more_than_a_power_of_two_apart) {
    stack_pool pool;
    borrowed_stacks stacks{pool};
    for (std::size_t slot = 256 * 1024; slot <= 4 * 1024 * 1024; slot *= 2) {
        std::byte const* const first = stacks.take(slot - stack_pool::guard_size).limit;
        std::byte const* const second = stacks.take(slot - stack_pool::guard_size).limit;
        EXPECT_EQ(second - first, static_cast<std::ptrdiff_t>(slot + page));
    }
}

TENDRIL_TEST(stack_pool, keeps_the_smallest_slots_side_by_side) {
    stack_pool pool;
    borrowed_stacks stacks{pool};
    std::byte const* const first = stacks.take(stack_pool::minimum_size).limit;
    EXPECT_EQ(stacks.take(stack_pool::minimum_size).limit - first, 128 * 1024);
}

TENDRIL_TEST(stack_pool, shifts_the_tops_of_neighbours_to_thirty_two_colours) {
    stack_pool pool;
    borrowed_stacks stacks{pool};
    std::set<std::uintptr_t> colours;
    for (int count = 0; count < 32; ++count) {
        colours.insert(reinterpret_cast<std::uintptr_t>(stacks.take().top) % page);
    }
    EXPECT_EQ(colours.size(), 32U);
}

TENDRIL_TEST(stack_pool, a_colour_leaves_half_a_page_for_the_first_frames) {
    stack_pool pool;
    borrowed_stacks stacks{pool};
    for (int count = 0; count < 64; ++count) {
        auto const below_top = reinterpret_cast<std::uintptr_t>(stacks.take().top) - 1;
        EXPECT_GE(below_top % page + 1, 2048U);
    }
}

TENDRIL_TEST(stack_pool, markers_guard_64_kib_below_each_stack) {
    if (!kernel_has_markers()) {
        GTEST_SKIP() << "this kernel has no guard markers";
    }
    expect_every_page_of_the_guard_to_fault(stack_guard::marker);
}

TENDRIL_TEST(stack_pool, protected_mappings_guard_64_kib_below_each_stack) {
    expect_every_page_of_the_guard_to_fault(stack_guard::mprotect);
}

TENDRIL_TEST(stack_pool, guards_nothing_on_request_and_gives_the_room_to_the_stack) {
    stack_pool pool{stack_guard::none};
    borrowed_stacks stacks{pool};
    stacks.take();
    stack const& s = stacks.take();
    EXPECT_EQ(s.size(), 256 * 1024U - 64);
    EXPECT_FALSE(faults(s.limit - 1));
}

TENDRIL_TEST(stack_pool, a_reused_stack_is_still_guarded) {
    stack_pool pool;
    borrowed_stacks stacks{pool};
    pool.release(pool.acquire());
    pool.trim();
    EXPECT_TRUE(faults(stacks.take().limit - 1));
}

TENDRIL_TEST(stack_pool, a_frame_larger_than_stack_and_guard_steps_into_the_guard) {
    stack_pool pool;
    borrowed_stacks stacks{pool};
    stacks.take();
    bool overflow = false;
    test::bare_context other{pool, [&](test::bare_context&) {
                                 if (overflow) {
                                     step_over_the_guard();
                                 }
                             }};
    EXPECT_DEATH(
        {
            overflow = true;
            other.resume();
        },
        "");
    other.resume();
}

TENDRIL_TEST(stack_pool, the_environment_decides_how_stacks_are_guarded) {
    scope_exit const restore{[] { ::unsetenv("TENDRIL_STACK_GUARD"); }};
    ::setenv("TENDRIL_STACK_GUARD", "mprotect", 1);
    EXPECT_EQ(stack_pool{}.guard(), stack_guard::mprotect);
    ::setenv("TENDRIL_STACK_GUARD", "none", 1);
    EXPECT_EQ(stack_pool{}.guard(), stack_guard::none);
    ::setenv("TENDRIL_STACK_GUARD", "marker", 1);
    EXPECT_EQ(stack_pool{}.guard(), stack_guard::marker);
}

TENDRIL_TEST(stack_pool, guards_its_stacks_when_the_environment_says_nothing) {
    EXPECT_NE(stack_pool{}.guard(), stack_guard::none);
}

TENDRIL_TEST(stack_pool, a_new_stack_costs_no_page_until_it_is_touched) {
    stack_pool pool;
    borrowed_stacks stacks{pool};
    EXPECT_EQ(resident_pages(stacks.take()), 0U);
}

TENDRIL_TEST(stack_pool, a_stack_that_touched_one_page_costs_one_page) {
    stack_pool pool;
    borrowed_stacks stacks{pool};
    for (int count = 0; count < 32; ++count) {
        stack& s = stacks.take();
        s.top[-1] = std::byte{1};
        s.top[-2048] = std::byte{1};
        EXPECT_EQ(resident_pages(s), 1U);
    }
}

TENDRIL_TEST(stack_pool, a_function_with_small_frames_costs_one_page) {
#if TENDRIL_ASAN || TENDRIL_TSAN
    GTEST_SKIP() << "sanitizers make frames larger and keep records of their own on the stack";
#endif
    stack_pool pool;
    test::bare_context other{pool, [](test::bare_context& self) { self.suspend(); }};
    other.resume();
    EXPECT_EQ(resident_pages(other.memory()), 1U);
    other.resume();
}

TENDRIL_TEST(stack_pool, trimming_gives_the_pages_of_idle_stacks_back) {
    stack_pool pool;
    stack& s = pool.acquire();
    for (std::size_t below = 1; below < s.size(); below += page) {
        s.top[-static_cast<std::ptrdiff_t>(below)] = std::byte{1};
    }
    pool.release(s);
    EXPECT_GT(resident_pages(s), 40U);
    pool.trim();
    EXPECT_EQ(resident_pages(s), 0U);
}

TENDRIL_TEST(stack_pool, trimming_keeps_what_is_on_stacks_in_use) {
    stack_pool pool;
    borrowed_stacks stacks{pool};
    stack& s = stacks.take();
    s.top[-1] = std::byte{42};
    pool.release(pool.acquire());
    pool.trim();
    EXPECT_EQ(s.top[-1], std::byte{42});
}

TENDRIL_TEST(stack_pool, a_trimmed_stack_keeps_its_address) {
    stack_pool pool;
    stack& s = pool.acquire();
    pool.release(s);
    pool.trim();
    borrowed_stacks stacks{pool};
    EXPECT_EQ(&stacks.take(), &s);
    s.top[-1] = std::byte{1};
}

TENDRIL_TEST(stack_pool, says_that_stacks_are_exhausted_when_no_memory_can_be_mapped) {
    system_calls broken = kernel();
    broken.mmap = [](void*, std::size_t, int, int, int, off_t) -> void* {
        errno = ENOMEM;
        return MAP_FAILED;
    };
    stack_pool pool;
    {
        replaced_system_calls const until_end{broken};
        EXPECT_NE(text_of_failed_acquire(pool).find("mmap: Cannot allocate"), std::string::npos);
    }
    EXPECT_EQ(pool.statistics().slabs, 0U);
    EXPECT_EQ(pool.statistics().in_use, 0U);
    EXPECT_EQ(text_of_failed_acquire(pool), "no error");
}

TENDRIL_TEST(stack_pool, hands_out_no_stack_whose_guard_marker_failed) {
    if (!kernel_has_markers()) {
        GTEST_SKIP() << "this kernel has no guard markers";
    }
    system_calls broken = kernel();
    broken.madvise = [](void*, std::size_t, int) {
        errno = ENOMEM;
        return -1;
    };
    expect_a_failed_guard_to_leave_the_pool_usable(stack_guard::marker, broken);
}

TENDRIL_TEST(stack_pool, hands_out_no_stack_whose_protected_mapping_failed) {
    system_calls broken = kernel();
    broken.mprotect = [](void*, std::size_t, int) {
        errno = ENOMEM;
        return -1;
    };
    expect_a_failed_guard_to_leave_the_pool_usable(stack_guard::mprotect, broken);
}

TENDRIL_TEST(stack_pool, names_the_limit_to_look_at_when_mappings_run_out) {
    system_calls broken = kernel();
    broken.mprotect = [](void*, std::size_t, int) {
        errno = ENOMEM;
        return -1;
    };
    replaced_system_calls const until_end{broken};
    stack_pool pool{stack_guard::mprotect};
    EXPECT_NE(text_of_failed_acquire(pool).find("vm.max_map_count"), std::string::npos);
}

TENDRIL_TEST(stack_pool, gives_idle_stacks_out_while_no_memory_can_be_mapped) {
    stack_pool pool;
    pool.release(pool.acquire());
    system_calls broken = kernel();
    broken.mmap = [](void*, std::size_t, int, int, int, off_t) -> void* { return MAP_FAILED; };
    broken.madvise = [](void*, std::size_t, int) { return -1; };
    replaced_system_calls const until_end{broken};
    EXPECT_EQ(text_of_failed_acquire(pool), "no error");
}

TENDRIL_TEST(stack_pool, unmaps_its_slabs_at_its_end) {
    static int unmapped;
    unmapped = 0;
    system_calls counting = kernel();
    counting.munmap = [](void* address, std::size_t size) {
        ++unmapped;
        return real_kernel().munmap(address, size);
    };
    replaced_system_calls const until_end{counting};
    {
        stack_pool pool;
        borrowed_stacks stacks{pool};
        stacks.take(64 * 1024);
        stacks.take(192 * 1024);
        unmapped = 0;
    }
    EXPECT_EQ(unmapped, 2);
}

TENDRIL_TEST(stack_pool, leaks_a_slab_rather_than_unmap_a_stack_in_use) {
    // Static, so that a leak checker finds the table that is leaked on purpose.
    static stack* in_use;
    {
        stack_pool pool;
        in_use = &pool.acquire(64 * 1024);
        pool.release(pool.acquire(64 * 1024));
        in_use->top[-1] = std::byte{42};
    }
    EXPECT_EQ(in_use->top[-1], std::byte{42});
    EXPECT_TRUE(faults(in_use->limit - 1));
}
