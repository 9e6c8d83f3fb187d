// SPDX-License-Identifier: BSL-1.0
#include <harness/descriptors.hpp>
#include <harness/network.hpp>
#include <tendril/file/pipe.hpp>
#include <tendril/testing/failing_system_calls.hpp>

#include <boost/asio/error.hpp>

#include <string>

namespace {

using namespace tendril;
using test::get_error;
using test::get_text;
using test::put_text;

}  // namespace

TENDRIL_HUB_TEST(pipe, what_is_written_to_one_end_is_read_from_the_other) {
    auto [reader, writer] = make_pipe();
    put_text(writer, "through");
    EXPECT_EQ(get_text(reader), "through");
    writer.close();
    EXPECT_EQ(get_error(reader), boost::asio::error::eof);
}

TENDRIL_HUB_TEST(pipe, both_ends_are_non_blocking_and_closed_in_other_programs) {
    auto const ends = make_pipe();
    for (descriptor_stream const* each : {&ends.reader, &ends.writer}) {
        EXPECT_FALSE(test::blocks(each->native_handle()));
        EXPECT_NE(::fcntl(each->native_handle(), F_GETFD) & FD_CLOEXEC, 0);
    }
}

TENDRIL_HUB_TEST(pipe, an_end_for_another_program_blocks_and_can_be_used_here_all_the_same) {
    auto [reader, writer] = make_pipe({.writer_blocks = true});
    EXPECT_TRUE(test::blocks(writer.native_handle()));
    EXPECT_FALSE(test::blocks(reader.native_handle()));
    std::string const long_text(300'000, 'x');
    task<void> const other = spawn([&, &into = writer] {
        put_text(into, long_text);
        into.close();
    });
    std::string all;
    for (std::string part = get_text(reader); !part.empty(); part = get_text(reader)) {
        all += part;
    }
    EXPECT_EQ(all, long_text);
}

TENDRIL_HUB_TEST(pipe, a_failure_leaves_no_descriptor_open) {
    for (bool const one_blocks : {false, true}) {
        std::size_t const points = tendril::testing::for_each_failure([&](std::size_t number) {
            tendril::testing::failing_system_calls const next{
                tendril::testing::any_call, EMFILE, number};
            error_code error;
            pipe_ends const ends = make_pipe(error, {.writer_blocks = one_blocks});
            EXPECT_EQ(error.failed(), !ends.reader.is_open());
            EXPECT_EQ(error.failed(), !ends.writer.is_open());
            return next.has_failed();
        });
        EXPECT_GT(points, 3U);
    }
}
