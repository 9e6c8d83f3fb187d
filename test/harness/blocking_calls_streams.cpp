// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <harness/own_folder.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/net/unix_socket.hpp>

#include <boost/asio/buffer.hpp>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace tendril::test {
namespace {

// Floor net: streams. Those of Unix sockets, because a callback can make them, and because a kernel
// tells nothing about them later than at once.

struct pair_of_streams {
    pair_of_streams() { std::tie(here, there) = unix_stream::pair(); }
    void fill() const {
        std::array<char, 4096> const bytes{};
        int const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
        while (::send(here.native_handle(), bytes.data(), bytes.size(), flags) > 0) {}
    }
    void drain() const {
        std::array<char, 4096> bytes;
        while (::recv(there.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {}
    }
    unix_stream here;
    unix_stream there;
};

// Says whether a call did it in time; throws what else there was.
template <typename F>
bool did_in_time(F&& call) {
    error_code error;
    call(error);
    if (error == errc::timed_out) {
        return false;
    }
    detail::throw_if(error, "a stream");
    return true;
}

deadline limit_of(bool timed, deadline limit) { return timed ? limit : deadline::never(); }

// For calls that know the limit of their stream only.
std::chrono::nanoseconds time_until(bool timed, deadline limit) {
    return limit_of(timed, limit).is_never() ? std::chrono::nanoseconds::max()
                                             : limit.moment() - this_hub().now();
}

// A call that waits for something to read.
template <typename F>
blocking_call that_reads(char const* name, F read) {
    auto const pair = std::make_shared<pair_of_streams>();
    return {
        .name = name,
        .take = [=](deadline limit) { return read(pair->there, limit); },
        .give = [=] { pair->fill(); },
        .close = [=] { pair->there.close(); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

// A call that waits for room.
template <typename F>
blocking_call that_writes(char const* name, F write) {
    auto const pair = std::make_shared<pair_of_streams>();
    pair->fill();
    return {
        .name = name,
        .take = [=](deadline limit) { return write(pair->here, limit); },
        .give = [=] { pair->drain(); },
        .close = [=] { pair->here.close(); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

blocking_call reading(bool timed) {
    return that_reads("stream_socket::read_some", [=](unix_stream& stream, deadline limit) {
        std::array<char, 8> data;
        return did_in_time([&](error_code& error) {
            stream.read_some_until(boost::asio::buffer(data), error, limit_of(timed, limit));
        });
    });
}

blocking_call reading_into_several(bool timed) {
    return that_reads(
        "stream_socket::read_some, several buffers", [=](unix_stream& stream, deadline limit) {
            std::array<char, 8> data;
            std::array<boost::asio::mutable_buffer, 2> const halves{
                boost::asio::buffer(data, 4), boost::asio::buffer(data) + 4};
            return did_in_time([&](error_code& error) {
                stream.read_some_until(halves, error, limit_of(timed, limit));
            });
        });
}

blocking_call receiving_descriptors(bool timed) {
    return that_reads("unix_stream::receive_descriptors", [=](unix_stream& stream, deadline limit) {
        stream.set_read_limit(time_until(timed, limit));
        std::array<char, 8> data;
        return did_in_time([&](error_code& error) {
            stream.receive_descriptors(boost::asio::buffer(data), error);
        });
    });
}

blocking_call writing(bool timed) {
    return that_writes("stream_socket::write", [=](unix_stream& stream, deadline limit) {
        return did_in_time([&](error_code& error) {
            stream.write_until(boost::asio::buffer("x", 1), error, limit_of(timed, limit));
        });
    });
}

blocking_call writing_some(bool timed) {
    return that_writes("stream_socket::write_some", [=](unix_stream& stream, deadline limit) {
        stream.set_write_limit(time_until(timed, limit));
        return did_in_time(
            [&](error_code& error) { stream.write_some(boost::asio::buffer("x", 1), error); });
    });
}

blocking_call sending_a_file(bool timed) {
    auto const file = std::make_shared<unnamed_file>("x");
    return that_writes("stream_socket::send_file", [=](unix_stream& stream, deadline limit) {
        stream.set_write_limit(time_until(timed, limit));
        return did_in_time(
            [&](error_code& error) { stream.send_file(file->descriptor(), 0, 1, error); });
    });
}

blocking_call sending_descriptors(bool timed) {
    return that_writes("unix_stream::send_descriptors", [=](unix_stream& stream, deadline limit) {
        stream.set_write_limit(time_until(timed, limit));
        return did_in_time([&](error_code& error) {
            stream.send_descriptors(boost::asio::buffer("x", 1), {}, error);
        });
    });
}

// Listeners.

// The address of a name such as "@here".
boost::asio::generic::stream_protocol::endpoint abstract_address(std::string const& name) {
    sockaddr_un made{};
    made.sun_family = AF_UNIX;
    name.copy(made.sun_path, sizeof made.sun_path);
    made.sun_path[0] = '\0';
    return {&made, offsetof(sockaddr_un, sun_path) + name.size()};
}

// Connects without waiting.
int connected_to(std::string const& name) {
    int const raw = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    auto const address = abstract_address(name);
    if (::connect(raw, address.data(), static_cast<socklen_t>(address.size())) != 0) {
        ::close(raw);
        return -1;
    }
    return raw;
}

// Several listeners may be open at once.
std::string unused_name() {
    static std::atomic<int> number = 0;
    return "@tendril calls " + std::to_string(::getpid()) + " " + std::to_string(++number);
}

// A listener with a name of its own, and whoever has connected to it.
struct listener_and_clients {
    explicit listener_and_clients(int backlog)
        : listener{unix_listener::bind(unused_name(), {.backlog = backlog})} {}
    listener_and_clients(listener_and_clients const&) = delete;
    listener_and_clients& operator=(listener_and_clients const&) = delete;
    ~listener_and_clients() {
        for (int const client : clients) {
            ::close(client);
        }
    }
    // Connects until the queue is full.
    void fill(std::size_t most) {
        for (int client = 0; clients.size() < most && client != -1;) {
            // The place first: a failed allocation must not cost a descriptor.
            clients.reserve(clients.size() + 1);
            client = connected_to(listener.name());
            if (client != -1) {
                clients.push_back(client);
            }
        }
    }

    unix_listener listener;
    std::vector<int> clients;
};

blocking_call accepting_from_unix(bool timed) {
    auto const open = std::make_shared<listener_and_clients>(16);
    return {
        .name = "unix_listener::accept",
        .take =
            [=](deadline limit) {
                return did_in_time([&](error_code& error) {
                    open->listener.accept_until(error, limit_of(timed, limit));
                });
            },
        .give = [=] { open->fill(open->clients.size() + 2); },
        .close = [=] { open->listener.close(); },
        .to_wishes = answer::given_late,
        .alone = true,
    };
}

// A listener whose queue is full.
struct crowded_listener {
    crowded_listener() {
        auto const address = abstract_address(name);
        if (::bind(descriptor, address.data(), static_cast<socklen_t>(address.size())) != 0 ||
            ::listen(descriptor, 0) != 0) {
            throw std::runtime_error{"no listener"};
        }
        client = connected_to(name);
    }
    crowded_listener(crowded_listener const&) = delete;
    crowded_listener& operator=(crowded_listener const&) = delete;
    ~crowded_listener() {
        ::close(client);
        ::close(descriptor);
    }
    void make_room() const {
        int const accepted = ::accept4(descriptor, nullptr, nullptr, SOCK_CLOEXEC);
        if (accepted >= 0) {
            ::close(accepted);
        }
    }

    std::string name = abstract_name();
    int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int client = -1;
};

// Whoever knocks there asks again later.
blocking_call connecting_to_unix(bool timed) {
    auto const crowded = std::make_shared<crowded_listener>();
    return {
        .name = "unix_stream::connect",
        .take =
            [=](deadline limit) {
                return did_in_time([&](error_code& error) {
                    unix_stream::connect_until(crowded->name, error, limit_of(timed, limit));
                });
            },
        .give = [=] { crowded->make_room(); },
        .give_on = [=] { crowded->make_room(); },
        .to_wishes = answer::given_late,
    };
}

}  // namespace

void add_calls_of_streams(calls& all) {
    add_both(all, reading);
    add_both(all, reading_into_several);
    add_both(all, receiving_descriptors);
    add_both(all, writing);
    add_both(all, writing_some);
    add_both(all, sending_a_file);
    add_both(all, sending_descriptors);
    add_both(all, accepting_from_unix);
    add_both(all, connecting_to_unix);
}

}  // namespace tendril::test
