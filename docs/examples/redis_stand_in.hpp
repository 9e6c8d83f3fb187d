// SPDX-License-Identifier: BSL-1.0
#pragma once

// A stand-in for Redis with a few commands, so that examples need no server. Nothing expires.

#include "resp_client.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

class redis_stand_in {
public:
    /// Answers the commands of one connection until it ends.
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
        std::string const& command = words.front();
        if (command == "SET") {
            stored_[words.at(1)] = words.at(2);
            return "+OK\r\n";
        }
        if (command == "GET" || command == "GETEX") {
            auto const found = stored_.find(words.at(1));
            return found == stored_.end() ? "$-1\r\n" : bulk(found->second);
        }
        if (command == "DEL") {
            return number(stored_.erase(words.at(1)));
        }
        if (command == "INCR") {
            std::string& counter = stored_[words.at(1)];
            counter = std::to_string(std::stoul("0" + counter) + 1);
            return ":" + counter + "\r\n";
        }
        if (command == "KEYS") {
            std::string all = "*" + std::to_string(stored_.size()) + "\r\n";
            for (auto const& [key, kept] : stored_) {
                all += bulk(key);
            }
            return all;
        }
        return "-ERR unknown command '" + command + "'\r\n";
    }

    static std::string number(std::size_t value) { return ":" + std::to_string(value) + "\r\n"; }
    static std::string bulk(std::string const& bytes) {
        return "$" + std::to_string(bytes.size()) + "\r\n" + bytes + "\r\n";
    }

    std::map<std::string, std::string> stored_;
};
