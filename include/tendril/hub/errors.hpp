// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a hub tells its main greenlet when waiting has no more sense.

#include <stdexcept>

namespace tendril {

/// The greenlet that waits could not be woken by anything any more: nobody is ready, no alarm is
/// armed, no I/O is under way, and there is no remote through which another thread could call. The
/// text lists every greenlet that waits, and for what. The hub can still be used.
class would_block_forever : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace tendril
