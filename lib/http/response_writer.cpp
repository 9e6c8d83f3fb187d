// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. One status line leaves, and not before status, fields and framing are known for good.
// 2. In stage `begun` all that has left is the head and whole pieces; a failure in the middle of a
//    piece makes it `broken`.
// 3. `complete` means that the client can tell where the response ends without the connection's.
#include "response_writer.hpp"

#include "append_text.hpp"
#include "gzip.hpp"

#include <tendril/io/stream.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>

#include <array>
#include <utility>
#include <vector>

namespace tendril::detail {
namespace {

using boost::asio::const_buffer;

// The connection behind a head: what has arrived already comes first.
class stream_behind_head : public stream_forms<stream_behind_head> {
public:
    using executor_type = boost::asio::io_context::executor_type;
    using lowest_layer_type = stream_behind_head;

    stream_behind_head(connection_io& io, std::size_t& users) noexcept : io_{io}, users_{users} {}

    void shutdown_send() {
        use const now{users_};
        io_.stream().shutdown_send();
    }
    void shutdown_send(error_code& error) {
        use const now{users_};
        io_.stream().shutdown_send(error);
    }
    void close() {
        use const now{users_};
        io_.stream().close();
    }
    void abort() { io_.stream().abort(); }
    bool is_open() const { return io_.stream().is_open(); }
    executor_type get_executor() const { return io_.stream().get_executor(); }
    lowest_layer_type& lowest_layer() noexcept { return *this; }

private:
    friend stream_forms;

    // One more is inside, until it is destroyed.
    class use {
    public:
        explicit use(std::size_t& users) noexcept : users_{users} { ++users_; }
        use(use const&) = delete;
        use& operator=(use const&) = delete;
        ~use() { --users_; }

    private:
        std::size_t& users_;
    };

    template <typename MutableBuffers>
    std::size_t read_into(MutableBuffers const& buffers, error_code& error) {
        use const now{users_};
        std::size_t const size = boost::asio::buffer_copy(
            buffers, boost::asio::buffer(io_.unparsed().data(), io_.unparsed().size()));
        if (size == 0) {
            return noted(io_.stream().read_some(buffers, error), error);
        }
        io_.consume(size);
        error = {};
        return size;
    }
    template <typename ConstBuffers>
    std::size_t write_part_of(ConstBuffers const& buffers, error_code& error) {
        use const now{users_};
        return noted(io_.stream().write_some(buffers, error), error);
    }
    template <typename ConstBuffers>
    std::size_t write_all_of(ConstBuffers const& buffers, error_code& error) {
        use const now{users_};
        return noted(io_.stream().write(buffers, error), error);
    }
    // That the client has gone is no error of whoever uses the stream.
    std::size_t noted(std::size_t size, error_code const& error) noexcept {
        io_.note(error);
        return size;
    }

