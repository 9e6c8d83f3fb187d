// SPDX-License-Identifier: BSL-1.0
//
// What does a stack cost that was never used before, guarded in one way or the other, against the
// first touch of its page? And one that was used before, against Boost's pool?
#include <harness/compare.hpp>

#include <tendril/context.hpp>
#include <tendril/support/error.hpp>

#include <boost/context/pooled_fixedsize_stack.hpp>
#include <sys/mman.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace {

using namespace tendril;

// Fewer than the 32,000 that `mprotect` can guard.
constexpr std::size_t fresh_stacks = 10'000;
constexpr std::size_t slot = stack_pool::default_size + stack_pool::guard_size;

void touch(std::byte* top) { *static_cast<std::byte volatile*>(top - 64) = std::byte{1}; }

void touch_fresh_pages() {
    void* const memory = ::mmap(
        nullptr, fresh_stacks * slot, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        std::abort();
    }
    ::madvise(memory, fresh_stacks * slot, MADV_NOHUGEPAGE);
    for (std::size_t index = 1; index <= fresh_stacks; ++index) {
        touch(static_cast<std::byte*>(memory) + index * slot);
    }
    ::munmap(memory, fresh_stacks * slot);
}

void acquire_fresh_stacks(stack_guard guard) {
    stack_pool pool{guard};
    stack* last = nullptr;
    for (std::size_t count = 0; count < fresh_stacks; ++count) {
        stack& acquired = pool.acquire();
        touch(acquired.top);
        acquired.next_idle = last;
        last = &acquired;
    }
    while (last != nullptr) {
        stack* const next = last->next_idle;
        pool.release(*last);
        last = next;
    }
}

bench::sampler fresh(stack_guard guard) {
    return bench::loop(fresh_stacks, [guard](std::uint64_t iterations) {
        for (std::uint64_t done = 0; done < iterations; ++done) {
            acquire_fresh_stacks(guard);
        }
    });
}

bool guards_with(stack_guard guard) {
    try {
        stack_pool pool{guard};
        pool.release(pool.acquire());
        return true;
    } catch (stack_exhausted const&) {
        return false;
    }
}

void compare_fresh() {
    bench::comparison stacks{"ns a stack, unmapping included"};
    stacks.add("first touch of as many pages", bench::loop(fresh_stacks, [](auto iterations) {
                   for (std::uint64_t done = 0; done < iterations; ++done) {
                       touch_fresh_pages();
                   }
               }));
    stacks.add("no guard", fresh(stack_guard::none));
    if (guards_with(stack_guard::marker)) {
        stacks.add("guard marker", fresh(stack_guard::marker));
    } else {
        std::printf("  this kernel has no guard markers (Linux 6.13): that row is skipped\n");
    }
    stacks.add("mprotect", fresh(stack_guard::mprotect));
    stacks.run();
}

void compare_warm() {
    bench::comparison stacks{"ns to take one and to give it back"};
    stacks.add("boost pooled_fixedsize_stack", bench::loop(1, [](std::uint64_t iterations) {
                   boost::context::pooled_fixedsize_stack pool{stack_pool::default_size};
                   for (std::uint64_t done = 0; done < iterations; ++done) {
                       boost::context::stack_context taken = pool.allocate();
                       bench::keep(taken);
                       pool.deallocate(taken);
                   }
               }));
    stacks.add("stack_pool", bench::loop(1, [](std::uint64_t iterations) {
                   stack_pool pool;
                   for (std::uint64_t done = 0; done < iterations; ++done) {
                       stack& taken = pool.acquire();
                       bench::keep(taken);
                       pool.release(taken);
                   }
               }));
    stacks.run();
}

}  // namespace

int main() {
    bench::ask("What does a stack cost that was never used before?");
    compare_fresh();
    std::printf("What does a stack cost that was used before?\n");
    compare_warm();
}
