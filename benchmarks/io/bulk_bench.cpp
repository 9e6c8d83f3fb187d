// SPDX-License-Identifier: BSL-1.0
//
// What does it cost to move much over one loopback connection, against blocking sockets?
//
//     io_bulk_bench          1 GiB for each contender, in rounds of 64 MiB
//     io_bulk_bench --full   10 GiB
//
// The sender is a thread of its own, and the receiver another one; both use the same buffers and
// the same calls, 128 KiB at a time. What is compared is the time from the first byte to the last.
#include <harness/compare.hpp>
#include <tendril/hub.hpp>
#include <tendril/net.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using steady = std::chrono::steady_clock;

constexpr std::size_t part = 128 * 1024;
constexpr std::size_t bytes_a_round = 64 * 1024 * 1024;

[[noreturn]] void give_up(char const* what) {
    std::perror(what);
    std::exit(1);
}

// Both ends of a connection, blocking.
std::pair<int, int> connected() {
    int const listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener, generic, size) != 0 || ::listen(listener, 1) != 0 ||
        ::getsockname(listener, generic, &size) != 0) {
        give_up("listen");
    }
    int const one = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(one, generic, size) != 0) {
        give_up("connect");
    }
    int const other = ::accept(listener, nullptr, nullptr);
    ::close(listener);
    return {one, other};
}

void send_blocking(int fd) {
    std::vector<char> const data(part, 'x');
    for (std::size_t sent = 0; sent < bytes_a_round;) {
        ssize_t const size = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
        if (size < 0) {
            give_up("send");
        }
        sent += static_cast<std::size_t>(size);
    }
    ::close(fd);
}

std::size_t receive_blocking(int fd) {
    std::vector<char> data(part);
    std::size_t received = 0;
    ssize_t size = 0;
    while ((size = ::recv(fd, data.data(), data.size(), 0)) > 0) {
        received += static_cast<std::size_t>(size);
    }
    ::close(fd);
    return received;
}

void send_parking(int fd) {
    tendril::run([fd] {
        auto stream = tendril::tcp_stream::adopt(fd);
        std::vector<char> const data(part, 'x');
        for (std::size_t sent = 0; sent < bytes_a_round;) {
            sent += stream.write(boost::asio::buffer(data));
        }
    });
}

std::size_t receive_parking(int fd) {
    return tendril::run([fd] {
        auto stream = tendril::tcp_stream::adopt(fd);
        std::vector<char> data(part);
        std::size_t received = 0;
        tendril::error_code error;
        while (!error.failed()) {
            received += stream.read_some(boost::asio::buffer(data), error);
        }
        return received;
    });
}

// Milliseconds for one round.
double transfer(void (*send)(int), std::size_t (*receive)(int)) {
    auto const [one, other] = connected();
    auto const start = steady::now();
    std::thread sender{send, one};
    std::size_t const received = receive(other);
    sender.join();
    if (received < bytes_a_round) {
        std::fputs("something was lost\n", stderr);
        std::exit(1);
    }
    return std::chrono::duration<double, std::milli>{steady::now() - start}.count();
}

}  // namespace

int main(int argc, char** argv) {
    std::puts("What does it cost to move much over one loopback connection?");
    bool const full = argc > 1 && std::string_view{argv[1]} == "--full";
    bench::comparison bulk{"ms for 64 MiB", full ? 160U : 16U};
    bulk.add("blocking sockets", [] { return transfer(send_blocking, receive_blocking); });
    bulk.add(
        "tcp_stream", [] { return transfer(send_parking, receive_parking); }, 1 / 0.97);
    bulk.run();
}
