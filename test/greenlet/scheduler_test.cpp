// SPDX-License-Identifier: BSL-1.0
//
// What this floor asks of a loop, with a loop that only takes notes.
#include <harness/greenlets.hpp>
#include <tendril/greenlet/scheduler.hpp>
#include <tendril/greenlet/switch.hpp>
#include <tendril/greenlet/thread_record.hpp>
#include <tendril/support/system_calls.hpp>

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

using namespace tendril;
using test::on_new_thread;
using test::suspended_greenlet;
using test::switch_to_parent;
using test::transcript;
using test::traveller;

class noting_loop final : public scheduler {
public:
    noting_loop() : next_{greenlet::current()} { set_loop(this_thread(), this); }
    noting_loop(noting_loop const&) = delete;
    noting_loop& operator=(noting_loop const&) = delete;
    ~noting_loop() { set_loop(this_thread(), nullptr); }

    control_block& successor() noexcept override {
        seen.push_back("successor");
        return *next_.block();
    }
    void adopt(control_block& waiting) noexcept override {
        waiting.handles = 1;
        waiting.held_by_loop = true;
        adopted = &waiting;
    }
    void report(std::exception_ptr error, control_block const&) noexcept override {
        seen.push_back(describe(error));
    }
    void notice_visitor() noexcept override { ++visitors; }
    control_block& loop_greenlet() noexcept override { return *next_.block(); }
    void forget(control_block&) noexcept override { seen.push_back("forget"); }
    void forked() noexcept override { seen.push_back("forked"); }

    /// Leaves the running greenlet as one that waits in the loop.
    static void park() {
        thread_record& thread = this_thread();
        thread.transfer = nullptr;
        switch_stacks(thread, *thread.main, greenlet_state::parked);
        receive(thread);
    }
    /// Continues one that waits in the loop.
    static void wake(greenlet_ref const& waiting) {
        thread_record& thread = this_thread();
        thread.transfer = nullptr;
        switch_stacks(thread, *waiting.block(), greenlet_state::suspended);
        receive(thread);
    }

    transcript seen;
    control_block* adopted = nullptr;
    std::atomic<int> visitors{0};

private:
    greenlet_ref next_;
};

// Starts a greenlet as a loop does that has spawned it.
void start_spawned(greenlet const& g) {
    g.block()->scheduled = true;
    start_on_new_stack(this_thread(), *g.block());
    noting_loop::wake(g);
}

greenlet parked_greenlet() {
    greenlet g{[] { noting_loop::park(); }};
    g.switch_to();
    return g;
}

system_calls without_memory() {
    system_calls broken = kernel();
    broken.mmap = [](void*, std::size_t, int, int, int, off_t) -> void* {
        errno = ENOMEM;
        return MAP_FAILED;
    };
    return broken;
}

// A size of stack that no other test uses, so that the pool has none left over.
constexpr greenlet_options huge_stack{.stack_size = 200 * 1024 * 1024};

}  // namespace

TENDRIL_TEST(scheduler, its_greenlet_may_be_spared_when_all_others_are_ended) {
    on_new_thread([] {
        int others_ended = 0;
        bool loop_ended = false;
        greenlet const of_loop{[&] {
            noting_loop const present;
            scope_exit const note{[&] { loop_ended = true; }};
            switch_to_parent();
        }};
        of_loop.switch_to();
        greenlet const other = suspended_greenlet(others_ended);
        end_suspended(this_thread(), loop_at_end::spared);
        EXPECT_EQ(others_ended, 1);
        EXPECT_FALSE(loop_ended);
        end_suspended(this_thread(), loop_at_end::ended);
        EXPECT_TRUE(loop_ended);
    });
}

TENDRIL_TEST(scheduler, starting_gives_a_stack_and_runs_nothing) {
    bool ran = false;
    greenlet g{[&] { ran = true; }};
    start_on_new_stack(this_thread(), *g.block());
    EXPECT_NE(g.block()->memory, nullptr);
    EXPECT_EQ(g.block()->state, greenlet_state::suspended);
    EXPECT_FALSE(ran);
    g.switch_to();
    EXPECT_TRUE(ran);
}

TENDRIL_TEST(scheduler, a_start_without_a_stack_fails_in_whoever_switches_and_can_be_repeated) {
    system_calls const broken = without_memory();
    // A new thread has no idle stack.
    test::on_new_thread([&] {
        greenlet g{[](int first) { return first + 1; }, huge_stack};
        {
            replaced_system_calls const until_end{broken};
            EXPECT_THROW(g.switch_to(1), stack_exhausted);
        }
        EXPECT_FALSE(g.started());
        EXPECT_FALSE(g.dead());
        EXPECT_EQ(g.block()->state, greenlet_state::unstarted);
        EXPECT_EQ(g.switch_to(1).as<int>(), 2);
    });
}

