// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/greenlet.hpp>
#include <tendril/greenlet/closure.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

namespace {

using namespace tendril;
using test::traveller;

[[gnu::noinline]] value run_body(greenlet_body& body, value first) {
    return body.run(std::move(first));
}

// Runs a callable as a greenlet would, without a greenlet.
template <typename F, typename... Args>
value run_closure(F function, Args&&... args) {
    detail::closure<F> body{std::move(function)};
    if constexpr (sizeof...(Args) == 0) {
        return run_body(body, value{});
    } else {
        return run_body(body, value{std::forward<Args>(args)...});
    }
}

int twice(int number) { return 2 * number; }
int thrice(int number) noexcept { return 3 * number; }

}  // namespace

TENDRIL_TEST(closure, unpacks_the_first_values_into_the_parameters) {
    EXPECT_EQ(run_closure([] { return 1; }).as<int>(), 1);
    EXPECT_EQ(run_closure([](int a) { return a; }, 2).as<int>(), 2);
    value joined = run_closure(
        [](int a, std::string const& b) { return b + std::to_string(a); }, 3, std::string{"x"});
    EXPECT_EQ(joined.as<std::string>(), "x3");
}

TENDRIL_TEST(closure, a_callable_that_takes_a_value_accepts_anything) {
    auto const is_empty = [](value first) { return first.empty(); };
    EXPECT_TRUE(run_closure(is_empty).as<bool>());
    EXPECT_FALSE(run_closure(is_empty, 1).as<bool>());
    EXPECT_FALSE(run_closure(is_empty, 1, std::string{"x"}).as<bool>());
}

TENDRIL_TEST(closure, values_that_do_not_fit_the_parameters_are_an_error) {
    EXPECT_THROW(run_closure([](int) {}), bad_value);
    EXPECT_THROW(run_closure([](int) {}, 1L), bad_value);
    EXPECT_THROW(run_closure([](int, int) {}, 1), bad_value);
    EXPECT_THROW(run_closure([] {}, 1), bad_value);
}

TENDRIL_TEST(closure, moves_each_argument_and_copies_none) {
    traveller::start();
    run_closure(
        [](traveller a, traveller const& b) { EXPECT_EQ(a.luggage + b.luggage, 3); }, traveller{1},
        traveller{2});
    EXPECT_EQ(traveller::copies, 0);
    EXPECT_EQ(traveller::alive, 0);
}

TENDRIL_TEST(closure, gives_a_parameter_by_reference_an_object_of_its_own) {
    int const sent = 5;
    int const* received = nullptr;
    run_closure([&](int const& parameter) { received = &parameter; }, sent);
    EXPECT_NE(received, &sent);
}

TENDRIL_TEST(closure, a_callable_without_a_result_gives_an_empty_value) {
    EXPECT_TRUE(run_closure([] {}).empty());
}

TENDRIL_TEST(closure, a_value_as_result_is_passed_on_as_it_is) {
    EXPECT_EQ(run_closure([] { return value{7}; }).as<int>(), 7);
    EXPECT_TRUE(run_closure([] { return value{}; }).empty());
}

TENDRIL_TEST(closure, a_tuple_as_result_counts_as_several_values) {
    value result = run_closure([] { return std::tuple{1, 2L}; });
    EXPECT_EQ((result.as<int, long>()), (std::tuple{1, 2L}));
}

TENDRIL_TEST(closure, a_reference_as_result_gives_a_copy) {
    std::string original = "text";
    value result = run_closure([&]() -> std::string& { return original; });
    EXPECT_EQ(result.as<std::string>(), "text");
    EXPECT_EQ(original, "text");
}

TENDRIL_TEST(closure, accepts_every_kind_of_call_operator) {
    EXPECT_EQ(run_closure([](int a) { return a; }, 1).as<int>(), 1);
    EXPECT_EQ(run_closure([count = 1](int a) mutable { return a + count++; }, 1).as<int>(), 2);
    EXPECT_EQ(run_closure([](int a) noexcept { return a + 2; }, 1).as<int>(), 3);
    EXPECT_EQ(run_closure([n = 3](int a) mutable noexcept { return a + n; }, 1).as<int>(), 4);
    EXPECT_EQ(run_closure(std::function<int(int)>{[](int a) { return a + 4; }}, 1).as<int>(), 5);
}

TENDRIL_TEST(closure, accepts_plain_functions) {
    EXPECT_EQ(run_closure(&twice, 4).as<int>(), 8);
    EXPECT_EQ(run_closure(&thrice, 4).as<int>(), 12);
    EXPECT_EQ(greenlet{twice}.switch_to(4).as<int>(), 8);
}

TENDRIL_TEST(closure, lets_an_exception_of_the_callable_pass) {
    EXPECT_THROW(run_closure([] { throw 5; }), int);
}

TENDRIL_TEST(closure, a_greenlet_moves_its_callable_exactly_once) {
    traveller passenger{7};
    auto callable = [passenger = std::move(passenger)] { return passenger.luggage; };
    traveller::start();
    greenlet g{std::move(callable)};
    EXPECT_EQ(traveller::moves, 1);
    EXPECT_EQ(g.switch_to().as<int>(), 7);
    EXPECT_EQ(traveller::moves, 1);
    EXPECT_EQ(traveller::copies, 0);
}

TENDRIL_TEST(closure, abandoning_it_does_not_call_the_callable) {
    bool called = false;
    auto body = [&] { called = true; };
    detail::closure<decltype(body)> closed{std::move(body)};
    closed.abandon(std::make_exception_ptr(1));
    EXPECT_FALSE(called);
}

TENDRIL_TEST(closure, takes_the_memory_that_the_last_small_one_has_left) {
    if (TENDRIL_ASAN) {
        GTEST_SKIP() << "under AddressSanitizer nothing is kept, so that it sees every late use";
    }
    void const* function = nullptr;
    auto const note = [&function] { function = greenlet::current().block()->body; };
    greenlet{note}.switch_to();
    void const* const first = std::exchange(function, nullptr);
    greenlet{note}.switch_to();
    EXPECT_EQ(function, first);
}

TENDRIL_TEST(closure, keeps_the_alignment_that_a_capture_wants) {
    struct alignas(64) wide {
        std::array<char, 64> bytes{};
    };
    bool aligned = false;
    greenlet{[&aligned, captured = wide{}] {
        aligned = reinterpret_cast<std::uintptr_t>(&captured) % 64 == 0;
    }}.switch_to();
    EXPECT_TRUE(aligned);
}
