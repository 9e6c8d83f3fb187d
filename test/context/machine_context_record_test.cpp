// SPDX-License-Identifier: BSL-1.0
//
// What docs/internals/10-context.md says about the first and the last bytes of a stack. The library
// reads none of it, so this is about Boost's build as much as about ours.
#include <harness/tendril_test.hpp>
#include <tendril/context/machine_context.hpp>
#include <tendril/context/stack_pool.hpp>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace {

using namespace tendril;

#if defined(__x86_64__)
constexpr bool draws_this_processor = true;
std::uint32_t present_rounding_modes() { return __builtin_ia32_stmxcsr(); }
void set_rounding_modes(std::uint32_t modes) { __builtin_ia32_ldmxcsr(modes); }
#else
constexpr bool draws_this_processor = false;
std::uint32_t present_rounding_modes() { return 0; }
void set_rounding_modes(std::uint32_t) {}
#endif

template <typename Word>
Word word_at(machine_context const& context, std::size_t offset) {
    Word word;
    std::memcpy(&word, static_cast<std::byte const*>(context.resume_point) + offset, sizeof word);
    return word;
}

void returns_at_once(arrival) {}
TENDRIL_NEVER_LEFT void throws_at_once(arrival) { throw std::runtime_error{"nobody is above"}; }

// Enters a context that does not do what an entry point must.
void enter_wrongly(entry_point entry) {
    stack_pool pool;
    stack& memory = pool.acquire();
    machine_context home;
    machine_context other;
    sanitizer_record record = sanitizer::of_this_thread();
    prepare(other, memory, entry);
    jump(home, other, live_exception_state(), record, memory.sanitizer);
}

}  // namespace

TENDRIL_TEST(machine_context, a_new_record_takes_the_topmost_72_bytes) {
    if (!draws_this_processor) {
        GTEST_SKIP() << "the chapter draws x86-64";
    }
    stack_pool pool;
    stack& memory = pool.acquire();
    machine_context context;
    prepare(context, memory, &returns_at_once);
    EXPECT_EQ(memory.top - static_cast<std::byte*>(context.resume_point), 72);
    pool.release(memory);
}

TENDRIL_TEST(machine_context, a_new_record_has_the_entry_point_in_the_place_of_rbx) {
    if (!draws_this_processor) {
        GTEST_SKIP() << "the chapter draws x86-64";
    }
    stack_pool pool;
    stack& memory = pool.acquire();
    machine_context context;
    prepare(context, memory, &returns_at_once);
    EXPECT_EQ(word_at<entry_point>(context, 0x30), &returns_at_once);
    pool.release(memory);
}

TENDRIL_TEST(machine_context, a_new_record_begins_with_the_rounding_modes_of_its_maker) {
    if (!draws_this_processor) {
        GTEST_SKIP() << "the chapter draws x86-64";
    }
    constexpr std::uint32_t towards_zero = 0x6000;
    std::uint32_t const before = present_rounding_modes();
    stack_pool pool;
    stack& memory = pool.acquire();
    machine_context context;
    set_rounding_modes(before | towards_zero);
    prepare(context, memory, &returns_at_once);
    set_rounding_modes(before);
    EXPECT_EQ(word_at<std::uint32_t>(context, 0) & towards_zero, towards_zero);
    pool.release(memory);
}

TENDRIL_TEST(machine_context, an_entry_point_that_returns_ends_the_process_without_a_word) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(enter_wrongly(&returns_at_once), ::testing::ExitedWithCode(0), "^$");
}

TENDRIL_TEST(machine_context, an_exception_that_leaves_an_entry_point_stops_the_program) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        enter_wrongly(&throws_at_once), ::testing::KilledBySignal(SIGABRT), "nobody is above");
}
