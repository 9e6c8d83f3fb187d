// SPDX-License-Identifier: BSL-1.0
#pragma once

// A stream of which only that is known: code that takes one is compiled once, and runs over all.
//
//     void serve(tendril::any_stream& stream);
//
//     tendril::any_stream secured{std::move(tls)};      // owns it
//     tendril::any_stream plain{std::ref(tcp)};         // borrows it
//
// It is itself a `byte_stream`, and does what the stream in it does; an operation costs one virtual
// call more. A moved-from or default one says `errc::closed`.
//
// `read_some`, `write_some` and `write`, throwing or with an error, are declared in stream.hpp.
// Here a read goes into the first buffer with room, and a write of more than sixteen buffers throws
// std::bad_alloc when there is no memory for their list.
//
// A template over `byte_stream` (stream.hpp) needs no such call and no memory; take this one where
// a class would have to be a template for the stream's sake only.

#include <tendril/hub/cancellation.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/stream.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/config.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace tendril {

namespace detail {

/// What is asked of the stream inside.
class stream_model {
public:
    using const_buffers = std::span<boost::asio::const_buffer const>;

    stream_model() = default;
    stream_model(stream_model const&) = delete;
    stream_model& operator=(stream_model const&) = delete;
    virtual ~stream_model() = default;

    virtual std::size_t read_some(boost::asio::mutable_buffer into, error_code& error) = 0;
    virtual std::size_t write_some(const_buffers from, error_code& error) = 0;
    virtual std::size_t write(const_buffers from, error_code& error) = 0;
    virtual void shutdown_send(error_code& error) = 0;
    virtual void close() = 0;
    virtual void abort() = 0;
    virtual bool is_open() const = 0;
    virtual boost::asio::io_context::executor_type get_executor() = 0;
    /// The stream, when it is of this type; otherwise null.
    virtual void* target(void const* type) noexcept = 0;
};

/// Is at another address for each type.
template <typename T>
inline constexpr char type_mark = 0;

/// A stream in a model: `Held` is a stream, or a reference to one.
template <typename Held>
class model_of final : public stream_model {
public:
    explicit model_of(Held&& held) : held_{std::forward<Held>(held)} {}

private:
    std::size_t read_some(boost::asio::mutable_buffer into, error_code& error) override {
        return held_.read_some(into, error);
    }
    // Most streams take a single buffer with less ado.
    std::size_t write_some(const_buffers from, error_code& error) override {
        return from.size() == 1 ? held_.write_some(from.front(), error)
                                : held_.write_some(from, error);
    }
    std::size_t write(const_buffers from, error_code& error) override {
        return from.size() == 1 ? held_.write(from.front(), error) : held_.write(from, error);
    }
    void shutdown_send(error_code& error) override { held_.shutdown_send(error); }
    void close() override { held_.close(); }
    void abort() override {
        if constexpr (requires { held_.abort(); }) {
            held_.abort();
        } else {
            held_.close();
        }
    }
    bool is_open() const override { return held_.is_open(); }
    boost::asio::io_context::executor_type get_executor() override { return held_.get_executor(); }
    void* target(void const* type) noexcept override {
        return type == &type_mark<std::remove_reference_t<Held>> ? std::addressof(held_) : nullptr;
    }

    Held held_;
};

/// The buffers of a sequence side by side, without those that are empty: in the frame of the call
/// when there are few.
class gathered_buffers {
public:
    template <typename ConstBuffers>
    explicit gathered_buffers(ConstBuffers const& buffers) {
        auto const end = boost::asio::buffer_sequence_end(buffers);
        for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at) {
            boost::asio::const_buffer const each{*at};
            if (each.size() > 0) {
                add(each);
            }
        }
    }

    stream_model::const_buffers span() const noexcept {
        return many_.empty() ? stream_model::const_buffers{few_.data(), count_}
                             : stream_model::const_buffers{many_};
    }

private:
    void add(boost::asio::const_buffer const& each) {
        if (count_ < few_.size()) {
            few_[count_++] = each;
            return;
        }
        if (many_.empty()) {
            many_.assign(few_.begin(), few_.end());
        }
        many_.push_back(each);
    }

    std::array<boost::asio::const_buffer, 16> few_;
    std::size_t count_ = 0;
    std::vector<boost::asio::const_buffer> many_;
};

