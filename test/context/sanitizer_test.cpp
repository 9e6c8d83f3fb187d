// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/context/sanitizer.hpp>
#include <tendril/support/scope_exit.hpp>

#include <array>
#include <cstddef>

namespace {

using namespace tendril;

}  // namespace

TENDRIL_TEST(sanitizer, a_new_record_describes_the_memory_of_its_stack) {
    std::array<std::byte, 256> memory{};
    sanitizer_record record = sanitizer::of_new_stack(memory.data(), memory.size());
    scope_exit const forget{[&] { sanitizer::forget(record); }};
    EXPECT_EQ(record.bottom, memory.data());
    EXPECT_EQ(record.size, memory.size());
    EXPECT_EQ(record.fake_stack, nullptr);
}

TENDRIL_TEST(sanitizer, a_new_stack_has_a_fiber_of_its_own_exactly_under_thread_sanitizer) {
    std::array<std::byte, 256> memory{};
    sanitizer_record record = sanitizer::of_new_stack(memory.data(), memory.size());
    EXPECT_EQ(record.tsan_fiber != nullptr, TENDRIL_TSAN == 1);
    EXPECT_TRUE(
        record.tsan_fiber == nullptr ||
        record.tsan_fiber != sanitizer::of_this_thread().tsan_fiber);
    sanitizer::forget(record);
    EXPECT_EQ(record.tsan_fiber, nullptr);
}

#if TENDRIL_ASAN
TENDRIL_TEST(sanitizer, the_record_of_a_thread_spans_its_frames) {
    sanitizer_record const record = sanitizer::of_this_thread();
    auto const* const frame = static_cast<std::byte const*>(__builtin_frame_address(0));
    auto const* const bottom = static_cast<std::byte const*>(record.bottom);
    EXPECT_GT(frame, bottom);
    EXPECT_LT(frame, bottom + record.size);
}

TENDRIL_TEST(sanitizer, cleaning_lifts_the_marks_of_dead_frames) {
    alignas(8) std::array<std::byte, 256> memory{};
    sanitizer_record const record = sanitizer::of_new_stack(memory.data(), memory.size());
    __asan_poison_memory_region(memory.data(), memory.size());
    sanitizer::clean(record);
    EXPECT_EQ(__asan_region_is_poisoned(memory.data(), memory.size()), nullptr);
}
#else
TENDRIL_TEST(sanitizer, without_address_sanitizer_a_leap_leaves_the_records_alone) {
    int fake_stack = 0;
    sanitizer_record self = sanitizer::of_this_thread();
    self.fake_stack = &fake_stack;
    sanitizer::leave(self, self);
    sanitizer::arrive(self);
    EXPECT_EQ(self.fake_stack, &fake_stack);
}
#endif
