// SPDX-License-Identifier: BSL-1.0
#pragma once

// Whether a greenlet that never has to wait lets the others have their turns.
//
//     EXPECT_TRUE(lets_others_run([&] { ended.read_some(buffer, ignored); }));

#include <harness/tendril_test.hpp>
#include <tendril/task/spawn.hpp>

namespace tendril::test {

/// Calls a function again and again. Returns whether another greenlet has had its turn meanwhile,
/// within as many calls as a turn has steps.
template <typename F>
bool lets_others_run(F&& call) {
    bool had_turn = false;
    task<void> const other = spawn([&] { had_turn = true; });
    for (int count = 0; count < 1024 && !had_turn; ++count) {
        call();
    }
    bool const in_time = had_turn;
    other.join();
    return in_time;
}

}  // namespace tendril::test