/// The first buffer of a sequence that has room; an empty one when none has.
template <typename MutableBuffers>
boost::asio::mutable_buffer first_with_room(MutableBuffers const& buffers) {
    auto const end = boost::asio::buffer_sequence_end(buffers);
    for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at) {
        boost::asio::mutable_buffer const each{*at};
        if (each.size() > 0) {
            return each;
        }
    }
    return {};
}

}  // namespace detail

class any_stream : public stream_forms<any_stream> {
public:
    using executor_type = boost::asio::io_context::executor_type;
    using lowest_layer_type = any_stream;

    /// Makes one without a stream: every operation says `errc::closed`. Switches: never.
    any_stream() noexcept = default;

    /// Takes a stream over. Throws: std::bad_alloc, and then the stream is where it was; what
    /// moving it throws. Switches: never.
    template <byte_stream Stream>
    requires(!std::is_reference_v<Stream> && !std::same_as<Stream, any_stream>)
        any_stream(Stream&& owned)
        : model_{std::make_unique<detail::model_of<Stream>>(std::move(owned))} {}

    /// Borrows a stream, which must outlive it; its destructor does not close what is borrowed.
    /// Throws: std::bad_alloc. Switches: never.
    template <byte_stream Stream>
    any_stream(std::reference_wrapper<Stream> borrowed)
        : model_{std::make_unique<detail::model_of<Stream&>>(borrowed.get())} {}

    any_stream(any_stream&&) noexcept = default;
    any_stream& operator=(any_stream&&) noexcept = default;
    /// Closes what it owns. Switches: as the destructor of the stream does.
    ~any_stream() = default;

    /// Ends one direction: the peer reads the end after what was written.
    /// Switches: as the stream in it does.
    void shutdown_send(error_code& error) {
        if (model_ == nullptr) {
            error = io_error(errc::closed);
        } else {
            model_->shutdown_send(error);
        }
    }
    void shutdown_send() {
        error_code error;
        shutdown_send(error);
        detail::throw_if(error, "shutdown_send");
    }

    /// Closes the stream, a borrowed one too, and wakes whoever reads or writes with
    /// `errc::closed`. A second call does nothing. Switches: as the stream in it does.
    void close() {
        if (model_ != nullptr) {
            model_->close();
        }
    }

    /// Closes the stream as `close` does, but without a word to the peer, who must not take this
    /// for an end of what was said. Calls `abort` of the stream if it has one, else `close`.
    /// Switches: as the stream in it does.
    void abort() {
        if (model_ != nullptr) {
            model_->abort();
        }
    }

    /// Says whether there is a stream and it is open. Switches: never.
    bool is_open() const { return model_ != nullptr && model_->is_open(); }

    /// The stream, when it is a `Stream`, owned or borrowed; otherwise null. Switches: never.
    template <byte_stream Stream>
    Stream* target() noexcept {
        return model_ == nullptr ? nullptr
                                 : static_cast<Stream*>(model_->target(&detail::type_mark<Stream>));
    }

    /// The executor of the stream. Throws: misuse when there is none. Switches: never.
    executor_type get_executor() const {
        TENDRIL_REQUIRE(
            model_ != nullptr,
            "an any_stream without a stream has no executor: it was moved from, or never filled");
        return model_->get_executor();
    }
    /// Itself: what is below is not known. Switches: never.
    lowest_layer_type& lowest_layer() noexcept { return *this; }
    lowest_layer_type const& lowest_layer() const noexcept { return *this; }

private:
    friend stream_forms;

    // What the forms are made of.
    template <typename MutableBuffers>
    std::size_t read_into(MutableBuffers const& buffers, error_code& error) {
        return model_ == nullptr ? refuse(error)
                                 : model_->read_some(detail::first_with_room(buffers), error);
    }
    template <typename ConstBuffers>
    std::size_t write_part_of(ConstBuffers const& buffers, error_code& error) {
        return model_ == nullptr
            ? refuse(error)
            : model_->write_some(detail::gathered_buffers{buffers}.span(), error);
    }
    template <typename ConstBuffers>
    std::size_t write_all_of(ConstBuffers const& buffers, error_code& error) {
        return model_ == nullptr ? refuse(error)
                                 : model_->write(detail::gathered_buffers{buffers}.span(), error);
    }
    TENDRIL_COLD static std::size_t refuse(error_code& error) {
        check_interruption();
        error = io_error(errc::closed);
        return detail::end_at_once();
    }

    std::unique_ptr<detail::stream_model> model_;
};

static_assert(byte_stream<any_stream>);

}  // namespace tendril
