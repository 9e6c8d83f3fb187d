// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. A reader waits only while its pipe is empty and both ends may still use it; a writer only
//    while it is full and both may.
// 2. At most one greenlet is in a call at each end. Whatever may end its wait wakes it, and it
//    looks again.
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/error.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/wait_queue.hpp>
#include <tendril/testing/memory_stream.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <deque>
#include <exception>
#include <utility>

namespace tendril::testing {

using tendril::detail::end_at_once;

namespace detail {

// One direction.
struct memory_pipe {
    explicit memory_pipe(memory_stream_options const& given) : options{given} {}

    bool full() const noexcept { return bytes.size() >= options.capacity; }
    bool usable() const noexcept { return !ended && !abandoned; }
    void wake_both() noexcept {
        reader.wake_all();
        writer.wake_all();
    }

    memory_stream_options options;
    std::deque<char> bytes;
    // Nothing more is written to it.
    bool ended = false;
    // A write was interrupted half way.
    bool broken = false;
    // Nobody reads from it any more.
    bool abandoned = false;
    // Somebody is in a call, waiting or woken.
    bool is_being_read = false;
    bool is_being_written = false;
    wait_queue reader{"the reader of a memory_stream"};
    wait_queue writer{"the writer of a memory_stream"};
};

namespace {

void wait_in(wait_queue& queue, char const* what) {
    plain_waiter me{what};
    queue.push(me);
    me.park();
}

error_code end_of_reading(memory_pipe const& pipe) {
    return pipe.abandoned ? io_error(errc::closed) : error_code{boost::asio::error::eof};
}

// Says why nothing can be written, if that is so; null when there is no stream.
error_code refusal_to_write(memory_pipe const* into, memory_pipe const* other_way) {
    if (into == nullptr || other_way->abandoned) {
        return io_error(errc::closed);
    }
    if (into->is_being_written) {
        return io_error(errc::busy);
    }
    return into->broken ? io_error(errc::broken) : error_code{};
}

// Waits for room and fills it.
std::size_t put_some(
    memory_pipe& into, memory_pipe const& other_way, void const* from, std::size_t size,
    error_code& error) {
    while (into.full() && into.usable()) {
        wait_in(into.writer, "room in a memory_stream");
    }
    if (!into.usable()) {
        error = other_way.abandoned ? io_error(errc::closed)
                                    : error_code{boost::asio::error::broken_pipe};
        return end_at_once();
    }
    std::size_t const room = into.options.capacity - into.bytes.size();
    std::size_t const count = std::min({size, room, into.options.largest_write});
    auto const* const begin = static_cast<char const*>(from);
    into.bytes.insert(into.bytes.end(), begin, begin + count);
    into.reader.wake_all();
    return count;
}

}  // namespace
}  // namespace detail

using detail::memory_pipe;

std::pair<memory_stream, memory_stream> memory_stream::pair(memory_stream_options options) {
    TENDRIL_REQUIRE(
        options.capacity > 0 && options.largest_read > 0 && options.largest_write > 0,
        "a memory_stream moves at least one byte at a time: let no option be zero");
    auto const there = std::make_shared<memory_pipe>(options);
    auto const back = std::make_shared<memory_pipe>(options);
    auto const executor = this_hub().context().get_executor();
    return {memory_stream{back, there, executor}, memory_stream{there, back, executor}};
}

memory_stream& memory_stream::operator=(memory_stream&& other) noexcept {
    if (this != &other) {
        close();
        in_ = std::move(other.in_);
        out_ = std::move(other.out_);
        executor_ = other.executor_;
    }
    return *this;
}

memory_stream::~memory_stream() { close(); }

std::size_t memory_stream::read_bytes(void* into, std::size_t size, error_code& error) {
    // The stream may be destroyed meanwhile; the pipe lives as long as somebody waits in it.
    pipe const from = in_;
    check_interruption();
    error = {};
    if (from == nullptr || from->abandoned) {
        error = io_error(errc::closed);
        return end_at_once();
    }
    if (size == 0) {
        return end_at_once();
    }
    if (std::exchange(from->is_being_read, true)) {
        error = io_error(errc::busy);
        return end_at_once();
    }
    scope_exit const done{[&from] { from->is_being_read = false; }};
    while (from->bytes.empty() && from->usable()) {
        detail::wait_in(from->reader, "bytes of a memory_stream");
    }
    if (from->abandoned || from->bytes.empty()) {
        error = detail::end_of_reading(*from);
        return end_at_once();
    }
    std::size_t const count = std::min({size, from->bytes.size(), from->options.largest_read});
    auto const end = from->bytes.begin() + static_cast<std::ptrdiff_t>(count);
    std::copy(from->bytes.begin(), end, static_cast<char*>(into));
    from->bytes.erase(from->bytes.begin(), end);
    from->writer.wake_all();
    return count;
}

std::size_t memory_stream::write_bytes(void const* from, std::size_t size, error_code& error) {
    check_interruption();
    error = detail::refusal_to_write(out_.get(), in_.get());
    if (error.failed() || size == 0) {
        return end_at_once();
    }
    pipe const into = out_;
    pipe const other_way = in_;
    into->is_being_written = true;
    scope_exit const done{[&into] { into->is_being_written = false; }};
    return detail::put_some(*into, *other_way, from, size, error);
}

std::size_t memory_stream::write_all(
    std::vector<boost::asio::const_buffer> const& all, error_code& error) {
    check_interruption();
    error = detail::refusal_to_write(out_.get(), in_.get());
    if (error.failed() || all.empty()) {
        return end_at_once();
    }
    pipe const into = out_;
    pipe const other_way = in_;
    into->is_being_written = true;
    std::size_t written = 0;
    scope_exit const done{[&, before = std::uncaught_exceptions()] {
        into->is_being_written = false;
        into->broken = written > 0 && std::uncaught_exceptions() > before;
    }};
    for (boost::asio::const_buffer rest : all) {
        while (rest.size() > 0 && !error.failed()) {
            check_interruption();
            std::size_t const put = detail::put_some(
                *into, *other_way, rest.data(), rest.size(), error);
            rest += put;
            written += put;
        }
    }
    return written;
}

void memory_stream::shutdown_send() noexcept {
    if (out_ != nullptr) {
        out_->ended = true;
        out_->wake_both();
    }
}

void memory_stream::shutdown_send(error_code& error) noexcept {
    error = is_open() ? error_code{} : io_error(errc::closed);
    shutdown_send();
}

void memory_stream::close() noexcept {
    if (is_open()) {
        in_->abandoned = true;
        in_->bytes.clear();
        in_->wake_both();
        shutdown_send();
    }
}

bool memory_stream::is_open() const noexcept { return in_ != nullptr && !in_->abandoned; }

std::size_t memory_stream::available() const noexcept {
    return in_ == nullptr ? 0 : in_->bytes.size();
}

}  // namespace tendril::testing
