// SPDX-License-Identifier: BSL-1.0
//
// Streams and listeners at Unix sockets: their names, their paths, and who is at the other end.
#include <harness/own_folder.hpp>
#include <harness/streams.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/net/unix_socket.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::hear;
using test::hear_all;
using test::own_folder;
using test::say;
using test::settle;
namespace asio_error = boost::asio::error;

bool exists(std::string const& path) { return std::filesystem::exists(path); }

std::string name_of_this_process(std::string const& word) {
    return "@tendril " + word + " " + std::to_string(::getpid());
}

// Leaves the path of a socket behind where nobody listens.
void leave_stale_path(std::string const& path) {
    std::string const other = path + ".moved";
    auto listener = unix_listener::bind(path);
    std::filesystem::rename(path, other);
    listener.close();
    std::filesystem::rename(other, path);
}

// A listener whose queue is full.
struct full_unix_listener {
    unix_listener listener = unix_listener::bind(name_of_this_process("full"), {.backlog = 0});
    unix_stream first = unix_stream::connect(listener.name());
};

}  // namespace

// Names.

TENDRIL_HUB_TEST(unix_socket, a_path_connects_both_ends) {
    own_folder const place;
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
    std::string const name = name_of_this_process("test");
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

TENDRIL_HUB_TEST(unix_socket, a_name_that_cannot_be_one_is_refused_and_named) {
    using namespace std::string_literals;
    std::string const long_name(108, 'n');
    std::pair<std::string, error_code> const refused[] = {
        {"", io_error(errc::bad_name)},
        {"with a \0 in it"s, io_error(errc::bad_name)},
        {long_name, asio_error::name_too_long},
        {"@" + long_name, asio_error::name_too_long},
    };
    for (auto const& each : refused) {
        std::string const& name = each.first;
        error_code const& wanted = each.second;
        auto const connect = [&] { unix_stream::connect(name); };
        auto const bind = [&] { unix_listener::bind(name); };
        EXPECT_EQ(test::code_of(connect), wanted);
        EXPECT_EQ(test::code_of(bind), wanted);
        // A text ends at a zero.
        std::string const shown = name.c_str();
        EXPECT_EQ(test::text_of(connect).rfind("cannot connect to " + shown, 0), 0U);
        EXPECT_EQ(test::text_of(bind).rfind("cannot listen at " + shown, 0), 0U);
    }
}

TENDRIL_HUB_TEST(unix_socket, the_longest_names_are_taken) {
    // Several programs may run this test at the same time.
    std::string name = "@" + std::to_string(::getpid());
    name.resize(108, 'n');
    auto listener = unix_listener::bind(name);
    unix_stream const here = unix_stream::connect(name);
    EXPECT_EQ(listener.accept().local_name(), name);
}

TENDRIL_HUB_TEST(unix_socket, connecting_where_nobody_listens_is_an_error_that_names_it) {
    own_folder const place;
    auto const connect = [&] { unix_stream::connect(place.file("nobody")); };
    EXPECT_EQ(test::code_of(connect), boost::system::errc::no_such_file_or_directory);
    EXPECT_NE(test::text_of(connect).find(place.file("nobody")), std::string::npos);
    EXPECT_FALSE(test::names_a_source(test::text_of(connect)));
    error_code error;
    EXPECT_FALSE(unix_stream::connect(place.file("nobody"), error).is_open());
    EXPECT_TRUE(error.failed());
}

TENDRIL_HUB_TEST(unix_socket, a_pair_has_no_names_and_knows_its_process) {
    auto [here, there] = unix_stream::pair();
    say(here, "x");
    EXPECT_EQ(hear(there), "x");
    EXPECT_EQ(here.local_name() + here.remote_name(), "");
    EXPECT_EQ(here.credentials_of_peer().process, ::getpid());
}

TENDRIL_HUB_TEST(unix_socket, the_kernel_says_who_is_at_the_other_end) {
    auto listener = unix_listener::bind(name_of_this_process("who"));
    unix_stream const here = unix_stream::connect(listener.name());
    peer_credentials const peer = listener.accept().credentials_of_peer();
    EXPECT_EQ(peer.process, ::getpid());
    EXPECT_EQ(peer.user, ::getuid());
    EXPECT_EQ(peer.group, ::getgid());
    unix_stream const none;
    EXPECT_EQ(test::code_of([&] { none.credentials_of_peer(); }), errc::closed);
    EXPECT_EQ(test::code_of([&] { none.local_name(); }), errc::closed);
    EXPECT_EQ(test::code_of([&] { none.remote_name(); }), errc::closed);
}

TENDRIL_HUB_TEST(unix_socket, a_descriptor_is_released_and_adopted) {
    auto [here, there] = unix_stream::pair();
    unix_stream adopted = unix_stream::adopt(here.release());
    say(adopted, "adopted");
    EXPECT_EQ(hear(there), "adopted");
    EXPECT_EQ(test::code_of([] { unix_stream::adopt(-1); }).value(), EBADF);
}

TENDRIL_HUB_TEST(unix_socket, a_unix_stream_under_the_name_of_tcp_has_no_internet_address) {
    auto [here, there] = unix_stream::pair();
    tcp_stream const adopted = tcp_stream::adopt(here.release());
    EXPECT_EQ(
        test::code_of([&] { adopted.local_endpoint(); }), asio_error::address_family_not_supported);
}

// Paths.

TENDRIL_HUB_TEST(unix_socket, a_listener_removes_its_path_when_it_ends) {
    own_folder const place;
    std::string const path = place.file("door");
    {
        auto listener = unix_listener::bind(path);
        unix_listener moved = std::move(listener);
        EXPECT_TRUE(exists(path));
        moved.close();
        EXPECT_FALSE(exists(path));
    }
    {
        unix_listener const dropped = unix_listener::bind(path);
        EXPECT_TRUE(exists(path));
    }
    EXPECT_FALSE(exists(path));
    unix_listener assigned = unix_listener::bind(path);
    assigned = unix_listener::bind(place.file("other"));
    EXPECT_FALSE(exists(path));
    EXPECT_TRUE(exists(place.file("other")));
}

TENDRIL_HUB_TEST(unix_socket, a_listener_leaves_the_path_of_another_one_alone) {
    own_folder const place;
    std::string const path = place.file("door");
    auto old = unix_listener::bind(path);
    std::filesystem::remove(path);
    auto young = unix_listener::bind(path);
    old.close();
    EXPECT_TRUE(exists(path));
    EXPECT_TRUE(unix_stream::connect(path).is_open());
}

TENDRIL_HUB_TEST(unix_socket, a_listener_is_released_and_adopted_and_leaves_the_path) {
    own_folder const folder;
    std::string const path = folder.file("socket");
    unix_listener first = unix_listener::bind(path);
    auto waiting = spawn([&] {
        error_code error;
        first.accept(error);
        return error;
    });
    settle();
    int const released = first.release();
    EXPECT_EQ(waiting.get(), errc::closed);
    EXPECT_FALSE(first.is_open());
    EXPECT_EQ(first.release(), -1);
    EXPECT_EQ(::fcntl(released, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    unix_stream client = unix_stream::connect(path);
    {
        unix_listener second = unix_listener::adopt(released);
        EXPECT_EQ(second.name(), path);
        unix_stream accepted = second.accept();
        say(accepted, "adopted");
        EXPECT_EQ(hear(client), "adopted");
    }
    EXPECT_TRUE(std::filesystem::exists(path));
}

TENDRIL_HUB_TEST(unix_socket, what_is_no_socket_is_not_adopted_as_a_listener_and_is_closed) {
    int const file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    try {
        unix_listener::adopt(file);
        ADD_FAILURE() << "it was adopted";
    } catch (system_error const&) {}
    EXPECT_EQ(::fcntl(file, F_GETFD), -1);
}

TENDRIL_HUB_TEST(unix_socket, a_stale_path_is_removed_only_when_that_is_asked_for) {
    own_folder const place;
    std::string const path = place.file("door");
    leave_stale_path(path);
    auto const bind = [&] { unix_listener::bind(path); };
    EXPECT_EQ(test::code_of(bind), asio_error::address_in_use);
    EXPECT_NE(test::text_of(bind).find(path), std::string::npos);
    EXPECT_TRUE(exists(path));
    auto const listener = unix_listener::bind(path, {.remove_stale = true});
    EXPECT_TRUE(unix_stream::connect(path).is_open());
}

TENDRIL_HUB_TEST(unix_socket, what_is_not_stale_is_never_removed) {
    own_folder const place;
    auto const alive = unix_listener::bind(place.file("alive"));
    std::ofstream{place.file("file")} << "precious";
    for (char const* const name : {"alive", "file"}) {
        EXPECT_EQ(
            test::code_of([&] { unix_listener::bind(place.file(name), {.remove_stale = true}); }),
            asio_error::address_in_use)
            << name;
        EXPECT_TRUE(exists(place.file(name)));
    }
    EXPECT_TRUE(unix_stream::connect(place.file("alive")).is_open());
}

TENDRIL_TEST(unix_socket, a_listener_may_outlive_its_hub_and_removes_its_path_then) {
    own_folder const place;
    {
        unix_listener listener;
        run([&] { listener = unix_listener::bind(place.file("door")); });
        EXPECT_FALSE(listener.is_open());
    }
    EXPECT_FALSE(exists(place.file("door")));
}

// Accepting.

TENDRIL_HUB_TEST(unix_socket, a_listener_waits_for_a_connection) {
    auto listener = unix_listener::bind(name_of_this_process("waits"));
    unix_stream there;
    auto acceptor = spawn([&] { there = listener.accept(); });
    settle();
    EXPECT_FALSE(acceptor.done());
    unix_stream here = unix_stream::connect(listener.name());
    acceptor.join();
    say(there, "welcome");
    EXPECT_EQ(hear(here), "welcome");
}

TENDRIL_HUB_TEST(unix_socket, a_second_acceptor_is_told_busy_and_closing_wakes_the_first) {
    auto listener = unix_listener::bind(name_of_this_process("busy"));
    auto first = spawn([&] { return test::code_of([&] { listener.accept(); }); });
    settle();
    EXPECT_EQ(test::code_of([&] { listener.accept(); }), errc::busy);
    listener.close();
    listener.close();
    EXPECT_EQ(first.get(), errc::closed);
    EXPECT_EQ(test::code_of([&] { listener.accept(); }), errc::closed);
    EXPECT_EQ(test::code_of([] { unix_listener{}.accept(); }), errc::closed);
}

TENDRIL_HUB_TEST(unix_socket, an_acceptor_can_be_cancelled_and_the_next_one_accepts) {
    auto listener = unix_listener::bind(name_of_this_process("cancelled"));
    auto first = spawn([&] { listener.accept(); });
    settle();
    first.cancel();
    first.join();
    EXPECT_TRUE(first.was_cancelled());
    unix_stream const here = unix_stream::connect(listener.name());
    EXPECT_TRUE(listener.accept().is_open());
}

TENDRIL_HUB_TEST(unix_socket, connecting_waits_while_the_queue_is_full) {
    full_unix_listener full;
    auto second = spawn([&] { return unix_stream::connect(full.listener.name()); });
    settle();
    sleep_for(10s);
    EXPECT_FALSE(second.done());
    EXPECT_TRUE(full.listener.accept().is_open());
    EXPECT_TRUE(second.get().is_open());
}

TENDRIL_HUB_TEST(unix_socket, connecting_to_a_full_queue_obeys_limits_and_cancels) {
    full_unix_listener full;
    auto const before = clock.elapsed();
    error_code error;
    unix_stream::connect_until(full.listener.name(), error, deadline::after(5s));
    EXPECT_EQ(error, errc::timed_out);
    EXPECT_EQ(clock.elapsed() - before, 5s);
    EXPECT_EQ(
        test::code_of([&] { unix_stream::connect_for(full.listener.name(), 0s); }),
        errc::timed_out);
    auto waiting = spawn([&] { unix_stream::connect(full.listener.name()); });
    settle();
    waiting.cancel();
    waiting.join();
    EXPECT_TRUE(waiting.was_cancelled());
}

TENDRIL_HUB_TEST(unix_socket, what_does_not_listen_at_a_unix_socket_is_not_adopted_as_a_listener) {
    auto [here, there] = unix_stream::pair();
    tcp_listener of_tcp = tcp_listener::bind("127.0.0.1", 0);
    int const connected = here.release();
    int const elsewhere = ::fcntl(of_tcp.native_handle(), F_DUPFD_CLOEXEC, 3);
    EXPECT_EQ(
        test::code_of([&] { unix_listener::adopt(connected); }), asio_error::invalid_argument);
    EXPECT_EQ(
        test::code_of([&] { unix_listener::adopt(elsewhere); }),
        asio_error::address_family_not_supported);
    EXPECT_EQ(::fcntl(connected, F_GETFD), -1);
    EXPECT_EQ(::fcntl(elsewhere, F_GETFD), -1);
}
