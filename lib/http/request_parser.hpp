// SPDX-License-Identifier: BSL-1.0
#pragma once

// From bytes to a request: Boost.Beast's parser, made stricter, filling our own message.
//
// Beast checks the grammar and the limits. Added here is what must not be left to chance when
// another server stands in front: exactly one Host, one plain Content-Length at most, no folded
// lines, no line that ends with a lone LF, no transfer coding but `chunked`, none at all in
// HTTP/1.0. (Beast itself refuses a request with both Content-Length and Transfer-Encoding.)
// Trailers are checked and dropped: nobody shall add to a header that has been judged.

#include <tendril/http/message.hpp>
#include <tendril/io/error.hpp>

#include <boost/beast/http/basic_parser.hpp>

#include <cstddef>
#include <string_view>

namespace tendril::detail {

/// How much of a request is accepted.
struct request_limits {
    std::size_t head;
    std::size_t target;
    std::size_t fields;
    std::uint64_t body;
};

class request_parser final : public boost::beast::http::basic_parser<true> {
public:
    /// Parses one request into `filled`, which is cleared.
    request_parser(http_request& filled, request_limits const& limits);

    /// Parses what it can of `input`, all that has arrived and was not consumed. Returns how many
    /// bytes are consumed. Without an error and not done, it needs more.
    std::size_t parse(std::string_view input, error_code& error);

    /// The status that says to the client what was wrong.
    static int status_for(error_code const& error) noexcept;

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

    std::size_t append_body(text part);
    bool is_folded(text name) const noexcept;
    void judge_trailer(text name, text value, error_code& error);
    error_code judge_rest(std::string_view rest) const;

    http_request& request_;
    request_limits limits_;
    std::string_view input_;
    // How many bytes of the head have been consumed by earlier calls.
    std::size_t head_bytes_ = 0;
    std::size_t hosts_ = 0;
    std::size_t lengths_ = 0;
    std::size_t extension_bytes_ = 0;
    std::size_t trailer_bytes_ = 0;
    bool expects_continue_ = false;
    bool closes_ = false;
};

}  // namespace tendril::detail
