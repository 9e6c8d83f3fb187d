// SPDX-License-Identifier: BSL-1.0
#include <harness/failing_allocations.hpp>
#include <harness/tendril_test.hpp>
#include <tendril/io/token_operation.hpp>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/cancellation_type.hpp>

#include <array>
#include <memory>
#include <stdexcept>

namespace {

using namespace tendril;
using boost::asio::cancellation_type;

}  // namespace

TENDRIL_TEST(token_operation_slot, calls_what_is_installed_with_the_type) {
    operation_signal signal;
    cancellation_type seen = cancellation_type::none;
    signal.slot().assign([&](cancellation_type type) { seen = type; });
    EXPECT_FALSE(signal.emitted());
    signal.emit(cancellation_type::partial);
    EXPECT_EQ(seen, cancellation_type::partial);
    EXPECT_TRUE(signal.emitted());
}

TENDRIL_TEST(token_operation_slot, knows_whether_it_has_a_signal_and_a_handler) {
    operation_slot none;
    EXPECT_FALSE(none.is_connected());
    EXPECT_FALSE(none.has_handler());
    none.clear();
    operation_signal signal;
    operation_slot slot = signal.slot();
    EXPECT_TRUE(slot.is_connected());
    EXPECT_FALSE(slot.has_handler());
    slot.assign([](cancellation_type) {});
    EXPECT_TRUE(slot.has_handler());
    slot.clear();
    EXPECT_FALSE(slot.has_handler());
}

TENDRIL_TEST(token_operation_slot, a_handler_goes_when_another_one_comes_and_at_the_end) {
    auto const counted = std::make_shared<int>();
    {
        operation_signal signal;
        signal.slot().assign([counted](cancellation_type) {});
        EXPECT_EQ(counted.use_count(), 2);
        signal.slot().assign([counted, more = counted](cancellation_type) {});
        EXPECT_EQ(counted.use_count(), 3);
    }
    EXPECT_EQ(counted.use_count(), 1);
}

TENDRIL_TEST(token_operation_slot, a_handler_of_the_usual_size_allocates_nothing) {
    operation_signal signal;
    std::array<void*, 8> const state{};
    test::no_allocation const until_end;
    signal.slot().assign([state](cancellation_type) { static_cast<void>(state); });
    signal.emit(cancellation_type::terminal);
}

TENDRIL_TEST(token_operation_slot, a_large_handler_and_one_that_cannot_be_made_are_no_harm) {
    struct heavy {
        explicit heavy(bool fails) {
            if (fails) {
                throw std::runtime_error{"too heavy"};
            }
        }
        void operator()(cancellation_type) { ++calls; }
        int calls = 0;
        std::array<char, 1000> weight{};
    };
    operation_signal signal;
    heavy const& made = signal.slot().emplace<heavy>(false);
    signal.emit(cancellation_type::terminal);
    EXPECT_EQ(made.calls, 1);
    EXPECT_THROW(signal.slot().emplace<heavy>(true), std::runtime_error);
    EXPECT_FALSE(signal.slot().has_handler());
    signal.slot().assign([](cancellation_type) {});
    EXPECT_TRUE(signal.slot().has_handler());
}

TENDRIL_TEST(token_operation_slot, is_a_slot_of_asios_own_as_well) {
    operation_signal signal;
    boost::asio::cancellation_slot common = signal.slot();
    int calls = 0;
    common.assign([&](cancellation_type) { ++calls; });
    signal.slot().assign([&](cancellation_type) { ++calls; });
    signal.emit(cancellation_type::terminal);
    EXPECT_EQ(calls, 2);
    signal.slot().clear();
    EXPECT_FALSE(common.has_handler());
}

TENDRIL_TEST(token_operation_slot, carries_the_cancellation_state_of_a_composed_operation) {
    operation_signal signal;
    boost::asio::cancellation_state const state{signal.slot()};
    int calls = 0;
    state.slot().assign([&](cancellation_type) { ++calls; });
    signal.emit(cancellation_type::terminal);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(state.cancelled(), cancellation_type::terminal);
}
