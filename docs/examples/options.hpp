// SPDX-License-Identifier: BSL-1.0
#pragma once

// The one option of the example servers.

#include <string>

/// Returns what follows `--port`, or "0", which takes any free port.
inline std::string port_option(int argc, char** argv) {
    for (int i = 1; i + 1 < argc; ++i) {
        if (std::string{argv[i]} == "--port") {
            return argv[i + 1];
        }
    }
    return "0";
}
