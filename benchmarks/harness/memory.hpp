// SPDX-License-Identifier: BSL-1.0
#pragma once

// What the kernel says that this process takes.

#include <cstddef>
#include <fstream>
#include <string>

namespace bench {

/// Returns a field of /proc/self/status in bytes: `VmRSS:` is resident memory, `VmPTE:` the page
/// tables. The kernel counts them exactly only when it has gathered what each processor counted,
/// so they are some 100 KiB coarse.
inline std::size_t memory(std::string const& field) {
    std::ifstream status{"/proc/self/status"};
    std::string word;
    std::size_t kibibytes = 0;
    while (status >> word) {
        if (word == field) {
            status >> kibibytes;
            break;
        }
    }
    return kibibytes * 1024;
}

/// How many memory mappings this process has.
inline std::size_t mappings() {
    std::ifstream maps{"/proc/self/maps"};
    std::string line;
    std::size_t count = 0;
    while (std::getline(maps, line)) {
        ++count;
    }
    return count;
}

}  // namespace bench
