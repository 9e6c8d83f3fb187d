// SPDX-License-Identifier: BSL-1.0
#pragma once

// The options of the example servers.

#include <string>

/// Returns what follows an option, or `otherwise`.
inline std::string option(
    int argc, char** argv, std::string const& name, std::string const& otherwise) {
    for (int i = 1; i + 1 < argc; ++i) {
        if (argv[i] == name) {
            return argv[i + 1];
        }
    }
    return otherwise;
}

/// Returns what follows `--port`, or "0", which takes any free port.
inline std::string port_option(int argc, char** argv) { return option(argc, argv, "--port", "0"); }
