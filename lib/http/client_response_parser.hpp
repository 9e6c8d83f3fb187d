// SPDX-License-Identifier: BSL-1.0
#pragma once

// From bytes to a response, in two halves: the head by Boost.Beast's parser, made stricter, and the
// body by a decoder that stops when there is no room for more of it.

#include <tendril/http/client_error.hpp>
#include <tendril/http/fields.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tendril::detail {

/// What a response is refused for. It does not leave the sources of the client.
struct client_refusal {
    http_client_errc code;
    char const* why;
};

/// How much of a response is accepted.
struct client_head_limits {
    std::size_t bytes;
    std::size_t fields;
};

/// How the end of a body is known.
enum class body_framing : std::uint8_t { none, length, chunked, until_close };

/// The head of a response.
struct client_head {
    int status = 0;
    /// 10 or 11.
    int version = 11;
    std::string reason = {};
    http_fields fields = {};
    body_framing framing = body_framing::none;
    /// Of the body, when that is how it is framed.
    std::uint64_t length = 0;
    bool keep_alive = false;
};

/// What of the request decides about the body of its response.
enum class client_method : std::uint8_t { head, connect, other };

/// Looks for the end of a head. Returns its size, or zero when more must come; `scanned` bytes of
/// `input` were looked at by earlier calls. Throws: client_refusal.
std::size_t find_head(
    std::string_view input, std::size_t& scanned, client_head_limits const& limits);

/// Reads one whole head. Throws: client_refusal; std::bad_alloc.
client_head parse_head(
    std::string_view text, client_method method, client_head_limits const& limits);

/// The body of one response.
class body_decoder {
public:
    struct step {
        std::size_t consumed;
        std::size_t produced;
    };

    /// Begins a body that is framed as the head says.
    void begin(client_head const& head) noexcept;

    /// Takes what it can of `input`, and puts what belongs to the body into `room`. What was
    /// neither consumed nor can be goes in again with more behind it. Throws: client_refusal;
    /// std::bad_alloc.
    step decode(std::string_view input, std::span<char> room);

    /// The connection has ended. Throws: client_refusal when the body has not.
    void end_of_input();

    /// Says whether the body is over. Then nothing is consumed.
    bool done() const noexcept { return state_ == state::done; }

    /// How many of the next bytes are the body's in any case, and can go where it goes; and how
    /// many of them did.
    std::uint64_t raw() const noexcept;
    void took_raw(std::size_t size) noexcept;

    /// What has come behind the body.
    http_fields const& trailers() const noexcept { return trailers_; }

private:
    enum class state : std::uint8_t {
        counted,
        until_close,
        size,
        chunk,
        chunk_end,
        trailers,
        done
    };

    std::size_t take_line(std::string_view input);
    void take_size(std::string_view line);
    void take_trailer(std::string_view line);

    state state_ = state::done;
    // Of the body, or of the chunk.
    std::uint64_t rest_ = 0;
    std::size_t extension_bytes_ = 0;
    std::size_t trailer_bytes_ = 0;
    http_fields trailers_;
};

}  // namespace tendril::detail
