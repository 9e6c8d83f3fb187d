// SPDX-License-Identifier: BSL-1.0
#include <tendril/sync/wait_queue.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace tendril::detail {

void destroyed_while_in_use(char const* what) noexcept {
    bool const vowel = std::strchr("aeiou", what[0]) != nullptr;
    std::fprintf(
        stderr,
        "tendril: %s %s was destroyed while a greenlet waits for it, which could then never be "
        "woken: let it outlive those who use it, for example by joining them first\n",
        vowel ? "an" : "a", what);
    std::abort();
}

}  // namespace tendril::detail
