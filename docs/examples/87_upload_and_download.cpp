// SPDX-License-Identifier: BSL-1.0
// Files of any size through a web server that never holds more than a piece of one in memory.
#include <tendril/tendril.hpp>

#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <string>

namespace {

std::filesystem::path const folder = std::filesystem::temp_directory_path() /
    ("tendril-uploads-" + std::to_string(::getpid()));

// DOC: files
void serve_files(tendril::http_request& request, tendril::http_response& response) {
    std::string_view const name = request.path().substr(1);
    if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz") != name.npos) {
        throw tendril::http_error{404};  // no way out of the folder
    }
    auto const path = (folder / name).string();
    tendril::error_code error;
    if (request.method() == "PUT") {
        auto file = tendril::file::open(
            path, {.read = false, .write = true, .create = true, .truncate = true});
        tendril::copy(request, file);  // a client that is too fast waits for the disk
        response.status(201);
    } else {
        auto file = tendril::file::open(path, error);
        if (error.failed()) {
            throw tendril::http_error{404, "no such file"};
        }
        response.content_length(file.size());
        tendril::copy(file, response);  // and the disk for a client that is slow
    }
}
// DOC-END: files

}  // namespace

int main() {
    std::filesystem::create_directory(folder);
    tendril::run([] {
        // DOC: limits
        tendril::http_server web{
            "127.0.0.1:0",
            serve_files,
            {.body_limit_for = [](tendril::http_request const& request) -> std::uint64_t {
                return request.method() == "PUT" ? 1ULL << 30 : 0;
            }}};
        // DOC-END: limits
        web.start();
        std::string const base = "http://" + web.local_address();
        tendril::http_client client;
        std::string const text(3'000'000, 'x');
        std::cout << client.put(base + "/large", text).status() << '\n';
        auto const answer = client.get(base + "/large");
        std::cout << answer.header("Content-Length")
                  << (answer.body() == text ? " equal" : " other") << '\n';
        std::cout << client.get(base + "/none").status() << '\n';
        std::cout << client.get(base + "/..%2fetc").status() << '\n';
        std::cout << client.post(base + "/large", "not that way").status() << '\n';
        client.close();
    });
    std::filesystem::remove_all(folder);
}
