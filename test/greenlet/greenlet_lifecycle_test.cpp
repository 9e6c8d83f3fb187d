// SPDX-License-Identifier: BSL-1.0
//
// Birth, identity and handles: what a program may rely on besides switching.
#include <harness/greenlets.hpp>
#include <tendril/greenlet/greenlet.hpp>

#include <cstddef>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace {

using namespace tendril;
using test::on_new_thread;
using test::switch_to_parent;
using test::transcript;
using test::traveller;

// A function in two parts, of which classes that derive from it change one.
struct greeting {
    virtual ~greeting() = default;
    virtual std::string word() const { return "good day"; }
    std::string operator()() const { return word() + '!'; }
};
struct warm_greeting : greeting {
    std::string word() const override { return "welcome"; }
};

}  // namespace

TENDRIL_TEST(greenlet, a_handle_that_gets_another_greenlet_leaves_the_old_function_in_place) {
    greenlet g{[] { return 1; }};
    greenlet const copy = g;
    g = greenlet{[] { return 2; }};
    EXPECT_NE(copy, g);
    EXPECT_EQ(copy.switch_to().as<int>(), 1);
    EXPECT_EQ(g.switch_to().as<int>(), 2);
}

TENDRIL_TEST(greenlet, an_object_of_a_class_that_overrides_a_part_is_a_function) {
    EXPECT_EQ(greenlet{greeting{}}.switch_to().as<std::string>(), "good day!");
    EXPECT_EQ(greenlet{warm_greeting{}}.switch_to().as<std::string>(), "welcome!");
}

TENDRIL_TEST(greenlet, a_reference_does_not_keep_it_alive) {
    int ended = 0;
    greenlet g = test::suspended_greenlet(ended);
    greenlet_ref const named = g;
    greenlet_ref const copy = named;
    EXPECT_EQ(copy, g);
    g = greenlet{};
    EXPECT_EQ(ended, 1);
}

TENDRIL_TEST(greenlet, a_weak_pointer_to_a_shared_handle_is_empty_before_the_exit_arrives) {
    std::weak_ptr<greenlet> weak;
    bool empty_inside = false;
    auto shared = std::make_shared<greenlet>([&] {
        scope_exit const look{[&] { empty_inside = weak.lock() == nullptr; }};
        switch_to_parent();
    });
    weak = shared;
    weak.lock()->switch_to();
    shared.reset();
    EXPECT_TRUE(empty_inside);
}

TENDRIL_TEST(greenlet, a_dead_one_never_runs_again) {
    int runs = 0;
    greenlet g{[&] { ++runs; }};
    for (int turn = 0; turn < 3; ++turn) {
        g.switch_to();
    }
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(g.block()->body, nullptr);
}

TENDRIL_TEST(greenlet, prints_dead_when_its_thread_is_over) {
    greenlet kept;
    on_new_thread([&] { kept = greenlet{[] {}, {.name = "late"}}; });
    std::ostringstream text;
    text << kept;
    EXPECT_EQ(text.str(), "greenlet 1 'late' dead");
}

TENDRIL_TEST(greenlet, each_thread_has_one_main_greenlet_of_its_own) {
    greenlet_ref const here = greenlet::current();
    on_new_thread([&] {
        greenlet_ref const first = greenlet::current();
        greenlet{[] { switch_to_parent(); }}.switch_to();
        EXPECT_EQ(greenlet::current(), first);
        EXPECT_NE(first, here);
        EXPECT_EQ(greenlet{[] {}}.parent(), first);
    });
}

TENDRIL_TEST(greenlet, first_values_that_do_not_fit_fail_in_the_parent_and_not_in_the_starter) {
    transcript seen;
    greenlet g{[](int) {}};
    greenlet starter{[&] {
        try {
            g.switch_to(std::string{"not an int"});
        } catch (bad_value const&) {
            seen.push_back("starter");
        }
    }};
    try {
        starter.switch_to();
    } catch (bad_value const&) {
        seen.push_back("parent");
    }
    EXPECT_EQ(seen, (transcript{"parent"}));
}

TENDRIL_TEST(greenlet, a_literal_or_number_is_not_converted_to_what_the_function_takes) {
    EXPECT_THROW((greenlet{[](std::string const&) {}}.switch_to("literal")), bad_value);
    EXPECT_THROW((greenlet{[](long) {}}.switch_to(1)), bad_value);
    EXPECT_THROW((greenlet{[](double) {}}.switch_to(1)), bad_value);
    EXPECT_THROW((greenlet{[](bool) {}}.switch_to(1)), bad_value);
}

TENDRIL_TEST(greenlet, nothing_becomes_a_value_or_a_greenlet_by_itself) {
    auto const function = [] {};
    EXPECT_FALSE((std::is_convertible_v<char const*, value>));
    EXPECT_FALSE((std::is_convertible_v<int, value>));
    EXPECT_FALSE((std::is_convertible_v<decltype(function), greenlet>));
    EXPECT_FALSE((std::is_convertible_v<decltype(function), greenlet_ref>));
    EXPECT_FALSE((std::is_convertible_v<std::nullptr_t, greenlet_ref>));
}

TENDRIL_TEST(greenlet, an_error_on_its_way_survives_the_end_of_the_one_that_sent_it) {
    transcript seen;
    greenlet_ref const main = greenlet::current();
    auto own = std::make_unique<greenlet>();
    *own = greenlet{[&] {
        scope_exit const cleanup{[&] {
            try {
                throw std::runtime_error{"handled meanwhile"};
            } catch (std::runtime_error const& error) {
                seen.push_back(error.what());
            }
        }};
        own.reset();
        main.throw_into(std::logic_error{"sent"});
    }};
    try {
        own->switch_to();
    } catch (std::logic_error const& error) {
        seen.push_back(error.what());
    }
    EXPECT_EQ(seen, (transcript{"handled meanwhile", "sent"}));
}
