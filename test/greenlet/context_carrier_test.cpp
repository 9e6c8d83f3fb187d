// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/greenlet/context_carrier.hpp>

namespace {

using namespace tendril;
using tendril::test::on_new_thread;
using tendril::test::switch_to_parent;

struct numbered_values : context_values {
    explicit numbered_values(int given) : number{given} { ++alive; }
    ~numbered_values() override { --alive; }
    int number;
    static inline int alive = 0;
};

carried_context numbered(int number) { return carried_context{new numbered_values{number}}; }

int number_in(carried_context const& context) {
    return context.get() == nullptr ? 0 : static_cast<numbered_values&>(*context.get()).number;
}

TENDRIL_TEST(context_carrier, a_new_greenlet_starts_with_none) {
    set_context(greenlet::current(), numbered(1));
    greenlet g{[] { EXPECT_EQ(context_of(greenlet::current()).get(), nullptr); }};
    g.switch_to();
    set_context(greenlet::current(), {});
}

TENDRIL_TEST(context_carrier, setting_it_in_one_is_invisible_in_others) {
    greenlet g{[] {
        set_context(greenlet::current(), numbered(2));
        switch_to_parent();
    }};
    g.switch_to();
    EXPECT_EQ(number_in(context_of(greenlet::current())), 0);
    EXPECT_EQ(number_in(context_of(g)), 2);
}

TENDRIL_TEST(context_carrier, can_be_shared_with_another_greenlet) {
    greenlet one{[] {}};
    greenlet other{[] {}};
    set_context(one, numbered(3));
    set_context(other, context_of(one));
    EXPECT_EQ(context_of(one).get(), context_of(other).get());
    EXPECT_EQ(numbered_values::alive, 1);
}

TENDRIL_TEST(context_carrier, can_be_replaced_while_pending_suspended_or_dead) {
    greenlet g{[] { switch_to_parent(); }};
    set_context(g, numbered(1));
    g.switch_to();
    EXPECT_EQ(number_in(set_context(g, numbered(2))), 1);
    g.switch_to();
    EXPECT_TRUE(g.dead());
    EXPECT_EQ(number_in(set_context(g, numbered(3))), 2);
    EXPECT_EQ(number_in(context_of(g)), 3);
}

TENDRIL_TEST(context_carrier, is_readable_after_death) {
    greenlet g{[] { set_context(greenlet::current(), numbered(4)); }};
    g.switch_to();
    EXPECT_EQ(number_in(context_of(g)), 4);
}

TENDRIL_TEST(context_carrier, ends_with_its_last_carrier) {
    {
        greenlet g{[] {}};
        set_context(g, numbered(5));
        EXPECT_EQ(numbered_values::alive, 1);
    }
    EXPECT_EQ(numbered_values::alive, 0);
}

struct holding_values : context_values {
    greenlet held;
};

TENDRIL_TEST(context_carrier, may_hold_a_greenlet_of_a_thread_that_has_ended) {
    greenlet carrier;
    on_new_thread([&] {
        carrier = greenlet{[] {}};
        carrier.switch_to();
        auto* const values = new holding_values;
        values->held = greenlet{[] {}};
        set_context(carrier, carried_context{values});
    });
    carrier = greenlet{};
}

TENDRIL_TEST(context_carrier, of_nobody_is_misuse) {
    EXPECT_THROW(context_of(greenlet{}), misuse);
    EXPECT_THROW(set_context(greenlet{}, {}), misuse);
}

TENDRIL_TEST(context_carrier, of_another_thread_is_refused) {
    greenlet g{[] {}};
    on_new_thread([&] {
        EXPECT_THROW(context_of(g), wrong_thread);
        EXPECT_THROW(set_context(g, numbered(6)), wrong_thread);
    });
    EXPECT_EQ(numbered_values::alive, 0);
}

}  // namespace
