// SPDX-License-Identifier: BSL-1.0
//
// Every allocation fails, of what task groups do with errors: each error is thrown or reported.
#include <harness/failure_points.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/support/scope_exit.hpp>

#include <exception>
#include <string_view>
#include <utility>

namespace {

using namespace tendril;

// Counts the errors that children throw, and those that somebody hears of.
struct error_count {
    std::size_t thrown = 0;
    std::size_t heard_of = 0;
};

void run_two_that_fail(error_count& count) {
    try {
        with_task_group([&](task_group& group) {
            for (int child = 0; child < 2; ++child) {
                group.spawn([&count] {
                    scope_exit const at_end{[&count] { ++count.thrown; }};
                    throw 1;
                });
            }
            group.spawn([] {});
        });
    } catch (exception_group const& several) {
        count.heard_of += several.errors().size();
    }
}

}  // namespace

TENDRIL_TEST(task_group_faults, no_error_of_a_child_is_lost_for_want_of_memory) {
    tendril::test::try_all("a group in which a child fails", [] {
        error_count count;
        auto previous = this_hub().set_error_handler(
            [&count](std::exception_ptr const&, std::string_view) { ++count.heard_of; });
        scope_exit const judge{[&] {
            // More are heard of than these: that of a child which got no memory, for one.
            EXPECT_GE(count.heard_of, count.thrown);
            this_hub().set_error_handler(std::move(previous));
        }};
        run_two_that_fail(count);
    });
}
