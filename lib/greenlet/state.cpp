// SPDX-License-Identifier: BSL-1.0
#include <tendril/greenlet/state.hpp>

namespace tendril {

char const* to_string(greenlet_state state) noexcept {
    switch (state) {
    case greenlet_state::unstarted:
        return "unstarted";
    case greenlet_state::running:
        return "running";
    case greenlet_state::suspended:
        return "suspended";
    case greenlet_state::parked:
        return "parked";
    case greenlet_state::ready:
        return "ready";
    case greenlet_state::dead:
        return "dead";
    }
    return "unknown";
}

}  // namespace tendril
