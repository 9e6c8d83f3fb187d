// SPDX-License-Identifier: BSL-1.0
//
// `./dev demo`: what a web server can do, asked for it by a client (tour.hpp); then ten thousand
// keep-alive connections to another one, each a greenlet in this process and one in that.
//
//     demo SERVER-PROGRAM [CONNECTIONS [SECONDS]]
//     demo --tour
//     demo --arithmetic
//
// Between the two it measures what greenlets cost here (arithmetic.hpp). With `--tour` or
// `--arithmetic` it does nothing else.
//
// The server runs as a process of its own. Each connection here is a plain loop: wait for a turn,
// send a request, read the answer. A semaphore lets 256 requests be under way at once and serves in
// the order of arrival, so all connections take turns.
#include "arithmetic.hpp"
#include "child_process.hpp"
#include "tour.hpp"

#include <tendril/tendril.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

constexpr std::string_view hello = "hello from tendril\n";

// Sends a request and returns the body of the answer; the connection stays open.
std::string get(tendril::tcp_stream& stream, std::string_view path) {
    stream.write(
        boost::asio::buffer("GET " + std::string{path} + " HTTP/1.1\r\nHost: demo\r\n\r\n"));
    std::string text;
    std::size_t body = 0;
    std::size_t length = 0;
    while (body == 0 || text.size() < body + length) {
        char part[1024];
        text.append(part, stream.read_some(boost::asio::buffer(part)));
        std::size_t const end = text.find("\r\n\r\n");
        if (body == 0 && end != std::string::npos) {
            body = end + 4;
            length = std::strtoul(text.c_str() + text.find("Content-Length: ") + 16, nullptr, 10);
        }
    }
    return text.substr(body);
}

class demo {
public:
    demo(std::uint16_t port, std::size_t connections) : port_{port}, connections_{connections} {}

    // Opens all connections, each in a task of its own, and leaves them idle.
    void open() {
        for (std::size_t count = 0; count < connections_; ++count) {
            tasks_.push_back(tendril::spawn({.where = {}}, [this] { hold_connection(); }));
        }
        while (open_ + failed_ < connections_) {
            show("opening: " + std::to_string(open_) + " of " + std::to_string(connections_));
            tendril::sleep_for(100ms);
        }
    }

    // Lets them work for a while.
    void drive(std::chrono::seconds duration) {
        auto const start = steady::now();
        go_.set();
        while (steady::now() - start < duration) {
            tendril::sleep_for(250ms);
            auto const passed = std::chrono::duration<double>(steady::now() - start).count();
            show(
                std::to_string(static_cast<int>(passed)) +
                " s: " + std::to_string(latencies_.size()) + " answers, " +
                std::to_string(failed_) + " errors");
        }
        seconds_ = std::chrono::duration<double>(steady::now() - start).count();
    }

    void close() {
        over_ = true;
        for (auto& each : tasks_) {
            each.join();
        }
        show("");
    }

    std::string ask_server(std::string_view path) {
        auto stream = tendril::tcp_stream::connect("127.0.0.1", port_);
        return get(stream, path);
    }

    void print(long bytes_per_connection, std::string const& statistics) {
        std::sort(latencies_.begin(), latencies_.end());
        auto const at = [&](double share) {
            auto const last = static_cast<double>(latencies_.size() - 1);
            return latencies_.empty() ? 0U : latencies_[static_cast<std::size_t>(share * last)];
        };
        std::printf("connections held      %10zu\n", open_);
        std::printf("requests answered     %10zu\n", latencies_.size());
        std::printf("errors                %10zu %s\n", failed_, first_error_.c_str());
        std::printf(
            "requests a second     %10.0f\n", static_cast<double>(latencies_.size()) / seconds_);
        std::printf("latency p50           %10.1f ms\n", at(0.5) / 1000.0);
        std::printf("latency p99           %10.1f ms\n", at(0.99) / 1000.0);
        std::printf("latency p99.9         %10.1f ms\n", at(0.999) / 1000.0);
        std::printf(
            "server, a connection  %10.1f KiB\n", static_cast<double>(bytes_per_connection) / 1024);
        std::printf("in the server:\n%s", statistics.c_str());
    }

