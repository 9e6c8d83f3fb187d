// SPDX-License-Identifier: BSL-1.0
#include <tendril/channel/queue_core.hpp>

namespace tendril::detail {

void throw_queue_shut_down() { throw queue_shut_down{}; }

}  // namespace tendril::detail
