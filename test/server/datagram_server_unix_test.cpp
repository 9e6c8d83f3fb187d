// SPDX-License-Identifier: BSL-1.0
//
// Datagram servers at Unix sockets.
#include <harness/datagrams.hpp>
#include <harness/forking.hpp>
#include <harness/own_folder.hpp>
#include <tendril/server/datagram_server.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace tendril;
using boost::asio::buffer;
using test::post;
using test::reported_errors;
using test::settle;
using test::take;

auto const answer_sender = [](std::string_view data, auto const&, auto& reply) {
    reply.send(buffer(data));
};

}  // namespace

TENDRIL_HUB_TEST(unix_datagram_server, answers_at_a_path_and_removes_it) {
    test::own_folder const folder;
    std::string const path = folder.file("socket");
    unix_datagram_server server{"unix:" + path, answer_sender};
    server.start();
    unix_datagram client = unix_datagram::bind("");
    client.connect_to(unix_datagram::address_of_name(path));
    post(client, "local");
    EXPECT_EQ(take(client), "local");
    EXPECT_EQ(server.local_endpoint().path(), path);
    server.stop();
    struct stat found {};
    EXPECT_NE(::lstat(path.c_str(), &found), 0);
    server.start();
    EXPECT_TRUE(server.running());
}

TENDRIL_HUB_TEST(unix_datagram_server, leaves_a_path_that_somebody_else_has_by_now) {
    test::own_folder const folder;
    std::string const path = folder.file("socket");
    unix_datagram_server older{"unix:" + path, answer_sender};
    older.start();
    ::unlink(path.c_str());
    unix_datagram_server newer{"unix:" + path, answer_sender};
    newer.start();
    older.stop();
    struct stat found {};
    EXPECT_EQ(::lstat(path.c_str(), &found), 0);
    unix_datagram client = unix_datagram::bind("");
    client.connect_to(unix_datagram::address_of_name(path));
    post(client, "to the newer");
    EXPECT_EQ(take(client), "to the newer");
}

TENDRIL_HUB_TEST(unix_datagram_server, one_that_is_stopped_while_it_starts_leaves_no_path) {
    test::own_folder const folder;
    std::string const path = folder.file("socket");
    std::unique_ptr<unix_datagram_server> server;
    datagram_server_options options;
    options.before_start = [&] { server->stop(); };
    server = std::make_unique<unix_datagram_server>("unix:" + path, answer_sender, options);
    EXPECT_EQ(test::code_of([&] { server->start(); }), errc::closed);
    struct stat found {};
    EXPECT_NE(::lstat(path.c_str(), &found), 0);
}

TENDRIL_HUB_TEST(unix_datagram_server, takes_the_place_of_one_that_has_died_and_of_no_other) {
    test::own_folder const folder;
    std::string const path = folder.file("socket");
    static_cast<void>(unix_datagram::bind(path));
    unix_datagram_server server{"unix:" + path, answer_sender};
    server.start();
    unix_datagram_server second{"unix:" + path, answer_sender};
    EXPECT_EQ(test::code_of([&] { second.start(); }), boost::asio::error::address_in_use);
    EXPECT_TRUE(server.running());
    server.stop();
    std::string const file = folder.file("file");
    std::fclose(std::fopen(file.c_str(), "w"));
    unix_datagram_server third{"unix:" + file, answer_sender};
    EXPECT_EQ(test::code_of([&] { third.start(); }), boost::asio::error::address_in_use);
    struct stat found {};
    EXPECT_EQ(::lstat(file.c_str(), &found), 0);
}

TENDRIL_HUB_TEST(unix_datagram_server, a_sender_without_a_name_cannot_be_answered) {
    reported_errors errors;
    std::string const name = "@tendril-datagrams-" + std::to_string(::getpid());
    unix_datagram_server server{"unix:" + name, answer_sender};
    server.start();
    unix_datagram nobody = unix_datagram::connect(name);
    post(nobody, "who is there?");
    settle();
    ASSERT_EQ(errors.texts.size(), 1U);
    EXPECT_NE(errors.texts[0].find("somebody"), std::string::npos) << errors.texts[0];
    EXPECT_TRUE(server.running());
}

TENDRIL_HUB_TEST(unix_datagram_server, an_error_names_the_sender_if_it_has_a_name) {
    test::own_folder const folder;
    std::vector<std::string> told;
    datagram_server_options options;
    options.on_error = [&](std::string const& from, std::exception_ptr) { told.push_back(from); };
    unix_datagram_server server{
        "unix:" + folder.file("server"),
        [](std::string_view, auto const&, auto&) { throw std::runtime_error{"x"}; }, options};
    server.start();
    auto const where = unix_datagram::address_of_name(folder.file("server"));
    for (std::string const& name : {folder.file("client"), std::string{}}) {
        unix_datagram client = unix_datagram::bind(name);
        client.connect_to(where);
        post(client, "x");
        settle();
    }
    unix_datagram nobody = unix_datagram::connect(folder.file("server"));
    post(nobody, "x");
    settle();
    ASSERT_EQ(told.size(), 3U);
    EXPECT_EQ(told[0], "unix:" + folder.file("client"));
    EXPECT_EQ(told[1].substr(0, 6), "unix:@");
    EXPECT_EQ(told[2], "somebody");
}

// Somebody waits for room and sends, which is nobody's business in the child.
TENDRIL_HUB_TEST(unix_datagram_server, a_handler_that_has_forked_replies_in_the_child) {
    if (!test::can_go_on_in_a_child) {
        GTEST_SKIP() << "ThreadSanitizer does not follow a process with threads into its child";
    }
    unix_datagram const full = unix_datagram::bind("");
    bool has_replied = false;
    std::string const name = "@tendril-forked-datagrams-" + std::to_string(::getpid());
    auto const handle = [&](std::string_view data, auto const&, auto& reply) {
        if (data == "fork") {
            has_replied = test::holds_in_a_child([&] {
                this_hub().reset_after_fork();
                timeout const limit{std::chrono::seconds{1}};
                reply.send(buffer("x", 1));
                return true;
            });
        } else {
            reply.send_to(buffer("x", 1), full.local_endpoint());
        }
    };
    unix_datagram_server server{"unix:" + name, handle};
    server.start();
    unix_datagram client = unix_datagram::bind("");
    client.connect_to(unix_datagram::address_of_name(name));
    test::fill_queue(full.local_endpoint());
    post(client, "wait");
    settle();
    post(client, "fork");
    settle();
    EXPECT_TRUE(has_replied);
    EXPECT_EQ(take(client), "x");
}
