// SPDX-License-Identifier: BSL-1.0
#pragma once

// Streams between processes of one machine, by Unix sockets, which can hand descriptors over.
//
//     auto listener = tendril::unix_listener::bind("/run/app/socket", {.remove_stale = true});
//     auto peer = listener.accept();
//
//     auto stream = tendril::unix_stream::connect("/run/app/socket");
//     stream.send_descriptors(boost::asio::buffer("a file", 6), {{file}});
//
//     auto [size, files] = peer.receive_descriptors(boost::asio::buffer(data));
//     int const file = files.take();
//
// A name is a path, or, when it begins with "@", a name of Linux's abstract space, which no file
// stands for and which goes with its last socket. (A path that begins so is written "./@…".)
//
// What a stream can do beyond that, and which error means what, stands in stream_socket.hpp.
// `read_some`, `write_some`, `write` and their forms with limits are declared in io/stream.hpp.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/abi_lock.hpp>
#include <tendril/io/error.hpp>
#include <tendril/net/listener_socket.hpp>
#include <tendril/net/stream_socket.hpp>

#include <boost/asio/buffer.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace boost::beast {
enum class role_type;
}

namespace tendril {

/// Descriptors that have arrived. It owns those that nobody has taken.
class passed_descriptors {
public:
    passed_descriptors() noexcept = default;
    passed_descriptors(passed_descriptors&& other) noexcept;
    passed_descriptors& operator=(passed_descriptors&& other) noexcept;
    /// Closes those that were not taken. Switches: never.
    ~passed_descriptors();

    /// How many there are that nobody has taken. Switches: never.
    std::size_t size() const noexcept { return all_.size() - taken_; }

    /// Gives the first of them away, in the order in which they were sent; -1 when there is none.
    /// Switches: never.
    int take() noexcept { return size() == 0 ? -1 : all_[taken_++]; }

private:
    friend class unix_stream;

    std::vector<int> all_;
    std::size_t taken_ = 0;
};

/// What came with one read.
struct received_descriptors {
    /// How many bytes.
    std::size_t size = 0;
    /// What came with them; each is closed when the process executes another program.
    passed_descriptors descriptors;
    /// Whether that is not all: more came than there was room for, here or in the process. The
    /// kernel has closed the others.
    bool cut_short = false;
};

/// Who is at the other end, as the kernel knows it from the moment of connecting.
struct peer_credentials {
    pid_t process = 0;
    uid_t user = 0;
    gid_t group = 0;
};

class unix_stream : public stream_socket {
public:
    using lowest_layer_type = unix_stream;

    /// The kernel passes no more descriptors with one call.
    static constexpr std::size_t most_descriptors = 253;

    /// Makes a stream that is not connected: every operation says `errc::closed`.
    unix_stream() noexcept = default;
    unix_stream(unix_stream&&) noexcept = default;
    /// Closes the stream that was there. Switches: never.
    unix_stream& operator=(unix_stream&&) noexcept = default;

    /// Closes it. Must happen on the hub's thread, or after the hub has gone: elsewhere it ends the
    /// program. Switches: never.
    ~unix_stream() = default;

    /// Connects to a listener by its name. While its queue is full, asks again and again.
    /// Throws: system_error, naming the name; what was requested for the greenlet.
    /// Switches: may.
    static unix_stream connect(std::string_view name);
    static unix_stream connect(std::string_view name, error_code& error);

    /// As above, but until a moment, or for a while, at most; then the error is `errc::timed_out`.
    /// Switches: may.
    static unix_stream connect_until(std::string_view name, deadline limit);
    static unix_stream connect_until(std::string_view name, error_code& error, deadline limit);
    template <typename Rep, typename Period>
    static unix_stream connect_for(
        std::string_view name, std::chrono::duration<Rep, Period> const& duration) {
        return connect_until(name, deadline::after(duration));
    }

    /// Makes both ends of a connection that has no name. Throws: system_error. Switches: never.
    static std::pair<unix_stream, unix_stream> pair();

    /// Takes over a connected descriptor, which it makes non-blocking. On failure the descriptor is
    /// closed. Throws: system_error. Switches: never.
    static unix_stream adopt(int descriptor);
    static unix_stream adopt(int descriptor, error_code& error);

