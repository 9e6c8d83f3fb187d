// SPDX-License-Identifier: BSL-1.0
//
// The client for Redis in resp_client.hpp at work. What answers here is a small stand-in with four
// commands, so that the program needs no server.
#include "resp_client.hpp"

#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

class stand_in {
public:
    void serve(tendril::tcp_stream& stream) {
        tendril::buffered_reader reader{stream};
        while (!reader.peek().empty()) {
            auto const request = resp::read_value(reader);
            std::vector<std::string> words;
            for (auto const& each : request.parts) {
                words.push_back(each.text.value());
            }
            stream.write(boost::asio::buffer(answer(words)));
        }
    }

private:
    std::string answer(std::vector<std::string> const& words) {
        if (words.front() == "SET") {
            stored_[words.at(1)] = words.at(2);
            return "+OK\r\n";
        }
        if (words.front() == "GET") {
            auto const found = stored_.find(words.at(1));
            return found == stored_.end() ? "$-1\r\n" : bulk(found->second);
        }
        if (words.front() == "INCR") {
            std::string& number = stored_[words.at(1)];
            number = std::to_string(std::stoll("0" + number) + 1);
            return ":" + number + "\r\n";
        }
        if (words.front() == "KEYS") {
            std::string all = "*" + std::to_string(stored_.size()) + "\r\n";
            for (auto const& [key, kept] : stored_) {
                all += bulk(key);
            }
            return all;
        }
        return "-ERR unknown command '" + words.front() + "'\r\n";
    }

    static std::string bulk(std::string const& bytes) {
        return "$" + std::to_string(bytes.size()) + "\r\n" + bytes + "\r\n";
    }

    std::map<std::string, std::string> stored_;
};

void print(resp::value const& answer) {
    if (answer.kind == '*') {
        for (auto const& each : answer.parts) {
            std::cout << *each.text << ",";
        }
    } else if (!answer.text) {
        std::cout << "nothing";
    } else if (answer.kind == '-') {
        std::cout << "error: " << *answer.text;
    } else {
        std::cout << *answer.text;
    }
    std::cout << '\n';
}

}  // namespace

int main() {
    tendril::run([] {
        stand_in kept;
        tendril::stream_server server{
            "127.0.0.1:0", [&](tendril::tcp_stream& stream) { kept.serve(stream); }};
        server.start();
        // DOC: use
        resp::client redis{tendril::tcp_stream::connect(server.local_endpoint())};
        std::vector<std::vector<std::string_view>> const commands{
            {"SET", "greeting", "two words"},
            {"GET", "greeting"},
            {"GET", "nobody"},
            {"INCR", "visits"},
            {"INCR", "visits"},
            {"KEYS", "*"},
            {"NONSENSE"},
        };
        for (auto const& command : commands) {
            std::cout << command.front() << " → ";
            print(redis(command));
        }
        // DOC-END: use
    });
}
