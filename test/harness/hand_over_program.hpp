// SPDX-License-Identifier: BSL-1.0
#pragma once

// A program of greenlets that do deeds in one world, while others interrupt them. It is run by the
// main greenlet of a hub until nobody can go on; then all waits are ended, and the books are
// checked.
//
// Whoever was interrupted does an unrelated wait next, which must end exactly as if nothing had
// been: neither the primitive nor the interruption may reach into it.

#include <harness/hand_over_world.hpp>
#include <tendril/greenlet/greenlet.hpp>
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/task/cancel_scope.hpp>
#include <tendril/task/task_group.hpp>
#include <tendril/time/timeout.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

namespace tendril::test {

/// What a `stop_wish` throws.
struct stopped {};

class stop_wish final : public interruption {
public:
    stop_wish() noexcept : interruption{rank::edge} {}
    ~stop_wish() = default;

private:
    void raise() override { throw stopped{}; }
};

/// How a greenlet is interrupted.
enum class blow : std::uint8_t { wish, exit, scope };

/// Interrupts a worker, at once or after a while: never means before anything else happens to who
/// strikes, 0 after one turn.
struct strike {
    std::size_t whom = 0;
    blow how = blow::wish;
    int after = never;
};

/// What a program is made of.
struct plan {
    world_options options;
    std::vector<std::vector<step>> scripts;
    std::vector<strike> strikes;
};

class program {
public:
    explicit program(plan const& what) : plan_{what}, world_{what.options} {
        for (std::size_t number = 0; number < what.scripts.size(); ++number) {
            workers_[number].number = number;
        }
    }

    /// Runs it, and returns the first rule that was found broken, or null.
    /// Requires: the main greenlet of a hub whose clock jumps.
    char const* run() {
        run_to_standstill();
        return run_to_end();
    }

    /// As above, in two halves: until nobody can go on, and what is the same in every order.
    void run_to_standstill() {
        hub& here = this_hub();
        for (std::size_t number = 0; number < plan_.scripts.size(); ++number) {
            worker& started = workers_[number];
            started.run_by = here.spawn_raw([this, &started] { work(started); });
        }
        for (strike const& each : plan_.strikes) {
            here.spawn_raw([this, &each] { hit(each); });
        }
        here.join();
        judge_standstill();
    }
    char const* run_to_end() {
        world_.close(plan_.scripts.size());
        this_hub().join();
        for (std::size_t number = 0; number < plan_.scripts.size(); ++number) {
            judge_end_of(workers_[number]);
        }
        if (world_.judge.broken() == nullptr) {
            world_.judge_end();
        }
        return world_.judge.broken();
    }

private:
    struct worker {
        std::size_t number = 0;
        greenlet run_by{};
        deed doing = deed::nothing;
        bool begun = false;
        bool over = false;
        bool spared = false;
        bool exit_wanted = false;
        int wanted = 0;
        int delivered = 0;
        int unrelated_waits = 0;
        // The one that it stands in, if it does.
        cancel_scope* scope = nullptr;
        std::array<stop_wish, 2> wishes{};
    };

    void judge(bool holds, char const* rule) noexcept { world_.judge.require(holds, rule); }

    // Who works.

    void work(worker& me) {
        judge(!me.over, "who is told to exit before the first turn never begins");
        me.begun = true;
        scope_exit const at_end{[&] { leave(me); }};
        for (step const& each : plan_.scripts[me.number]) {
            if (world_.closing()) {
                break;
            }
            do_step(me, each);
        }
    }

    static void leave(worker& me) noexcept {
        me.over = true;
        for (stop_wish& each : me.wishes) {
            me.wanted -= each.pending() ? 1 : 0;
            withdraw(*this_thread().current, each);
        }
    }

    void do_step(worker& me, step const& what) {
        time_point const began = now();
        bool interrupted = false;
        me.doing = what.what;
        try {
            interrupted = !perform(me, what);
        } catch (stopped const&) {
            ++me.delivered;
            interrupted = true;
        } catch (timed_out const&) {
            judge(
                what.scope != never && now() - began >= std::chrono::milliseconds{what.scope},
                "a timeout comes no sooner than its moment");
            interrupted = true;
        } catch (greenlet_exit const&) {
            judge(me.exit_wanted, "who is not told to exit does not");
            wait_for_something_else(me);
            throw;
        } catch (std::runtime_error const&) {
            judge(world_.closing(), "nobody hears of an end that has not come");
        }
        me.doing = deed::nothing;
        if (interrupted) {
            wait_for_something_else(me);
        }
    }

