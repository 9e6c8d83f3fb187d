// SPDX-License-Identifier: BSL-1.0
//
// Invariants of a channel, whose functions are all templates:
// 1. While anybody waits to receive, no value is in the buffer, and no other greenlet waits to
//    send.
// 2. While anybody waits to send, the buffer is full.
// 3. While anybody waits, it is not closed.
#include <tendril/channel/channel.hpp>

namespace tendril::detail {

void throw_channel_closed() { throw channel_closed{}; }

}  // namespace tendril::detail
