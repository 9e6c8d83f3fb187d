// SPDX-License-Identifier: BSL-1.0
//
// What does it cost to read a file that the kernel has in memory, and who has to wait meanwhile?
//
//     file_read_bench          1 GiB, in pieces of 64 KiB, in the folder for temporary files
//     file_read_bench FOLDER   in another folder: not every file system tells what is in memory
//
// First a plain thread and a greenlet read the file in turns, with nobody beside them. Then the
// greenlet reads while another one of its hub echoes what a client on another thread sends, one
// byte after the other: what the client waits for each is the price that others pay.
#include <harness/compare.hpp>
#include <tendril/file.hpp>
#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/task.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace {

using steady = std::chrono::steady_clock;

constexpr std::size_t piece = 64 * 1024;
constexpr std::size_t bytes_in_file = 1024 * 1024 * 1024;
constexpr unsigned times = 8;
constexpr std::size_t bytes_a_round = 128 * 1024 * 1024;

double milliseconds_since(steady::time_point start) {
    return std::chrono::duration<double, std::milli>{steady::now() - start}.count();
}

[[noreturn]] void give_up(char const* what) {
    std::perror(what);
    std::exit(1);
}

// A file that is in memory, and goes at the end.
struct cached_file {
    explicit cached_file(std::filesystem::path const& folder)
        : path{(folder / ("tendril-read-bench-" + std::to_string(::getpid()))).string()} {
        std::vector<char> const data(1024 * 1024, 'x');
        int const fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        for (std::size_t at = 0; at < bytes_in_file; at += data.size()) {
            if (::write(fd, data.data(), data.size()) != static_cast<ssize_t>(data.size())) {
                give_up("write");
            }
        }
        ::close(fd);
    }
    ~cached_file() { ::unlink(path.c_str()); }

    std::string path;
};

// Milliseconds for one round, from a place on.
double read_in_thread(std::string const& path, std::uint64_t from) {
    int const fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    std::vector<char> data(piece);
    auto const start = steady::now();
    for (std::size_t at = 0; at < bytes_a_round; at += piece) {
        if (::pread(fd, data.data(), piece, static_cast<off_t>(from + at)) <= 0) {
            give_up("pread");
        }
    }
    double const took = milliseconds_since(start);
    ::close(fd);
    return took;
}

double read_in_greenlet(std::string const& path, std::uint64_t from) {
    return tendril::run([&] {
        auto file = tendril::file::open(path);
        file.seek(from);
        std::vector<char> data(piece);
        auto const start = steady::now();
        for (std::size_t at = 0; at < bytes_a_round; at += piece) {
            file.read_some(boost::asio::buffer(data));
        }
        return milliseconds_since(start);
    });
}

// Sends bytes and notes what each takes to come back, in milliseconds, until the other end closes.
std::vector<double> ask_for_echoes(int fd) {
    std::vector<double> waits;
    char byte = 'e';
    while (true) {
        auto const start = steady::now();
        if (::send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || ::recv(fd, &byte, 1, 0) != 1) {
            break;
        }
        waits.push_back(milliseconds_since(start));
        std::this_thread::sleep_for(std::chrono::microseconds{100});
    }
    ::close(fd);
    std::sort(waits.begin(), waits.end());
    return waits;
}

// Reads all of the file some times with an echo beside. Returns how long one time took.
double read_beside_an_echo(std::string const& path, int echo_end) {
    return tendril::run([&] {
        auto stream = tendril::unix_stream::adopt(echo_end);
        auto echo = tendril::spawn([&] {
            char byte;
            tendril::error_code error;
            while (stream.read_some(boost::asio::buffer(&byte, 1), error) > 0) {
                stream.write(boost::asio::buffer(&byte, 1), error);
            }
        });
        double took = 0;
        for (std::uint64_t from = 0; from < times * bytes_in_file; from += bytes_a_round) {
            auto file = tendril::file::open(path);
            file.seek(from % bytes_in_file);
            std::vector<char> data(piece);
            auto const start = steady::now();
            for (std::size_t at = 0; at < bytes_a_round; at += piece) {
                file.read_some(boost::asio::buffer(data));
            }
            took += milliseconds_since(start);
        }
        stream.close();
        echo.join();
        return took / times;
    });
}

// What one round beside an echo has told.
struct round_of_echoes {
    double rate = 0;  // of a plain thread's
    std::vector<double> waits;
};

round_of_echoes measure_echo(std::string const& path) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        give_up("socketpair");
    }
    double plain = 0;
    for (std::uint64_t from = 0; from < times * bytes_in_file; from += bytes_a_round) {
        plain += read_in_thread(path, from % bytes_in_file);
    }
    round_of_echoes result;
    std::thread client{[&] { result.waits = ask_for_echoes(ends[0]); }};
    result.rate = plain / times / read_beside_an_echo(path, ends[1]);
    client.join();
    return result;
}

// The value below which a part of them is. Requires: sorted.
double quantile(std::vector<double> const& sorted, double part) {
    return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

void measure_rounds_of_echoes(std::string const& path) {
    std::vector<double> rates;
    std::vector<double> waits;
    for (int round = 0; round < 5; ++round) {
        round_of_echoes const told = measure_echo(path);
        rates.push_back(told.rate);
        waits.insert(waits.end(), told.waits.begin(), told.waits.end());
    }
    std::sort(rates.begin(), rates.end());
    std::sort(waits.begin(), waits.end());
    std::printf(
        "\nbeside an echo, 5 rounds: %.2f of a plain thread's rate (%.2f to %.2f)\n",
        quantile(rates, 0.5), rates.front(), rates.back());
    bench::judge(1 / 0.9, 1 / quantile(rates, 0.5), "times a plain thread's time, beside an echo");
    std::printf(
        "%zu echoes: median %.3f ms, p99 %.3f ms, longest %.3f ms\n", waits.size(),
        quantile(waits, 0.5), quantile(waits, 0.99), waits.back());
    bench::judge(2, quantile(waits, 0.99), "ms for an echo, p99");
}

}  // namespace

int main(int argc, char** argv) {
    std::puts("What does it cost to read a file that the kernel has in memory?");
    cached_file const file{
        argc > 1 ? std::filesystem::path{argv[1]} : std::filesystem::temp_directory_path()};
    std::uint64_t round = 0;
    auto const place = [&] {
        return round++ / 2 % (bytes_in_file / bytes_a_round) * bytes_a_round;
    };
    bench::comparison reads{"ms for 128 MiB", 16};
    reads.add("pread in a plain thread", [&] { return read_in_thread(file.path, place()); });
    reads.add(
        "file::read_some", [&] { return read_in_greenlet(file.path, place()); }, 1 / 0.9);
    reads.run();

    measure_rounds_of_echoes(file.path);
}
