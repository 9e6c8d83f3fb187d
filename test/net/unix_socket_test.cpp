// SPDX-License-Identifier: BSL-1.0
//
// Streams and listeners at Unix sockets, and what only they can do.
#include <harness/streams.hpp>
#include <tendril/net/unix_socket.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::hear;
using test::hear_all;
using test::say;
using test::settle;
namespace asio_error = boost::asio::error;

// A folder of its own, with all that is in it, until the end of the scope.
class folder {
public:
    folder() {
        std::string made = (std::filesystem::temp_directory_path() / "tendril-XXXXXX").string();
        EXPECT_NE(::mkdtemp(made.data()), nullptr);
        path_ = made;
    }
    folder(folder const&) = delete;
    folder& operator=(folder const&) = delete;
    ~folder() { std::filesystem::remove_all(path_); }

    std::string file(std::string_view name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

bool exists(std::string const& path) { return std::filesystem::exists(path); }

}  // namespace

// Names.

TENDRIL_HUB_TEST(unix_socket, a_path_connects_both_ends) {
    folder const place;
    auto listener = unix_listener::bind(place.file("door"));
    unix_stream here = unix_stream::connect(place.file("door"));
    unix_stream there = listener.accept();
    say(here, "through the door");
    EXPECT_EQ(hear(there), "through the door");
    say(there, "and back");
    EXPECT_EQ(hear(here), "and back");
    EXPECT_EQ(here.remote_name(), place.file("door"));
    EXPECT_EQ(there.local_name(), place.file("door"));
    EXPECT_EQ(here.local_name(), "");
}

TENDRIL_HUB_TEST(unix_socket, a_name_of_the_abstract_space_leaves_no_file) {
    std::string const name = "@tendril test " + std::to_string(::getpid());
    auto listener = unix_listener::bind(name);
    unix_stream here = unix_stream::connect(name);
    unix_stream there = listener.accept();
    say(here, "x");
    EXPECT_EQ(hear(there), "x");
    EXPECT_EQ(here.remote_name(), name);
    EXPECT_EQ(listener.name(), name);
    EXPECT_FALSE(exists(name));
    listener.close();
    EXPECT_EQ(test::code_of([&] { unix_stream::connect(name); }), asio_error::connection_refused);
}
