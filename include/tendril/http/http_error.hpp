// SPDX-License-Identifier: BSL-1.0
#pragma once

// An error that has a status: what a client is told of it.
//
//     if (!found) {
//         throw tendril::http_error{404, "no such page"};
//     }
//
// A handler of an `http_server` that throws it answers with that status and text, and nothing is
// reported: it is an answer like any other. The server throws it into a handler that reads a body
// which is too large (413), too slow (408), or no body at all (400).

#include <tendril/io/error.hpp>

#include <string>

namespace tendril {

/// The category of errors whose value is a status. Switches: never. Thread: any.
boost::system::error_category const& http_category() noexcept;

class http_error : public system_error {
public:
    /// Makes an error with a status and a text for the client; without one it gets the usual words
    /// of the status. Throws: misuse for a status that is no error (400 to 599). Switches: never.
    explicit http_error(int status, std::string text = {});

    /// The status. Switches: never.
    int status() const noexcept { return code().value(); }

    /// What the client is told. Switches: never.
    std::string const& text() const noexcept { return text_; }

private:
    std::string text_;
};

}  // namespace tendril
