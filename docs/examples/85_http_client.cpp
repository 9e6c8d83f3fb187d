// SPDX-License-Identifier: BSL-1.0
//
// A small server, and a client in the same program that fetches its pages, several at a time, and
// writes and reads in pieces.
#include <tendril/http.hpp>
#include <tendril/hub.hpp>
#include <tendril/net.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>
#include <tendril/together.hpp>

#include <boost/asio/buffer.hpp>

#include <array>
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace tendril;

void answer(http_request& request, http_response& response) {
    if (request.path() == "/old") {
        response.status(301).header("Location", "/1");
    } else if (request.path() == "/upload") {
        response.body(std::to_string(request.body().size()) + " bytes have come");
    } else if (request.path() == "/long") {
        response.body(std::string(100'000, 'x'));
    } else {
        sleep_for(10ms);
        response.header("Content-Type", "text/plain").body("page " + std::string{request.path()});
    }
}

// DOC: fetch
// Ten greenlets ask at a time; the client lets four connections be made.
std::vector<std::string> fetch_all(http_client& client, std::vector<std::string> const& urls) {
    std::vector<task<std::string>> pages;
    for (std::string const& url : urls) {
        pages.push_back(spawn([&client, url] { return client.get(url).body(); }));
    }
    std::vector<std::string> bodies;
    for (task<std::string>& page : pages) {
        bodies.push_back(page.get());
    }
    return bodies;
}
// DOC-END: fetch

// DOC: upload
std::string upload(http_client& client, std::string const& url) {
    auto stream = client.open({.method = "POST", .url = url, .body_length = http_unknown_length});
    for (int piece = 0; piece < 10; ++piece) {
        stream.write("piece " + std::to_string(piece) + "\n");  // waits until it can leave
    }
    stream.finish();
    return stream.read_all();
}
// DOC-END: upload

// DOC: download
std::size_t download(http_client& client, std::string const& url) {
    auto stream = client.open({.url = url});
    std::cout << "status " << stream.response().status() << '\n';
    std::array<char, 4096> piece;
    std::size_t total = 0;
    error_code end;
    while (!end.failed()) {
        total += stream.read_some(boost::asio::buffer(piece), end);
    }
    if (end != boost::asio::error::eof) {
        throw system_error{end, "the page is not whole"};
    }
    return total;
}
// DOC-END: download

// DOC: errors
std::string what_becomes_of(http_client& client, std::string const& url) {
    try {
        return "status " + std::to_string(client.get(url).status());
    } catch (http_client_error const& error) {
        return std::string{"no answer in phase "} + to_string(error.phase());
    }
}
// DOC-END: errors

void play() {
    http_server server{"127.0.0.1:0", answer};
    server.start();
    std::string const base = "http://" + to_string(server.local_endpoint());

    http_client client{{.connections_per_host = 4}};
    std::vector<std::string> urls;
    for (int page = 1; page <= 10; ++page) {
        urls.push_back(base + "/" + std::to_string(page));
    }
    for (std::string const& body : fetch_all(client, urls)) {
        std::cout << body << '\n';
    }
    std::cout << client.statistics().connected << " connections\n";
    std::cout << upload(client, base + "/upload") << '\n';
    std::cout << download(client, base + "/long") << " bytes\n";
    std::cout << client.get(base + "/old").body() << " after a redirect\n";
    server.stop(1s);
    std::cout << what_becomes_of(client, base + "/1") << '\n';
}

}  // namespace

int main() { tendril::run(play); }
