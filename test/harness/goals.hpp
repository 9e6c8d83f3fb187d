// SPDX-License-Identifier: BSL-1.0
#pragma once

// A goal that has a figure tells it, for the report of all goals (report_goals.py).

#include <iostream>
#include <string_view>

namespace tendril::test {

/// Prints what was asked and reached.
inline void tell_goal(
    std::string_view goal, std::string_view asked, std::string_view reached, bool holds) {
    std::cout << "| " << goal << " | " << asked << " | " << reached << " | "
              << (holds ? "yes" : "NO") << " |" << std::endl;
}

}  // namespace tendril::test
