// SPDX-License-Identifier: BSL-1.0
#pragma once

// Futures, a pool and gather, and what must hold of the results of others.

#include <harness/hand_over_deeds.hpp>
#include <tendril/sync/select.hpp>
#include <tendril/task.hpp>
#include <tendril/together.hpp>

#include <cstddef>
#include <deque>
#include <exception>

namespace tendril::test {

class results {
public:
    results(verdict& judge, world_options const& options)
        : judge_{judge},
          options_{options},
          slots_{options.permits} {
        rounds_.emplace_back();
    }

    /// Does it, if it is a deed with a result; returns whether it is.
    bool perform(step const& what);

    /// Checks that a greenlet may wait in this deed although nobody can go on any more; returns
    /// whether it is one of these.
    bool judge_wait(deed of);

    /// Gives the value that is awaited.
    void close() {
        closing_ = true;
        rounds_.back().giver.try_set_value(static_cast<int>(rounds_.size()));
    }

    /// At the end, each value went to all who have waited for it, and every task has run once.
    void judge_end();

private:
    // A promise; when it is over, the next one begins.
    struct round {
        promise<int> giver;
        int readers = 0;
        int links = 0;
        int links_called = 0;
    };

    void ask_for_value(step const& what);
    void follow_value();
    void give_value() {
        if (!closing_) {
            rounds_.back().giver.set_value(static_cast<int>(rounds_.size()));
            rounds_.emplace_back();
        }
    }
    void cancel_value() {
        if (!closing_) {
            rounds_.back().giver.get_future().cancel();
            rounds_.emplace_back();
        }
    }
    void fill_slot(step const& what);
    void apply_in_slot(step const& what);
    void gather_two(step const& what);
    int work_in_slot(step const& what, int number);

    verdict& judge_;
    world_options const options_;
    bool closing_ = false;
    // In place: readers and links keep references.
    std::deque<round> rounds_;
    int follows_ = 0;
    int followed_ = 0;
    pool slots_;
    std::ptrdiff_t in_slots_ = 0;
    int spawned_ = 0;
    int ran_ = 0;
    int gathering_ = 0;
};

inline void results::ask_for_value(step const& what) {
    time_point const began = now();
    round& asked = rounds_.back();
    auto const number = static_cast<int>(rounds_.size());
    future<int> const f = asked.giver.get_future();
    ++asked.readers;
    scope_exit const no_longer{[&] { --asked.readers; }};
    bool over = false;
    if (what.pause % 2 == 0) {
        select(when_done(f, [&] { over = true; }), at(limit_of(what.limit), [] {}));
    } else {
        over = f.wait_until(limit_of(what.limit));
    }
    judge_.require(
        !over || f.was_cancelled() || *f.try_get() == number, "a reader gets what was given");
    notice(judge_, over, began, what);
}

// Some link and some go on in a task, which none of a cancelled future does.
inline void results::follow_value() {
    round& followed = rounds_.back();
    auto const number = static_cast<int>(rounds_.size());
    future<int> const f = followed.giver.get_future();
    ++followed.links;
    f.on_done([&] { ++followed.links_called; });
    f.then([this, number](int given) {
        judge_.require(given == number, "a continuation gets what was given");
        ++followed_;
    });
    f.on_done([this, f] { follows_ += f.succeeded() ? 1 : 0; });
}

inline int results::work_in_slot(step const& what, int number) {
    inside const counted{in_slots_};
    judge_.require(in_slots_ <= options_.permits, "no more run in a pool than there are slots");
    scope_exit const at_end{[this] { ++ran_; }};
    pause(what);
    return number;
}

inline void results::fill_slot(step const& what) {
    time_point const began = now();
    auto const spawned = slots_.spawn_until(
        limit_of(what.limit), [this, what] { work_in_slot(what, 0); });
    spawned_ += spawned ? 1 : 0;
    notice(judge_, spawned.has_value(), began, what);
}

// Who is interrupted after its task has a slot leaves it running.
inline void results::apply_in_slot(step const& what) {
    task<int> applied;
    int const number = ++spawned_;
    try {
        applied = slots_.spawn([this, what, number] { return work_in_slot(what, number); });
    } catch (...) {
        --spawned_;
        throw;
    }
    judge_.require(applied.get() == number, "who applies gets the result of its own call");
}

inline void results::gather_two(step const& what) {
    auto const work = [this, what](int number) {
        ++gathering_;
        scope_exit const at_end{[this] { --gathering_; }};
        pause(what);
        return number;
    };
    auto const [one, two] = gather(
        [work] { return work(1); },
        [work] {
            yield();
            return work(2);
        });
    judge_.require(one == 1 && two == 2, "gather has the results in their places");
}

inline bool results::perform(step const& what) {
    switch (what.what) {
    case deed::ask_for_value:
        ask_for_value(what);
        return true;
    case deed::follow_value:
        follow_value();
        return true;
    case deed::give_value:
        give_value();
        return true;
    case deed::cancel_value:
        cancel_value();
        return true;
    case deed::fill_slot:
        fill_slot(what);
        return true;
    case deed::apply_in_slot:
        apply_in_slot(what);
        return true;
    case deed::gather_two:
        gather_two(what);
        return true;
    default:
        return false;
    }
}

inline bool results::judge_wait(deed of) {
    if (of != deed::ask_for_value) {
        return false;
    }
    for (round const& each : rounds_) {
        judge_.require(!each.giver.settled() || each.readers == 0, waits_in_vain);
    }
    return true;
}

inline void results::judge_end() {
    for (round const& each : rounds_) {
        judge_.require(each.readers == 0, "nobody reads a future when all have ended");
        judge_.require(each.links_called == each.links, "a link is called once");
    }
    judge_.require(followed_ == follows_, "a continuation is called once, and for a value only");
    judge_.require(ran_ == spawned_, "a task of a pool runs once");
    judge_.require(
        slots_.free_count() == options_.permits && slots_.empty() && gathering_ == 0,
        "a slot comes back when its task has ended");
}

}  // namespace tendril::test
