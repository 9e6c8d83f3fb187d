// SPDX-License-Identifier: BSL-1.0
#pragma once

// One of each primitive. Each deed checks, while it is done, what the primitive promises; the world
// checks the rest when nobody can go on, and at the end. hand_over_program.hpp lets greenlets do
// such deeds.

#include <harness/hand_over_deeds.hpp>
#include <harness/hand_over_locks.hpp>
#include <harness/hand_over_signals.hpp>
#include <harness/hand_over_stores.hpp>
#include <harness/hand_over_tasks.hpp>

#include <cstddef>

namespace tendril::test {

class world {
public:
    explicit world(world_options const& options)
        : locks_{judge, options},
          signals_{judge, options},
          stores_{judge, options},
          results_{judge, options} {}
    world(world const&) = delete;
    world& operator=(world const&) = delete;

    /// Does it, for the greenlet of that number.
    void perform(step const& what, std::size_t who) {
        static_cast<void>(
            locks_.perform(what) || signals_.perform(what) || stores_.perform(what, who) ||
            results_.perform(what));
    }

    /// Checks that a greenlet may wait in this deed although nobody can go on any more.
    void judge_wait(deed of) {
        judge.require(
            signals_.judge_wait(of) || stores_.judge_wait(of) || results_.judge_wait(of),
            "what is held is given back, and goes to the next");
    }

    /// Ends all waits: shuts down, closes, sets and breaks.
    void close(std::size_t workers) {
        closing_ = true;
        signals_.close(workers);
        stores_.close();
        results_.close();
    }
    bool closing() const noexcept { return closing_; }

    /// Checks, when all have ended, that nothing was lost, and that everything is free.
    void judge_end() {
        locks_.judge_end();
        signals_.judge_end();
        stores_.judge_end();
        results_.judge_end();
    }

    verdict judge;

private:
    bool closing_ = false;
    locks locks_;
    signals signals_;
    stores stores_;
    results results_;
};

}  // namespace tendril::test
