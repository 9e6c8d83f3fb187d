// SPDX-License-Identifier: BSL-1.0
//
// What does a task take that waits: a page of its stack, and how much elsewhere? What `new` has
// given for it is counted with what the allocator adds, and its control block. Beside it stand what
// the pool notes about its stack, and what the kernel says, page tables included, of which a slot
// of address space takes its share.
#include <harness/compare.hpp>
#include <harness/memory.hpp>

#include <tendril/hub.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

namespace {

std::size_t allocated = 0;
// What the allocator of the C library keeps before each piece.
constexpr std::size_t header = 8;

std::size_t size_of(void* memory) { return ::malloc_usable_size(memory) + header; }

}  // namespace

void* operator new(std::size_t size) {
    if (void* const memory = std::malloc(size)) {
        allocated += size_of(memory);
        return memory;
    }
    throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept {
    allocated -= memory == nullptr ? 0 : size_of(memory);
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

namespace {

using namespace tendril;

constexpr std::size_t tasks = 100'000;

struct taken {
    std::size_t heap = allocated;
    std::size_t resident = bench::memory("VmRSS:");
    std::size_t page_tables = bench::memory("VmPTE:");
};

// In whole bytes: what is there only once is no part of it.
double each(std::size_t before, std::size_t after) {
    return static_cast<double>((after - before) / tasks);
}

void measure() {
    event given;
    std::vector<task<void>> all;
    all.reserve(tasks);
    taken const before;
    for (std::size_t count = 0; count < tasks; ++count) {
        all.push_back(spawn([&given] { given.wait(); }));
    }
    taken const spawned;
    yield();
    taken const after;
    std::puts("    task and control block");
    bench::judge(256, each(before.heap, spawned.heap) + sizeof(control_block), " B");
    std::printf("    what the pool notes about a stack: %.0f B\n", each(spawned.heap, after.heap));
    std::printf("    resident: %.0f B each\n", each(before.resident, after.resident));
    std::printf("    page tables: %.0f B each\n", each(before.page_tables, after.page_tables));
    given.set();
}

}  // namespace

int main() {
    bench::ask("What does a task take that waits?");
    run(measure);
}
