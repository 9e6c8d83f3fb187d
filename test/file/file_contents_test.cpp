// SPDX-License-Identifier: BSL-1.0
#include <harness/descriptors.hpp>
#include <harness/hubs.hpp>
#include <harness/network.hpp>
#include <harness/own_folder.hpp>
#include <harness/streams.hpp>
#include <tendril/file/file_contents.hpp>
#include <tendril/support/system_calls.hpp>

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <iterator>
#include <string>

namespace {

using namespace tendril;
using test::own_folder;

std::string long_text_for_files() {
    std::string text;
    for (int number = 0; number < 200'000; ++number) {
        text += std::to_string(number) + "\n";
    }
    return text;
}

auto files_in(own_folder const& place) {
    return std::distance(
        std::filesystem::directory_iterator{place.file("")}, std::filesystem::directory_iterator{});
}

}  // namespace

TENDRIL_HUB_TEST(file_contents, a_file_is_written_and_read_whole) {
    own_folder const place;
    std::string const text = long_text_for_files();
    write_file(place.file("whole"), text);
    EXPECT_EQ(read_file(place.file("whole")), text);
    write_file(place.file("whole"), "short");
    EXPECT_EQ(read_file(place.file("whole")), "short");
    write_file(place.file("whole"), " and more", {.sync = true, .append = true});
    EXPECT_EQ(read_file(place.file("whole")), "short and more");
    write_file(place.file("empty"), "");
    EXPECT_EQ(read_file(place.file("empty")), "");
}

TENDRIL_HUB_TEST(file_contents, a_file_that_does_not_know_its_size_is_read_whole) {
    EXPECT_NE(read_file("/proc/self/status").find("Name:"), std::string::npos);
}

TENDRIL_HUB_TEST(file_contents, a_file_that_is_too_long_is_an_error_that_names_it) {
    own_folder const place;
    write_file(place.file("long"), "0123456789");
    EXPECT_EQ(read_file(place.file("long"), 10), "0123456789");
    auto const read = [&] { read_file(place.file("long"), 9); };
    EXPECT_EQ(test::code_of(read), errc::too_long);
    EXPECT_NE(test::text_of(read).find(place.file("long")), std::string::npos);
}

TENDRIL_HUB_TEST(file_contents, a_file_is_replaced_in_one_step) {
    own_folder const place;
    write_file(place.file("state"), "old");
    auto reader = file::open(place.file("state"));
    write_file(place.file("state"), "new", {.replace = true, .sync = true, .permissions = 0600});
    EXPECT_EQ(read_file(place.file("state")), "new");
    char data[8];
    EXPECT_EQ(reader.read_at(0, boost::asio::buffer(data)), 3U);
    EXPECT_EQ(std::string(data, 3), "old");
    EXPECT_EQ(files_in(place), 1);
}

TENDRIL_HUB_TEST(file_contents, a_replacement_that_fails_leaves_what_was_there) {
    own_folder const place;
    write_file(place.file("state"), "old");
    system_calls no_sync = kernel();
    no_sync.fsync = [](int) {
        errno = EIO;
        return -1;
    };
    system_calls no_close = kernel();
    no_close.close = [](int fd) {
        real_kernel().close(fd);
        errno = EIO;
        return -1;
    };
    for (system_calls const& table : {no_sync, no_close}) {
        error_code error;
        {
            replaced_system_calls const in_place{table};
            write_file(place.file("state"), "new", error, {.replace = true, .sync = true});
        }
        EXPECT_EQ(error, boost::system::errc::io_error);
        EXPECT_EQ(read_file(place.file("state")), "old");
        EXPECT_EQ(files_in(place), 1);
    }
    EXPECT_THROW(write_file(place.file("state"), "x", {.replace = true, .append = true}), misuse);
}

