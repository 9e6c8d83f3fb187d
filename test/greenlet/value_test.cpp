// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/greenlet/value.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace {

using namespace tendril;
using test::traveller;

// Counts its allocations, to tell whether a value keeps it in place.
template <std::size_t Size>
struct sized {
    static inline int allocations = 0;
    static void* operator new(std::size_t size) {
        ++allocations;
        return ::operator new(size);
    }
    static void* operator new(std::size_t, void* place) { return place; }
    static void operator delete(void* memory) { ::operator delete(memory); }
    static void operator delete(void*, void*) {}
    std::array<char, Size> filling;
};

struct large_traveller : traveller {
    using traveller::traveller;
    std::array<char, 100> filling{};
};

struct alignas(64) cache_line {
    int number;
};

// Hides from the compiler that nothing is in there, or it warns of what is never read.
[[gnu::noinline]] value& empty_again(value& v) {
    v = value{};
    return v;
}

template <typename Traveller>
void expect_one_object_on_the_whole_way() {
    Traveller::start();
    {
        value first{Traveller{7}};
        value second{std::move(first)};
        first = std::move(second);
        Traveller const arrived = first.as<Traveller>();
        EXPECT_EQ(arrived.luggage, 7);
        EXPECT_EQ(Traveller::alive, 1);
    }
    EXPECT_EQ(Traveller::alive, 0);
    EXPECT_EQ(Traveller::copies, 0);
}

}  // namespace

TENDRIL_TEST(value, holds_nothing_at_first) {
    value v;
    EXPECT_TRUE(v.empty());
    EXPECT_TRUE(v.holds<>());
    EXPECT_EQ(v.type(), typeid(void));
    v.as<>();
    v.as<void>();
}

TENDRIL_TEST(value, gives_out_what_was_put_in) {
    value v{41};
    EXPECT_FALSE(v.empty());
    EXPECT_TRUE(v.holds<int>());
    EXPECT_EQ(v.type(), typeid(int));
    EXPECT_EQ(v.as<int>(), 41);
}

TENDRIL_TEST(value, is_empty_when_its_content_was_moved_out) {
    value v{std::string{"text"}};
    EXPECT_EQ(v.as<std::string>(), "text");
    EXPECT_TRUE(v.empty());
    EXPECT_THROW(v.as<std::string>(), bad_value);
}

TENDRIL_TEST(value, several_values_come_out_as_a_tuple) {
    value v{std::string{"x"}, 5};
    EXPECT_TRUE((v.holds<std::string, int>()));
    auto [name, age] = v.as<std::string, int>();
    EXPECT_EQ(name, "x");
    EXPECT_EQ(age, 5);
}

TENDRIL_TEST(value, several_values_and_their_tuple_are_the_same) {
    value v{std::tuple{1, 2L}};
    EXPECT_EQ((v.as<int, long>()), (std::tuple{1, 2L}));
    value w{1, 2L};
    EXPECT_EQ((w.as<std::tuple<int, long>>()), (std::tuple{1, 2L}));
}

TENDRIL_TEST(value, keeps_the_decayed_type_and_converts_nothing) {
    char const* const literal = "text";
    EXPECT_TRUE(value{"text"}.holds<char const*>());
    EXPECT_TRUE(value{literal}.holds<char const*>());
    EXPECT_FALSE(value{"text"}.holds<std::string>());
    EXPECT_FALSE(value{1}.holds<long>());
    EXPECT_FALSE(value{1}.holds<unsigned>());
}

TENDRIL_TEST(value, asking_for_another_type_names_both_and_changes_nothing) {
    value v{41};
    try {
        v.as<std::tuple<long, char>>();
        FAIL() << "nothing was thrown";
    } catch (bad_value const& error) {
        std::string const text = error.what();
        EXPECT_NE(text.find("carried int"), std::string::npos) << text;
        EXPECT_NE(text.find("std::tuple<long, char>"), std::string::npos) << text;
    }
    EXPECT_EQ(v.as<int>(), 41);
}

