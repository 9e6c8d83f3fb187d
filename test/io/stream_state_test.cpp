// SPDX-License-Identifier: BSL-1.0
#include <harness/hubs.hpp>
#include <tendril/io/stream_state.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <thread>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using detail::call_limit;
using detail::stream_stage;

class plain_core final : public detail::stream_state {
public:
    plain_core() : stream_state{this_hub()} {}
};

}  // namespace

TENDRIL_HUB_TEST(stream_state, what_is_closed_busy_or_broken_is_refused) {
    plain_core core;
    using detail::refusal;
    EXPECT_EQ(refusal(nullptr, &plain_core::reading), errc::closed);
    EXPECT_FALSE(refusal(&core, &plain_core::reading).failed());
    {
        detail::direction_use const reader{core.reading};
        EXPECT_EQ(refusal(&core, &plain_core::reading), errc::busy);
        EXPECT_FALSE(detail::refusal_to_write(&core).failed());
    }
    core.break_off();
    EXPECT_EQ(detail::refusal_to_write(&core), errc::broken);
    core.stage = stream_stage::closed;
    core.break_off();
    EXPECT_EQ(detail::refusal_to_write(&core), errc::closed);
}

TENDRIL_HUB_TEST(stream_state, a_call_that_would_block_is_made_again_after_a_wait) {
    plain_core core;
    error_code error;
    int const answers[] = {EINTR, EAGAIN, 0};
    int calls = 0;
    int waits = 0;
    std::size_t const size = detail::call_when_ready(
        core,
        [&]() -> ssize_t {
            errno = answers[calls++];
            return errno == 0 ? 7 : -1;
        },
        [&] { return ++waits > 0; }, error);
    EXPECT_EQ(size, 7U);
    EXPECT_EQ(waits, 1);
    EXPECT_FALSE(error.failed());
}

TENDRIL_HUB_TEST(stream_state, a_limit_of_the_stream_counts_from_when_it_is_asked_for) {
    deadline const given = deadline::after(5ms);
    call_limit own{&given, 1ms};
    EXPECT_EQ(own.moment().moment(), given.moment());
    call_limit each{nullptr, 10ms};
    clock.advance(3ms);
    EXPECT_EQ(each.moment().moment(), clock.now() + 10ms);
    EXPECT_FALSE(each.has_passed(this_hub()));
    call_limit none{nullptr, detail::no_limit};
    EXPECT_TRUE(none.moment().is_never());
}

TENDRIL_HUB_TEST(stream_state, a_write_goes_on_where_it_stopped) {
    plain_core core;
    char text[] = "abcdefgh";
    std::array<iovec, 3> parts{{{text, 3}, {text + 3, 1}, {text + 4, 4}}};
    call_limit limit{nullptr, detail::no_limit};
    std::uint64_t written = 0;
    error_code error;
    std::string seen;
    detail::write_to_end(
        core, parts, limit, written, error, [&](iovec const* next, std::size_t) -> std::size_t {
            std::size_t const size = std::min<std::size_t>(next->iov_len, 2);
            seen.append(static_cast<char const*>(next->iov_base), size);
            return size;
        });
    EXPECT_EQ(seen, "abcdefgh");
    EXPECT_EQ(written, 8U);
}

TENDRIL_HUB_TEST(stream_state, between_two_parts_a_write_looks_whether_it_may_go_on) {
    plain_core core;
    call_limit limit{nullptr, 10ms};
    error_code error;
    detail::look_up_between_parts(core, limit, error);
    EXPECT_FALSE(error.failed());
    static_cast<void>(limit.moment());
    clock.advance(11ms);
    detail::look_up_between_parts(core, limit, error);
    EXPECT_EQ(error, errc::timed_out);
    core.stage = stream_stage::closed;
    detail::look_up_between_parts(core, limit, error);
    EXPECT_EQ(error, errc::closed);
}

TENDRIL_HUB_TEST(stream_state, what_belongs_to_another_thread_may_not_use_a_stream) {
    plain_core core;
    std::string text;
    std::thread{[&] {
        text = test::misuse_of([&] { detail::require_thread_of(core.home); });
    }}.join();
    EXPECT_NE(text, "");
}
