// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/coroutine/typed_greenlet.hpp>

#include <memory>
#include <stdexcept>

namespace {

using namespace tendril;
using tendril::test::note_at_end;
using tendril::test::transcript;
using tendril::test::traveller;

template <typename G, typename Given>
concept accepts = requires(G g, Given&& given) {
    g.switch_to(std::forward<Given>(given));
};

TENDRIL_TEST(typed_greenlet, both_sides_know_the_types) {
    // DOC: typed
    typed_greenlet<int, std::string> length{[](std::string first, auto& caller) {
        std::string second = caller.switch_to(static_cast<int>(first.size()));
        return static_cast<int>(second.size());
    }};
    EXPECT_EQ(length.switch_to(std::string{"four"}), 4);
    EXPECT_TRUE(length);
    EXPECT_EQ(length.switch_to(std::string{"fifteen"}), 7);
    // DOC-END: typed
    EXPECT_TRUE(length.dead());
}

TENDRIL_TEST(typed_greenlet, converts_nothing) {
    static_assert(accepts<typed_greenlet<int, std::string>, std::string>);
    static_assert(accepts<typed_greenlet<int, std::string>, std::string const&>);
    static_assert(!accepts<typed_greenlet<int, std::string>, char const*>);
    static_assert(!accepts<typed_greenlet<int, int>, long>);
    static_assert(!accepts<typed_greenlet<int, int>, double>);
    static_assert(!accepts<typed_greenlet<int, int>, bool>);
}

TENDRIL_TEST(typed_greenlet, moves_once_in_each_direction) {
    traveller::start();
    {
        typed_greenlet<traveller, traveller> echo{[](traveller got, auto& caller) {
            while (true) {
                got.luggage = caller.switch_to(std::move(got)).luggage;
            }
            return got;
        }};
        traveller there{1};
        traveller const back = echo.switch_to(std::move(there));
        EXPECT_EQ(back.luggage, 1);
        EXPECT_EQ(traveller::copies, 0);
        EXPECT_EQ(traveller::moves, 2);
    }
    EXPECT_EQ(traveller::alive, 0);
}

TENDRIL_TEST(typed_greenlet, copies_what_the_sender_keeps) {
    typed_greenlet<std::string, std::string> echo{[](std::string first, auto&) { return first; }};
    std::string const kept = "kept";
    EXPECT_EQ(echo.switch_to(kept), "kept");
    EXPECT_EQ(kept, "kept");
}

TENDRIL_TEST(typed_greenlet, nothing_may_go_in_or_come_out) {
    typed_greenlet<int> counter{[](auto& caller) {
        caller.switch_to(1);
        caller.switch_to(2);
        return 3;
    }};
    EXPECT_EQ(counter.switch_to() + counter.switch_to() + counter.switch_to(), 6);
    int seen = 0;
    typed_greenlet<void, int> sink{[&](int first, auto& caller) {
        seen = first;
        seen += caller.switch_to();
    }};
    sink.switch_to(20);
    sink.switch_to(22);
    EXPECT_EQ(seen, 42);
}

TENDRIL_TEST(typed_greenlet, answers_whoever_asks) {
    typed_greenlet<int, int> next{[](int number, auto& caller) {
        while (true) {
            number = caller.switch_to(number + 1);
        }
        return number;
    }};
    greenlet other{[&] { EXPECT_EQ(next.switch_to(10), 11); }};
    EXPECT_EQ(next.switch_to(1), 2);
    other.switch_to();
    EXPECT_EQ(next.switch_to(2), 3);
}

TENDRIL_TEST(typed_greenlet, an_error_goes_to_whoever_asks) {
    typed_greenlet<int, int> failing{[](int, auto&) -> int { throw std::runtime_error{"broken"}; }};
    greenlet asking{[&] { EXPECT_THROW(failing.switch_to(1), std::runtime_error); }};
    asking.switch_to();
    EXPECT_TRUE(failing.dead());
}

TENDRIL_TEST(typed_greenlet, what_is_thrown_in_is_thrown_where_it_waits) {
    typed_greenlet<int, int> patient{[](int, auto& caller) {
        try {
            caller.switch_to(1);
        } catch (std::runtime_error const&) {
            return 2;
        }
        return 3;
    }};
    patient.switch_to(0);
    EXPECT_EQ(patient.throw_into(std::runtime_error{"in"}), 2);
}

TENDRIL_TEST(typed_greenlet, one_that_exits_gives_no_answer) {
    typed_greenlet<int, int> quiet{[](int, auto&) -> int { throw greenlet_exit{}; }};
    EXPECT_THROW(quiet.switch_to(1), bad_value);
    EXPECT_TRUE(quiet.dead());
}

TENDRIL_TEST(typed_greenlet, switching_to_a_dead_one_is_misuse) {
    typed_greenlet<int> once{[](auto&) { return 1; }};
    once.switch_to();
    EXPECT_THROW(once.switch_to(), misuse);
}

TENDRIL_TEST(typed_greenlet, ends_with_its_handle) {
    transcript seen;
    {
        typed_greenlet<int> waits{[&](auto& caller) {
            note_at_end const cleanup{seen, "cleanup"};
            caller.switch_to(1);
            return 2;
        }};
        waits.switch_to();
    }
    EXPECT_EQ(seen, transcript{"cleanup"});
}

TENDRIL_TEST(typed_greenlet, one_that_is_continued_by_hand_waits_on) {
    greenlet inside;
    typed_greenlet<int, int> adds{[&](int first, auto& caller) {
        inside = greenlet::current();
        return first + caller.switch_to(1);
    }};
    adds.switch_to(2);
    inside.switch_to();
    EXPECT_EQ(adds.switch_to(3), 5);
}

}  // namespace
