// SPDX-License-Identifier: BSL-1.0
//
// A task cannot be waited for on another hub, so it is no result.
//
// Expected: this result belongs to the hub that it was made on
#include <tendril/hubs/hub_group.hpp>

void ask(tendril::hub_group& hubs) {
#if defined(MENDED)
    hubs.spawn([] { return tendril::spawn([] { return 7; }).get(); });
#else
    hubs.spawn([] { return tendril::spawn([] { return 7; }); });
#endif
}
