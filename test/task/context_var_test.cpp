// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/task/context_var.hpp>
#include <tendril/threads/run_in_thread.hpp>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::contains;
using test::misuse_of;

}  // namespace

TENDRIL_HUB_TEST(context_var, has_its_default_where_it_is_not_set) {
    context_var<std::string> v{"none"};
    EXPECT_EQ(v.get(), "none");
    context_var<int> bare;
    EXPECT_EQ(bare.find(), nullptr);
    EXPECT_TRUE(contains(misuse_of([&] { bare.get(); }), "no default"));
}

TENDRIL_HUB_TEST(context_var, a_set_lasts_until_it_is_undone) {
    context_var<int> v{1};
    context_token first = v.set(2);
    context_token second = v.set(3);
    EXPECT_EQ(v.get(), 3);
    v.reset(second);
    EXPECT_EQ(v.get(), 2);
    v.reset(first);
    EXPECT_EQ(v.get(), 1);
    EXPECT_EQ(copy_context().get(), nullptr);
}

TENDRIL_HUB_TEST(context_var, a_scope_undoes_its_set_at_its_end) {
    context_var<int> v{1};
    context_var<int> other{1};
    {
        auto const scope = v.set_in_scope(2);
        EXPECT_EQ(v.get(), 2);
        {
            auto const inner = v.set_in_scope(3);
            EXPECT_EQ(v.get(), 3);
            other.set(5);
        }
        EXPECT_EQ(v.get(), 2);
        EXPECT_EQ(other.get(), 5);
    }
    EXPECT_EQ(v.get(), 1);
    EXPECT_EQ(other.get(), 5);
}

TENDRIL_HUB_TEST(context_var, a_token_undoes_its_own_set_once) {
    context_var<int> v{1};
    context_var<int> other{1};
    context_token token = v.set(2);
    EXPECT_TRUE(contains(misuse_of([&] { other.reset(token); }), "another context_var"));
    std::string elsewhere;
    spawn([&] { elsewhere = misuse_of([&] { v.reset(token); }); }).join();
    EXPECT_TRUE(contains(elsewhere, "in the greenlet that has set it"));
    v.reset(token);
    EXPECT_TRUE(contains(misuse_of([&] { v.reset(token); }), "once"));
}

TENDRIL_HUB_TEST(context_var, a_task_begins_with_what_its_spawner_has_when_it_spawns) {
    context_var<int> v{1};
    context_token token = v.set(2);
    task<int> t = spawn([&] { return v.get(); });
    v.set(3);
    EXPECT_EQ(t.get(), 2);
    task<int> grandchild = spawn([&] { return spawn([&] { return v.get(); }).get(); });
    EXPECT_EQ(grandchild.get(), 3);
    v.reset(token);
    EXPECT_EQ(spawn([&] { return v.get(); }).get(), 1);
}

TENDRIL_HUB_TEST(context_var, a_change_in_a_task_is_seen_by_nobody_else) {
    context_var<int> v{1};
    v.set(2);
    int sibling = 0;
    task<void> changes = spawn([&] {
        v.set(3);
        yield();
        EXPECT_EQ(v.get(), 3);
    });
    task<void> looks = spawn([&] { sibling = v.get(); });
    changes.join();
    looks.join();
    EXPECT_EQ(sibling, 2);
    EXPECT_EQ(v.get(), 2);
}

TENDRIL_HUB_TEST(context_var, a_change_in_the_spawner_is_not_seen_by_the_task) {
    context_var<int> v{1};
    v.set(2);
    task<int> t = spawn([&] {
        yield();
        yield();
        return v.get();
    });
    yield();
    v.set(3);
    EXPECT_EQ(t.get(), 2);
}

TENDRIL_HUB_TEST(context_var, greenlets_by_hand_and_callbacks_inherit_nothing) {
    context_var<int> v{1};
    v.set(2);
    int by_hand = 0;
    int raw = 0;
    int called = 0;
    greenlet{[&] { by_hand = v.get(); }}.switch_to();
    this_hub().spawn_raw([&] { raw = v.get(); });
    this_hub().call_soon([&] { called = v.get(); });
    sleep_for(1ms);
    EXPECT_EQ(by_hand, 1);
    EXPECT_EQ(raw, 1);
    EXPECT_EQ(called, 1);
}

