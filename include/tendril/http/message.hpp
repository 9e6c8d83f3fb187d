// SPDX-License-Identifier: BSL-1.0
#pragma once

// A request and a response as a handler sees them.
//
//     [](tendril::http_request& request, tendril::http_response& response) {
//         if (request.path() != "/") {
//             response.status(404).body("nothing here\n");
//             return;
//         }
//         response.header("Content-Type", "text/plain").body("hi\n");
//     }
//
// The server frames messages by itself: `Content-Length`, `Transfer-Encoding`, `Connection` and
// their like are not the handler's to set, and a name or value that would end its line early is
// refused at the call.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tendril {

namespace detail {
class http_connection;
class request_parser;
}  // namespace detail

/// Header fields in order; names are compared without regard to case.
class http_fields {
public:
    struct field {
        std::string_view name;
        std::string_view value;
    };

    /// Adds a field at the end. Throws: std::bad_alloc. Switches: never.
    void add(std::string_view name, std::string_view value);

    /// The value of the first field of that name; empty when there is none. Switches: never.
    std::string_view get(std::string_view name) const noexcept;

    /// How many fields have that name. Switches: never.
    std::size_t count(std::string_view name) const noexcept;

    /// How many fields there are, and each of them. Switches: never.
    std::size_t size() const noexcept { return spans_.size(); }
    field operator[](std::size_t index) const noexcept;

    /// Removes all, and keeps the memory unless there is more than `kept` bytes of it.
    /// Switches: never.
    void clear(std::size_t kept = std::string::npos) noexcept;

private:
    struct span {
        std::uint32_t start;
        std::uint32_t name_size;
        std::uint32_t value_size;
    };

    std::string text_;
    std::vector<span> spans_;
};

class http_request {
public:
    /// The method, as it was sent: "GET". Switches: never.
    std::string_view method() const noexcept { return method_; }

    /// The target, as it was sent, and its two parts: what stands before the first `?`, without
    /// scheme and authority if they were sent, and behind. Nothing is decoded. Switches: never.
    std::string_view target() const noexcept { return target_; }
    std::string_view path() const noexcept;
    std::string_view query() const noexcept;

    /// 10 for HTTP/1.0, 11 for HTTP/1.1. Switches: never.
    int version() const noexcept { return version_; }

    /// The header. Switches: never.
    http_fields const& fields() const noexcept { return fields_; }
    std::string_view header(std::string_view name) const noexcept { return fields_.get(name); }

    /// The whole body. Switches: never.
    std::string const& body() const noexcept { return body_; }

    /// Says whether the client wants the connection to go on after this. Switches: never.
    bool keep_alive() const noexcept { return keep_alive_; }

private:
    friend class detail::http_connection;
    friend class detail::request_parser;

    void clear(std::size_t kept = std::string::npos) noexcept;

    std::string method_;
    std::string target_;
    http_fields fields_;
    std::string body_;
    int version_ = 11;
    bool keep_alive_ = true;
};

class http_response {
public:
    /// Sets the status; 200 when it is never called. Throws: misuse for a number that is no final
    /// status (200 to 599). Switches: never.
    http_response& status(int code);
    int status() const noexcept { return status_; }

    /// Adds a header field. Throws: misuse for a name that is no token, for a value with CR, LF or
    /// NUL, and for the fields that frame the message. Switches: never.
    http_response& header(std::string_view name, std::string_view value);
    http_fields const& fields() const noexcept { return fields_; }

    /// Sets the body. Switches: never.
    http_response& body(std::string text) {
        body_ = std::move(text);
        return *this;
    }
    std::string const& body() const noexcept { return body_; }

    /// Ends the connection after this response. Switches: never.
    http_response& close() noexcept {
        closes_ = true;
        return *this;
    }
    bool closes() const noexcept { return closes_; }

    /// Makes it a fresh one, and keeps the memory unless there is more than `kept` bytes of it in
    /// one of its parts. Switches: never.
    void clear(std::size_t kept = std::string::npos) noexcept;

private:
    http_fields fields_;
    std::string body_;
    int status_ = 200;
    bool closes_ = false;
};

/// The usual words for a status: "Not Found" for 404; empty for one that has none.
/// Switches: never. Thread: any.
std::string_view http_reason(int status) noexcept;

}  // namespace tendril
