// SPDX-License-Identifier: BSL-1.0
#include <harness/failing_allocations.hpp>
#include <harness/greenlets.hpp>
#include <tendril/coroutine/generator.hpp>
#include <tendril/time/sleep.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace {

using namespace tendril;
using tendril::test::note_at_end;
using tendril::test::on_new_thread;
using tendril::test::transcript;

generator<int> count_to(int last) {
    return generator<int>{[last](auto& yield) {
        for (int number = 1; number <= last; ++number) {
            yield(number);
        }
    }};
}

std::vector<int> all_of(generator<int> numbers) {
    std::vector<int> all;
    for (int number : numbers) {
        all.push_back(number);
    }
    return all;
}

TENDRIL_TEST(generator, gives_its_values_one_at_a_time) {
    generator<int> numbers = count_to(2);
    EXPECT_EQ(*numbers.next(), 1);
    EXPECT_EQ(*numbers.next(), 2);
    EXPECT_EQ(numbers.next(), nullptr);
    EXPECT_EQ(numbers.next(), nullptr);
}

TENDRIL_TEST(generator, runs_nothing_before_it_is_asked) {
    bool ran = false;
    generator<int> numbers{[&](auto& yield) {
        ran = true;
        yield(1);
    }};
    EXPECT_FALSE(ran);
    numbers.next();
    EXPECT_TRUE(ran);
}

TENDRIL_TEST(generator, is_an_input_range) {
    static_assert(std::ranges::input_range<generator<int>>);
    EXPECT_EQ(all_of(count_to(4)), (std::vector{1, 2, 3, 4}));
    std::vector<int> doubled;
    generator<int> numbers = count_to(5);
    for (int number : numbers | std::views::filter([](int n) { return n % 2 == 1; }) |
             std::views::transform([](int n) { return 2 * n; })) {
        doubled.push_back(number);
    }
    EXPECT_EQ(doubled, (std::vector{2, 6, 10}));
}

TENDRIL_TEST(generator, an_empty_one_gives_nothing) {
    EXPECT_EQ(all_of(count_to(0)), std::vector<int>{});
}

TENDRIL_TEST(generator, a_loop_goes_on_where_an_earlier_one_has_stopped) {
    generator<int> numbers = count_to(4);
    for (int number : numbers) {
        if (number == 2) {
            break;
        }
    }
    EXPECT_EQ(*numbers.begin(), 3);
}

TENDRIL_TEST(generator, is_false_when_it_has_ended) {
    generator<int> numbers = count_to(1);
    EXPECT_TRUE(numbers);
    numbers.next();
    EXPECT_TRUE(numbers);
    numbers.next();
    EXPECT_FALSE(numbers);
}

TENDRIL_TEST(generator, moves_what_can_only_be_moved) {
    generator<std::unique_ptr<int>> boxes{[](auto& yield) { yield(std::make_unique<int>(6)); }};
    std::unique_ptr<int> const taken = std::move(*boxes.next());
    EXPECT_EQ(*taken, 6);
}

TENDRIL_TEST(generator, of_references_gives_the_object_itself) {
    std::array<int, 3> numbers{1, 2, 3};
    generator<int&> each{[&](auto& yield) {
        for (int& number : numbers) {
            yield(number);
        }
    }};
    for (int& number : each) {
        number *= 10;
    }
    EXPECT_EQ(numbers, (std::array{10, 20, 30}));
}

TENDRIL_TEST(generator, can_be_moved_between_two_questions) {
    generator<int> numbers = count_to(3);
    numbers.next();
    generator<int> moved = std::move(numbers);
    EXPECT_EQ(*moved.next(), 2);
    EXPECT_FALSE(numbers);  // NOLINT: a moved one has ended
}

TENDRIL_TEST(generator, is_answered_with_what_is_sent) {
    generator<int, int> sum{[](auto& yield) {
        int total = 0;
        while (true) {
            std::optional<int> const sent = yield(total);
            total += sent.value_or(0);
        }
    }};
    EXPECT_EQ(*sum.next(), 0);
    EXPECT_EQ(*sum.send(5), 5);
    EXPECT_EQ(*sum.next(), 5);
    EXPECT_EQ(*sum.send(7), 12);
}

