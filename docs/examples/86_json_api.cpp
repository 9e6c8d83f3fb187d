// SPDX-License-Identifier: BSL-1.0
// A small API: numbered notes, kept in memory. What is wrong with a request becomes its answer.
#include <tendril/tendril.hpp>

#include <charconv>
#include <iostream>
#include <map>
#include <string>

namespace {

// Notes as JSON, which has its own rules for quotes.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (char const c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out + "\"";
}

// DOC: api
class notes {
public:
    void operator()(tendril::http_request& request, tendril::http_response& response) {
        response.header("Content-Type", "application/json");
        if (request.path() == "/notes" && request.method() == "POST") {
            int const number = ++last_;
            all_[number] = request.body();  // waits for it; 413 when it is too large
            response.status(201).header("Location", "/notes/" + std::to_string(number));
        } else if (request.method() == "GET") {
            response.body("{\"text\":" + quoted(find(request.path())->second) + "}\n");
        } else if (request.method() == "DELETE") {
            all_.erase(find(request.path()));
            response.status(204);
        } else {
            throw tendril::http_error{405, "GET, POST or DELETE"};
        }
    }

private:
    using table = std::map<int, std::string>;

    table::iterator find(std::string_view path) {
        std::string_view const prefix = "/notes/";
        int number = 0;
        if (path.starts_with(prefix)) {
            path.remove_prefix(prefix.size());
            std::from_chars(path.data(), path.data() + path.size(), number);
        }
        auto const found = all_.find(number);
        if (found == all_.end()) {
            throw tendril::http_error{404, "no such note"};
        }
        return found;
    }

    table all_;
    int last_ = 0;
};
// DOC-END: api

}  // namespace

int main() {
    tendril::run([] {
        tendril::http_server api{"127.0.0.1:0", notes{}};
        api.start();
        std::string const base = "http://" + api.local_address();
        tendril::http_client client;
        auto const made = client.post(base + "/notes", "say \"hi\"");
        std::cout << made.status() << ' ' << made.header("Location") << '\n';
        std::cout << client.get(base + "/notes/1").body();
        auto const missing = client.get(base + "/notes/7");
        std::cout << missing.status() << ' ' << missing.body();
        std::cout << client.request({.method = "DELETE", .url = base + "/notes/1"}).status()
                  << '\n';
        std::cout << client.get(base + "/notes/1").status() << '\n';
        std::cout << client.put(base + "/notes/1", "text").status() << '\n';
        client.close();
    });
}
