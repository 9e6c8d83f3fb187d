// SPDX-License-Identifier: BSL-1.0
#pragma once

// Words that many tests of connections share: both ends of one, on the loopback interface.

#include <harness/tendril_test.hpp>
#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/stream_socket.hpp>
#include <tendril/net/tcp_listener.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/testing/settle.hpp>
#include <tendril/time/sleep.hpp>
#include <tendril/time/timeout.hpp>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace tendril::test {

/// Both ends of one connection.
struct stream_pair {
    tcp_stream here;
    tcp_stream there;
};
inline stream_pair connected_pair() {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0);
    tcp_stream here = tcp_stream::connect(listener.local_endpoint());
    tcp_stream there = listener.accept();
    return {std::move(here), std::move(there)};
}

/// Waits until a connection is in a listener's queue: on a busy machine it may get there after
/// `connect` has come back.
inline void await_arrival(int listening) {
    pollfd queue{listening, POLLIN, 0};
    while (::poll(&queue, 1, -1) == -1 && errno == EINTR) {}
}

/// A listener whose queue is full, so that connecting to it waits.
struct full_listener {
    tcp_listener listener = tcp_listener::bind("127.0.0.1", 0, {.backlog = 0});
    tcp_stream first = tcp_stream::connect(listener.local_endpoint());

    full_listener() { await_arrival(listener.native_handle()); }
    tcp_endpoint endpoint() const { return listener.local_endpoint(); }
};

/// An address where nobody listens.
inline tcp_endpoint deserted_endpoint() {
    return tcp_listener::bind("127.0.0.1", 0).local_endpoint();
}

inline void say(stream_socket& stream, std::string_view text) {
    stream.write(boost::asio::buffer(text));
}

/// Reads once; empty at the end.
inline std::string hear(stream_socket& stream) {
    char data[4096];
    error_code error;
    std::size_t const size = stream.read_some(boost::asio::buffer(data), error);
    return {data, size};
}

/// Reads exactly that much, or less if an error comes first.
inline std::string hear_exactly(stream_socket& stream, std::size_t size) {
    std::string text(size, '\0');
    std::size_t filled = 0;
    error_code error;
    while (filled < size && !error.failed()) {
        filled += stream.read_some(boost::asio::buffer(text.data() + filled, size - filled), error);
    }
    text.resize(filled);
    return text;
}

/// Reads until the end, or an error.
inline std::string hear_all(stream_socket& stream) {
    std::string text;
    for (std::string part = hear(stream); !part.empty(); part = hear(stream)) {
        text += part;
    }
    return text;
}

/// How a read ends that brings nothing.
inline error_code read_error(stream_socket& stream) {
    char data[64];
    error_code error;
    EXPECT_EQ(stream.read_some(boost::asio::buffer(data), error), 0U);
    return error;
}

/// How a write ends.
inline error_code write_error(stream_socket& stream, std::string_view text = "x") {
    error_code error;
    stream.write(boost::asio::buffer(text), error);
    return error;
}

/// Sends until the kernel takes no more, past the stream's back. Returns how much that was.
inline std::size_t fill(stream_socket& stream) {
    std::string const block(64 * 1024, 'f');
    std::size_t sent = 0;
    while (true) {
        ssize_t const size = ::send(
            stream.native_handle(), block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size < 0) {
            return sent;
        }
        sent += static_cast<std::size_t>(size);
    }
}

/// Tasks that wait for something to read, and for room to write. They return how that ended.
inline auto spawn_reader(stream_socket& end) {
    return spawn([&end] { return read_error(end); });
}
inline auto spawn_writer(stream_socket& end) {
    fill(end);
    return spawn([&end] { return write_error(end); });
}

/// Sends back what it hears, until the end.
inline void echo(stream_socket& stream) {
    for (std::string heard = hear(stream); !heard.empty(); heard = hear(stream)) {
        say(stream, heard);
    }
}

/// Ends a connection with a reset instead of an orderly end.
inline void reset(stream_socket& stream) {
    linger const at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(stream.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    stream.close();
}

/// Connects at once, without letting anybody else run. The kernel answers for the listener.
inline tcp_stream connect_at_once(tcp_endpoint const& address) {
    int const raw = ::socket(address.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(raw, address.data(), static_cast<socklen_t>(address.size())), 0);
    return tcp_stream::adopt(raw);
}

/// Runs everybody else until they wait, the reactor included.
using testing::settle;

/// Collects what a hub reports that nobody else collects, as "whose: what".
class reported_errors {
public:
    reported_errors()
        : former_{this_hub().set_error_handler([this](std::exception_ptr error, auto whose) {
              texts.push_back(std::string{whose} + ": " + describe(error));
          })} {}
    reported_errors(reported_errors const&) = delete;
    reported_errors& operator=(reported_errors const&) = delete;
    ~reported_errors() { this_hub().set_error_handler(std::move(former_)); }

    transcript texts;

private:
    error_handler former_;
};

/// What a call throws as `system_error`, as a code and as a text.
template <typename F>
error_code code_of(F&& call) {
    try {
        call();
    } catch (system_error const& error) {
        return error.code();
    }
    return {};
}
template <typename F>
std::string text_of(F&& call) {
    try {
        call();
    } catch (std::exception const& error) {
        return error.what();
    }
    return {};
}

/// Says whether a text for users contains a place in somebody's sources.
inline bool names_a_source(std::string_view text) {
    return text.find(".hpp") != text.npos || text.find(".ipp") != text.npos ||
        text.find(".cpp") != text.npos || text.find("/usr/") != text.npos;
}

/// Runs a function and says how it was ended from outside, if it was.
template <typename F>
std::string interruption_of(F&& function) {
    try {
        function();
    } catch (cancelled const&) {
        return "cancelled";
    } catch (greenlet_exit const&) {
        return "exit";
    } catch (timed_out const&) {
        return "timed out";
    } catch (std::exception const& error) {
        return error.what();
    }
    return "returned";
}

}  // namespace tendril::test