TENDRIL_TEST(generator, sending_when_no_yield_waits_is_misuse) {
    generator<int, int> once{[](auto& yield) { yield(1); }};
    EXPECT_THROW(once.send(1), misuse);
    once.next();
    once.send(2);
    EXPECT_THROW(once.send(3), misuse);
}

TENDRIL_TEST(generator, an_error_of_its_function_comes_out_and_ends_it) {
    generator<int> numbers{[](auto& yield) {
        yield(1);
        throw std::runtime_error{"broken"};
    }};
    numbers.next();
    EXPECT_THROW(numbers.next(), std::runtime_error);
    EXPECT_EQ(numbers.next(), nullptr);
}

TENDRIL_TEST(generator, what_is_thrown_in_is_thrown_at_the_yield) {
    generator<int> numbers{[](auto& yield) {
        try {
            yield(1);
        } catch (std::runtime_error const&) {
            yield(2);
        }
    }};
    numbers.next();
    EXPECT_EQ(*numbers.throw_into(std::runtime_error{"in"}), 2);
    EXPECT_THROW(numbers.throw_into(std::logic_error{"out"}), std::logic_error);
    EXPECT_FALSE(numbers);
}

TENDRIL_TEST(generator, throwing_into_one_that_has_not_begun_ends_it) {
    bool ran = false;
    generator<int> numbers{[&](auto&) { ran = true; }};
    EXPECT_THROW(numbers.throw_into(std::runtime_error{"early"}), std::runtime_error);
    EXPECT_FALSE(numbers);
    EXPECT_FALSE(ran);
    EXPECT_THROW(numbers.throw_into(std::runtime_error{"late"}), std::runtime_error);
}

TENDRIL_TEST(generator, abandoning_a_half_consumed_one_runs_its_cleanup) {
    transcript seen;
    {
        generator<int> numbers{[&](auto& yield) {
            note_at_end const cleanup{seen, "cleanup"};
            yield(1);
        }};
        numbers.next();
    }
    EXPECT_EQ(seen, transcript{"cleanup"});
}

TENDRIL_TEST(generator, closing_runs_its_cleanup_and_a_second_time_does_nothing) {
    transcript seen;
    generator<int> numbers{[&](auto& yield) {
        note_at_end const cleanup{seen, "cleanup"};
        yield(1);
    }};
    numbers.next();
    numbers.close();
    numbers.close();
    EXPECT_EQ(seen, transcript{"cleanup"});
    EXPECT_EQ(numbers.next(), nullptr);
}

TENDRIL_TEST(generator, closing_throws_what_its_cleanup_throws) {
    generator<int> numbers{[](auto& yield) {
        try {
            yield(1);
        } catch (...) {
            throw std::runtime_error{"instead"};
        }
    }};
    numbers.next();
    EXPECT_THROW(numbers.close(), std::runtime_error);
}

TENDRIL_TEST(generator, closing_one_that_yields_again_is_misuse) {
    generator<int> stubborn{[](auto& yield) {
        try {
            yield(1);
        } catch (...) {
            yield(2);
        }
    }};
    stubborn.next();
    EXPECT_THROW(stubborn.close(), misuse);
    EXPECT_TRUE(stubborn);
}

TENDRIL_TEST(generator, one_that_yields_while_it_is_destroyed_is_thrown_into_again) {
    transcript seen;
    {
        generator<int> stubborn{[&](auto& yield) {
            note_at_end const cleanup{seen, "cleanup"};
            for (int refusals = 0; refusals < 3; ++refusals) {
                try {
                    yield(1);
                } catch (...) {
                    seen.push_back("refused");
                }
            }
        }};
        stubborn.next();
    }
    EXPECT_EQ(seen, (transcript{"refused", "refused", "refused", "cleanup"}));
}

TENDRIL_TEST(generator, is_asked_by_different_consumers) {
    generator<int> numbers = count_to(4);
    std::vector<int> seen;
    greenlet one{[&] { seen.push_back(*numbers.next()); }};
    greenlet other{[&] { seen.push_back(*numbers.next()); }};
    one.switch_to();
    other.switch_to();
    seen.push_back(*numbers.next());
    EXPECT_EQ(seen, (std::vector{1, 2, 3}));
}

