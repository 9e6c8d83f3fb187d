// SPDX-License-Identifier: BSL-1.0
#include <harness/descriptors.hpp>
#include <harness/hubs.hpp>
#include <harness/network.hpp>
#include <harness/own_folder.hpp>
#include <tendril/file/file.hpp>
#include <tendril/io/buffered_reader.hpp>
#include <tendril/io/buffered_writer.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/testing/failing_system_calls.hpp>
#include <tendril/together/gather.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using test::own_folder;
namespace asio_error = boost::asio::error;

static_assert(read_stream<file>);
static_assert(write_stream<file>);

void put_in(file& to, std::string_view text) { to.write(boost::asio::buffer(text)); }

std::string get_from(file& from) {
    char data[64];
    error_code error;
    return {data, from.read_some(boost::asio::buffer(data), error)};
}

error_code end_of_file_error(file& from) {
    char data[8];
    error_code error;
    EXPECT_EQ(from.read_some(boost::asio::buffer(data), error), 0U);
    return error;
}

// A file with some text in it.
struct written_file : own_folder {
    explicit written_file(std::string_view text) : path{file("written")} {
        auto made = tendril::file::create(path);
        put_in(made, text);
        made.close();
    }
    std::string path;
};

// Where the kernel has nothing in memory: each read needs a thread, which waits for a word.
std::atomic<bool> gate_is_open{true};
std::atomic<int> reads_in_threads{0};

struct cold_kernel {
    system_calls table = kernel();
    replaced_system_calls in_place{table};

    cold_kernel() {
        gate_is_open = true;
        reads_in_threads = 0;
        table.preadv2 = [](int fd, iovec const* parts, int count, off_t at, int flags) -> ssize_t {
            if ((flags & RWF_NOWAIT) != 0) {
                errno = EAGAIN;
                return -1;
            }
            ++reads_in_threads;
            gate_is_open.wait(false);
            return real_kernel().preadv2(fd, parts, count, at, flags);
        };
    }
    static void close_gate() { gate_is_open = false; }
    static void open_gate() {
        gate_is_open = true;
        gate_is_open.notify_all();
    }
    // Waits until a thread stands at the gate.
    static void await_reader() {
        while (reads_in_threads == 0) {
            std::this_thread::yield();
        }
    }
};

}  // namespace

TENDRIL_HUB_TEST(file, what_is_written_can_be_read) {
    own_folder const place;
    auto out = file::create(place.file("text"));
    put_in(out, "first ");
    put_in(out, "second");
    EXPECT_EQ(out.tell(), 12U);
    out.close();
    EXPECT_FALSE(out.is_open());
    auto in = file::open(place.file("text"));
    EXPECT_EQ(in.size(), 12U);
    EXPECT_EQ(get_from(in), "first second");
    EXPECT_EQ(end_of_file_error(in), asio_error::eof);
    in.seek(6);
    EXPECT_EQ(get_from(in), "second");
    EXPECT_EQ(in.path(), place.file("text"));
}

TENDRIL_HUB_TEST(file, places_are_read_and_written_without_moving_the_position) {
    written_file const there{"0123456789"};
    auto both = file::open(there.path, {.write = true});
    EXPECT_EQ(both.write_at(4, boost::asio::buffer("xy", 2)), 2U);
    char data[64];
    EXPECT_EQ(both.read_at(3, boost::asio::buffer(data)), 7U);
    EXPECT_EQ(std::string(data, 7), "3xy6789");
    EXPECT_EQ(both.read_at(100, boost::asio::buffer(data)), 0U);
    EXPECT_EQ(both.tell(), 0U);
    both.resize(3);
    EXPECT_EQ(get_from(both), "012");
    both.sync();
    both.sync_data();
}

