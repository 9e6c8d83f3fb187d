// SPDX-License-Identifier: BSL-1.0
#pragma once

// Words that tests of streams over descriptors share.

#include <harness/tendril_test.hpp>
#include <tendril/file/descriptor_stream.hpp>
#include <tendril/io/error.hpp>

#include <boost/asio/buffer.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>

namespace tendril::test {

/// Both ends of a pipe, bare and blocking; what a test does not take out is closed.
struct bare_pipe {
    bare_pipe() { EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0); }
    bare_pipe(bare_pipe const&) = delete;
    bare_pipe& operator=(bare_pipe const&) = delete;
    ~bare_pipe() {
        close_end(0);
        close_end(1);
    }
    void close_end(int which) {
        if (ends[which] >= 0) {
            ::close(ends[which]);
            ends[which] = -1;
        }
    }
    int take(int which) {
        int const taken = ends[which];
        ends[which] = -1;
        return taken;
    }

    int ends[2] = {-1, -1};
};

/// A terminal, and who sits at it: both bare and blocking.
struct bare_terminal {
    bare_terminal() {
        master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        EXPECT_EQ(::grantpt(master) | ::unlockpt(master), 0);
        char name[64];
        EXPECT_EQ(::ptsname_r(master, name, sizeof name), 0);
        terminal = ::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
        EXPECT_GE(terminal, 0);
    }
    bare_terminal(bare_terminal const&) = delete;
    bare_terminal& operator=(bare_terminal const&) = delete;
    ~bare_terminal() {
        ::close(master);
        ::close(terminal);
    }

    int master;
    int terminal;
};

/// Says whether what the kernel has behind a descriptor blocks.
inline bool blocks(int descriptor) { return (::fcntl(descriptor, F_GETFL) & O_NONBLOCK) == 0; }

/// Says whether a descriptor is open.
inline bool is_open_descriptor(int descriptor) { return ::fcntl(descriptor, F_GETFD) >= 0; }

/// Fills the pipe or socket behind a stream. Returns how much it took.
inline std::size_t fill_pipe(int descriptor) {
    int const flags = ::fcntl(descriptor, F_GETFL);
    ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
    std::size_t total = 0;
    std::string const block(4096, 'f');
    while (::write(descriptor, block.data(), block.size()) > 0) {
        total += block.size();
    }
    ::fcntl(descriptor, F_SETFL, flags);
    return total;
}

/// Takes all that is in a pipe.
inline void drain_pipe(int descriptor) {
    int const flags = ::fcntl(descriptor, F_GETFL);
    ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
    char block[4096];
    while (::read(descriptor, block, sizeof block) > 0) {}
    ::fcntl(descriptor, F_SETFL, flags);
}

/// Writes all of a text; reads once, empty at the end or with an error.
inline void put_text(descriptor_stream& stream, std::string_view text) {
    stream.write(boost::asio::buffer(text));
}
inline std::string get_text(descriptor_stream& stream) {
    char data[4096];
    error_code error;
    return {data, stream.read_some(boost::asio::buffer(data), error)};
}

/// How a read ends that brings nothing, and how a write ends.
inline error_code get_error(descriptor_stream& stream) {
    char data[16];
    error_code error;
    EXPECT_EQ(stream.read_some(boost::asio::buffer(data), error), 0U);
    return error;
}
inline error_code put_error(descriptor_stream& stream, std::string_view text = "x") {
    error_code error;
    stream.write(boost::asio::buffer(text), error);
    return error;
}

}  // namespace tendril::test