TENDRIL_TEST(generator, an_error_goes_to_whoever_asks) {
    generator<int> numbers{[](auto& yield) {
        yield(1);
        throw std::runtime_error{"for the second"};
    }};
    numbers.next();
    greenlet asking{[&] { EXPECT_THROW(numbers.next(), std::runtime_error); }};
    asking.switch_to();
    EXPECT_TRUE(asking.dead());
}

// What `std::qsort` cannot be given as an argument.
generator<int>::yield_type* compared_for = nullptr;

int compare_aloud(void const* one, void const* other) {
    int const difference = *static_cast<int const*>(one) - *static_cast<int const*>(other);
    (*compared_for)(difference);
    return difference;
}

void yield_deep(generator<int>::yield_type& yield, int depth) {
    if (depth == 0) {
        yield(100);
    } else {
        yield_deep(yield, depth - 1);
    }
}

TENDRIL_TEST(generator, yields_from_a_nested_call_and_from_a_qsort_comparator) {
    std::array<int, 3> sorted{3, 1, 2};
    generator<int> steps{[&](auto& yield) {
        yield_deep(yield, 50);
        compared_for = &yield;
        std::qsort(sorted.data(), sorted.size(), sizeof(int), &compare_aloud);
    }};
    EXPECT_EQ(*steps.next(), 100);
    EXPECT_GE(std::ranges::distance(steps), 2);
    EXPECT_EQ(sorted, (std::array{1, 2, 3}));
}

TENDRIL_TEST(generator, yields_for_the_nth_enclosing_one_and_resumes_the_innermost) {
    transcript seen;
    generator<std::string> outermost{[&](auto& yield_outermost) {
        generator<std::string> middle{[&](auto& yield_middle) {
            generator<std::string> innermost{[&](auto& yield_innermost) {
                yield_outermost("to main");
                seen.push_back("innermost goes on");
                yield_middle("to outermost");
                yield_innermost("to middle");
            }};
            seen.push_back("middle got " + *innermost.next());
        }};
        seen.push_back("outermost got " + *middle.next());
        middle.next();
    }};
    seen.push_back("main got " + *outermost.next());
    EXPECT_EQ(outermost.next(), nullptr);
    EXPECT_EQ(
        seen,
        (transcript{
            "main got to main", "innermost goes on", "outermost got to outermost",
            "middle got to middle"}));
}

TENDRIL_TEST(generator, abandoning_one_that_stands_in_an_inner_one_unwinds_both) {
    transcript seen;
    {
        generator<int> outer{[&](auto& yield_outer) {
            note_at_end const outer_cleanup{seen, "outer"};
            generator<int> inner{[&](auto&) {
                note_at_end const inner_cleanup{seen, "inner"};
                yield_outer(1);
            }};
            inner.next();
        }};
        EXPECT_EQ(*outer.next(), 1);
    }
    EXPECT_EQ(seen, (transcript{"inner", "outer"}));
}

generator<std::vector<int>> permutations(std::vector<int> of) {
    return generator<std::vector<int>>{[of](auto& yield) {
        if (of.empty()) {
            yield(std::vector<int>{});
        }
        for (std::size_t first = 0; first < of.size(); ++first) {
            std::vector<int> rest = of;
            rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(first));
            for (std::vector<int>& tail : permutations(rest)) {
                tail.insert(tail.begin(), of[first]);
                yield(tail);
            }
        }
    }};
}

TENDRIL_TEST(generator, recursive_ones_and_two_instances_work) {
    EXPECT_EQ(std::ranges::distance(permutations({1, 2, 3, 4})), 24);
    generator<int> one = count_to(3);
    generator<int> other = count_to(3);
    while (int const* const number = one.next()) {
        EXPECT_EQ(*number, *other.next());
    }
}

TENDRIL_TEST(generator, passes_on_a_range_or_another_generator) {
    generator<int> all{[](auto& yield) {
        yield.from(std::vector{1, 2});
        yield.from(count_to(2));
        yield(9);
    }};
    EXPECT_EQ(all_of(std::move(all)), (std::vector{1, 2, 1, 2, 9}));
}

