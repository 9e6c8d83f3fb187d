// SPDX-License-Identifier: BSL-1.0
#pragma once

// A server whose process forks, and then both serve on over one listener. Each of the two takes so
// many connections at a time and no more; the clients come in waves of as many as both can take. So
// it is known how many are served by each.
//
//     void both_serve_on(Server& server, auto&& fork_somewhere) {
//         test::beside_a_fork beside{server};
//         fork_somewhere([&] { beside.live_on_in_child(); });
//         beside.expect_both_serve();
//     }

#include <harness/descriptors.hpp>
#include <harness/forking.hpp>
#include <harness/network.hpp>
#include <harness/stress.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/server/stream_server.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tendril::test {

/// Which process this is: 'p' for the parent, 'c' for the child.
inline char process_mark = 'p';

/// A handler that answers everything with that.
inline void answer_with_mark(stream_socket& stream) {
    while (!hear(stream).empty()) {
        say(stream, {&process_mark, 1});
    }
}
/// Asks it.
inline char ask_for_mark(stream_socket& stream) {
    say(stream, "x");
    std::string const answer = hear_exactly(stream, 1);
    return answer.empty() ? '-' : answer.front();
}

/// How many connections each process takes at a time.
inline constexpr std::size_t most_at_once = 8;

/// What the kernel watches for this process, a line for each descriptor in each of its sets.
inline transcript watched_in_all_sets() {
    transcript lines;
    for (auto const& each : std::filesystem::directory_iterator{"/proc/self/fdinfo"}) {
        std::ifstream text{each.path()};
        for (std::string line; std::getline(text, line);) {
            if (line.starts_with("tfd:")) {
                lines.push_back(each.path().filename().string() + ' ' + line);
            }
        }
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

/// What a parent has that a child might disturb: a connection on which its server waits, somebody
/// who waits for a descriptor, a timer, and its sets of descriptors.
template <typename Server>
class beside_a_fork {
public:
    using question = char (*)(stream_socket&);

    explicit beside_a_fork(Server& server, question ask = &ask_for_mark)
        : server_{server},
          ask_{ask} {
        server_.start();
        where_ = server_.local_endpoint();
        old_client_ = tcp_stream::connect(where_);
        EXPECT_EQ(ask_(old_client_), 'p');
        waiting_ = spawn([this] { wait_readable(watched_.ends[0]); });
        sleeping_ = spawn([] { sleep_for(std::chrono::milliseconds{1}); });
        testing::settle();
    }
    beside_a_fork(beside_a_fork const&) = delete;
    beside_a_fork& operator=(beside_a_fork const&) = delete;
    ~beside_a_fork() = default;

    /// Forks. Returns in the child, and in the parent when the child serves: nobody else has had a
    /// turn meanwhile. Returns whether this is the child.
    bool fork(fork_descriptors descriptors = fork_descriptors::forget) {
        transcript const watched = watched_in_all_sets();
        child_ = ::fork();
        if (child_ == 0) {
            process_mark = 'c';
            this_hub().reset_after_fork(descriptors);
            return true;
        }
        char byte = 0;
        EXPECT_EQ(::read(serves_.ends[0], &byte, 1), 1);
        EXPECT_EQ(watched_in_all_sets(), watched);
        return false;
    }

    /// In the child: serves until the parent says that it is enough, and ends the process.
    [[noreturn]] void live_on_in_child() {
        server_.start();
        stop_in_child();
    }

    /// The same, when the server has started.
    [[noreturn]] void stop_in_child() {
        bool holds = false;
        try {
            // The set of the hub is made by the first wait.
            wait_writable(serves_.ends[1]);
            std::size_t const before = count_of_descriptors();
            EXPECT_EQ(::write(serves_.ends[1], "x", 1), 1);
            wait_readable(enough_.ends[0]);
            bool const in_time = server_.stop();
            // The listener has gone, and nothing has come.
            std::size_t const now = count_of_descriptors();
            holds = in_time && now + 1 == before;
            if (!holds) {
                std::fprintf(stderr, "child: %zu descriptors, and then %zu\n", before, now);
            }
        } catch (std::exception const& error) {
            std::fprintf(stderr, "in the child: %s\n", error.what());
        }
        end_child(holds);
    }

    /// In the parent: both serve; then the parent is found undisturbed and stops, and the child
    /// serves alone; then it is told to end. Both have as many own connections all the time.
    void expect_both_serve(std::size_t own_of_parent, std::size_t own_of_child) {
        serve_waves(most_at_once - own_of_parent, most_at_once - own_of_child);
        EXPECT_EQ(ask_(old_client_), 'p');
        EXPECT_EQ(::write(watched_.ends[1], "x", 1), 1);
        waiting_.get();
        sleeping_.get();
        server_.stop(std::chrono::seconds{0});
        // The child has no copy of it, so its end is seen.
        EXPECT_EQ(hear(old_client_), "");
        tcp_stream last = tcp_stream::connect(where_);
        EXPECT_EQ(ask_(last), 'c');
        last.close();
        EXPECT_EQ(::write(enough_.ends[1], "x", 1), 1);
        EXPECT_TRUE(has_held(child_));
    }

private:
    void serve_waves(std::size_t by_parent, std::size_t by_child) {
        std::size_t const wanted = static_cast<std::size_t>(laps(100, 1000));
        std::size_t parent = 0;
        std::size_t child = 0;
        while (parent < wanted || child < wanted) {
            std::vector<tcp_stream> clients;
            for (std::size_t number = 0; number < by_parent + by_child; ++number) {
                clients.push_back(tcp_stream::connect(where_));
            }
            for (tcp_stream& each : clients) {
                ++(ask_(each) == 'p' ? parent : child);
            }
        }
        EXPECT_EQ(parent * by_child, child * by_parent);
        std::printf("    %zu requests served by the parent, %zu by the child\n", parent, child);
    }

    Server& server_;
    question ask_;
    tcp_endpoint where_;
    tcp_stream old_client_;
    bare_pipe watched_;
    bare_pipe serves_;
    bare_pipe enough_;
    task<void> waiting_;
    task<void> sleeping_;
    pid_t child_ = -1;
};

}  // namespace tendril::test
