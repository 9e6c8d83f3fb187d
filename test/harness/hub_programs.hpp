// SPDX-License-Identifier: BSL-1.0
#pragma once

// More small programs for tests in which calls of the system fail (stream_programs.hpp): those
// that have hubs on other threads. Time stands still meanwhile: other threads have their own.

#include <harness/stream_programs.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/waiter.hpp>
#include <tendril/hubs/hub_group.hpp>

#include <array>

namespace tendril::test {

inline void use_a_group_of_hubs() {
    job_under_way const counted{this_hub()};
    hub_group hubs{{.pinned = true}};
    if (hubs.spawn_on(0, [] { return 7; }).get() != 7) {
        throw wrong_result{"a hub of the group has told another result"};
    }
}

inline constexpr std::array hub_programs{stream_program{"a group of hubs", use_a_group_of_hubs}};

}  // namespace tendril::test
