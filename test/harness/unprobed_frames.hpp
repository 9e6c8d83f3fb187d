// SPDX-License-Identifier: BSL-1.0
#pragma once

// Functions with large frames, compiled as the C libraries of Debian are: without stack probes.
// Each writes to the far end of its frame and touches nothing in between.

namespace tendril::test {

using unprobed_function = void (*)();

/// A function with a frame of so many KiB: 8, 16, 32, 48 or 63. Null for another number.
unprobed_function unprobed_frame_of(int kibibytes) noexcept;

}  // namespace tendril::test
