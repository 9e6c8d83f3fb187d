// SPDX-License-Identifier: BSL-1.0
// What reads and writes cost: run it under strace and look.
//
//     strace -e trace=write,recvfrom,sendto,epoll_wait,epoll_ctl docs/examples/80_life_of_a_read
//
// Each scene first writes its name, so that the calls below it are its own.
// docs/internals/70-io.md tells what each of them is for.
#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <boost/asio/buffer.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <string_view>
#include <utility>

using namespace std::chrono_literals;
using namespace std::string_view_literals;

namespace {

void say(std::string_view line) {
    // One system call for each line, which `std::cout` does not promise.
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) {
        ::_exit(1);
    }
}

// What does not come from a network is as good: two ends of a socket.
std::pair<tendril::tcp_stream, tendril::tcp_stream> connected_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        ::_exit(1);
    }
    auto first = tendril::tcp_stream::adopt(ends[0]);
    return {std::move(first), tendril::tcp_stream::adopt(ends[1])};
}

void read(tendril::tcp_stream& stream, std::size_t most) {
    char data[64];
    stream.read_some(boost::asio::buffer(data, most));
}

}  // namespace

int main() {
    tendril::run([] {
        auto [here, there] = connected_pair();
        tendril::sleep_for(1ms);  // what is asked for once is asked for before

        say("nobody else is ready, and nothing has come\n");
        // DOC: quiet
        auto later = tendril::spawn([&there = there] {
            tendril::sleep_for(1ms);
            there.write(boost::asio::buffer("hello"sv));
        });
        tendril::yield();  // it sleeps by now
        read(here, 64);    // parks, and so does the hub
        later.get();
        // DOC-END: quiet

        say("somebody else is ready\n");
        // DOC: busy
        auto writer = tendril::spawn(
            [&there = there] { there.write(boost::asio::buffer("hello"sv)); });
        read(here, 64);  // lets the writer go first, and finds what it has written
        // DOC-END: busy
        writer.get();

        say("there is more than fits\n");
        there.write(boost::asio::buffer("hello, hello"sv));
        read(here, 64);
        there.write(boost::asio::buffer("hello, hello"sv));
        // DOC: more
        read(here, 6);  // fills the buffer
        read(here, 6);  // so this one does not wait to be told
        // DOC-END: more

        say("the end\n");
    });
}
