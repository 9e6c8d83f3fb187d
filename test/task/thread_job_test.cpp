// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/task/thread_job.hpp>

#include <memory>
#include <string>

namespace {

using namespace tendril;

}  // namespace

TENDRIL_TEST(thread_job, keeps_the_result_of_its_call) {
    auto const make = [] { return std::make_unique<int>(7); };
    detail::frame_job<std::unique_ptr<int>, decltype(make)> job{make};
    job.call();
    EXPECT_EQ(*job.take(), 7);
}

TENDRIL_TEST(thread_job, keeps_what_its_call_throws) {
    auto const fail = [] { throw std::string{"word"}; };
    detail::frame_job<void, decltype(fail)> job{fail};
    job.call();
    EXPECT_THROW(job.take(), std::string);
}

TENDRIL_TEST(thread_job, stays_with_its_caller_unless_it_may_be_abandoned) {
    int number = 0;
    auto const count = [&] { ++number; };
    detail::frame_job<void, decltype(count)> bound{count};
    EXPECT_FALSE(bound.leave_to_thread());

    using abandonable = detail::abandonable_job<void, decltype(count)>;
    auto mine = std::make_unique<abandonable>(count);
    abandonable& job = *mine;
    job.owner = &mine;
    EXPECT_TRUE(job.leave_to_thread());
    EXPECT_EQ(mine, nullptr);
    job.call();
    job.drop();
    EXPECT_EQ(number, 1);
}

TENDRIL_TEST(thread_job, is_not_cancelled_where_there_is_none) { EXPECT_FALSE(job_cancelled()); }
