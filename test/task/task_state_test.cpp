// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/task/task_state.hpp>

#include <memory>
#include <stdexcept>
#include <type_traits>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::transcript;
using stage = detail::task_core::stage;

static_assert(std::is_base_of_v<std::runtime_error, task_cancelled>);
static_assert(!std::is_base_of_v<cancelled, task_cancelled>);

template <typename F>
stage stage_after(F&& function) {
    auto const t = spawn(std::forward<F>(function));
    t.join();
    static_cast<void>(t.exception());
    return t.state().how();
}

}  // namespace

TENDRIL_HUB_TEST(task_state, is_unfinished_until_the_function_has_ended) {
    auto const t = spawn([] { sleep_for(1ms); });
    EXPECT_EQ(t.state().how(), stage::unfinished);
    EXPECT_FALSE(t.state().done());
    yield();
    EXPECT_EQ(t.state().how(), stage::unfinished);
    sleep_for(2ms);
    EXPECT_EQ(t.state().how(), stage::returned);
    EXPECT_TRUE(t.state().done());
}

TENDRIL_HUB_TEST(task_state, says_how_the_function_ended) {
    EXPECT_EQ(stage_after([] {}), stage::returned);
    EXPECT_EQ(stage_after([] { throw std::runtime_error{"broken"}; }), stage::failed);
    EXPECT_EQ(stage_after([] { throw 7; }), stage::failed);
    EXPECT_EQ(stage_after([] { throw cancelled{}; }), stage::cancelled);
    EXPECT_EQ(stage_after([] { throw greenlet_exit{}; }), stage::exited);
}

TENDRIL_HUB_TEST(task_state, classes_derived_from_cancelled_and_exit_count_as_them) {
    struct my_cancelled : cancelled {};
    struct my_exit : greenlet_exit {};
    EXPECT_EQ(stage_after([] { throw my_cancelled{}; }), stage::cancelled);
    EXPECT_EQ(stage_after([] { throw my_exit{}; }), stage::exited);
}

TENDRIL_TEST(task_state, a_task_that_its_hub_ends_before_it_begins_has_exited) {
    task<void> t;
    run([&] { t = spawn([] {}); });
    EXPECT_EQ(t.state().how(), stage::exited);
    EXPECT_THROW(t.get(), task_cancelled);
}

TENDRIL_TEST(task_state, a_task_that_its_hub_ends_while_it_waits_has_exited) {
    task<void> t;
    run([&] {
        t = spawn([] { sleep_for(1h); });
        yield();
    });
    EXPECT_EQ(t.state().how(), stage::exited);
    EXPECT_TRUE(test::contains(t.name(), ""));
    try {
        t.get();
        ADD_FAILURE();
    } catch (task_cancelled const& error) {
        EXPECT_TRUE(test::contains(error.what(), "was ended before it had a result"));
    }
}

TENDRIL_HUB_TEST(task_state, captures_are_destroyed_before_anybody_learns_of_the_end) {
    transcript seen;
    auto owned = std::make_unique<test::yields_when_destroyed>(seen, "captures");
    auto const t = spawn([owned = std::move(owned)] {});
    t.on_done([&] { seen.push_back("link"); });
    t.join();
    seen.push_back("joined");
    sleep_for(1ms);
    EXPECT_EQ(seen, (transcript{"captures", "joined", "link"}));
}

TENDRIL_HUB_TEST(task_state, captures_are_destroyed_on_the_tasks_own_stack) {
    struct notes_where {
        greenlet_ref* where;
        explicit notes_where(greenlet_ref* to) : where{to} {}
        notes_where(notes_where&& other) noexcept : where{std::exchange(other.where, nullptr)} {}
        ~notes_where() {
            if (where != nullptr) {
                *where = greenlet::current();
            }
        }
    };
    for (bool const begins : {true, false}) {
        greenlet_ref where;
        auto const t = spawn([note = notes_where{&where}] {});
        if (!begins) {
            t.cancel();
        }
        std::uint32_t id = 0;
        t.on_done([&] { id = where.id(); });
        sleep_for(1ms);
        EXPECT_EQ(id, t.id());
    }
}

TENDRIL_HUB_TEST(task_state, captures_may_hold_a_handle_to_the_task_itself) {
    auto const captured = std::make_shared<int>(1);
    {
        auto self = std::make_shared<task<void>>();
        *self = spawn([self, captured] {});
    }
    yield();
    EXPECT_EQ(captured.use_count(), 1);
    {
        auto self = std::make_shared<task<void>>();
        *self = spawn([self, captured] {});
        self->cancel();
    }
    yield();
    EXPECT_EQ(captured.use_count(), 1);
}

TENDRIL_HUB_TEST(task_state, knows_name_number_and_place) {
    auto const t = spawn({.name = "worker"}, [] {});
    EXPECT_EQ(t.state().name(), "worker");
    EXPECT_EQ(t.state().id(), t.id());
    EXPECT_TRUE(test::contains(t.state().where().file_name(), "task_state_test.cpp"));
    EXPECT_EQ(spawn([] {}).state().where().line(), 0U);
}

TENDRIL_TEST(task_state, options_have_defaults) {
    spawn_options const options;
    EXPECT_EQ(options.name, "");
    EXPECT_EQ(options.stack_size, stack_pool::default_size);
    EXPECT_NE(options.where.line(), 0U);
}
