// SPDX-License-Identifier: BSL-1.0
#pragma once

// More small programs for tests in which calls of the system fail (stream_programs.hpp): those that
// make the calls of datagrams, of descriptors that belong to others, and of the hub itself.

#include <harness/datagrams.hpp>
#include <harness/own_folder.hpp>
#include <harness/stream_programs.hpp>
#include <tendril/context/stack_pool.hpp>
#include <tendril/hub/descriptor.hpp>
#include <tendril/hub/remote.hpp>
#include <tendril/net/unix_socket.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/support/system_calls.hpp>
#include <tendril/sync/event.hpp>

#include <boost/asio/socket_base.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tendril::test {

template <typename Socket>
void expect_datagram(Socket& socket, std::string_view wanted) {
    char data[64];
    expect_same({data, socket.receive(boost::asio::buffer(data))}, wanted);
}

inline void talk_by_udp() {
    udp_socket here = udp_socket::bind("127.0.0.1", 0);
    udp_socket there = udp_socket::bind("127.0.0.1", 0);
    here.connect_to(there.local_endpoint());
    there.connect_to(here.local_endpoint());
    here.set_option(boost::asio::socket_base::broadcast{true});
    boost::asio::socket_base::receive_buffer_size size;
    here.get_option(size);
    expect_same(here.remote_endpoint().address().to_string(), "127.0.0.1");
    here.send(boost::asio::buffer("single", 6));
    expect_datagram(there, "single");
    std::array<outgoing_datagram<udp_endpoint>, 2> const both{
        {{.data = boost::asio::buffer("one", 3)}, {.data = boost::asio::buffer("two", 3)}}};
    here.send_batch(both);
    std::array<char, 8> data;
    for (char const* const wanted : {"one", "two"}) {
        std::array<datagram_place<udp_endpoint>, 1> places{};
        places[0].room = boost::asio::buffer(data);
        there.receive_batch(places);
        expect_same({data.data(), places[0].size}, wanted);
    }
}

inline void wait_for_room_of_a_unix_datagram() {
    unix_datagram sender = unix_datagram::bind({});
    unix_datagram receiver = unix_datagram::bind({});
    auto const address = receiver.local_endpoint();
    fill_queue(address);
    with_task_group([&](task_group& group) {
        group.spawn([&] {
            settle();
            drain(receiver);
        });
        sender.send_to(boost::asio::buffer("late", 4), address);
    });
    expect_datagram(receiver, "late");
    auto [here, there] = unix_datagram::pair();
    here.send(boost::asio::buffer("near", 4));
    expect_datagram(there, "near");
}

/// Takes the place of a server that has ended without clearing up.
inline void take_over_a_stale_socket() {
    own_folder const place;
    std::string const name = place.file("door");
    int const former = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, name.c_str(), sizeof address.sun_path - 1);
    ::bind(former, reinterpret_cast<sockaddr const*>(&address), sizeof address);
    ::close(former);
    unix_listener listener = unix_listener::bind(name, {.remove_stale = true});
    unix_stream const client = unix_stream::connect(name);
    unix_stream const server = listener.accept();
}

/// Sends a file where the kernel cannot do it by itself.
inline void send_a_file_by_hand() {
    system_calls table = kernel();
    table.sendfile = [](int, int, off_t*, std::size_t) -> ssize_t {
        errno = EINVAL;
        return -1;
    };
    unnamed_file const file{std::string(3000, 'f')};
    auto [here, there] = unix_stream::pair();
    replaced_system_calls const in_place{table};
    with_task_group([&, &to = here, &from = there](task_group& group) {
        group.spawn([&] { expect_same(read_exactly(from, 3000), std::string(3000, 'f')); });
        to.send_file(file.descriptor());
    });
}

inline void wait_for_a_descriptor_of_others() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw std::runtime_error{"no pipe"};
    }
    scope_exit const close_both{[&] {
        ::close(ends[0]);
        ::close(ends[1]);
    }};
    wait_writable(ends[1]);
    with_task_group([&](task_group& group) {
        group.spawn([&] { static_cast<void>(::write(ends[1], "x", 1)); });
        wait_readable(ends[0]);
    });
}

/// Many stacks, and a post that rings the bell.
inline void run_many_greenlets() {
    event posted;
    remote const door = this_hub().remote();
    with_task_group([&](task_group& group) {
        for (int count = 0; count < 200; ++count) {
            group.spawn([] { yield(); });
        }
    });
    door.post([&] { posted.set(); });
    posted.wait();
}

/// Stacks that are taken, given back and trimmed, with each kind of guard.
inline void use_pools_of_stacks() {
    for (stack_guard const guard : {stack_guard::marker, stack_guard::mprotect}) {
        stack_pool pool{guard};
        pool.set_warm_limit(2);
        std::vector<stack*> taken;
        scope_exit const give_back{[&] {
            for (stack* const each : taken) {
                pool.release(*each);
            }
            pool.trim();
        }};
        for (int count = 0; count < 20; ++count) {
            taken.reserve(taken.size() + 1);
            taken.push_back(&pool.acquire());
        }
    }
}

inline constexpr std::array other_programs{
    stream_program{"udp", talk_by_udp},
    stream_program{"unix datagrams", wait_for_room_of_a_unix_datagram},
    stream_program{"a stale socket", take_over_a_stale_socket},
    stream_program{"a file by hand", send_a_file_by_hand},
    stream_program{"a descriptor of others", wait_for_a_descriptor_of_others},
    stream_program{"many greenlets", run_many_greenlets},
    stream_program{"pools of stacks", use_pools_of_stacks}};

}  // namespace tendril::test
