// SPDX-License-Identifier: BSL-1.0
// Exercise 22: the lines of two pipes, in the order in which they come.
//
// Readiness is all there is to know: a pipe that is ready is read once, and what came is taken
// apart. Half a line is kept until its other half comes; at the end it counts as a line.
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>

namespace {

// DOC: lines
// Calls `take` with every line that comes from a descriptor which does not block.
// Throws: std::system_error; what was requested for the greenlet. Switches: may.
void each_line(int descriptor, std::function<void(std::string_view)> const& take) {
    std::string pending;
    char data[16];
    while (true) {
        auto const size = ::read(descriptor, data, sizeof data);
        if (size < 0 && errno == EAGAIN) {
            tendril::wait_readable(descriptor);
        } else if (size < 0 && errno != EINTR) {
            throw std::system_error{errno, std::generic_category(), "read"};
        } else if (size == 0) {
            break;
        } else if (size > 0) {
            pending.append(data, static_cast<std::size_t>(size));
            for (auto end = pending.find('\n'); end != std::string::npos;
                 end = pending.find('\n')) {
                take(std::string_view{pending}.substr(0, end));
                pending.erase(0, end + 1);
            }
        }
    }
    if (!pending.empty()) {
        take(pending);
    }
}
// DOC-END: lines

class text_pipe {
public:
    text_pipe() {
        int ends[2];
        if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) {
            throw std::system_error{errno, std::generic_category(), "pipe"};
        }
        reading = ends[0];
        writing = ends[1];
    }
    text_pipe(text_pipe const&) = delete;
    text_pipe& operator=(text_pipe const&) = delete;
    ~text_pipe() {
        end();
        ::close(reading);
    }

    void say(std::string_view text) const {
        if (::write(writing, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
            throw std::system_error{errno, std::generic_category(), "write"};
        }
        tendril::sleep_for(std::chrono::milliseconds{1});  // the reader has read it by then
    }
    void end() {
        if (writing >= 0) {
            ::close(std::exchange(writing, -1));
        }
    }

    int reading;
    int writing;
};

}  // namespace

int main() {
    tendril::run([] {
        text_pipe left;
        text_pipe right;
        tendril::with_task_group([&](tendril::task_group& group) {
            group.spawn([&] {
                each_line(left.reading, [](auto line) { std::cout << "left:  " << line << '\n'; });
            });
            group.spawn([&] {
                each_line(right.reading, [](auto line) { std::cout << "right: " << line << '\n'; });
            });
            left.say("one\ntw");
            right.say("a line that is longer than the buffer of the reader\n");
            left.say("o\n\n");
            right.say("the rest");
            left.end();
            right.end();
        });
    });
}