    /// Writes all of `data`, as `write` does, and passes copies of descriptors together with its
    /// first byte. Requires: there is a byte, and at most `most_descriptors`. Throws: misuse.
    /// Switches: may.
    std::size_t send_descriptors(
        boost::asio::const_buffer data, std::span<int const> descriptors, error_code& error);
    std::size_t send_descriptors(boost::asio::const_buffer data, std::span<int const> descriptors);

    /// Waits and reads, as `read_some` does, and takes the descriptors that come along. (Any other
    /// read lets the kernel close them.) A read ends behind the data that descriptors came with.
    /// Requires: room for a byte. Throws: misuse. Switches: may.
    received_descriptors receive_descriptors(boost::asio::mutable_buffer data, error_code& error);
    received_descriptors receive_descriptors(boost::asio::mutable_buffer data);

    /// Who is at the other end. Throws: system_error. Switches: never.
    peer_credentials credentials_of_peer() const;

    /// The names of both ends; empty for an end that has none. Throws: system_error.
    /// Switches: never.
    std::string local_name() const;
    std::string remote_name() const;

    /// For code that is written for Asio's layers. Switches: never.
    lowest_layer_type& lowest_layer() noexcept { return *this; }
    lowest_layer_type const& lowest_layer() const noexcept { return *this; }

private:
    explicit unix_stream(detail::stream_core& core) noexcept : stream_socket{core} {}
};

/// As for a `tcp_stream`. Switches: may.
void teardown(boost::beast::role_type role, unix_stream& stream, error_code& error);

/// How a listener at a Unix socket is made.
struct unix_listen_options {
    /// How many connections may wait in the kernel to be accepted.
    int backlog = 4096;
    /// Takes the path of a listener away that has ended without doing so: nobody answers there.
    bool remove_stale = false;
    /// Keeps a descriptor in reserve, to turn clients away with when others lack.
    bool reserve_descriptor = false;
};

class unix_listener : public listener_socket {
public:
    /// Makes a listener that listens to nothing: `accept` says `errc::closed`.
    unix_listener() noexcept = default;
    unix_listener(unix_listener&& other) noexcept;
    unix_listener& operator=(unix_listener&& other) noexcept;

    /// Closes it. Must happen on the hub's thread, or after the hub has gone: elsewhere it ends the
    /// program. Switches: never.
    ~unix_listener();

    /// Listens at a name. Who may connect to a path is a matter of the permissions of its folder
    /// and of the process's umask. Throws: system_error, naming the name. Switches: never.
    static unix_listener bind(std::string_view name, unix_listen_options const& options = {});

    /// Takes over a descriptor that listens already, and makes it non-blocking. Its path is not
    /// removed at the end, since somebody else has made it. On failure the descriptor is closed.
    /// Throws: system_error. Switches: never.
    static unix_listener adopt(int descriptor);

    /// Gives a descriptor away that listens on, and leaves the path where it is: for a process that
    /// goes on with both. Wakes whoever waits in `accept`, as `close` does. Returns it, or -1 when
    /// the listener is not open. Throws: wrong_thread; system_error. Switches: never. Thread: hub.
    int release();

    /// Waits for a connection. A second greenlet that accepts gets `errc::busy`.
    /// Throws: system_error; what was requested for the greenlet. Switches: may.
    unix_stream accept();
    unix_stream accept(error_code& error);

    /// As above, but until a moment, or for a while, at most; then the error is `errc::timed_out`.
    /// Switches: may.
    unix_stream accept_until(deadline limit);
    unix_stream accept_until(error_code& error, deadline limit);
    template <typename Rep, typename Period>
    unix_stream accept_for(std::chrono::duration<Rep, Period> const& duration) {
        return accept_until(deadline::after(duration));
    }
    template <typename Rep, typename Period>
    unix_stream accept_for(error_code& error, std::chrono::duration<Rep, Period> const& duration) {
        return accept_until(error, deadline::after(duration));
    }

    /// Stops listening, removes its path if that is still its own, and wakes whoever waits in
    /// `accept` with `errc::closed`. A second call does nothing. Throws: wrong_thread.
    /// Switches: never. Thread: hub.
    void close();

    /// Where it listens. Switches: never.
    std::string const& name() const noexcept { return name_; }

private:
    void note_path() noexcept;
    void remove_path() noexcept;

    std::string name_;
    // Which file stands for it, and for which process; none for an abstract name.
    dev_t device_ = 0;
    ino_t file_ = 0;
    pid_t owner_ = 0;
};

}  // namespace tendril