TENDRIL_TEST(scheduler, a_parent_that_gets_no_stack_leaves_the_failure_to_its_own_parent) {
    system_calls const broken = without_memory();
    greenlet parent{[](traveller) {}, {.stack_size = 400 * 1024 * 1024}};
    greenlet child{[] {
        switch_to_parent();
        return traveller{1};
    }};
    child.switch_to();
    child.set_parent(parent);
    traveller::start();
    {
        replaced_system_calls const until_end{broken};
        EXPECT_THROW(child.switch_to(), stack_exhausted);
    }
    EXPECT_TRUE(child.dead());
    EXPECT_FALSE(parent.started());
    EXPECT_EQ(traveller::alive, 0);
}

TENDRIL_TEST(scheduler, abandoning_ends_an_unstarted_greenlet_and_its_function) {
    traveller::start();
    greenlet g{[passenger = traveller{1}] {}};
    abandon(*g.block(), std::make_exception_ptr(1));
    EXPECT_TRUE(g.dead());
    EXPECT_EQ(traveller::alive, 0);
}

TENDRIL_TEST(scheduler, says_who_runs_after_a_spawned_greenlet) {
    noting_loop loop;
    greenlet g{[&] { loop.seen.push_back("ran"); }};
    start_spawned(g);
    EXPECT_EQ(loop.seen, (transcript{"ran", "successor"}));
    EXPECT_TRUE(g.dead());
}

TENDRIL_TEST(scheduler, hears_of_an_error_that_leaves_a_spawned_greenlet) {
    noting_loop loop;
    greenlet g{[] { throw std::runtime_error{"lost"}; }};
    EXPECT_NO_THROW(start_spawned(g));
    EXPECT_EQ(loop.seen, (transcript{"std::runtime_error: lost", "successor"}));
}

TENDRIL_TEST(scheduler, an_unstarted_spawned_greenlet_is_started_by_the_loop_only) {
    noting_loop const loop;
    greenlet g{[] {}};
    g.block()->scheduled = true;
    EXPECT_THROW(g.switch_to(), misuse);
    EXPECT_THROW(g.throw_into(), misuse);
    EXPECT_EQ(g.block()->state, greenlet_state::unstarted);
}

TENDRIL_TEST(scheduler, a_greenlet_that_waits_in_the_loop_takes_nothing_from_others) {
    noting_loop loop;
    greenlet g = parked_greenlet();
    EXPECT_THROW(g.switch_to(), misuse);
    EXPECT_THROW(g.throw_into(), misuse);
    EXPECT_THROW(g.throw_into(std::runtime_error{"x"}), misuse);
    EXPECT_EQ(g.block()->state, greenlet_state::parked);
    loop.wake(g);
    EXPECT_TRUE(g.dead());
}

TENDRIL_TEST(scheduler, adopts_a_waiting_greenlet_whose_last_handle_is_dropped) {
    noting_loop loop;
    greenlet g = parked_greenlet();
    std::uint64_t const switches = this_thread().switches;
    greenlet_ref const named = g;
    g = greenlet{};
    EXPECT_EQ(loop.adopted, named.block());
    EXPECT_EQ(this_thread().switches, switches);
    loop.wake(named);
    EXPECT_EQ(this_thread().started, 0U);
}

TENDRIL_TEST(scheduler, a_result_for_a_parent_that_waits_in_the_loop_is_destroyed) {
    noting_loop loop;
    greenlet const parent = parked_greenlet();
    greenlet const child{[] { return traveller{1}; }, {.parent = parent}};
    traveller::start();
    child.switch_to();
    EXPECT_EQ(loop.seen, (transcript{"successor"}));
    EXPECT_EQ(traveller::alive, 0);
    loop.wake(parent);
}

TENDRIL_TEST(scheduler, hears_of_an_error_for_a_parent_that_waits_in_the_loop) {
    noting_loop loop;
    greenlet const parent = parked_greenlet();
    greenlet const child{[] { throw std::runtime_error{"lost"}; }, {.parent = parent}};
    child.switch_to();
    EXPECT_EQ(loop.seen, (transcript{"std::runtime_error: lost", "successor"}));
    EXPECT_EQ(parent.block()->state, greenlet_state::parked);
    loop.wake(parent);
}

TENDRIL_TEST(scheduler, hears_of_an_error_that_replaces_an_exit) {
    noting_loop loop;
    greenlet g{[] {
        try {
            switch_to_parent();
        } catch (greenlet_exit const&) {
            throw std::runtime_error{"instead"};
        }
    }};
    g.switch_to();
    g = greenlet{};
    EXPECT_EQ(loop.seen, (transcript{"std::runtime_error: instead"}));
}

TENDRIL_TEST(scheduler, is_told_when_another_thread_drops_a_last_handle) {
    noting_loop loop;
    int ended = 0;
    greenlet g = suspended_greenlet(ended);
    on_new_thread([moved = std::move(g)] {});
    EXPECT_EQ(loop.visitors, 1);
    receive_visitors(this_thread());
    EXPECT_EQ(ended, 1);
}
