// SPDX-License-Identifier: BSL-1.0
//
// A web server that hands out a file and takes one, for compare_transfer.py.
//
//     transfer FILE UPLOADED       prints "listening on 127.0.0.1:PORT"; ends with SIGTERM
//
// `GET` sends FILE, `PUT` writes what it gets to UPLOADED, both piece by piece.
#include <tendril/file.hpp>
#include <tendril/http.hpp>
#include <tendril/hub.hpp>
#include <tendril/io.hpp>
#include <tendril/process.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <string>

namespace {

constexpr std::uint64_t largest = 1024 * 1024 * 1024;

class exchange {
public:
    exchange(std::string given, std::string taken)
        : given_{std::move(given)},
          taken_{std::move(taken)} {}

    void answer(tendril::http_request& request, tendril::http_response& response) {
        if (request.method() == "GET") {
            response.header("Content-Type", "application/octet-stream");
            auto file = tendril::file::open(given_);
            response.content_length(file.size());
            tendril::copy(file, response);
        } else if (request.method() == "PUT") {
            auto file = tendril::file::create(taken_);
            tendril::copy(request, file);
            response.status(201);
        } else {
            response.status(405);
        }
    }

private:
    std::string given_;
    std::string taken_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: transfer FILE UPLOADED\n";
        return 2;
    }
    tendril::run([&] {
        exchange files{argv[1], argv[2]};
        tendril::http_server server{
            "127.0.0.1:0",
            [&](tendril::http_request& request, tendril::http_response& response) {
                files.answer(request, response);
            },
            {.body_limit = largest}};
        tendril::signal_set quit{SIGINT, SIGTERM};
        server.start();
        std::cout << "listening on " << tendril::to_string(server.local_endpoint()) << std::endl;
        quit.wait();
        server.stop(std::chrono::seconds{1});
    });
}
