// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/greenlet/greenlet_local.hpp>

#include <memory>

namespace {

using namespace tendril;
using tendril::test::on_new_thread;
using tendril::test::switch_to_parent;
using tendril::test::transcript;

// Notes its end in a transcript.
struct noted {
    transcript* seen = nullptr;
    std::string word;
    ~noted() {
        if (seen != nullptr) {
            seen->push_back(word);
        }
    }
};

TENDRIL_TEST(greenlet_local, belongs_to_one_greenlet) {
    greenlet_local<int> number;
    *number = 1;
    greenlet g{[&] {
        EXPECT_EQ(*number, 0);
        *number = 2;
        switch_to_parent();
        EXPECT_EQ(*number, 2);
    }};
    g.switch_to();
    EXPECT_EQ(*number, 1);
    g.switch_to();
    number.reset();
}

TENDRIL_TEST(greenlet_local, is_made_once_in_each_greenlet_at_its_first_use) {
    static int made = 0;
    struct counted {
        counted() { ++made; }
    };
    made = 0;
    greenlet_local<counted> kept;
    EXPECT_EQ(made, 0);
    for (int number = 1; number <= 2; ++number) {
        greenlet{[&] {
            kept.get();
            kept.get();
        }}.switch_to();
        EXPECT_EQ(made, number);
    }
}

TENDRIL_TEST(greenlet_local, ends_with_its_greenlet_though_a_handle_remains) {
    auto const counted = std::make_shared<int>(0);
    greenlet_local<std::shared_ptr<int>> kept;
    greenlet g{[&] { *kept = counted; }};
    g.switch_to();
    EXPECT_EQ(counted.use_count(), 1);
}

TENDRIL_TEST(greenlet_local, is_reached_from_outside_by_name) {
    greenlet_local<std::string> label;
    greenlet g{[&] { return *label; }};
    label.of(g) = "given before it began";
    EXPECT_EQ(g.switch_to().as<std::string>(), "given before it began");
}

TENDRIL_TEST(greenlet_local, ends_before_the_parent_hears_of_the_end) {
    transcript seen;
    greenlet_local<noted> first;
    greenlet_local<noted> second;
    greenlet g{[&] {
        *first = noted{&seen, "first"};
        *second = noted{&seen, "second"};
        seen.clear();
    }};
    g.switch_to();
    EXPECT_EQ(seen, (transcript{"second", "first"}));
}

TENDRIL_TEST(greenlet_local, ends_with_a_greenlet_that_never_began) {
    auto const counted = std::make_shared<int>(0);
    greenlet_local<std::shared_ptr<int>> kept;
    {
        greenlet g{[] {}};
        kept.of(g) = counted;
        EXPECT_EQ(counted.use_count(), 2);
    }
    EXPECT_EQ(counted.use_count(), 1);
}

TENDRIL_TEST(greenlet_local, ends_with_one_that_is_killed_before_its_first_turn) {
    auto const counted = std::make_shared<int>(0);
    greenlet_local<std::shared_ptr<int>> kept;
    greenlet g{[] {}};
    kept.of(g) = counted;
    g.throw_into();
    EXPECT_EQ(counted.use_count(), 1);
}

TENDRIL_TEST(greenlet_local, ends_with_its_thread_in_the_main_greenlet) {
    auto const counted = std::make_shared<int>(0);
    greenlet_local<std::shared_ptr<int>> kept;
    on_new_thread([&] { *kept = counted; });
    EXPECT_EQ(counted.use_count(), 1);
}

TENDRIL_TEST(greenlet_local, a_destructor_may_make_another_value) {
    static greenlet_local<int> late;
    struct maker {
        ~maker() { *late = 7; }
    };
    greenlet_local<maker> early;
    greenlet{[&] { early.get(); }}.switch_to();
}

TENDRIL_TEST(greenlet_local, a_destructor_may_switch) {
    struct switcher {
        bool armed = false;
        ~switcher() {
            if (armed) {
                switch_to_parent(1);
            }
        }
    };
    greenlet_local<switcher> kept;
    greenlet g{[&] { kept->armed = true; }};
    EXPECT_EQ(g.switch_to().as<int>(), 1);
    EXPECT_FALSE(g.dead());
    g.switch_to();
    EXPECT_TRUE(g.dead());
}

TENDRIL_TEST(greenlet_local, a_variable_may_end_before_its_values) {
    auto const counted = std::make_shared<int>(0);
    auto kept = std::make_unique<greenlet_local<std::shared_ptr<int>>>();
    greenlet g{[&] {
        **kept = counted;
        switch_to_parent();
    }};
    g.switch_to();
    kept = nullptr;
    EXPECT_EQ(counted.use_count(), 2);
    g.switch_to();
    EXPECT_EQ(counted.use_count(), 1);
}

TENDRIL_TEST(greenlet_local, finds_nothing_where_it_was_not_used) {
    greenlet_local<int> number;
    EXPECT_EQ(number.find(), nullptr);
    *number = 3;
    ASSERT_NE(number.find(), nullptr);
    EXPECT_EQ(*number.find(), 3);
    number.reset();
    EXPECT_EQ(number.find(), nullptr);
}

TENDRIL_TEST(greenlet_local, of_a_dead_greenlet_or_of_nobody_is_misuse) {
    greenlet_local<int> number;
    greenlet g{[] {}};
    g.switch_to();
    EXPECT_THROW(number.of(g), misuse);
    EXPECT_THROW(number.of(greenlet{}), misuse);
}

TENDRIL_TEST(greenlet_local, of_another_thread_is_refused) {
    greenlet_local<int> number;
    greenlet g{[] {}};
    on_new_thread([&] { EXPECT_THROW(number.of(g), wrong_thread); });
}

}  // namespace