    connection_io& io_;
    std::size_t& users_;
};

}  // namespace

response_writer::response_writer(
    http_state& server, connection_io& io, http_request const& request, request_body& body,
    http_response& response, std::string& head, bool keeps_alive) noexcept
    : server_{server},
      io_{io},
      request_{request},
      body_{body},
      response_{response},
      head_{head},
      keeps_alive_{keeps_alive},
      is_head_{request.method() == "HEAD"} {}

framing response_writer::framing_of_pieces() const noexcept {
    if (!has_body(response_.status())) {
        return framing::nothing;
    }
    if (response_.content_length()) {
        return framing::length;
    }
    return request_.version() == 10 ? framing::end_of_connection : framing::chunks;
}

// Puts the head into its buffer. From then on it counts as sent: nothing of it changes any more.
void response_writer::begin(framing how, std::uint64_t length) {
    TENDRIL_REQUIRE(
        request_.method() != "CONNECT" || response_.status() >= 300,
        "a success to CONNECT is a tunnel(): what follows is not HTTP any more");
    keeps_alive_ = keeps_alive_ && !response_.closes() && !server_.draining &&
        how != framing::end_of_connection && body_.may_go_on();
    head_.clear();
    append_head(
        head_, response_,
        {.request_version = request_.version(),
         .keeps_alive = keeps_alive_,
         .how = how,
         .length = length,
         .date = server_.date(),
         .is_gzip = gzip_.has_value(),
         .may_be_gzip = may_compress_});
    how_ = how;
    length_ = length;
    stage_ = stage::begun;
    response_.begun_ = true;
    body_.forget_expectation();
}

// Decides whether the client gets less to read than the handler writes.
void response_writer::choose_compression(bool is_worth_it) {
    int const status = response_.status();
    bool const is_text = is_worth_it && has_body(status) && status != 206 &&
        is_compressible(response_.fields());
    // What says that a page is still good varies as the page does.
    may_compress_ = server_.options.compress && (is_text || status == 304);
    gzip_.reset();
    packed_.clear();
    if (may_compress_ && is_text && accepts_gzip(request_.fields())) {
        gzip_.emplace();
    }
}

void response_writer::require_room_for(std::size_t size, framing how) const {
    TENDRIL_REQUIRE(
        how != framing::nothing, "a response with the status 204 or 304 has no body to write");
    TENDRIL_REQUIRE(
        how != framing::length ||
            size <= (is_fresh() ? response_.content_length().value_or(0) : length_) - sent_,
        "more is written than content_length() has announced");
}

std::size_t response_writer::write(stream_model::const_buffers from, error_code& error) {
    TENDRIL_REQUIRE(
        stage_ == stage::fresh || stage_ == stage::begun,
        "this response has ended, or has failed, or its connection is an upgraded one");
    if (busy_) {
        error = io_error(errc::busy);
        return end_at_once();
    }
    busy_ = true;
    scope_exit const done{[&] { busy_ = false; }};
    bool const first = stage_ == stage::fresh;
    framing const how = first ? framing_of_pieces() : how_;
    std::size_t const size = boost::asio::buffer_size(from);
    if (size > 0) {
        require_room_for(size, how);
    }
    if (first) {
        choose_compression(how != framing::length);
        begin(how, response_.content_length().value_or(0));
    } else {
        head_.clear();
    }
    scope_exit broken{[&] { stage_ = stage::broken; }};
    sent_ += size;
    if (is_head_ || size == 0) {
        from = {};
    }
    if (head_.empty() && from.empty()) {
        broken.dismiss();
        return end_with_nothing(error) + size;
    }
    if (gzip_ && !from.empty()) {
        packed_.clear();
        for (const_buffer const& each : from) {
            gzip_->append(packed_, each);
        }
        std::array const packed{const_buffer{boost::asio::buffer(packed_)}};
        send_piece(packed, error);
    } else {
        send_piece(from, error);
    }
    if (error.failed()) {
        return 0;
    }
    broken.dismiss();
    return size;
}

// Sends what is in the head's buffer, and a piece as its framing wants it.
void response_writer::send_piece(stream_model::const_buffers piece, error_code& error) {
    std::size_t const size = boost::asio::buffer_size(piece);
    if (how_ == framing::chunks && size > 0) {
        append_chunk_size(head_, size);
        send(piece, "\r\n", error);
    } else {
        send(piece, {}, error);
    }
}

// Sends what is in the head's buffer, the data and an end behind them. With an error nobody knows
// how much of it has arrived.
void response_writer::send(
    stream_model::const_buffers data, std::string_view end, error_code& error) {
    scope_exit broken{[&] { stage_ = stage::broken; }};
    constexpr std::size_t few = 14;
    std::array<const_buffer, few + 2> parts;
    std::vector<const_buffer> many;
    const_buffer* all = parts.data();
    if (data.size() > few) {
        many.resize(data.size() + 2);
        all = many.data();
    }
    all[0] = boost::asio::buffer(head_);
    std::copy(data.begin(), data.end(), all + 1);
    all[data.size() + 1] = boost::asio::buffer(end.data(), end.size());
    io_.write({all, data.size() + 2}, error);
    if (!error.failed()) {
        left_ += boost::asio::buffer_size(data);
        broken.dismiss();
    }
}

bool response_writer::finish() {
    // Who still writes now gets an error, and does not touch what is on its way.
    busy_ = true;
    scope_exit const done{[&] { busy_ = false; }};
    switch (stage_) {
    case stage::fresh:
        send_in_one_piece();
        return true;
    case stage::begun:
        return send_end();
    case stage::complete:
    case stage::taken:
        return true;
    case stage::broken:
        break;
    }
    return false;
}

void response_writer::send_in_one_piece() {
    std::string_view text = response_.body();
    bool const with_body = has_body(response_.status());
    std::uint64_t length = response_.content_length().value_or(text.size());
    TENDRIL_REQUIRE(
        length == text.size() || (is_head_ && text.empty()) || !with_body,
        "the body is not as long as content_length() has announced");
    TENDRIL_REQUIRE(
        response_.trailers().size() == 0,
        "trailers stand behind chunks: write the response piece by piece");
    choose_compression(!text.empty() && text.size() >= server_.options.compress_from);
    if (gzip_) {
        gzip_->finish(packed_, boost::asio::buffer(text));
        text = packed_;
        length = text.size();
    }
    begin(with_body ? framing::length : framing::nothing, length);
    std::array const parts{const_buffer{boost::asio::buffer(text)}};
    error_code error;
    bool const sends_body = with_body && !is_head_ && !text.empty();
    send(
        sends_body ? stream_model::const_buffers{parts} : stream_model::const_buffers{}, {}, error);
    throw_if(error, "sending a response");
    stage_ = stage::complete;
}

bool response_writer::send_end() {
    if (how_ == framing::length && !is_head_) {
        stage_ = stage::broken;
        TENDRIL_REQUIRE(sent_ == length_, "less was written than content_length() has announced");
    }
    if (!is_head_ && (how_ == framing::chunks || gzip_)) {
        send_last_piece();
    }
    stage_ = stage::complete;
    return true;
}

void response_writer::send_last_piece() {
    scope_exit broken{[&] { stage_ = stage::broken; }};
    head_.clear();
    error_code error;
    if (gzip_) {
        packed_.clear();
        gzip_->finish(packed_);
        std::array const packed{const_buffer{boost::asio::buffer(packed_)}};
        send_piece(packed, error);
        head_.clear();
    }
    if (!error.failed() && how_ == framing::chunks) {
        head_.assign("0\r\n");
        append_fields(head_, response_.trailers());
        send({}, {}, error);
    }
    throw_if(error, "ending a response");
    broken.dismiss();
}

void response_writer::inform(int status, http_fields const& fields) {
    if (request_.version() == 10) {
        return;
    }
    require_idle();
    busy_ = true;
    scope_exit const done{[&] { busy_ = false; }};
    head_.clear();
    append_interim_head(head_, status, fields);
    error_code error;
    send({}, {}, error);
    throw_if(error, "sending an interim response");
}

// Says whether the client has asked for this protocol, with no body in its way.
bool response_writer::agrees_to(std::string_view protocol) const {
    auto const lists = [&](char const* name, std::string_view wanted) {
        for (std::size_t index = 0; index < request_.fields().size(); ++index) {
            auto const field = request_.fields()[index];
            if (same_http_name(field.name, name) && is_in_http_list(field.value, wanted)) {
                return true;
            }
        }
        return false;
    };
    return request_.version() == 11 && lists("Connection", "upgrade") && lists("Upgrade", protocol);
}

void response_writer::require_idle() const {
    if (busy_) {
        throw system_error{io_error(errc::busy), "another greenlet writes this response"};
    }
}

any_stream& response_writer::take_stream(int status, std::string_view protocol) {
    require_idle();
    TENDRIL_REQUIRE(
        stage_ == stage::fresh, "a connection is taken once, and before anything is written to it");
    TENDRIL_REQUIRE(
        body_.is_complete(),
        "the request has a body that would be taken for the new protocol: "
        "read it first, or refuse");
    head_.clear();
    if (status == 101) {
        TENDRIL_REQUIRE(
            agrees_to(protocol),
            "an upgrade to a protocol that the client has not asked for: look at the fields "
            "Upgrade and Connection first");
        append_interim_head(head_, status, response_.fields(), protocol);
    } else {
        TENDRIL_REQUIRE(
            request_.method() == "CONNECT",
            "tunnel() agrees to a CONNECT only: for others there is upgrade()");
        append_interim_head(head_, status, response_.fields());
    }
    response_.begun_ = true;
    response_.status_ = status;
    keeps_alive_ = false;
    busy_ = true;
    scope_exit const done{[&] { busy_ = false; }};
    error_code error;
    send({}, {}, error);
    throw_if(error, "agreeing to an upgrade");
    stage_ = stage::taken;
    return taken_.emplace(stream_behind_head{io_, users_});
}

}  // namespace tendril::detail
