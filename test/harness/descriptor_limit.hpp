// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/resource.h>
#include <unistd.h>

namespace tendril::test {

/// Lets the process open only that many descriptors more, until the end of the scope.
class descriptors_left {
public:
    explicit descriptors_left(int count) {
        ::getrlimit(RLIMIT_NOFILE, &former_);
        int const next_free = ::dup(STDIN_FILENO);
        ::close(next_free);
        rlimit const low{static_cast<rlim_t>(next_free + count), former_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &low);
    }
    descriptors_left(descriptors_left const&) = delete;
    descriptors_left& operator=(descriptors_left const&) = delete;
    ~descriptors_left() { ::setrlimit(RLIMIT_NOFILE, &former_); }

private:
    rlimit former_{};
};

}  // namespace tendril::test