    std::size_t failed() const { return failed_; }
    std::size_t held() const { return open_; }

private:
    void hold_connection() {
        try {
            opening_.acquire();
            auto stream = tendril::tcp_stream::connect("127.0.0.1", port_);
            opening_.release();
            ++open_;
            go_.wait();
            while (!over_) {
                turns_.acquire();
                ask(stream);
                turns_.release();
            }
        } catch (std::exception const& error) {
            ++failed_;
            first_error_ = first_error_.empty() ? error.what() : first_error_;
        }
    }

    void ask(tendril::tcp_stream& stream) {
        auto const start = steady::now();
        if (get(stream, "/") != hello) {
            throw std::runtime_error{"a wrong answer"};
        }
        auto const passed = steady::now() - start;
        latencies_.push_back(static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(passed).count()));
    }

    // On a terminal one line is written over; elsewhere a line a second is enough.
    void show(std::string const& text) {
        static bool const terminal = ::isatty(STDOUT_FILENO) != 0;
        auto const present = steady::now();
        if (terminal) {
            std::printf("\r\033[K%s", text.c_str());
        } else if (!text.empty() && present - last_shown_ > 1s) {
            std::printf("%s\n", text.c_str());
            last_shown_ = present;
        }
        std::fflush(stdout);
    }

    std::uint16_t port_;
    std::size_t connections_;
    std::vector<tendril::task<void>> tasks_;
    tendril::counting_semaphore<> opening_{256};
    tendril::counting_semaphore<> turns_{256};
    tendril::event go_;
    bool over_ = false;
    std::size_t open_ = 0;
    std::size_t failed_ = 0;
    std::string first_error_;
    std::vector<std::uint32_t> latencies_;
    double seconds_ = 1;
    steady::time_point last_shown_;
};

// Raises the limit of descriptors as far as it goes and says how many connections fit.
std::size_t fitting_connections(std::size_t wanted) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    constexpr std::size_t for_other_things = 64;
    std::size_t const fitting = limit.rlim_max - for_other_things;
    if (fitting < wanted) {
        std::printf(
            "This machine allows %zu descriptors a process (ulimit -Hn), so the demo holds %zu "
            "connections and not %zu.\n",
            static_cast<std::size_t>(limit.rlim_max), fitting, wanted);
    }
    return std::min(fitting, wanted);
}

int run_demo(std::string const& program, std::size_t connections, std::chrono::seconds duration) {
    child_process server{program};
    std::string const& line = server.first_line();
    auto const port = tendril::parse_port(
        line.substr(line.rfind(':') + 1, line.size() - line.rfind(':') - 2));
    std::printf("The server says: %s", line.c_str());

    std::size_t const failed = tendril::run([&] {
        demo shown{port, connections};
        long const before = server.resident_bytes();
        shown.open();
        shown.drive(duration);
        std::string const statistics = shown.ask_server("/statistics");
        long const grown = server.resident_bytes() - before;
        shown.close();
        shown.print(grown / static_cast<long>(std::max<std::size_t>(shown.held(), 1)), statistics);
        return shown.failed();
    });

    int const status = server.terminate();
    std::printf("The server drained and ended with status %d.\n\n", status);
    std::printf(
        "Try it yourself:\n  %s --port 8080 &\n  curl -i http://127.0.0.1:8080/\n",
        program.c_str());
    return failed == 0 && status == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    std::string_view const first = argc > 1 ? argv[1] : "";
    if (first.empty()) {
        std::fputs(
            "usage: demo SERVER-PROGRAM [CONNECTIONS [SECONDS]]\n       demo --tour\n"
            "       demo --arithmetic\n",
            stderr);
        return 2;
    }
    if (first != "--arithmetic") {
        tendril::run(tour::show);
    }
    if (first != "--tour") {
        tendril::run(arithmetic::print);
    }
    if (first == "--tour" || first == "--arithmetic") {
        return 0;
    }
    std::size_t const wanted = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 10'000;
    std::chrono::seconds const duration{argc > 3 ? std::atoi(argv[3]) : 3};
    return run_demo(argv[1], fitting_connections(wanted), duration);
}
