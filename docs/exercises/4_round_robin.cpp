// SPDX-License-Identifier: BSL-1.0
// Exercise 4: three contexts that take turns, on floor 1 alone.
//
// There are no greenlets here, so everything that they do for you is to be done: somebody must know
// who runs, a context that ends must say where to go on, and the stacks go back to the pool when
// nobody stands on them any more.
#include <tendril/context.hpp>

#include <array>
#include <cstddef>
#include <iostream>

namespace {

using namespace tendril;

// DOC: round_robin
struct runner {
    machine_context machine;
    stack* memory = nullptr;
    sanitizer_record* record = nullptr;
    bool done = false;
};

// Three runners, and in the last place the thread's own stack, which has nothing to count.
constexpr std::size_t home = 3;
std::array<runner, 4> everybody;
std::size_t running = home;

// The next one in the round who is not done; the thread's own stack when all are.
std::size_t next_in_the_round() {
    for (std::size_t step = 1; step <= everybody.size(); ++step) {
        std::size_t const candidate = (running + step) % everybody.size();
        if (!everybody[candidate].done) {
            return candidate;
        }
    }
    return home;
}

void yield() {
    runner& from = everybody[running];
    running = next_in_the_round();
    runner& to = everybody[running];
    jump(from.machine, to.machine, live_exception_state(), *from.record, *to.record);
}

void count_to(std::size_t last) {
    auto const name = static_cast<char>('a' + running);
    for (std::size_t number = 1; number <= last; ++number) {
        std::cout << ' ' << name << number;
        yield();
    }
}

TENDRIL_NEVER_LEFT void first_function(arrival from) {
    note_departure(from);  // first of all, as at every arrival
    runner& self = everybody[running];
    sanitizer::arrive(*self.record);
    count_to(running + 2);  // its frames, and what they own, are gone when it returns
    self.done = true;
    running = next_in_the_round();
    runner& to = everybody[running];
    jump_for_good(self.machine, to.machine, live_exception_state(), *to.record);
}
// DOC-END: round_robin

}  // namespace

int main() {
    stack_pool pool;
    sanitizer_record own = sanitizer::of_this_thread();
    everybody[home].record = &own;
    everybody[home].done = true;
    for (std::size_t index = 0; index < home; ++index) {
        runner& each = everybody[index];
        each.memory = &pool.acquire();
        each.record = &each.memory->sanitizer;
        prepare(each.machine, *each.memory, &first_function);
    }
    std::cout << "turns:";
    yield();  // from the thread's own stack; it returns when all are done
    std::cout << "\nin use: " << pool.statistics().in_use;
    for (std::size_t index = 0; index < home; ++index) {
        pool.release(*everybody[index].memory);
    }
    std::cout << ", and after the burial: " << pool.statistics().in_use << '\n';
}
