// SPDX-License-Identifier: BSL-1.0
//
// Where errors go: those that leave a greenlet, and those that are thrown into one.
#include <harness/greenlets.hpp>
#include <tendril/greenlet/greenlet.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

using namespace tendril;
using test::switch_to_parent;
using test::transcript;
using test::traveller;

}  // namespace

TENDRIL_TEST(greenlet, an_error_is_thrown_on_in_the_parent_as_the_same_object) {
    std::exception_ptr inside;
    greenlet g{[&] {
        try {
            throw std::out_of_range{"seven"};
        } catch (...) {
            inside = std::current_exception();
            throw;
        }
    }};
    try {
        g.switch_to();
        FAIL() << "nothing was thrown";
    } catch (std::out_of_range const&) {
        EXPECT_EQ(std::current_exception(), inside);
    }
    EXPECT_TRUE(g.dead());
}

TENDRIL_TEST(greenlet, an_error_of_any_type_reaches_the_parent) {
    greenlet g{[] { throw 42; }};
    try {
        g.switch_to();
        FAIL() << "nothing was thrown";
    } catch (int number) {
        EXPECT_EQ(number, 42);
    }
}

TENDRIL_TEST(greenlet, an_error_goes_to_the_parent_and_not_to_the_one_that_resumed_it) {
    transcript seen;
    greenlet failing{[] { throw std::runtime_error{"failed"}; }};
    greenlet resumer{[&] {
        try {
            failing.switch_to();
        } catch (std::runtime_error const&) {
            seen.push_back("resumer");
        }
    }};
    try {
        resumer.switch_to();
    } catch (std::runtime_error const&) {
        seen.push_back("parent");
    }
    EXPECT_EQ(seen, (transcript{"parent"}));
    EXPECT_TRUE(resumer);
}

TENDRIL_TEST(greenlet, a_result_goes_to_the_parent_and_not_to_the_one_that_resumed_it) {
    greenlet child{[] { return 1; }};
    greenlet resumer{[&] {
        child.switch_to();
        return 2;
    }};
    EXPECT_EQ(resumer.switch_to().as<int>(), 1);
    EXPECT_TRUE(resumer);
}

TENDRIL_TEST(greenlet, a_thousand_failures_leave_nothing_behind) {
    std::size_t const live = this_thread().blocks.live();
    for (int trip = 0; trip < 1000; ++trip) {
        greenlet g{[] {
            switch_to_parent();
            throw std::runtime_error{"failed"};
        }};
        g.switch_to();
        EXPECT_THROW(g.switch_to(), std::runtime_error);
    }
    EXPECT_EQ(this_thread().blocks.live(), live);
    EXPECT_EQ(this_thread().stacks.statistics().in_use, 0U);
}

TENDRIL_TEST(greenlet, an_error_outlives_the_greenlet_that_threw_it) {
    std::exception_ptr kept;
    {
        greenlet g{[] { throw std::runtime_error{"from a stack that is gone"}; }};
        try {
            g.switch_to();
        } catch (...) {
            kept = std::current_exception();
        }
    }
    greenlet{[](int) {}}.switch_to(1);
    EXPECT_EQ(describe(kept), "std::runtime_error: from a stack that is gone");
}

// Throwing into.

TENDRIL_TEST(greenlet, throwing_into_a_suspended_one_throws_where_it_waits) {
    std::string caught;
    greenlet g{[&] {
        try {
            switch_to_parent();
        } catch (std::runtime_error const& error) {
            caught = error.what();
        }
        return switch_to_parent(1);
    }};
    g.switch_to();
    EXPECT_EQ(g.throw_into(std::runtime_error{"thrown in"}).as<int>(), 1);
    EXPECT_EQ(caught, "thrown in");
    EXPECT_TRUE(g);
    EXPECT_EQ(g.switch_to(2).as<int>(), 2);
}

TENDRIL_TEST(greenlet, throwing_returns_what_anybody_sends_to_the_thrower) {
    greenlet_ref const thrower = greenlet::current();
    greenlet other{[&] { thrower.switch_to(std::string{"from another"}); }};
    greenlet g{[&] {
        try {
            switch_to_parent();
        } catch (int) {
            other.switch_to();
        }
    }};
    g.switch_to();
    EXPECT_EQ(g.throw_into(1).as<std::string>(), "from another");
}

