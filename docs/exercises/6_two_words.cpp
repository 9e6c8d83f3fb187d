// SPDX-License-Identifier: BSL-1.0
// Exercise 6: what happens when exceptions in flight do not travel with their stack?
//
// `jump` exchanges two words with the C++ runtime. It is told where the runtime keeps them. Tell it
// a wrong place, and nothing is exchanged: the runtime goes on with the words of the stack that was
// left. Here somebody looks around on a new stack, where no exception can be, with and without.
//
// The newcomer only looks. If it threw and caught something of its own, it would take words apart
// that describe another stack: to rethrow the neighbour's error is one of the milder outcomes.
#include <tendril/context.hpp>

#include <exception>
#include <iostream>
#include <stdexcept>

namespace {

using namespace tendril;

machine_context home;
machine_context other;
sanitizer_record home_record;
sanitizer_record* other_record;
exception_state* live;
int newcomers_uncaught;
bool newcomer_handles_something;

// DOC: two_words
TENDRIL_NEVER_LEFT void look_around(arrival from) {
    note_departure(from);
    sanitizer::arrive(*other_record);
    newcomers_uncaught = std::uncaught_exceptions();
    newcomer_handles_something = std::current_exception() != nullptr;
    jump_for_good(other, home, *live, home_record);
}

void visit_a_new_stack(char const* when, exception_state& exchanged_with) {
    stack_pool pool;
    stack& memory = pool.acquire();
    other_record = &memory.sanitizer;
    live = &exchanged_with;
    prepare(other, memory, &look_around);
    jump(home, other, *live, home_record, *other_record);
    pool.release(memory);
    std::cout << "  " << when << ": " << newcomers_uncaught << " uncaught, handles "
              << (newcomer_handles_something ? "an exception" : "nothing") << '\n';
}

struct visits_when_destroyed {
    exception_state& exchanged_with;
    ~visits_when_destroyed() { visit_a_new_stack("from a destructor", exchanged_with); }
};

void visit_twice(exception_state& exchanged_with) {
    try {
        visits_when_destroyed const local{exchanged_with};
        throw std::runtime_error{"ours"};
    } catch (std::runtime_error const&) {
        visit_a_new_stack("from a handler", exchanged_with);
    }
}
// DOC-END: two_words

}  // namespace

int main() {
    home_record = sanitizer::of_this_thread();
    std::cout << "the words travel:\n";
    visit_twice(live_exception_state());
    std::cout << "they do not:\n";
    exception_state nobodys;
    visit_twice(nobodys);
}