TENDRIL_HUB_TEST(file_contents, a_copy_has_the_same_bytes_and_permissions) {
    own_folder const place;
    std::string const text = long_text_for_files();
    write_file(place.file("from"), text, {.permissions = 0640});
    EXPECT_EQ(copy_file(place.file("from"), place.file("to")), text.size());
    EXPECT_EQ(read_file(place.file("to")), text);
    struct stat found {};
    EXPECT_EQ(::stat(place.file("to").c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0640U);
}

TENDRIL_HUB_TEST(file_contents, what_the_kernel_cannot_copy_is_copied_by_a_thread) {
    own_folder const place;
    std::string const text = long_text_for_files();
    write_file(place.file("from"), text);
    system_calls table = kernel();
    table.copy_file_range = [](int, off_t*, int, off_t*, std::size_t, unsigned) -> ssize_t {
        errno = EXDEV;
        return -1;
    };
    {
        replaced_system_calls const in_place{table};
        EXPECT_EQ(copy_file(place.file("from"), place.file("to")), text.size());
    }
    EXPECT_EQ(read_file(place.file("to")), text);
    EXPECT_GT(copy_file("/proc/self/status", place.file("status")), 100U);
}

TENDRIL_HUB_TEST(file_contents, a_copy_that_cannot_be_made_names_both) {
    own_folder const place;
    auto const copy = [&] { copy_file(place.file("missing"), place.file("to")); };
    EXPECT_EQ(test::code_of(copy), boost::system::errc::no_such_file_or_directory);
    EXPECT_NE(test::text_of(copy).find(place.file("missing")), std::string::npos);
    EXPECT_NE(test::text_of(copy).find(place.file("to")), std::string::npos);
}

TENDRIL_HUB_TEST(file_contents, a_file_is_sent_to_a_peer) {
    own_folder const place;
    std::string const text = long_text_for_files();
    write_file(place.file("sent"), text);
    auto const from = file::open(place.file("sent"));
    test::for_each_kind([&](stream_socket& here, stream_socket& there) {
        auto heard = spawn([&] { return test::hear_all(there); });
        EXPECT_EQ(send_file(here, from, 10, 5), 5U);
        EXPECT_EQ(send_file(here, from), text.size());
        here.shutdown_send();
        EXPECT_EQ(heard.get(), text.substr(10, 5) + text);
    });
}

TENDRIL_HUB_TEST(file_contents, what_is_sent_from_a_disk_is_read_by_a_thread_first) {
    own_folder const place;
    std::string const text = long_text_for_files();
    write_file(place.file("sent"), text);
    thread_pool own;
    auto const from = file::open(place.file("sent"), {.pool = &own});
    system_calls table = kernel();
    table.preadv2 = [](int fd, iovec const* parts, int count, off_t at, int flags) -> ssize_t {
        errno = EAGAIN;
        return flags != 0 ? -1 : real_kernel().preadv2(fd, parts, count, at, flags);
    };
    replaced_system_calls const in_place{table};
    test::unix_pair pair = test::connected_unix_pair();
    auto heard = spawn([&] { return test::hear_all(pair.there); });
    auto const before = own.statistics().completed;
    EXPECT_EQ(send_file(pair.here, from), text.size());
    EXPECT_GT(own.statistics().completed, before + 1);
    pair.here.close();
    EXPECT_EQ(heard.get(), text);
}

TENDRIL_HUB_TEST(file_contents, a_file_that_is_closed_is_not_sent) {
    test::unix_pair pair = test::connected_unix_pair();
    own_folder const place;
    write_file(place.file("sent"), "text");
    auto from = file::open(place.file("sent"));
    from.close();
    error_code error;
    EXPECT_EQ(send_file(pair.here, from, error, 0, 4), 0U);
    EXPECT_EQ(error, errc::closed);
    EXPECT_EQ(test::code_of([&] { send_file(pair.here, from); }), errc::closed);
}

TENDRIL_HUB_TEST(file_contents, a_file_that_became_shorter_is_sent_as_far_as_it_goes) {
    own_folder const place;
    write_file(place.file("sent"), "0123456789");
    auto const from = file::open(place.file("sent"));
    system_calls table = kernel();
    table.sendfile = [](int, int, off_t*, std::size_t) -> ssize_t { return 0; };
    replaced_system_calls const in_place{table};
    test::unix_pair pair = test::connected_unix_pair();
    error_code error;
    EXPECT_EQ(send_file(pair.here, from, error, 0, 10), 0U);
    EXPECT_FALSE(error.failed());
}
