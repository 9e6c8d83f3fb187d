// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/greenlet/trace_hook.hpp>
#include <tendril/time/sleep.hpp>

#include <stdexcept>

namespace {

using namespace tendril;
using tendril::test::switch_to_parent;
using tendril::test::transcript;

std::string name_of(greenlet_ref const& named) {
    return named.block()->name == nullptr ? "?" : named.block()->name;
}

// Traces into a transcript until the end of the scope.
class traced {
public:
    explicit traced(transcript& seen)
        : previous_{set_trace([&seen](trace_event event, greenlet const& from, greenlet const& to) {
              seen.push_back(
                  name_of(from) + (event == trace_event::thrown ? " => " : " -> ") + name_of(to));
          })} {}
    traced(traced const&) = delete;
    traced& operator=(traced const&) = delete;
    ~traced() { set_trace(previous_); }

private:
    trace_function previous_;
};

TENDRIL_TEST(trace_hook, returns_the_previous_function) {
    EXPECT_FALSE(set_trace([](trace_event, greenlet const&, greenlet const&) {}));
    EXPECT_TRUE(get_trace());
    EXPECT_TRUE(set_trace({}));
    EXPECT_FALSE(get_trace());
}

TENDRIL_TEST(trace_hook, runs_in_the_target_after_the_switch) {
    transcript seen;
    set_trace([&](trace_event, greenlet const&, greenlet const& to) {
        seen.push_back(to == greenlet::current() ? name_of(to) : "another");
    });
    greenlet g{[] { switch_to_parent(); }, {.name = "g"}};
    g.switch_to();
    g.switch_to();
    set_trace({});
    EXPECT_EQ(seen, (transcript{"g", "main", "g", "main"}));
}

TENDRIL_TEST(trace_hook, tells_throws_from_switches) {
    transcript seen;
    greenlet caught{
        [] {
            try {
                switch_to_parent();
            } catch (std::runtime_error const&) {
                switch_to_parent();
            }
        },
        {.name = "g"}};
    {
        traced const until_here{seen};
        caught.switch_to();
        caught.throw_into(std::runtime_error{"in"});
        EXPECT_THROW(caught.throw_into(std::logic_error{"out"}), std::logic_error);
    }
    EXPECT_EQ(
        seen,
        (transcript{"main -> g", "g -> main", "main => g", "g -> main", "main => g", "g => main"}));
}

TENDRIL_TEST(trace_hook, a_death_by_returning_is_a_switch) {
    transcript seen;
    greenlet g{[] {}, {.name = "g"}};
    traced const until_here{seen};
    g.switch_to();
    EXPECT_EQ(seen, (transcript{"main -> g", "g -> main"}));
}

TENDRIL_TEST(trace_hook, sees_the_first_entry_before_the_function_runs) {
    transcript seen;
    greenlet g{[&] { seen.push_back("runs"); }, {.name = "g"}};
    traced const until_here{seen};
    g.switch_to();
    EXPECT_EQ(seen, (transcript{"main -> g", "runs", "g -> main"}));
}

TENDRIL_TEST(trace_hook, an_error_of_the_function_ends_tracing_and_is_reported) {
    tendril::test::unraisable_errors const errors;
    set_trace([](trace_event, greenlet const&, greenlet const&) {
        throw std::runtime_error{"the tracer is broken"};
    });
    greenlet g{[](int number) { return number + 1; }};
    EXPECT_EQ(g.switch_to(1).as<int>(), 2);
    EXPECT_FALSE(get_trace());
    ASSERT_EQ(errors.collected().size(), 1U);
    EXPECT_NE(errors.collected()[0].find("the tracer is broken"), std::string::npos);
}

TENDRIL_TEST(trace_hook, installing_it_twice_and_restoring_keeps_it_right) {
    int told = 0;
    trace_function const count = [&](trace_event, greenlet const&, greenlet const&) { ++told; };
    set_trace(count);
    trace_function const previous = set_trace(count);
    set_trace(previous);
    greenlet{[] {}}.switch_to();
    set_trace({});
    greenlet{[] {}}.switch_to();
    EXPECT_EQ(told, 2);
}

TENDRIL_TEST(trace_hook, a_function_that_switches_leaves_the_carried_value_alone) {
    greenlet helper{[] {
        while (true) {
            switch_to_parent(std::string{"of the helper"});
        }
    }};
    set_trace([&](trace_event, greenlet const&, greenlet const&) {
        helper.set_parent(greenlet::current());
        helper.switch_to();
    });
    greenlet g{[](std::string given) { return given + " and back"; }};
    std::string const result = g.switch_to(std::string{"there"}).as<std::string>();
    set_trace({});
    helper.set_parent(greenlet::current());
    EXPECT_EQ(result, "there and back");
}

TENDRIL_TEST(trace_hook, events_have_distinct_values) {
    EXPECT_NE(trace_event::switched, trace_event::thrown);
}

TENDRIL_TEST(trace_hook, the_target_does_not_look_dead) {
    transcript seen;
    set_trace([&](trace_event, greenlet const& from, greenlet const& to) {
        seen.push_back(name_of(from) + (from.dead() ? " dead" : ""));
        seen.push_back(name_of(to) + (to.dead() ? " dead" : ""));
    });
    greenlet{[] {}, {.name = "g"}}.switch_to();
    set_trace({});
    EXPECT_EQ(seen, (transcript{"main", "g", "g dead", "main"}));
}

TENDRIL_TEST(trace_hook, sees_the_end_by_the_last_handle) {
    transcript seen;
    greenlet g{[] { switch_to_parent(); }, {.name = "g"}};
    g.switch_to();
    traced const until_here{seen};
    g = greenlet{};
    EXPECT_EQ(seen, (transcript{"main => g", "g -> main"}));
}

TENDRIL_TEST(trace_hook, may_replace_itself_while_it_runs) {
    transcript seen;
    set_trace([&](trace_event, greenlet const&, greenlet const&) {
        seen.push_back("first");
        set_trace([&](trace_event, greenlet const&, greenlet const&) { seen.push_back("second"); });
    });
    greenlet{[] {}}.switch_to();
    set_trace({});
    EXPECT_EQ(seen, (transcript{"first", "second"}));
}

TENDRIL_TEST(trace_hook, keeps_one_that_drops_itself_until_it_was_told) {
    transcript seen;
    greenlet g;
    g = greenlet{
        [&] {
            greenlet const dropped = std::move(g);
            static_cast<void>(dropped);
        },
        {.name = "g"}};
    traced const until_here{seen};
    g.switch_to();
    EXPECT_EQ(seen, (transcript{"main -> g", "g -> main"}));
}

TENDRIL_TEST(trace_hook, belongs_to_one_thread) {
    transcript seen;
    traced const until_here{seen};
    tendril::test::on_new_thread([] {
        EXPECT_FALSE(get_trace());
        greenlet{[] {}}.switch_to();
    });
    EXPECT_EQ(seen, transcript{});
}

TENDRIL_HUB_TEST(trace_hook, is_told_of_the_switches_of_a_hub) {
    int told = 0;
    set_trace([&](trace_event, greenlet const&, greenlet const&) { ++told; });
    this_hub().spawn_raw([] {});
    yield();
    set_trace({});
    EXPECT_GE(told, 2);
}

}  // namespace
