// SPDX-License-Identifier: BSL-1.0
#include <harness/descriptors.hpp>
#include <harness/own_folder.hpp>
#include <tendril/file/descriptor_kind.hpp>

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <set>
#include <string_view>

namespace {

using namespace tendril;

}  // namespace

TENDRIL_TEST(descriptor_kind, files_pipes_terminals_and_the_rest_are_told_apart) {
    test::unnamed_file const regular;
    test::own_folder const place;
    test::bare_pipe const pipe;
    test::bare_terminal const terminal;
    int const folder = ::open(place.file("").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int const socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int const device = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    int const counter = ::eventfd(0, EFD_CLOEXEC);
    EXPECT_EQ(kind_of(regular.descriptor()), descriptor_kind::regular);
    EXPECT_EQ(kind_of(folder), descriptor_kind::directory);
    EXPECT_EQ(kind_of(pipe.ends[0]), descriptor_kind::pipe);
    EXPECT_EQ(kind_of(terminal.terminal), descriptor_kind::terminal);
    EXPECT_EQ(kind_of(terminal.master), descriptor_kind::terminal);
    EXPECT_EQ(kind_of(socket), descriptor_kind::socket);
    EXPECT_EQ(kind_of(device), descriptor_kind::character_device);
    EXPECT_EQ(kind_of(counter), descriptor_kind::other);
    for (int const each : {folder, socket, device, counter}) {
        ::close(each);
    }
}

TENDRIL_TEST(descriptor_kind, what_is_not_open_is_an_error) {
    error_code error;
    kind_of(-1, error);
    EXPECT_EQ(error, boost::system::errc::bad_file_descriptor);
    EXPECT_THROW(kind_of(-1), system_error);
}

TENDRIL_TEST(descriptor_kind, only_what_a_disk_has_cannot_be_waited_for) {
    EXPECT_FALSE(can_be_waited_for(descriptor_kind::regular));
    EXPECT_FALSE(can_be_waited_for(descriptor_kind::directory));
    EXPECT_FALSE(can_be_waited_for(descriptor_kind::block_device));
    EXPECT_TRUE(can_be_waited_for(descriptor_kind::pipe));
    EXPECT_TRUE(can_be_waited_for(descriptor_kind::terminal));
}

TENDRIL_TEST(descriptor_kind, every_kind_has_a_name_of_its_own) {
    std::set<std::string_view> names;
    for (int kind = 0; kind <= static_cast<int>(descriptor_kind::other); ++kind) {
        EXPECT_TRUE(names.insert(name_of(static_cast<descriptor_kind>(kind))).second) << kind;
    }
}
