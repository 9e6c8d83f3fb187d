// SPDX-License-Identifier: BSL-1.0
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/error.hpp>

namespace tendril::detail {

std::size_t end_at_once() {
    hub* const home = hub::of(this_thread());
    if (home != nullptr && home->spend(io_steps) && home->may_park()) {
        home->leave_ready();
    }
    return 0;
}

std::size_t end_with_nothing(error_code& error) {
    check_interruption();
    error = {};
    return end_at_once();
}

}  // namespace tendril::detail