TENDRIL_HUB_TEST(file, ways_to_open_do_what_they_say) {
    written_file const there{"old"};
    error_code error;
    file::open(there.path, error, {.write = true, .exclusive = true});
    EXPECT_EQ(error, boost::system::errc::file_exists);
    auto more = file::append_to(there.path);
    put_in(more, " and new");
    more.close();
    auto all = file::open(there.path);
    EXPECT_EQ(get_from(all), "old and new");
    EXPECT_NE(::fcntl(all.native_handle(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_TRUE(test::blocks(all.native_handle()));
    auto none = file::create(there.path);
    EXPECT_EQ(none.size(), 0U);
    auto own = file::open(
        there.file("own"), {.write = true, .exclusive = true, .permissions = 0600});
    struct stat found {};
    EXPECT_EQ(::fstat(own.native_handle(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0600U);
}

TENDRIL_HUB_TEST(file, errors_name_the_file) {
    own_folder const place;
    auto const open = [&] { file::open(place.file("missing")); };
    EXPECT_EQ(test::code_of(open), boost::system::errc::no_such_file_or_directory);
    EXPECT_NE(test::text_of(open).find(place.file("missing")), std::string::npos);
    auto out = file::create(place.file("out"));
    char data[4];
    auto const read = [&] { out.read_some(boost::asio::buffer(data)); };
    EXPECT_EQ(test::code_of(read), boost::system::errc::bad_file_descriptor);
    EXPECT_NE(test::text_of(read).find(place.file("out")), std::string::npos);
}

TENDRIL_HUB_TEST(file, what_can_be_waited_for_is_refused_at_once) {
    own_folder const place;
    ASSERT_EQ(::mkfifo(place.file("fifo").c_str(), 0600), 0);
    for (std::string const& path : {place.file("fifo"), place.file(""), std::string{"/dev/null"}}) {
        error_code error;
        EXPECT_FALSE(file::open(path, error).is_open());
        EXPECT_EQ(error, errc::wrong_kind) << path;
    }
    test::bare_pipe pipe;
    int const owned = pipe.take(0);
    EXPECT_EQ(test::code_of([&] { file::adopt(owned); }), errc::wrong_kind);
    EXPECT_FALSE(test::is_open_descriptor(owned));
}

TENDRIL_HUB_TEST(file, a_descriptor_is_taken_over_with_its_position_and_given_away) {
    written_file const there{"0123456789"};
    int const descriptor = ::open(there.path.c_str(), O_RDONLY | O_CLOEXEC);
    ::lseek(descriptor, 4, SEEK_SET);
    auto adopted = file::adopt(descriptor);
    EXPECT_EQ(get_from(adopted), "456789");
    EXPECT_EQ(adopted.release(), descriptor);
    EXPECT_FALSE(adopted.is_open());
    EXPECT_EQ(adopted.release(), -1);
    ::close(descriptor);
}

TENDRIL_HUB_TEST(file, lines_are_read_and_written_through_buffers) {
    own_folder const place;
    auto out = file::create(place.file("lines"));
    buffered_writer writer{out};
    for (int number = 0; number < 1000; ++number) {
        writer.write("line " + std::to_string(number) + "\n");
    }
    writer.flush();
    auto in = file::open(place.file("lines"));
    buffered_reader reader{in};
    int number = 0;
    for (std::string const& line : reader.lines()) {
        EXPECT_EQ(line, "line " + std::to_string(number++));
    }
    EXPECT_EQ(number, 1000);
}

TENDRIL_HUB_TEST(file, several_buffers_go_together) {
    own_folder const place;
    auto both = file::open(place.file("parts"), {.write = true, .create = true});
    std::vector<boost::asio::const_buffer> const many(20, boost::asio::buffer("ab", 2));
    EXPECT_EQ(both.write(many), 40U);
    both.seek(0);
    char first[3];
    char second[100];
    std::array<boost::asio::mutable_buffer, 2> const into{
        boost::asio::buffer(first), boost::asio::buffer(second)};
    EXPECT_EQ(both.read_some(into), 40U);
    EXPECT_EQ(second[0], 'b');
}

// Threads.

TENDRIL_HUB_TEST(file, what_is_not_in_memory_is_read_by_a_thread_while_others_run) {
    written_file const there{"from the disk"};
    auto in = file::open(there.path);
    cold_kernel const cold;
    cold.close_gate();
    auto text = spawn([&] { return get_from(in); });
    test::settle();
    EXPECT_FALSE(text.done());
    cold.open_gate();
    EXPECT_EQ(text.get(), "from the disk");
    EXPECT_EQ(reads_in_threads, 1);
}

TENDRIL_HUB_TEST(file, what_is_in_memory_needs_no_thread) {
    written_file const there{"in memory"};
    thread_pool own;
    auto in = file::open(there.path, {.pool = &own});
    auto const before = own.statistics().completed;
    if (get_from(in) == "in memory" && in.tell() > 0 && own.statistics().completed != before) {
        GTEST_SKIP() << "the file system of this folder cannot say what is in memory";
    }
    EXPECT_EQ(own.statistics().completed, before);
}

TENDRIL_HUB_TEST(file, who_is_cancelled_waits_for_the_thread_and_has_the_result) {
    written_file const there{"from the disk"};
    auto in = file::open(there.path);
    cold_kernel const cold;
    cold.close_gate();
    std::string text;
    auto reads = spawn([&] {
        text = get_from(in);
        return test::interruption_of([] { yield(); });
    });
    test::settle();
    cold.await_reader();
    reads.cancel();
    test::settle();
    EXPECT_FALSE(reads.done());
    cold.open_gate();
    EXPECT_EQ(reads.get(), "cancelled");
    EXPECT_EQ(text, "from the disk");
}

TENDRIL_HUB_TEST(file, who_waits_for_a_thread_leaves_at_once) {
    written_file const there{"from the disk"};
    thread_pool narrow{{.maximum_size = 1}};
    auto in = file::open(there.path, {.pool = &narrow});
    cold_kernel const cold;
    cold.close_gate();
    auto first = spawn([&] { return get_from(in); });
    test::settle();
    cold.await_reader();
    char data[8];
    auto second = spawn(
        [&] { return test::interruption_of([&] { in.read_at(0, boost::asio::buffer(data)); }); });
    test::settle();
    second.cancel();
    EXPECT_EQ(second.get(), "cancelled");
    cold.open_gate();
    EXPECT_EQ(first.get(), "from the disk");
    EXPECT_EQ(reads_in_threads, 1);
}

TENDRIL_HUB_TEST(file, one_greenlet_at_a_time_uses_the_position_and_any_number_places) {
    written_file const there{"from the disk"};
    auto in = file::open(there.path);
    cold_kernel const cold;
    cold.close_gate();
    auto first = spawn([&] { return get_from(in); });
    test::settle();
    EXPECT_EQ(end_of_file_error(in), errc::busy);
    char data[8];
    auto elsewhere = spawn([&] { return in.read_at(5, boost::asio::buffer(data)); });
    test::settle();
    cold.open_gate();
    EXPECT_EQ(first.get(), "from the disk");
    EXPECT_EQ(elsewhere.get(), 8U);
}

TENDRIL_HUB_TEST(file, closing_while_another_reads_lets_it_end) {
    written_file const there{"from the disk"};
    auto in = file::open(there.path);
    int const descriptor = in.native_handle();
    cold_kernel const cold;
    cold.close_gate();
    auto reads = spawn([&] { return get_from(in); });
    test::settle();
    in.close();
    EXPECT_EQ(end_of_file_error(in), errc::closed);
    EXPECT_TRUE(test::is_open_descriptor(descriptor));
    cold.open_gate();
    EXPECT_EQ(reads.get(), "from the disk");
    EXPECT_FALSE(test::is_open_descriptor(descriptor));
}

TENDRIL_HUB_TEST(file, a_file_that_goes_while_another_reads_lets_it_end) {
    written_file const there{"from the disk"};
    auto in = std::make_unique<file>(file::open(there.path));
    cold_kernel const cold;
    cold.close_gate();
    auto reads = spawn([&] { return get_from(*in); });
    test::settle();
    in.reset();
    cold.open_gate();
    EXPECT_EQ(reads.get(), "from the disk");
}

// Errors at the end.

TENDRIL_HUB_TEST(file, closing_says_what_the_system_says_and_closes_all_the_same) {
    own_folder const place;
    auto out = file::create(place.file("full"));
    int const descriptor = out.native_handle();
    system_calls table = kernel();
    table.close = [](int fd) {
        real_kernel().close(fd);
        errno = ENOSPC;
        return -1;
    };
    {
        replaced_system_calls const in_place{table};
        auto const close = [&] { out.close(); };
        EXPECT_EQ(test::code_of(close), boost::system::errc::no_space_on_device);
    }
    EXPECT_FALSE(test::is_open_descriptor(descriptor));
    EXPECT_FALSE(out.is_open());
    out.close();
}

TENDRIL_HUB_TEST(file, what_is_closed_says_so) {
    file none;
    char data[8];
    error_code error;
    EXPECT_EQ(end_of_file_error(none), errc::closed);
    none.read_at(0, boost::asio::buffer(data), error);
    EXPECT_EQ(error, errc::closed);
    none.write_at(0, boost::asio::buffer(data), error);
    EXPECT_EQ(error, errc::closed);
    none.size(error);
    EXPECT_EQ(error, errc::closed);
    none.resize(0, error);
    EXPECT_EQ(error, errc::closed);
    none.sync(error);
    EXPECT_EQ(error, errc::closed);
    EXPECT_EQ(none.native_handle(), -1);
    none.close();
}

TENDRIL_TEST(file, a_thread_without_a_hub_uses_files_too) {
    std::string text;
    std::thread{[&] {
        own_folder const place;
        auto both = file::open(place.file("text"), {.write = true, .create = true});
        put_in(both, "no hub");
        both.seek(0);
        text = get_from(both);
    }}.join();
    EXPECT_EQ(text, "no hub");
}

TENDRIL_HUB_TEST(file, one_that_takes_the_place_of_another_closes_it) {
    own_folder const place;
    auto first = file::open(place.file("first"), {.write = true, .create = true});
    auto second = file::open(place.file("second"), {.write = true, .create = true});
    put_in(second, "second");
    int const descriptor = first.native_handle();
    first = std::move(second);
    EXPECT_NE(first.native_handle(), descriptor);
    EXPECT_EQ(first.tell(), 6U);
    EXPECT_EQ(::fcntl(descriptor, F_GETFD), -1);
    EXPECT_EQ(&first.get_executor().context(), &this_hub().context());
}
