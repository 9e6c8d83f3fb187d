// SPDX-License-Identifier: BSL-1.0
#include <tendril/sync/wait_queue.hpp>

#include <cstdio>
#include <cstdlib>

namespace tendril::detail {

void destroyed_while_in_use(char const* what) noexcept {
    std::fprintf(
        stderr,
        "tendril: a %s was destroyed while a greenlet waits for it, which could then never be "
        "woken: let it outlive those who use it, for example by joining them first\n",
        what);
    std::abort();
}

}  // namespace tendril::detail
