// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/greenlet/greenlet_exit.hpp>

#include <exception>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace {

using namespace tendril;
using test::note_at_end;
using test::switch_to_parent;
using test::transcript;

class quiet_end : public greenlet_exit {};

greenlet suspended_for_ever() {
    greenlet g{[] {
        while (true) {
            switch_to_parent();
        }
    }};
    g.switch_to();
    return g;
}

}  // namespace

TENDRIL_TEST(greenlet_exit, is_no_standard_exception) {
    EXPECT_FALSE((std::is_base_of_v<std::exception, greenlet_exit>));
}

TENDRIL_TEST(greenlet_exit, is_what_a_throw_without_an_argument_throws) {
    bool caught = false;
    greenlet g{[&] {
        try {
            switch_to_parent();
        } catch (greenlet_exit const&) {
            caught = true;
        }
    }};
    g.switch_to();
    g.throw_into();
    EXPECT_TRUE(caught);
}

TENDRIL_TEST(greenlet_exit, passes_handlers_of_standard_exceptions) {
    bool caught = false;
    greenlet g{[&] {
        try {
            switch_to_parent();
        } catch (std::exception const&) {
            caught = true;
        }
    }};
    g.switch_to();
    g.throw_into();
    EXPECT_FALSE(caught);
    EXPECT_TRUE(g.dead());
}

TENDRIL_TEST(greenlet_exit, arrives_at_the_parent_as_a_value) {
    greenlet g = suspended_for_ever();
    EXPECT_TRUE(g.throw_into().holds<greenlet_exit>());
    EXPECT_TRUE(g.dead());
}

TENDRIL_TEST(greenlet_exit, thrown_by_a_function_itself_ends_it_quietly) {
    greenlet g{[] { throw greenlet_exit{}; }};
    EXPECT_TRUE(g.switch_to().holds<greenlet_exit>());
    EXPECT_TRUE(g.dead());
}

TENDRIL_TEST(greenlet_exit, a_derived_class_counts_as_it) {
    greenlet by_itself{[] { throw quiet_end{}; }};
    EXPECT_TRUE(by_itself.switch_to().holds<greenlet_exit>());
    EXPECT_TRUE(suspended_for_ever().throw_into(quiet_end{}).holds<greenlet_exit>());
    EXPECT_TRUE(greenlet{[] {}}.throw_into(quiet_end{}).holds<greenlet_exit>());
}

TENDRIL_TEST(greenlet_exit, a_derived_class_is_thrown_in_as_itself) {
    bool caught = false;
    greenlet g{[&] {
        try {
            switch_to_parent();
        } catch (quiet_end const&) {
            caught = true;
        }
    }};
    g.switch_to();
    g.throw_into(quiet_end{});
    EXPECT_TRUE(caught);
}

TENDRIL_TEST(greenlet_exit, unwinds_every_frame_in_order) {
    transcript seen;
    greenlet g{[&] {
        note_at_end const outer{seen, "outer"};
        [&] {
            note_at_end const inner{seen, "inner"};
            switch_to_parent();
            seen.push_back("never");
        }();
        seen.push_back("never");
    }};
    g.switch_to();
    g.throw_into();
    EXPECT_EQ(seen, (transcript{"inner", "outer"}));
}

TENDRIL_TEST(greenlet_exit, can_be_caught_and_answered_with_a_result) {
    greenlet g{[] {
        try {
            switch_to_parent();
        } catch (greenlet_exit const&) {
            return 5;
        }
        return 6;
    }};
    g.switch_to();
    EXPECT_EQ(g.throw_into().as<int>(), 5);
}

TENDRIL_TEST(greenlet_exit, thrown_into_an_unstarted_one_is_a_value_for_its_parent) {
    bool ran = false;
    greenlet g{[&] { ran = true; }};
    EXPECT_TRUE(g.throw_into().holds<greenlet_exit>());
    EXPECT_TRUE(g.dead());
    EXPECT_FALSE(ran);
}

TENDRIL_TEST(greenlet_exit, thrown_into_an_unstarted_one_starts_an_unstarted_parent_with_it) {
    bool received = false;
    greenlet parent{[&](value first) { received = first.holds<greenlet_exit>(); }};
    greenlet child{[] {}, {.parent = parent}};
    child.throw_into();
    EXPECT_TRUE(received);
    EXPECT_TRUE(parent.dead());
}

TENDRIL_TEST(greenlet_exit, thrown_into_a_dead_one_comes_back_as_a_value) {
    greenlet g{[] {}};
    g.switch_to();
    std::uint64_t const switches = this_thread().switches;
    EXPECT_TRUE(g.throw_into().holds<greenlet_exit>());
    EXPECT_EQ(this_thread().switches, switches);
}

TENDRIL_TEST(greenlet_exit, thrown_into_the_current_one_is_thrown_there) {
    EXPECT_THROW(greenlet::current().throw_into(), greenlet_exit);
}

TENDRIL_TEST(greenlet_exit, ends_one_that_ends_another) {
    transcript seen;
    greenlet inner{[&] {
        note_at_end const note{seen, "inner"};
        switch_to_parent();
    }};
    inner.switch_to();
    greenlet outer{[&seen, held = std::move(inner)] {
        note_at_end const note{seen, "outer"};
        switch_to_parent();
    }};
    outer.switch_to();
    outer.throw_into();
    EXPECT_EQ(seen, (transcript{"outer", "inner"}));
}
