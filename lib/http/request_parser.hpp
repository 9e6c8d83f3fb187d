// SPDX-License-Identifier: BSL-1.0
#pragma once

// From bytes to a request: Boost.Beast's parser, made stricter, filling our own message.
//
// Beast checks the grammar and the limits. Added here is what must not be left to chance when
// another server stands in front: exactly one Host, one plain Content-Length at most, no folded
// lines, no line that ends with a lone LF, no transfer coding but `chunked`, none at all in
// HTTP/1.0, a target without fragments and foreign bytes, methods that are known. (Beast itself
// refuses a request with both Content-Length and Transfer-Encoding.) Trailers are checked and kept
// apart: nobody shall add to a header that has been judged.
//
//     head ──the head is complete──▸ body ──its last byte──▸ done
//
// A call parses the head, or one part of the body: with `chunked` that is the line of a chunk, a
// part of its data, or the end. The bytes of the body are not kept: they are a view of the input.

#include <tendril/http/request.hpp>
#include <tendril/io/error.hpp>

#include <boost/beast/http/basic_parser.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tendril::detail {

/// How much of a request is accepted, and what.
struct request_limits {
    std::size_t head;
    std::size_t target;
    std::size_t fields;
    bool allow_connect = false;
    /// Whether the connection is secured by TLS.
    bool secured = false;
};

class request_parser final : public boost::beast::http::basic_parser<true> {
public:
    /// Parses one request into `filled`, which is cleared.
    request_parser(http_request& filled, request_limits const& limits);

    /// Parses what it can of `input`, all that has arrived and was not consumed. Returns how many
    /// bytes are consumed. The value of an error is the status that says to the client what was
    /// wrong. Without an error and not done, it needs more. Requires: not done.
    std::size_t parse(std::string_view input, error_code& error);

    /// The bytes of the body in what the last call has consumed: a part of its input.
    std::string_view part() const noexcept { return part_; }

    /// Accepts a body of so many bytes, from now on. Requires: the head is complete. Returns false
    /// when the request has told that it has more.
    bool limit_body(std::uint64_t most) noexcept;

    /// How many bytes of the body are still to come, when that is known.
    std::uint64_t expected() const {
        return chunked() ? 0 : content_length_remaining().value_or(0);
    }

    /// Says whether the client waits for a "100 Continue" before it sends the body.
    bool expects_continue() const noexcept { return expects_continue_; }

private:
    using text = boost::beast::string_view;

    void on_request_impl(
        boost::beast::http::verb known, text method, text target, int version,
        error_code& error) override;
    void on_field_impl(
        boost::beast::http::field known, text name, text value, error_code& error) override;
    void on_header_impl(error_code& error) override;
    void on_body_init_impl(
        boost::optional<std::uint64_t> const& length, error_code& error) override;
    std::size_t on_body_impl(text part, error_code& error) override;
    void on_chunk_header_impl(std::uint64_t size, text extensions, error_code& error) override;
    std::size_t on_chunk_body_impl(std::uint64_t remain, text part, error_code& error) override;
    void on_finish_impl(error_code& error) override;
    void on_response_impl(int, text, int, error_code&) override {}

    std::size_t parse_part(std::string_view input, error_code& error);
    bool is_folded(text name) const noexcept;
    void judge_field(boost::beast::http::field known, text value, error_code& error);
    void keep_trailer(text name, text value, error_code& error);
    void judge(std::string_view input, std::size_t consumed, error_code& error) const;
    error_code judge_version(std::string_view input) const;
    error_code judge_start(std::string_view input) const;
    error_code judge_rest(std::string_view rest) const;

    http_request& request_;
    request_limits limits_;
    std::string_view input_;
    std::string_view part_;
    // How many bytes of the head have been consumed by earlier calls.
    std::size_t head_bytes_ = 0;
    std::size_t hosts_ = 0;
    std::size_t lengths_ = 0;
    std::size_t codings_ = 0;
    std::size_t expectations_ = 0;
    std::size_t extension_bytes_ = 0;
    std::size_t trailer_bytes_ = 0;
    bool has_request_line_ = false;
    bool in_chunk_ = false;
    bool expects_continue_ = false;
    bool closes_ = false;
};

}  // namespace tendril::detail