    // Returns whether it came to its end: false when a scope was cancelled.
    bool perform(worker& me, step const& what) {
        switch (what.within) {
        case around::limit:
            within_a_limit(me, what);
            return true;
        case around::two_limits: {
            timeout const outer{limit_of(what.scope)};
            within_a_limit(me, what);
            return true;
        }
        case around::scope:
        case around::shield:
            return within_a_scope(me, what);
        case around::group:
            within_a_group(me, what);
            return true;
        }
        return true;
    }

    void within_a_limit(worker& me, step const& what) {
        timeout const limit{limit_of(what.scope)};
        world_.perform(what, me.number);
    }

    bool within_a_scope(worker& me, step const& what) {
        cancel_scope scope{
            {.limit = limit_of(what.scope), .shield = what.within == around::shield}};
        me.scope = &scope;
        scope_exit const forget{[&] { me.scope = nullptr; }};
        bool const finished = scope.run([&] { world_.perform(what, me.number); });
        judge(finished || scope.cancel_called(), "a scope that nobody cancels absorbs nothing");
        return finished;
    }

    void within_a_group(worker& me, step const& what) {
        bool child_ended = false;
        scope_exit const at_end{[&] { judge(child_ended, "no child outlives its group"); }};
        timeout const limit{limit_of(what.scope)};
        try {
            with_task_group([&](task_group& group) {
                auto const child = group.spawn([&] { world_.perform(what, me.number); });
                child.state().observe(ended_.emplace_back(child_ended));
            });
        } catch (exception_group const& several) {
            std::rethrow_exception(several.errors().front());
        }
    }

    void wait_for_something_else(worker& me) {
        me.spared = true;
        me.doing = deed::nothing;
        std::optional<interruption_shield> shield;
        if (me.exit_wanted || me.wanted != me.delivered) {
            shield.emplace();
        }
        time_point const began = now();
        bool as_expected = false;
        if (++me.unrelated_waits % 2 == 0) {
            sleep_for(std::chrono::milliseconds{3});
            as_expected = now() - began == std::chrono::milliseconds{3};
        } else {
            event own;
            this_hub().call_later(std::chrono::milliseconds{2}, [&own] { own.set(); });
            own.wait();
            as_expected = own.is_set() && now() - began == std::chrono::milliseconds{2};
        }
        judge(as_expected, "the next wait of one that was interrupted is its own");
        me.spared = false;
    }

    // Who interrupts.

    void hit(strike const& what) {
        if (what.after == 0) {
            yield();
        } else if (what.after > 0) {
            sleep_for(std::chrono::milliseconds{what.after});
        }
        worker& target = workers_[what.whom];
        if (target.over || target.spared) {
            return;
        }
        if (what.how == blow::exit) {
            target.exit_wanted = true;
            target.over = !target.begun;
            request_exit(*target.run_by.block());
            return;
        }
        if (what.how == blow::scope) {
            if (target.scope != nullptr) {
                target.scope->cancel();
            }
            return;
        }
        for (stop_wish& each : target.wishes) {
            // A wish would leave one that has not begun with nobody to catch it.
            if (target.begun && !each.pending()) {
                ++target.wanted;
                request(*target.run_by.block(), each);
                return;
            }
        }
    }

    // What must hold.

    void judge_standstill() {
        judge(this_hub().statistics().alarms == 0, "no alarm is left when nobody can go on");
        for (std::size_t number = 0; number < plan_.scripts.size(); ++number) {
            if (!workers_[number].over) {
                world_.judge_wait(workers_[number].doing);
            }
        }
    }

    void judge_end_of(worker const& ended) {
        judge(ended.over && ended.run_by.dead(), "nobody waits when all waits are over");
        judge(ended.wanted == ended.delivered, "an interruption is delivered once");
    }

    // Notes that a child has ended.
    class end_note final : public detail::completion {
    public:
        explicit end_note(bool& into) noexcept : completion{this}, into_{into} {}

    private:
        void completed(detail::task_core&) noexcept override { into_ = true; }

        bool& into_;
    };

    plan const& plan_;
    std::deque<end_note> ended_;
    world world_;
    std::array<worker, most_workers> workers_;
};

}  // namespace tendril::test
