// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/support/error.hpp>

#include <memory>
#include <set>
#include <stdexcept>
#include <system_error>
#include <type_traits>

namespace {

using namespace tendril;

struct no_standard_exception {};

}  // namespace

TENDRIL_TEST(error, a_code_converts_to_the_code_of_the_standard_library) {
    std::error_code const code = errc::closed;
    EXPECT_EQ(code.value(), static_cast<int>(errc::closed));
    EXPECT_STREQ(code.category().name(), "tendril");
}

TENDRIL_TEST(error, no_code_means_success) {
    for (errc each :
         {errc::closed, errc::busy, errc::timed_out, errc::broken, errc::bad_name, errc::overloaded,
          errc::too_long, errc::wrong_kind}) {
        EXPECT_TRUE(static_cast<bool>(make_error_code(each)));
    }
}

TENDRIL_TEST(error, every_code_has_a_text_of_its_own) {
    std::set<std::string> texts{error_category().message(0)};
    for (errc each :
         {errc::closed, errc::busy, errc::timed_out, errc::broken, errc::bad_name, errc::overloaded,
          errc::too_long, errc::wrong_kind}) {
        EXPECT_TRUE(texts.insert(make_error_code(each).message()).second) << texts.size();
    }
}

TENDRIL_TEST(error, the_text_of_busy_says_the_rule) {
    EXPECT_EQ(
        make_error_code(errc::busy).message(),
        "another greenlet already waits for this direction: one reader and one writer at a time");
}

TENDRIL_TEST(error, a_limit_that_ran_out_compares_equal_to_the_standard_condition) {
    EXPECT_EQ(make_error_code(errc::timed_out), std::errc::timed_out);
    EXPECT_NE(make_error_code(errc::closed), std::errc::timed_out);
}

TENDRIL_TEST(error, what_the_caller_did_wrong_is_a_logic_error) {
    EXPECT_TRUE((std::is_base_of_v<std::logic_error, misuse>));
    EXPECT_TRUE((std::is_base_of_v<misuse, wrong_thread>));
    EXPECT_TRUE((std::is_base_of_v<misuse, bad_value>));
}

TENDRIL_TEST(error, an_exhausted_stack_supply_is_a_bad_alloc_that_keeps_its_reason) {
    try {
        throw stack_exhausted{"look at vm.max_map_count"};
    } catch (std::bad_alloc const& error) {
        EXPECT_STREQ(error.what(), "look at vm.max_map_count");
    }
}

TENDRIL_TEST(error, describes_a_standard_exception_by_type_and_text) {
    EXPECT_EQ(
        describe(std::make_exception_ptr(std::out_of_range{"seven"})), "std::out_of_range: seven");
}

TENDRIL_TEST(error, describes_the_dynamic_type_and_not_the_base) {
    EXPECT_EQ(describe(std::make_exception_ptr(bad_value{"x"})), "tendril::bad_value: x");
}

TENDRIL_TEST(error, describes_any_other_exception_by_type) {
    EXPECT_EQ(describe(std::make_exception_ptr(42)), "int");
    EXPECT_EQ(
        describe(std::make_exception_ptr(no_standard_exception{})),
        "(anonymous namespace)::no_standard_exception");
}

TENDRIL_TEST(error, describes_a_null_pointer_as_no_error) {
    EXPECT_EQ(describe(nullptr), "no error");
}

TENDRIL_TEST(error, describing_leaves_the_handled_exception_alone) {
    try {
        throw 1;
    } catch (int) {
        static_cast<void>(describe(std::make_exception_ptr(std::runtime_error{"another"})));
        EXPECT_THROW(throw, int);
    }
}
