// SPDX-License-Identifier: BSL-1.0
//
// What has a descriptor: a pipe, a terminal, a counter and a file, each read in the way that its
// kind needs.
#include <tendril/file.hpp>
#include <tendril/hub.hpp>
#include <tendril/io.hpp>
#include <tendril/scope.hpp>
#include <tendril/task.hpp>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <iostream>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace tendril;

// DOC: pipe
void through_a_pipe() {
    auto [reader, writer] = make_pipe();
    with_task_group([&, &from = reader, &to = writer](task_group& group) {
        // The end goes with its writer, however that ends, and then the reader has read all.
        group.spawn([into = std::move(to)]() mutable {
            for (char const* word : {"one\n", "two\n", "three\n"}) {
                into.write(boost::asio::buffer(std::string{word}));
            }
        });
        buffered_reader lines{from};
        for (std::string const& line : lines.lines()) {
            std::cout << "from the pipe: " << line << '\n';
        }
    });
}
// DOC-END: pipe

// A terminal, with this program for somebody who sits at it.
void from_a_terminal() {
    int const keyboard = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    ::grantpt(keyboard);
    ::unlockpt(keyboard);
    auto typist = descriptor_stream::adopt(keyboard);
    auto screen = descriptor_stream::adopt(::open(::ptsname(keyboard), O_RDWR | O_NOCTTY));
    std::cout << "a stream over " << name_of(screen.kind()) << '\n';
    typist.write(boost::asio::buffer("typed\n", 6));
    buffered_reader lines{screen};
    std::cout << "from the terminal: " << *lines.read_line() << '\n';
}

// DOC: counter
void from_another_thread() {
    event_counter finished;
    std::jthread const library{[&] { finished.add(3); }};
    std::cout << "from another thread: " << finished.wait() << '\n';
}
// DOC-END: counter

// DOC: poll
void whichever_is_ready() {
    auto first = make_pipe();
    auto second = make_pipe();
    second.writer.write(boost::asio::buffer("x", 1));
    std::array<pollfd, 2> watched{
        {{first.reader.native_handle(), POLLIN, 0}, {second.reader.native_handle(), POLLIN, 0}}};
    std::cout << poll(watched) << " of 2 is ready, the "
              << (watched[1].revents != 0 ? "second" : "first") << '\n';
}
// DOC-END: poll

// DOC: kinds
void the_wrong_way() {
    error_code error;
    descriptor_stream::adopt(::open("/proc/self/status", O_RDONLY | O_CLOEXEC), error);
    std::cout << "a file as a stream: " << (error == errc::wrong_kind ? "refused" : "?") << '\n';
    file::open("/dev/null", error);
    std::cout << "a device as a file: " << (error == errc::wrong_kind ? "refused" : "?") << '\n';
}
// DOC-END: kinds

}  // namespace

int main() {
    run([] {
        through_a_pipe();
        from_a_terminal();
        from_another_thread();
        whichever_is_ready();
        the_wrong_way();
    });
}
