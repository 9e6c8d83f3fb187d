// SPDX-License-Identifier: BSL-1.0
//
// A result goes from one hub to another, so it is a value.
//
// Expected: must return a value and not a reference
#include <tendril/hubs/hub_group.hpp>

#if defined(MENDED)
int number() { return 7; }
#else
int& number() {
    static int seven = 7;
    return seven;
}
#endif

void ask(tendril::hub_group& hubs) { hubs.spawn(number); }
