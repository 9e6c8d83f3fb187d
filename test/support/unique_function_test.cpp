// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/support/unique_function.hpp>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace {

using namespace tendril;

// A callable of a given size, which counts how many of it exist.
template <std::size_t Size>
struct counted {
    static inline int alive = 0;
    std::array<char, Size> filling{};
    explicit counted(char first) : filling{first} { ++alive; }
    counted(counted&& other) noexcept : filling{other.filling} { ++alive; }
    ~counted() { --alive; }
    char operator()() const { return filling[0]; }
};
using small = counted<8>;
using large = counted<200>;

template <typename Callable>
void move_around_and_count() {
    unique_function<char()> first{Callable{'x'}};
    unique_function<char()> second{std::move(first)};
    EXPECT_FALSE(first);
    first = std::move(second);
    EXPECT_EQ(first(), 'x');
    EXPECT_EQ(Callable::alive, 1);
    first = nullptr;
    EXPECT_EQ(Callable::alive, 0);
}

struct throws_when_moved {
    throws_when_moved() = default;
    throws_when_moved(throws_when_moved&& other) : armed{std::exchange(other.armed, true)} {
        if (armed) {
            throw std::runtime_error{"moved twice"};
        }
    }
    int operator()() const { return 3; }
    bool armed = false;
};

int twice(int number) { return 2 * number; }

}  // namespace

TENDRIL_TEST(unique_function, holds_a_callable_that_owns_something) {
    unique_function<int()> f = [owned = std::make_unique<int>(7)] { return *owned; };
    EXPECT_TRUE(f);
    EXPECT_EQ(f(), 7);
}

TENDRIL_TEST(unique_function, passes_arguments_on_without_copying) {
    unique_function<std::string(std::unique_ptr<std::string>, int&)> f =
        [](std::unique_ptr<std::string> text, int& count) {
            ++count;
            return *text;
        };
    int count = 0;
    EXPECT_EQ(f(std::make_unique<std::string>("sent"), count), "sent");
    EXPECT_EQ(count, 1);
}

TENDRIL_TEST(unique_function, keeps_state_between_calls) {
    unique_function<int()> f = [count = 0]() mutable { return ++count; };
    f();
    EXPECT_EQ(f(), 2);
}

TENDRIL_TEST(unique_function, holds_a_plain_function) {
    unique_function<int(int)> f = &twice;
    EXPECT_EQ(f(21), 42);
}

TENDRIL_TEST(unique_function, drops_the_result_when_its_signature_has_none) {
    int seen = 0;
    unique_function<void(int)> f = [&](int number) { return seen = number; };
    f(4);
    EXPECT_EQ(seen, 4);
}

TENDRIL_TEST(unique_function, moves_a_small_callable_and_destroys_it_once) {
    move_around_and_count<small>();
}

TENDRIL_TEST(unique_function, moves_a_large_callable_and_destroys_it_once) {
    move_around_and_count<large>();
}

TENDRIL_TEST(unique_function, never_moves_again_a_callable_whose_move_may_throw) {
    unique_function<int()> f{throws_when_moved{}};
    unique_function<int()> g{std::move(f)};
    EXPECT_EQ(g(), 3);
}

TENDRIL_TEST(unique_function, assigning_destroys_what_was_held_before) {
    unique_function<char()> f{small{'a'}};
    f = unique_function<char()>{large{'b'}};
    EXPECT_EQ(small::alive, 0);
    EXPECT_EQ(f(), 'b');
}

TENDRIL_TEST(unique_function, moving_to_itself_keeps_the_callable) {
    unique_function<char()> f{small{'a'}};
    auto& same = f;
    f = std::move(same);
    EXPECT_EQ(f(), 'a');
}

TENDRIL_TEST(unique_function, calling_an_empty_one_is_misuse) {
    unique_function<void()> f;
    EXPECT_FALSE(f);
    EXPECT_THROW(f(), misuse);
}

TENDRIL_TEST(unique_function, lets_an_exception_of_the_callable_pass) {
    unique_function<void()> f = [] { throw 5; };
    EXPECT_THROW(f(), int);
    EXPECT_TRUE(f);
}

TENDRIL_TEST(unique_function, cannot_be_copied) {
    EXPECT_FALSE(std::is_copy_constructible_v<unique_function<void()>>);
    EXPECT_FALSE(std::is_copy_assignable_v<unique_function<void()>>);
}
