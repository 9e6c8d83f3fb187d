// SPDX-License-Identifier: BSL-1.0
#include <harness/network.hpp>
#include <tendril/net/socket_activation.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace tendril;

// Where the sockets are put: nobody else is there.
constexpr int first_place = 300;

// A service manager: opens listeners, and says so in the environment.
class service_manager {
public:
    explicit service_manager(int count) {
        for (int at = 0; at < count; ++at) {
            int const made = ::socket(AF_INET, SOCK_STREAM, 0);
            ::listen(made, 8);
            ::dup2(made, first_place + at);
            ::close(made);
        }
        say("LISTEN_PID", std::to_string(::getpid()));
        say("LISTEN_FDS", std::to_string(count));
    }
    service_manager(service_manager const&) = delete;
    service_manager& operator=(service_manager const&) = delete;
    ~service_manager() {
        for (char const* const each : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
            ::unsetenv(each);
        }
    }
    static void say(char const* name, std::string const& value) {
        ::setenv(name, value.c_str(), 1);
    }
};

bool is_open(int descriptor) { return ::fcntl(descriptor, F_GETFD) >= 0; }

bool nothing_is_said() {
    return std::getenv("LISTEN_PID") == nullptr && std::getenv("LISTEN_FDS") == nullptr &&
        std::getenv("LISTEN_FDNAMES") == nullptr;
}

void close_places(int count) {
    for (int at = 0; at < count; ++at) {
        ::close(first_place + at);
    }
}

}  // namespace

TENDRIL_HUB_TEST(socket_activation, a_socket_that_was_inherited_is_listened_to) {
    service_manager const manager{1};
    auto sockets = inherited_sockets(first_place);
    ASSERT_EQ(sockets.size(), 1U);
    EXPECT_EQ(sockets[0].name(), "unknown");
    EXPECT_EQ(sockets[0].native_handle(), first_place);
    tcp_listener listener = tcp_listener::adopt(sockets[0].release());
    auto const here = tcp_stream::connect("127.0.0.1", listener.local_endpoint().port());
    EXPECT_EQ(listener.accept().remote_endpoint(), here.local_endpoint());
}

TENDRIL_TEST(socket_activation, sockets_have_names_and_are_not_inherited_further) {
    service_manager const manager{3};
    service_manager::say("LISTEN_FDNAMES", "web::admin");
    auto const sockets = inherited_sockets(first_place);
    ASSERT_EQ(sockets.size(), 3U);
    EXPECT_EQ(sockets[0].name(), "web");
    EXPECT_EQ(sockets[1].name(), "");
    EXPECT_EQ(sockets[2].name(), "admin");
    for (inherited_socket const& each : sockets) {
        EXPECT_EQ(::fcntl(each.native_handle(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    }
    EXPECT_TRUE(nothing_is_said());
    EXPECT_TRUE(inherited_sockets(first_place).empty()) << "they are taken once";
}

TENDRIL_TEST(socket_activation, what_is_not_released_is_closed) {
    service_manager const manager{2};
    {
        auto sockets = inherited_sockets(first_place);
        ASSERT_EQ(sockets.size(), 2U);
        sockets[0] = std::move(sockets[1]);
        EXPECT_FALSE(is_open(first_place));
        EXPECT_EQ(sockets[0].native_handle(), first_place + 1);
        EXPECT_EQ(sockets[1].native_handle(), -1);
    }
    EXPECT_FALSE(is_open(first_place + 1));
}

TENDRIL_TEST(socket_activation, without_a_service_manager_there_are_none) {
    EXPECT_TRUE(inherited_sockets().empty());
    service_manager const manager{0};
    EXPECT_TRUE(inherited_sockets().empty());
}

TENDRIL_TEST(socket_activation, what_is_meant_for_another_process_stays_as_it_is) {
    service_manager const manager{1};
    service_manager::say("LISTEN_PID", std::to_string(::getpid() + 1));
    EXPECT_TRUE(inherited_sockets(first_place).empty());
    EXPECT_TRUE(is_open(first_place));
    EXPECT_TRUE(nothing_is_said());
    close_places(1);
}

TENDRIL_TEST(socket_activation, nonsense_is_an_error_and_nothing_is_taken) {
    struct saying {
        char const* name;
        char const* value;
    };
    for (saying const& each :
         {saying{"LISTEN_PID", "me"}, saying{"LISTEN_PID", ""}, saying{"LISTEN_FDS", "-1"},
          saying{"LISTEN_FDS", "1x"}, saying{"LISTEN_FDS", "2147483647"},
          saying{"LISTEN_FDS", "99999999999"}, saying{"LISTEN_FDNAMES", "one:two"}}) {
        service_manager const manager{1};
        service_manager::say(each.name, each.value);
        auto const take = [] { inherited_sockets(first_place); };
        EXPECT_EQ(test::code_of(take), errc::bad_name) << each.name << '=' << each.value;
        EXPECT_TRUE(is_open(first_place));
        EXPECT_TRUE(nothing_is_said());
        close_places(1);
    }
}

TENDRIL_TEST(socket_activation, a_descriptor_that_is_not_there_is_an_error) {
    service_manager const manager{1};
    service_manager::say("LISTEN_FDS", "2");
    auto const take = [] { inherited_sockets(first_place); };
    EXPECT_EQ(test::code_of(take).value(), EBADF);
    EXPECT_TRUE(is_open(first_place));
    close_places(1);
}
