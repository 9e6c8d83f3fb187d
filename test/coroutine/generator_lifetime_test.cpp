// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/coroutine/generator.hpp>

#include <memory>
#include <optional>

namespace {

using namespace tendril;
using tendril::test::note_at_end;
using tendril::test::transcript;

TENDRIL_TEST(generator, one_that_its_own_function_destroys_tells_whoever_waits) {
    std::optional<generator<int>> numbers;
    numbers.emplace([&](auto&) { numbers.reset(); });
    EXPECT_THROW(numbers->next(), misuse);
}

TENDRIL_TEST(generator, destroying_one_that_is_awaited_tells_whoever_waits) {
    std::optional<generator<int>> numbers;
    greenlet const main = greenlet::current();
    numbers.emplace([&](auto&) { main.switch_to(); });
    greenlet consumer{[&] { EXPECT_THROW(numbers->next(), misuse); }};
    consumer.switch_to();
    numbers.reset();
    consumer.switch_to();
    EXPECT_TRUE(consumer.dead());
}

TENDRIL_TEST(generator, what_is_sent_in_vain_does_not_arrive_later) {
    generator<int, int>* own = nullptr;
    generator<int, int> numbers{[&](auto& yield) {
        yield(1);
        EXPECT_THROW(own->send(42), misuse);
        EXPECT_FALSE(yield(2).has_value());
    }};
    own = &numbers;
    while (numbers.next() != nullptr) {}
}

TENDRIL_TEST(generator, one_whose_inner_one_is_gone_continues_with_its_own_function) {
    std::unique_ptr<generator<int>> inner;
    generator<int> outer{[&](auto& yield_outer) {
        inner = std::make_unique<generator<int>>([&](auto&) { yield_outer(1); });
        EXPECT_THROW(inner->next(), misuse);
        yield_outer(2);
    }};
    EXPECT_EQ(*outer.next(), 1);
    inner = nullptr;
    greenlet const reuses_the_block{[] { ADD_FAILURE() << "nobody has switched here"; }};
    EXPECT_EQ(*outer.next(), 2);
}

TENDRIL_TEST(generator, closing_one_that_stands_in_an_inner_one_ends_both) {
    transcript seen;
    generator<int> outer{[&](auto& yield_outer) {
        note_at_end const outer_cleanup{seen, "outer"};
        generator<int> inner{[&](auto&) {
            note_at_end const inner_cleanup{seen, "inner"};
            yield_outer(1);
        }};
        inner.next();
    }};
    outer.next();
    outer.close();
    EXPECT_EQ(seen, (transcript{"inner", "outer"}));
    EXPECT_FALSE(outer);
}

TENDRIL_TEST(generator, an_inner_one_may_outlive_the_outer_one_that_it_stands_in_for) {
    std::unique_ptr<generator<int>> inner;
    {
        generator<int> outer{[&](auto& yield_outer) {
            inner = std::make_unique<generator<int>>([&](auto&) { yield_outer(1); });
            inner->next();
        }};
        outer.next();
    }
    inner = nullptr;
}

TENDRIL_TEST(generator, what_is_refused_on_another_thread_changes_nothing) {
    generator<int> outer{[&](auto& yield_outer) {
        generator<int> inner{[&](auto&) {
            yield_outer(1);
            yield_outer(2);
        }};
        inner.next();
    }};
    auto const at = outer.begin();
    tendril::test::on_new_thread([&] {
        EXPECT_THROW(outer.close(), wrong_thread);
        EXPECT_THROW(outer.throw_into(greenlet_exit{}), wrong_thread);
    });
    EXPECT_EQ(*at, 1);
    EXPECT_EQ(*outer.next(), 2);
}

TENDRIL_TEST(generator, two_that_stood_in_one_after_the_other_leave_in_any_order) {
    std::unique_ptr<generator<int>> first;
    std::unique_ptr<generator<int>> second;
    {
        generator<int> outer{[&](auto& yield_outer) {
            first = std::make_unique<generator<int>>([&](auto&) { yield_outer(1); });
            try {
                first->next();
            } catch (greenlet_exit const&) {
                second = std::make_unique<generator<int>>([&](auto&) { yield_outer(2); });
                second->next();
            }
        }};
        outer.next();
        EXPECT_THROW(outer.close(), misuse);
        first = nullptr;
        EXPECT_TRUE(outer);
    }
    second = nullptr;
}

TENDRIL_TEST(generator, its_parent_cannot_be_set) {
    greenlet other{[] {}};
    generator<int> numbers{
        [&](auto&) { EXPECT_THROW(greenlet::current().set_parent(other), misuse); }};
    numbers.next();
}

}  // namespace
