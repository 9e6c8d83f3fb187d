// SPDX-License-Identifier: BSL-1.0
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/io/operation.hpp>

namespace tendril::detail {

std::size_t end_at_once() {
    if (hub* const home = hub::of(this_thread())) {
        account_for_success(*home);
    }
    return 0;
}

}  // namespace tendril::detail
