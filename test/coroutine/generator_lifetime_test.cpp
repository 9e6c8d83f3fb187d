// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/coroutine/generator.hpp>

#include <optional>

namespace {

using namespace tendril;

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

TENDRIL_TEST(generator, its_parent_cannot_be_set) {
    greenlet other{[] {}};
    generator<int> numbers{
        [&](auto&) { EXPECT_THROW(greenlet::current().set_parent(other), misuse); }};
    numbers.next();
}

}  // namespace