TENDRIL_TEST(greenlet, an_error_thrown_into_one_that_does_not_catch_it_comes_out_at_its_parent) {
    greenlet g{[] { switch_to_parent(); }};
    g.switch_to();
    EXPECT_THROW(g.throw_into(std::runtime_error{"through"}), std::runtime_error);
    EXPECT_TRUE(g.dead());
}

TENDRIL_TEST(greenlet, an_exception_pointer_is_thrown_in_as_the_same_object) {
    std::exception_ptr const sent = std::make_exception_ptr(std::runtime_error{"x"});
    std::exception_ptr caught;
    greenlet g{[&] {
        try {
            switch_to_parent();
        } catch (...) {
            caught = std::current_exception();
        }
    }};
    g.switch_to();
    g.throw_into(sent);
    EXPECT_EQ(caught, sent);
}

TENDRIL_TEST(greenlet, throwing_a_null_pointer_is_misuse_and_switches_nowhere) {
    greenlet g{[] { switch_to_parent(); }};
    g.switch_to();
    std::uint64_t const switches = this_thread().switches;
    EXPECT_THROW(g.throw_into(std::exception_ptr{}), misuse);
    EXPECT_EQ(this_thread().switches, switches);
    EXPECT_TRUE(g);
}

TENDRIL_TEST(greenlet, throwing_into_an_unstarted_one_kills_it_and_never_runs_its_function) {
    bool ran = false;
    greenlet g{[&] { ran = true; }};
    EXPECT_THROW(g.throw_into(std::runtime_error{"x"}), std::runtime_error);
    EXPECT_TRUE(g.dead());
    EXPECT_FALSE(g.started());
    g.switch_to();
    EXPECT_FALSE(ran);
}

TENDRIL_TEST(greenlet, throwing_into_an_unstarted_one_destroys_its_function) {
    traveller::start();
    greenlet g{[passenger = traveller{1}] {}};
    EXPECT_THROW(g.throw_into(1), int);
    EXPECT_EQ(traveller::alive, 0);
}

TENDRIL_TEST(greenlet, an_error_thrown_into_an_unstarted_one_is_handled_by_its_suspended_parent) {
    transcript seen;
    greenlet parent{[&] {
        try {
            switch_to_parent();
        } catch (std::runtime_error const& error) {
            seen.push_back(error.what());
        }
        return std::string{"parent ended"};
    }};
    parent.switch_to();
    greenlet child{[] {}, {.parent = parent}};
    seen.push_back(child.throw_into(std::runtime_error{"x"}).as<std::string>());
    EXPECT_EQ(seen, (transcript{"x", "parent ended"}));
}

TENDRIL_TEST(greenlet, an_error_thrown_into_an_unstarted_one_kills_its_unstarted_ancestors) {
    greenlet grandparent{[] {}};
    greenlet parent{[] {}, {.parent = grandparent}};
    greenlet child{[] {}, {.parent = parent}};
    EXPECT_THROW(child.throw_into(std::runtime_error{"x"}), std::runtime_error);
    EXPECT_TRUE(parent.dead());
    EXPECT_TRUE(grandparent.dead());
    EXPECT_FALSE(parent.started());
}

TENDRIL_TEST(greenlet, an_error_thrown_into_a_dead_one_is_raised_in_its_nearest_living_ancestor) {
    std::string caught;
    greenlet ancestor{[&] {
        try {
            switch_to_parent();
        } catch (std::runtime_error const& error) {
            caught = error.what();
        }
    }};
    ancestor.switch_to();
    greenlet dead{[] {}};
    dead.switch_to();
    EXPECT_THROW(dead.throw_into(std::runtime_error{"here"}), std::runtime_error);
    dead.set_parent(ancestor);
    dead.throw_into(std::runtime_error{"there"});
    EXPECT_EQ(caught, "there");
}

TENDRIL_TEST(greenlet, throwing_into_the_current_one_throws_right_there) {
    std::uint64_t const switches = this_thread().switches;
    EXPECT_THROW(greenlet::current().throw_into(std::runtime_error{"x"}), std::runtime_error);
    EXPECT_EQ(this_thread().switches, switches);
}

TENDRIL_TEST(greenlet, a_child_that_throws_is_as_good_as_throwing_into_its_parent) {
    std::string caught;
    greenlet target{[&] {
        try {
            switch_to_parent();
        } catch (std::runtime_error const& error) {
            caught = error.what();
        }
    }};
    target.switch_to();
    greenlet thrower{[] { throw std::runtime_error{"delivered"}; }, {.parent = target}};
    thrower.switch_to();
    EXPECT_EQ(caught, "delivered");
    EXPECT_TRUE(target.dead());
}
