// SPDX-License-Identifier: BSL-1.0
#include <harness/unprobed_frames.hpp>

namespace tendril::test {
namespace {

template <int kibibytes>
[[gnu::noinline]] void touch_the_far_end() {
    char volatile frame[kibibytes * 1024];
    // The whole of it is needed, as far as the compiler can see.
    asm volatile("" : : "r"(frame) : "memory");
    frame[0] = 1;
}

}  // namespace

unprobed_function unprobed_frame_of(int kibibytes) noexcept {
    switch (kibibytes) {
    case 8:
        return &touch_the_far_end<8>;
    case 16:
        return &touch_the_far_end<16>;
    case 32:
        return &touch_the_far_end<32>;
    case 48:
        return &touch_the_far_end<48>;
    case 63:
        return &touch_the_far_end<63>;
    default:
        return nullptr;
    }
}

}  // namespace tendril::test
