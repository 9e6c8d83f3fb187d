// SPDX-License-Identifier: BSL-1.0
#include "upkeep.hpp"

#include <malloc.h>

#include <chrono>

namespace tendril::detail {
namespace {

constexpr std::chrono::seconds between_reviews{1};

}  // namespace

time_point upkeep::make_step(time_point present) noexcept {
    if (!has_more_ && present >= next_review_) {
        thread_.stacks.review();
        next_review_ = present + between_reviews;
        has_more_ = true;
    }
    if (has_more_) {
        given_back const gone = thread_.stacks.give_back_some();
        heap_is_due_ = heap_is_due_ || gone == given_back::slab;
        has_more_ = gone != given_back::nothing;
        if (!has_more_ && heap_is_due_) {
            heap_is_due_ = false;
            tidy_heap();
        }
    }
    return has_more_ ? present : next_review_;
}

// The C library keeps what is freed unless it lies at the very end of its heap.
void upkeep::tidy_heap() noexcept {
    thread_.blocks.shrink();
    thread_.bodies.clear();
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
}

}  // namespace tendril::detail
