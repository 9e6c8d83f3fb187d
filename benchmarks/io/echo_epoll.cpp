// SPDX-License-Identifier: BSL-1.0
//
// The floor of what an echo server can do: epoll by hand, level-triggered, one thread, one buffer
// for all connections. What the kernel does not take at once is dropped, which a load of small
// messages never sees.
//
//     echo_epoll           prints "listening on 127.0.0.1:PORT"; ends with SIGTERM
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace {

[[noreturn]] void give_up(char const* what) {
    std::perror(what);
    std::exit(1);
}

int listen_anywhere() {
    int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd, generic, size) != 0 || ::listen(fd, 4096) != 0 ||
        ::getsockname(fd, generic, &size) != 0) {
        give_up("listen");
    }
    std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    return fd;
}

void watch(int epoll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

void accept_all(int epoll, int listener) {
    int fd = -1;
    while ((fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        int const on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(epoll, fd);
    }
}

void echo(int fd, std::array<char, 1024>& buffer) {
    ssize_t const size = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (size > 0) {
        ::send(fd, buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL);
    } else {
        ::close(fd);
    }
}

}  // namespace

int main() {
    int const listener = listen_anywhere();
    int const epoll = ::epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener);
    std::array<char, 1024> buffer;
    std::array<epoll_event, 128> events;
    while (true) {
        int const count = ::epoll_wait(epoll, events.data(), events.size(), -1);
        for (int index = 0; index < count; ++index) {
            int const fd = events[static_cast<std::size_t>(index)].data.fd;
            if (fd == listener) {
                accept_all(epoll, listener);
            } else {
                echo(fd, buffer);
            }
        }
    }
}
