// SPDX-License-Identifier: BSL-1.0
#include <tendril/context/sanitizer.hpp>

#include <pthread.h>

extern "C" char const TENDRIL_SANITIZER_SYMBOL = 0;

namespace tendril::sanitizer {

sanitizer_record of_this_thread() noexcept {
    sanitizer_record record{};
#if TENDRIL_ASAN
    pthread_attr_t attributes;
    if (::pthread_getattr_np(::pthread_self(), &attributes) == 0) {
        void* bottom = nullptr;
        ::pthread_attr_getstack(&attributes, &bottom, &record.size);
        record.bottom = bottom;
        ::pthread_attr_destroy(&attributes);
    }
#endif
#if TENDRIL_TSAN
    record.tsan_fiber = __tsan_get_current_fiber();
#endif
    return record;
}

sanitizer_record of_new_stack(void const* bottom, std::size_t size) noexcept {
    sanitizer_record record{};
    record.bottom = bottom;
    record.size = size;
#if TENDRIL_TSAN
    record.tsan_fiber = __tsan_create_fiber(0);
#endif
    return record;
}

void forget_frames_below(
    [[maybe_unused]] sanitizer_record const& record,
    [[maybe_unused]] void const* address) noexcept {
#if TENDRIL_ASAN
    auto const* const bottom = static_cast<char const*>(record.bottom);
    __asan_unpoison_memory_region(
        bottom, static_cast<std::size_t>(static_cast<char const*>(address) - bottom));
#endif
}

void forget([[maybe_unused]] sanitizer_record& record) noexcept {
#if TENDRIL_TSAN
    if (record.tsan_fiber != nullptr) {
        __tsan_destroy_fiber(record.tsan_fiber);
        record.tsan_fiber = nullptr;
    }
#endif
}

}  // namespace tendril::sanitizer