TENDRIL_TEST(generator, what_is_sent_and_thrown_reaches_the_one_that_is_passed_on) {
    transcript seen;
    generator<int, int> outer{[&](auto& yield) {
        generator<int, int> inner{[&](auto& inner_yield) {
            seen.push_back("sent " + std::to_string(*inner_yield(1)));
            try {
                inner_yield(2);
            } catch (std::runtime_error const& error) {
                seen.push_back(std::string{"thrown "} + error.what());
            }
            inner_yield(3);
        }};
        yield.from(inner);
    }};
    outer.next();
    EXPECT_EQ(*outer.send(7), 2);
    EXPECT_EQ(*outer.throw_into(std::runtime_error{"in"}), 3);
    EXPECT_EQ(outer.next(), nullptr);
    EXPECT_EQ(seen, (transcript{"sent 7", "thrown in"}));
}

TENDRIL_TEST(generator, closing_closes_the_one_that_is_passed_on) {
    transcript seen;
    generator<int> outer{[&](auto& yield) {
        note_at_end const outer_cleanup{seen, "outer"};
        yield.from(generator<int>{[&](auto& inner_yield) {
            note_at_end const inner_cleanup{seen, "inner"};
            inner_yield(1);
        }});
    }};
    outer.next();
    outer.close();
    EXPECT_EQ(seen, (transcript{"inner", "outer"}));
}

TENDRIL_TEST(generator, yielding_outside_is_misuse) {
    generator<int>::yield_type* kept = nullptr;
    generator<int> numbers{[&](auto& yield) {
        kept = &yield;
        yield(1);
    }};
    numbers.next();
    EXPECT_THROW((*kept)(2), misuse);
    EXPECT_EQ(numbers.next(), nullptr);
}

TENDRIL_TEST(generator, asking_from_within_is_misuse) {
    generator<int>* self = nullptr;
    generator<int> numbers{[&](auto& yield) {
        EXPECT_THROW(self->next(), misuse);
        EXPECT_THROW(self->close(), misuse);
        yield(1);
    }};
    self = &numbers;
    EXPECT_EQ(*numbers.next(), 1);
}

TENDRIL_TEST(generator, asking_on_another_thread_is_refused) {
    generator<int> numbers = count_to(2);
    numbers.next();
    on_new_thread([&] { EXPECT_THROW(numbers.next(), wrong_thread); });
    EXPECT_EQ(*numbers.next(), 2);
}

TENDRIL_TEST(generator, a_consumer_that_somebody_else_continues_is_told) {
    greenlet meddler;
    generator<int> numbers{[&](auto& yield) {
        meddler.switch_to();
        yield(1);
    }};
    greenlet consumer{[&] {
        try {
            numbers.next();
        } catch (misuse const&) {
            return true;
        }
        return false;
    }};
    meddler = greenlet{[&] { return consumer.switch_to(); }};
    meddler.set_parent(greenlet::current());
    EXPECT_TRUE(consumer.switch_to().as<bool>());
}

TENDRIL_TEST(generator, does_not_keep_the_greenlet_that_made_it_alive) {
    transcript seen;
    {
        greenlet maker{[&] {
            note_at_end const cleanup{seen, "maker"};
            generator<int> numbers = count_to(3);
            numbers.next();
            tendril::test::switch_to_parent();
        }};
        maker.switch_to();
    }
    EXPECT_EQ(seen, transcript{"maker"});
}

TENDRIL_HUB_TEST(generator, its_function_may_wait_in_the_hub) {
    generator<int> slow{[](auto& yield) {
        for (int number = 0; number < 3; ++number) {
            sleep_for(std::chrono::hours{1});
            yield(number);
        }
    }};
    int sum = 0;
    for (int number : slow) {
        sum += number;
    }
    EXPECT_EQ(sum, 3);
}

TENDRIL_TEST(generator, a_step_allocates_nothing) {
    generator<int> numbers = count_to(1000);
    numbers.next();
    tendril::test::no_allocation const until_end;
    for (int number = 2; number <= 1000; ++number) {
        EXPECT_EQ(*numbers.next(), number);
    }
}

TENDRIL_TEST(generator, runs_on_one_pooled_stack_when_used_one_after_the_other) {
    stack_pool_statistics const before = this_thread().stacks.statistics();
    for (int round = 0; round < 100; ++round) {
        EXPECT_EQ(*count_to(1).next(), 1);
    }
    stack_pool_statistics const after = this_thread().stacks.statistics();
    EXPECT_LE(after.in_use + after.idle, before.in_use + before.idle + 1);
}

}  // namespace
