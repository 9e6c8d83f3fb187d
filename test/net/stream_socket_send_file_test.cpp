// SPDX-License-Identifier: BSL-1.0
//
// Files that are sent over streams.
#include <harness/own_folder.hpp>
#include <harness/streams.hpp>
#include <tendril/net/stream_socket.hpp>
#include <tendril/support/system_calls.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::for_each_kind;
using test::hear;
using test::hear_all;
using test::hear_exactly;
using test::settle;
using test::unnamed_file;
namespace asio_error = boost::asio::error;

constexpr std::size_t to_the_end = 1'000'000'000;

std::string numbered(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t at = 0; at < size; ++at) {
        text[at] = static_cast<char>(at * 37 + at / 253);
    }
    return text;
}

// A kernel without `sendfile`, and one whose files and sockets stutter.
struct kernel_without_sendfile {
    system_calls table = kernel();
    replaced_system_calls in_place{table};

    kernel_without_sendfile() {
        table.sendfile = [](int, int, off_t*, std::size_t) {
            errno = EINVAL;
            return ssize_t{-1};
        };
    }
};

int disk_errors_after = 0;

// The disk fails after some successes.
bool disk_fails() {
    errno = EIO;
    return --disk_errors_after < 0;
}

struct kernel_with_a_bad_disk {
    system_calls table = kernel();
    replaced_system_calls in_place{table};

    explicit kernel_with_a_bad_disk(int good) {
        disk_errors_after = good;
        table.sendfile = [](int to, int from, off_t* offset, std::size_t size) {
            return disk_fails() ? -1
                                : real_kernel().sendfile(to, from, offset, std::min(size, {1000}));
        };
        table.pread = [](int fd, void* data, std::size_t size, off_t offset) {
            return disk_fails() ? -1
                                : real_kernel().pread(fd, data, std::min(size, {1000}), offset);
        };
    }
};

void expect_sent(stream_socket& here, stream_socket& there, std::string const& text) {
    unnamed_file const file{text};
    auto reader = spawn([&there] { return hear_all(there); });
    EXPECT_EQ(here.send_file(file.descriptor()), text.size());
    here.shutdown_send();
    EXPECT_TRUE(reader.get() == text);
}

void expect_offset_after_an_error(stream_socket& here, stream_socket& there) {
    std::string const text = numbered(10000);
    unnamed_file const file{text};
    std::uint64_t sent = 0;
    error_code error;
    {
        kernel_with_a_bad_disk const kernel{3};
        sent = here.send_file(file.descriptor(), 0, to_the_end, error);
    }
    EXPECT_EQ(error.value(), EIO);
    EXPECT_EQ(sent, 3000U);
    EXPECT_EQ(here.send_file(file.descriptor(), sent), text.size() - 3000);
    EXPECT_TRUE(hear_exactly(there, text.size()) == text);
}

}  // namespace

TENDRIL_HUB_TEST(stream_socket, a_file_is_sent_whole_and_its_position_stays) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        std::string const text = numbered(3 * 1024 * 1024 + 17);
        unnamed_file const file{text};
        ::lseek(file.descriptor(), 100, SEEK_SET);
        auto reader = spawn([&] { return hear_exactly(there, text.size()); });
        EXPECT_EQ(here.send_file(file.descriptor()), text.size());
        EXPECT_TRUE(reader.get() == text);
        EXPECT_EQ(::lseek(file.descriptor(), 0, SEEK_CUR), 100);
    });
}

TENDRIL_HUB_TEST(stream_socket, a_part_of_a_file_is_sent_and_no_more_than_there_is) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        unnamed_file const file{"0123456789"};
        EXPECT_EQ(here.send_file(file.descriptor(), 3, 4), 4U);
        EXPECT_EQ(hear(there), "3456");
        EXPECT_EQ(here.send_file(file.descriptor(), 8, 100), 2U);
        EXPECT_EQ(hear(there), "89");
        EXPECT_EQ(here.send_file(file.descriptor(), 10), 0U);
        EXPECT_EQ(here.send_file(file.descriptor(), 1000), 0U);
        EXPECT_EQ(here.send_file(file.descriptor(), 0, 0), 0U);
    });
}

TENDRIL_HUB_TEST(stream_socket, where_the_kernel_cannot_send_files_they_are_read_and_written) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        kernel_without_sendfile const kernel;
        expect_sent(here, there, numbered(1'000'000));
    });
}

TENDRIL_HUB_TEST(stream_socket, what_cannot_be_read_at_an_offset_is_an_error) {
    for_each_kind([](stream_socket& here, stream_socket&) {
        int pipe[2];
        ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
        EXPECT_TRUE(test::code_of([&] { here.send_file(pipe[0]); }).failed());
        ::close(pipe[0]);
        ::close(pipe[1]);
        EXPECT_EQ(test::code_of([&here] { here.send_file(-1); }).value(), EBADF);
        EXPECT_FALSE(test::write_error(here).failed());
    });
}

TENDRIL_HUB_TEST(stream_socket, after_an_error_of_the_disk_sending_goes_on_where_it_was) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        expect_offset_after_an_error(here, there);
        kernel_without_sendfile const kernel;
        // The fallback counts what was sent, too.
        expect_offset_after_an_error(here, there);
    });
}

TENDRIL_HUB_TEST(stream_socket, a_peer_that_has_gone_is_an_error_of_send_file_and_no_signal) {
    for_each_kind([](stream_socket& here, stream_socket& there) {
        there.abort();
        unnamed_file const file{numbered(100'000)};
        error_code error;
        for (int attempt = 0; attempt < 3; ++attempt) {
            here.send_file(file.descriptor(), 0, to_the_end, error);
        }
        EXPECT_EQ(error, asio_error::broken_pipe);
    });
}

TENDRIL_HUB_TEST(stream_socket, a_file_left_half_way_breaks_the_stream) {
    for_each_kind([](stream_socket& here, stream_socket&) {
        unnamed_file const file{std::string(16 * 1024 * 1024, 'x')};
        auto sender = spawn([&] { here.send_file(file.descriptor()); });
        settle();
        sender.cancel();
        sender.join();
        EXPECT_TRUE(sender.was_cancelled());
        EXPECT_EQ(test::write_error(here), errc::broken);
        EXPECT_EQ(test::code_of([&] { here.send_file(file.descriptor()); }), errc::broken);
    });
}

TENDRIL_HUB_TEST(stream_socket, a_file_obeys_the_write_limit_of_its_stream) {
    for_each_kind([](stream_socket& here, stream_socket&) {
        unnamed_file const file{std::string(16 * 1024 * 1024, 'x')};
        here.set_write_limit(2s);
        error_code error;
        EXPECT_GT(here.send_file(file.descriptor(), 0, to_the_end, error), 0U);
        EXPECT_EQ(error, errc::timed_out);
        EXPECT_EQ(test::write_error(here), errc::broken);
    });
}

TENDRIL_HUB_TEST(stream_socket, closing_and_a_second_writer_are_told_while_a_file_is_sent) {
    for_each_kind([](stream_socket& here, stream_socket&) {
        unnamed_file const file{std::string(16 * 1024 * 1024, 'x')};
        auto sender = spawn(
            [&] { return test::code_of([&] { here.send_file(file.descriptor()); }); });
        settle();
        EXPECT_EQ(test::write_error(here), errc::busy);
        here.close();
        EXPECT_EQ(sender.get(), errc::closed);
        EXPECT_EQ(test::code_of([&] { here.send_file(file.descriptor()); }), errc::closed);
    });
}
