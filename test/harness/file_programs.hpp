// SPDX-License-Identifier: BSL-1.0
#pragma once

// More small programs for tests in which calls of the system fail (stream_programs.hpp): those of
// pipes, terminals, counters and files. What files do happens in threads of the process's pool; a
// program that runs in one of these makes such calls itself, and they fail with the others.

#include <harness/own_folder.hpp>
#include <harness/stream_programs.hpp>
#include <tendril/file.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/support/scope_exit.hpp>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <utility>

namespace tendril::test {

inline void expect_text(descriptor_stream& from, std::string_view wanted) {
    std::string text(wanted.size(), '\0');
    for (std::size_t filled = 0; filled < text.size();) {
        filled += from.read_some_for(
            boost::asio::buffer(text.data() + filled, text.size() - filled), std::chrono::hours{1});
    }
    expect_same(text, wanted);
}

inline void expect_end(descriptor_stream& from) {
    char data[8];
    error_code error;
    from.read_some(boost::asio::buffer(data), error);
    if (error != boost::asio::error::eof) {
        throw system_error{error};
    }
}

inline void talk_through(pipe_ends& ends) {
    std::string const text(200'000, 'p');
    with_task_group([&](task_group& group) {
        group.spawn([&] {
            ends.writer.write(boost::asio::buffer(text));
            ends.writer.shutdown_send();
        });
        expect_text(ends.reader, text);
        expect_end(ends.reader);
    });
}

inline void talk_by_pipe() {
    pipe_ends ends = make_pipe();
    talk_through(ends);
}

inline void talk_by_pipe_that_blocks() {
    pipe_ends ends = make_pipe({.reader_blocks = true, .writer_blocks = true});
    talk_through(ends);
    // Opened anew.
    int raw[2];
    if (::pipe2(raw, O_CLOEXEC) != 0) {
        throw std::runtime_error{"no pipe"};
    }
    scope_exit close_second{[&] { ::close(raw[1]); }};
    pipe_ends again;
    again.reader = descriptor_stream::adopt(raw[0]);
    close_second.dismiss();
    again.writer = descriptor_stream::adopt(raw[1]);
    talk_through(again);
}

inline void talk_by_adopted_socket() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        throw std::runtime_error{"no sockets"};
    }
    scope_exit close_second{[&] { ::close(ends[1]); }};
    auto here = descriptor_stream::adopt(ends[0]);
    close_second.dismiss();
    auto there = descriptor_stream::adopt(ends[1]);
    here.write(boost::asio::buffer("question", 8));
    expect_text(there, "question");
    here.shutdown_send();
    expect_end(there);
}

inline void type_at_a_terminal() {
    auto typist = descriptor_stream::adopt(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    char name[64];
    int const keyboard = typist.native_handle();
    if (::grantpt(keyboard) != 0 || ::unlockpt(keyboard) != 0 ||
        ::ptsname_r(keyboard, name, sizeof name) != 0) {
        throw std::runtime_error{"no terminal"};
    }
    auto screen = descriptor_stream::adopt(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    typist.write(boost::asio::buffer("typed\n", 6));
    expect_text(screen, "typed\n");
}

inline void count_events() {
    event_counter counter;
    with_task_group([&](task_group& group) {
        group.spawn([&] { counter.add(3); });
        if (counter.wait() != 3) {
            throw wrong_result{"an event was lost"};
        }
    });
}

inline void wait_for_several() {
    pipe_ends ends = make_pipe();
    with_task_group([&](task_group& group) {
        group.spawn([&] { ends.writer.write(boost::asio::buffer("x", 1)); });
        std::array<pollfd, 1> watched{{{ends.reader.native_handle(), POLLIN, 0}}};
        if (poll_for(watched, std::chrono::hours{1}) == 1 && watched[0].revents == POLLIN) {
            expect_text(ends.reader, "x");
        }
    });
}

inline void use_a_file() {
    own_folder const place;
    auto both = file::open(
        place.file("file"), {.write = true, .create = true, .permissions = 0600});
    both.write(boost::asio::buffer("0123456789", 10));
    both.write_at(2, boost::asio::buffer("xy", 2));
    both.sync();
    both.sync_data();
    both.resize(8);
    both.seek(1);
    std::string text(7, '\0');
    for (std::size_t filled = 0; filled < text.size();) {
        filled += both.read_some(boost::asio::buffer(text.data() + filled, text.size() - filled));
    }
    expect_same(text, "1xy4567");
    if (both.size() != 8) {
        throw wrong_result{"the file has another size"};
    }
    both.close();
    auto const again = file::adopt(::open(place.file("file").c_str(), O_RDONLY | O_CLOEXEC));
}

inline void use_whole_files() {
    own_folder const place;
    std::string const text(300'000, 'w');
    write_file(place.file("one"), text, {.replace = true, .sync = true});
    write_file(place.file("one"), "end", {.append = true});
    copy_file(place.file("one"), place.file("two"));
    expect_same(read_file(place.file("two")), text + "end");
}

inline constexpr std::array file_programs{
    stream_program{"a pipe", talk_by_pipe},
    stream_program{"a pipe that blocks", talk_by_pipe_that_blocks},
    stream_program{"an adopted socket", talk_by_adopted_socket},
    stream_program{"a terminal", type_at_a_terminal},
    stream_program{"a counter", count_events},
    stream_program{"several descriptors", wait_for_several},
    stream_program{"one file", use_a_file},
    stream_program{"whole files", use_whole_files}};

}  // namespace tendril::test
