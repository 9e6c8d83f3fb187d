// SPDX-License-Identifier: BSL-1.0
#pragma once

// How a response leaves: in one piece when the handler has returned, or piece by piece while it
// runs.
//
//     fresh ──first piece──▸ begun ──finish──▸ complete
//       │                      └──a promise not kept, a failure──▸ broken
//       ├──finish──▸ complete
//       └──upgrade, tunnel──▸ taken

#include "connection_io.hpp"
#include "gzip.hpp"
#include "http_state.hpp"
#include "request_body.hpp"
#include "response_head.hpp"

#include <tendril/http/request.hpp>
#include <tendril/http/response.hpp>
#include <tendril/io/any_stream.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tendril::detail {

class response_writer final : public response_sink {
public:
    /// Writes `response`, which answers `request`. `head` is memory to be used.
    response_writer(
        http_state& server, connection_io& io, http_request const& request, request_body& body,
        http_response& response, std::string& head, bool keeps_alive) noexcept;
    ~response_writer() = default;

    /// Sends a response in one piece, or the end of one. Returns false when the connection cannot
    /// go on: then the client must not take what it has got for a whole response.
    /// Throws: misuse when the handler has announced another length; system_error as the stream.
    /// Switches: may.
    bool finish();

    bool is_fresh() const noexcept { return stage_ == stage::fresh; }
    /// Says whether the connection goes on after this response, as far as the head has told.
    bool keeps_alive() const noexcept { return keeps_alive_; }
    /// Says whether somebody is in a call that writes, or uses the stream of an upgrade or tunnel.
    bool is_busy() const noexcept { return busy_ || users_ > 0; }
    /// Says whether the handler has made something else of the connection.
    bool is_taken() const noexcept { return stage_ == stage::taken; }
    /// How many bytes of the body have left.
    std::uint64_t body_bytes() const noexcept { return left_; }

private:
    enum class stage : std::uint8_t { fresh, begun, complete, broken, taken };

    std::size_t write(stream_model::const_buffers from, error_code& error) override;
    any_stream& take_stream(int status, std::string_view protocol) override;
    void inform(int status, http_fields const& fields) override;

    framing framing_of_pieces() const noexcept;
    void begin(framing how, std::uint64_t length);
    void require_room_for(std::size_t size, framing how) const;
    void require_idle() const;
    void choose_compression(bool is_worth_it);
    void send(stream_model::const_buffers data, std::string_view end, error_code& error);
    void send_piece(stream_model::const_buffers piece, error_code& error);
    void send_in_one_piece();
    bool send_end();
    void send_last_piece();
    bool agrees_to(std::string_view protocol) const;

    http_state& server_;
    connection_io& io_;
    http_request const& request_;
    request_body& body_;
    http_response& response_;
    std::string& head_;
    std::optional<any_stream> taken_;
    // How many are in a call of it.
    std::size_t users_ = 0;
    std::optional<gzip_encoder> gzip_;
    std::string packed_;
    // How many bytes the handler has written, and how many of a body have left.
    std::uint64_t sent_ = 0;
    std::uint64_t left_ = 0;
    std::uint64_t length_ = 0;
    framing how_ = framing::nothing;
    stage stage_ = stage::fresh;
    bool may_compress_ = false;
    bool keeps_alive_;
    bool busy_ = false;
    bool const is_head_;
};

}  // namespace tendril::detail
