// SPDX-License-Identifier: BSL-1.0
// Exercise 5: how much memory does a stack take that has 192 KiB to use?
//
// The kernel knows: mincore() says for each page of a mapping whether there is memory behind it. A
// stack that has never run has none. One that has been deep keeps what it took, even when the
// frames are long gone, until somebody gives the pages back.
#include <tendril/context.hpp>

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <vector>

namespace {

using namespace tendril;

constexpr std::size_t page = 4096;

// DOC: pages_touched
// How many pages of a stack have memory behind them. The colour above the top counts as well.
std::ptrdiff_t pages_touched(stack const& of) {
    auto const top = reinterpret_cast<std::uintptr_t>(of.top);
    std::uintptr_t const end = (top + page - 1) / page * page;
    auto const size = end - reinterpret_cast<std::uintptr_t>(of.limit);
    std::vector<unsigned char> resident(size / page);
    if (::mincore(of.limit, size, resident.data()) != 0) {
        return -1;
    }
    return std::count_if(
        resident.begin(), resident.end(), [](unsigned char each) { return (each & 1U) != 0; });
}

// Takes at least `bytes` of stack, a page in each frame, from the top downwards.
void descend(std::size_t bytes) {
    char volatile frame[page];
    frame[0] = 1;
    asm volatile("" : : "r"(frame) : "memory");  // no compiler can make a loop of this
    if (bytes > page) {
        descend(bytes - page);
    }
    frame[page - 1] = frame[0];  // the frame is needed after the call: it cannot be reused for it
}
// DOC-END: pages_touched

machine_context home;
machine_context other;
sanitizer_record home_record;
sanitizer_record* other_record;
std::size_t depth;

TENDRIL_NEVER_LEFT void enter(arrival from) {
    note_departure(from);
    sanitizer::arrive(*other_record);
    descend(depth);
    jump_for_good(other, home, live_exception_state(), home_record);
}

void descend_on(stack& memory, std::size_t bytes) {
    depth = bytes;
    other_record = &memory.sanitizer;
    prepare(other, memory, &enter);
    jump(home, other, live_exception_state(), home_record, *other_record);
}

}  // namespace

int main() {
    home_record = sanitizer::of_this_thread();
    stack_pool pool;
    stack& memory = pool.acquire();
    std::cout << std::boolalpha << "fresh: " << pages_touched(memory) << " pages\n";

    descend_on(memory, 1);
    auto const shallow = pages_touched(memory);
    std::cout << "after one frame, at most 4: " << (shallow > 0 && shallow <= 4) << '\n';

    descend_on(memory, 16 * page);
    auto const deep = pages_touched(memory);
    std::cout << "after 16 frames of a page, at least 16: " << (deep >= 16) << '\n';

    descend_on(memory, 1);
    std::cout << "after one frame again, the same: " << (pages_touched(memory) == deep) << '\n';

    pool.release(memory);
    pool.trim();
    std::cout << "idle and trimmed: " << pages_touched(memory) << " pages\n";
}