TENDRIL_HUB_TEST(context_var, a_callback_may_set_it_in_a_scope_only) {
    context_var<int> v{1};
    std::string refused;
    int inside = 0;
    int inherited = 0;
    task<void> t;
    this_hub().call_soon([&] {
        refused = misuse_of([&] { v.set(2); });
        auto const scope = v.set_in_scope(3);
        inside = v.get();
        t = spawn([&] { inherited = v.get(); });
    });
    int after = 0;
    this_hub().call_soon([&] { after = v.get(); });
    sleep_for(1ms);
    t.join();
    EXPECT_TRUE(contains(refused, "set_in_scope"));
    EXPECT_EQ(inside, 3);
    EXPECT_EQ(inherited, 3);
    EXPECT_EQ(after, 1);
}

TENDRIL_HUB_TEST(context_var, a_value_is_copied_by_no_spawn_and_freed_with_its_last_carrier) {
    auto const value = std::make_shared<int>(7);
    {
        context_var<std::shared_ptr<int>> v;
        task<void> last;
        {
            auto const scope = v.set_in_scope(value);
            EXPECT_EQ(value.use_count(), 2);
            last = spawn([] { sleep_for(1ms); });
            spawn([] {}).join();
            EXPECT_EQ(value.use_count(), 2);
        }
        EXPECT_EQ(value.use_count(), 2);
        last.join();
        last = {};
        yield();
        EXPECT_EQ(value.use_count(), 1);
    }
}

TENDRIL_HUB_TEST(context_var, a_variable_may_go_before_its_values) {
    context_var<int> stays{1};
    {
        context_var<int> goes{1};
        goes.set(2);
    }
    context_var<int> comes{5};
    EXPECT_EQ(comes.get(), 5);
    stays.set(3);
    EXPECT_EQ(stays.get(), 3);
}

TENDRIL_HUB_TEST(context_var, a_context_is_a_snapshot_in_which_a_function_may_run) {
    context_var<int> v{1};
    v.set(2);
    carried_context const snapshot = copy_context();
    v.set(3);
    int const inside = run_in_context(snapshot, [&] {
        int const seen = v.get();
        v.set(9);
        return seen;
    });
    EXPECT_EQ(inside, 2);
    EXPECT_EQ(v.get(), 3);
    EXPECT_EQ(run_in_context(snapshot, [&] { return v.get(); }), 2);
    EXPECT_EQ(run_in_context({}, [&] { return v.get(); }), 1);
    EXPECT_THROW(run_in_context(snapshot, [] { throw 1; }), int);
    EXPECT_EQ(v.get(), 3);
}

TENDRIL_HUB_TEST(context_var, a_context_can_be_read_and_given_from_outside) {
    context_var<int> v{1};
    auto const scope = v.set_in_scope(2);
    int seen = 0;
    greenlet g{[&] { seen = v.get(); }};
    set_context(g, copy_context());
    g.switch_to();
    EXPECT_EQ(seen, 2);
    EXPECT_EQ(context_of(g).get(), copy_context().get());
}

TENDRIL_HUB_TEST(context_var, a_set_of_another_kind_is_inherited_and_not_overwritten) {
    struct own_values : context_values {};
    context_var<int> v{1};
    carried_context const own{new own_values};
    set_context(greenlet::current(), own);
    EXPECT_EQ(v.get(), 1);
    EXPECT_NE(misuse_of([&] { v.set(2); }), "");
    spawn([&] { EXPECT_EQ(context_of(greenlet::current()).get(), own.get()); }).join();
    set_context(greenlet::current(), {});
}

TENDRIL_HUB_TEST(context_var, a_set_of_another_kind_ends_with_the_scope_that_it_was_given_in) {
    struct own_values : context_values {};
    context_var<int> v{1};
    {
        auto const scope = v.set_in_scope(2);
        set_context(greenlet::current(), carried_context{new own_values});
    }
    EXPECT_EQ(v.get(), 1);
    EXPECT_EQ(copy_context().get(), nullptr);
}

TENDRIL_HUB_TEST(context_var, a_job_in_a_thread_has_the_values_of_its_caller) {
    context_var<std::string> v{"none"};
    thread_pool pool{{.maximum_size = 1}};
    {
        auto const scope = v.set_in_scope("42");
        EXPECT_EQ(pool.run([&] { return v.get(); }), "42");
        pool.run([&] { v.set("changed"); });
        EXPECT_EQ(v.get(), "42");
        EXPECT_EQ(pool.spawn([&] { return v.get(); }).get(), "42");
    }
    EXPECT_EQ(pool.run([&] { return v.get(); }), "none");
}

TENDRIL_TEST(context_var, works_on_a_thread_without_a_hub) {
    context_var<int> v{1};
    std::thread{[&] {
        context_token token = v.set(2);
        EXPECT_EQ(v.get(), 2);
        v.reset(token);
    }}.join();
    EXPECT_EQ(v.get(), 1);
    EXPECT_EQ(this_thread().loop, nullptr);
}
