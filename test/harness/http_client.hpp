// SPDX-License-Identifier: BSL-1.0
#pragma once

// A client for tests of HTTP servers: it sends any bytes, and reads answers strictly.

#include <harness/network.hpp>
#include <tendril/http/http_server.hpp>

#include <charconv>
#include <string>
#include <string_view>
#include <utility>

namespace tendril::test {

/// One answer. Its status is 0 when the connection ended before one came.
struct http_answer {
    int status = 0;
    std::string head;
    std::string body;

    /// The value of a field; empty when there is none.
    std::string field(std::string_view name) const {
        std::size_t const at = head.find("\r\n" + std::string{name} + ": ");
        if (at == std::string::npos) {
            return {};
        }
        std::size_t const value = at + 2 + name.size() + 2;
        return head.substr(value, head.find("\r\n", value) - value);
    }
    bool closes() const { return field("Connection") == "close"; }
};

class http_client {
public:
    explicit http_client(http_server const& server)
        : stream{tcp_stream::connect(server.local_endpoint())} {}

    void send(std::string_view bytes) { say(stream, bytes); }

    /// Sends single bytes, each when the server has digested the one before.
    void send_slowly(std::string_view bytes) {
        error_code gone;
        for (std::size_t at = 0; at < bytes.size() && !gone.failed(); ++at) {
            stream.write(boost::asio::buffer(bytes.data() + at, 1), gone);
            settle();
        }
    }

    /// Reads the next answer. That to a HEAD has no body, whatever its length says.
    http_answer read(bool to_head = false) {
        http_answer answer;
        std::size_t end = rest_.find("\r\n\r\n");
        while (end == std::string::npos) {
            if (!read_more()) {
                return {};
            }
            end = rest_.find("\r\n\r\n");
        }
        answer.head = rest_.substr(0, end + 2);
        rest_.erase(0, end + 4);
        answer.status = number(std::string_view{answer.head}.substr(9, 3));
        int const length = number(answer.field("Content-Length"));
        while (!to_head && rest_.size() < static_cast<std::size_t>(length)) {
            if (!read_more()) {
                ADD_FAILURE() << "an answer was cut short";
                return {};
            }
        }
        answer.body = rest_.substr(0, to_head ? 0 : static_cast<std::size_t>(length));
        rest_.erase(0, answer.body.size());
        return answer;
    }

    /// Asks for a page and reads the answer.
    http_answer get(std::string_view target = "/") {
        send("GET " + std::string{target} + " HTTP/1.1\r\nHost: test\r\n\r\n");
        return read();
    }

    /// Reads all that still comes, and returns how that ended.
    error_code drain() {
        error_code error;
        char part[4096];
        while (!error.failed()) {
            rest_.append(part, stream.read_some(boost::asio::buffer(part), error));
        }
        return error;
    }

    /// What has come and was not read as an answer.
    std::string const& rest() const noexcept { return rest_; }

    tcp_stream stream;

private:
    static int number(std::string_view text) {
        int parsed = 0;
        std::from_chars(text.data(), text.data() + text.size(), parsed);
        return parsed;
    }

    bool read_more() {
        std::string const part = hear(stream);
        rest_ += part;
        return !part.empty();
    }

    std::string rest_;
};

}  // namespace tendril::test
