// SPDX-License-Identifier: BSL-1.0
//
// A load of short connections on an echo server: connect, send 64 bytes, wait until they have come
// back, close. Epoll by hand; so many at once.
//
//     connect_load PORT AT-ONCE SECONDS
//
// The side that closes first keeps its port for a minute, and there are 28,000 of them for one
// address. So the connections come from many addresses of the loopback network in turn.
// Prints one line: `connections N seconds S`.
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using steady = std::chrono::steady_clock;

constexpr std::size_t message_size = 64;
constexpr std::uint32_t first_address = 0x7F010001;  // 127.1.0.1
constexpr std::uint32_t addresses = 16'384;

[[noreturn]] void give_up(char const* what) {
    std::perror(what);
    std::exit(1);
}

struct connection {
    int fd = -1;
    bool has_sent = false;
    std::size_t received = 0;
};

class load {
public:
    load(std::uint16_t port, std::size_t at_once)
        : port_{port},
          epoll_{::epoll_create1(EPOLL_CLOEXEC)},
          connections_(at_once) {}

    void run(std::chrono::duration<double> duration) {
        steady::time_point const start = steady::now();
        for (std::size_t index = 0; index < connections_.size(); ++index) {
            open(index);
        }
        while (steady::now() - start < duration) {
            std::array<epoll_event, 256> events;
            int const count = ::epoll_wait(epoll_, events.data(), events.size(), 100);
            for (int at = 0; at < count; ++at) {
                go_on(events[static_cast<std::size_t>(at)].data.u64);
            }
        }
        double const seconds = std::chrono::duration<double>(steady::now() - start).count();
        std::printf("connections %zu seconds %.3f\n", done_, seconds);
    }

private:
    static sockaddr_in address_of(std::uint32_t host, std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(host);
        return address;
    }

    void open(std::size_t index) {
        int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int const on = 1;
        ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        sockaddr_in const from = address_of(first_address + next_++ % addresses, 0);
        sockaddr_in const to = address_of(INADDR_LOOPBACK, port_);
        if (::bind(fd, reinterpret_cast<sockaddr const*>(&from), sizeof from) != 0) {
            give_up("bind");
        }
        if (::connect(fd, reinterpret_cast<sockaddr const*>(&to), sizeof to) != 0 &&
            errno != EINPROGRESS) {
            give_up("connect");
        }
        connections_[index] = {.fd = fd};
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.u64 = index;
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }

    void go_on(std::size_t index) {
        connection& mine = connections_[index];
        std::array<char, message_size> data{};
        if (!mine.has_sent) {
            if (::send(mine.fd, data.data(), data.size(), MSG_NOSIGNAL) < 0) {
                give_up("send");
            }
            mine.has_sent = true;
        }
        ssize_t const got = ::recv(mine.fd, data.data(), data.size(), 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            give_up("recv");
        }
        mine.received += got > 0 ? static_cast<std::size_t>(got) : 0;
        if (mine.received >= message_size) {
            ::close(mine.fd);
            ++done_;
            open(index);
        }
    }

    std::uint16_t port_;
    int epoll_;
    std::vector<connection> connections_;
    std::uint32_t next_ = static_cast<std::uint32_t>(::getpid());
    std::size_t done_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fputs("usage: connect_load PORT AT-ONCE SECONDS\n", stderr);
        return 2;
    }
    load work{static_cast<std::uint16_t>(std::atoi(argv[1])), std::strtoul(argv[2], nullptr, 10)};
    work.run(std::chrono::duration<double>{std::atof(argv[3])});
}
