// SPDX-License-Identifier: BSL-1.0
//
// A load of small messages on an echo server, with as little of its own work as can be: epoll by
// hand.
//
//     load PORT CONNECTIONS SECONDS [SIZE]
//
// The connections come from several addresses of the loopback network, since one has 28,000 ports.
// Each connection sends SIZE bytes (64 when not given), waits until as many have come back, and
// begins again. Prints one line: `requests N seconds S p50_us A p99_us B p999_us C`.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using steady = std::chrono::steady_clock;

struct connection {
    int fd = -1;
    std::size_t received = 0;
    steady::time_point sent_at;
};

[[noreturn]] void give_up(char const* what) {
    std::perror(what);
    std::exit(1);
}

int connect_to(std::uint16_t port, std::uint32_t address_number) {
    int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int const late = 1;
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + address_number);
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        give_up("bind");
    }
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        give_up("connect");
    }
    int const on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

class load {
public:
    load(std::uint16_t port, std::size_t count, std::size_t size)
        : epoll_{::epoll_create1(0)},
          message_(size, 'x'),
          buffer_(size),
          connections_(count) {
        for (std::size_t index = 0; index < count; ++index) {
            connections_[index].fd = connect_to(port, static_cast<std::uint32_t>(index / 2000));
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.u64 = index;
            ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[index].fd, &event);
        }
    }

    void run(std::chrono::duration<double> duration) {
        steady::time_point const start = steady::now();
        for (connection& each : connections_) {
            send(each);
        }
        while (steady::now() - start < duration) {
            std::array<epoll_event, 256> events;
            int const count = ::epoll_wait(epoll_, events.data(), events.size(), 100);
            for (int index = 0; index < count; ++index) {
                receive(connections_[events[static_cast<std::size_t>(index)].data.u64]);
            }
        }
        seconds_ = std::chrono::duration<double>(steady::now() - start).count();
    }

    void print() {
        std::sort(latencies_.begin(), latencies_.end());
        auto const at = [&](double share) {
            return latencies_.empty() ? 0.0
                                      : static_cast<double>(latencies_[static_cast<std::size_t>(
                                            share * static_cast<double>(latencies_.size() - 1))]) /
                    1000;
        };
        std::printf(
            "requests %zu seconds %.3f p50_us %.1f p99_us %.1f p999_us %.1f\n", latencies_.size(),
            seconds_, at(0.5), at(0.99), at(0.999));
    }

private:
    void send(connection& to) {
        to.received = 0;
        to.sent_at = steady::now();
        if (::send(to.fd, message_.data(), message_.size(), MSG_NOSIGNAL) < 0) {
            give_up("send");
        }
    }

    void receive(connection& from) {
        ssize_t const got = ::recv(from.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (got <= 0) {
            give_up("recv");
        }
        from.received += static_cast<std::size_t>(got);
        if (from.received >= message_.size()) {
            latencies_.push_back((steady::now() - from.sent_at).count());
            send(from);
        }
    }

    int epoll_;
    std::string message_;
    std::vector<char> buffer_;
    std::vector<connection> connections_;
    std::vector<std::int64_t> latencies_;
    double seconds_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fputs("usage: load PORT CONNECTIONS SECONDS [SIZE]\n", stderr);
        return 2;
    }
    std::size_t const size = argc > 4 ? std::strtoul(argv[4], nullptr, 10) : 64;
    load work{
        static_cast<std::uint16_t>(std::atoi(argv[1])), std::strtoul(argv[2], nullptr, 10), size};
    work.run(std::chrono::duration<double>{std::atof(argv[3])});
    work.print();
}