TENDRIL_TEST(value, calls_an_empty_value_nothing_in_its_error) {
    try {
        value v;
        empty_again(v).as<int>();
        FAIL() << "nothing was thrown";
    } catch (bad_value const& error) {
        EXPECT_NE(std::string{error.what()}.find("carried nothing"), std::string::npos);
    }
}

TENDRIL_TEST(value, asking_for_nothing_while_something_is_there_is_an_error) {
    value v{1};
    EXPECT_THROW(v.as<>(), bad_value);
    EXPECT_THROW(v.as<void>(), bad_value);
    EXPECT_TRUE(v.holds<int>());
}

TENDRIL_TEST(value, carries_what_can_only_be_moved) {
    value v{std::make_unique<int>(7)};
    EXPECT_EQ(*v.as<std::unique_ptr<int>>(), 7);
}

TENDRIL_TEST(value, carries_a_null_pointer_as_something) {
    value v{static_cast<int*>(nullptr)};
    EXPECT_FALSE(v.empty());
    EXPECT_EQ(v.as<int*>(), nullptr);
}

TENDRIL_TEST(value, moves_a_small_object_and_never_copies_it) {
    expect_one_object_on_the_whole_way<traveller>();
}

TENDRIL_TEST(value, moves_a_large_object_and_never_copies_it) {
    expect_one_object_on_the_whole_way<large_traveller>();
}

TENDRIL_TEST(value, does_not_touch_a_large_object_while_it_is_carried) {
    traveller::start();
    value first{large_traveller{7}};
    value second{std::move(first)};
    value third{std::move(second)};
    EXPECT_EQ(traveller::moves, 1);
    EXPECT_EQ(third.as<large_traveller>().luggage, 7);
}

TENDRIL_TEST(value, copies_only_what_the_sender_keeps) {
    traveller::start();
    traveller const kept{7};
    value v{kept};
    EXPECT_EQ(traveller::copies, 1);
    EXPECT_EQ(v.as<traveller>().luggage, 7);
    EXPECT_EQ(kept.luggage, 7);
}

TENDRIL_TEST(value, destroys_what_nobody_takes_out) {
    traveller::start();
    { value const v{traveller{1}}; }
    { value const v{large_traveller{1}}; }
    EXPECT_EQ(traveller::alive, 0);
}

TENDRIL_TEST(value, assigning_destroys_what_was_held_before) {
    traveller::start();
    value v{traveller{1}};
    v = value{2};
    EXPECT_EQ(traveller::alive, 0);
    EXPECT_EQ(v.as<int>(), 2);
}

TENDRIL_TEST(value, moving_to_itself_keeps_the_content) {
    value v{std::string{"text"}};
    value& same = v;
    v = std::move(same);
    EXPECT_EQ(v.as<std::string>(), "text");
}

TENDRIL_TEST(value, keeps_48_bytes_in_place_and_no_more) {
    sized<48>::allocations = sized<49>::allocations = 0;
    value fits{sized<48>{}};
    value does_not{sized<49>{}};
    EXPECT_EQ(sized<48>::allocations, 0);
    EXPECT_EQ(sized<49>::allocations, 1);
}

TENDRIL_TEST(value, carries_every_byte_of_a_plain_object) {
    sized<43> sent{};
    for (std::size_t index = 0; index < sent.filling.size(); ++index) {
        sent.filling[index] = static_cast<char>(index);
    }
    value first{sent};
    value second{std::move(first)};
    EXPECT_EQ(second.as<sized<43>>().filling, sent.filling);
}

TENDRIL_TEST(value, respects_the_alignment_of_its_content) {
    value v{cache_line{5}};
    cache_line const out = v.as<cache_line>();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&out) % 64, 0U);
    EXPECT_EQ(out.number, 5);
}

TENDRIL_TEST(value, cannot_be_copied) {
    EXPECT_FALSE(std::is_copy_constructible_v<value>);
    EXPECT_FALSE(std::is_copy_assignable_v<value>);
}
