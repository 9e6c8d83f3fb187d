// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. Bytes leave the buffer in one step with the return of the call that was to read them: nothing
//    that may throw or switch comes between. So whatever ends a call before loses nothing.
// 2. At most one greenlet is in a call that may park.
// 3. Memory grows with what has really been received, never with what somebody has announced.
#include "turn_of_use.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/io/buffered_reader.hpp>
#include <tendril/support/assert.hpp>

#include <algorithm>
#include <cstring>

namespace tendril {

using detail::turn_of_use;

incomplete_read::incomplete_read(std::string partial)
    : system_error{boost::asio::error::eof, "the stream has ended in the middle of a part"},
      partial_{std::make_shared<std::string const>(std::move(partial))} {}

byte_reader::byte_reader(void* stream, source read, reader_options const& options)
    : stream_{stream},
      read_{read},
      options_{options} {
    TENDRIL_REQUIRE(
        options.block > 0,
        "a reader asks its stream for at least one byte at a time: let `block` not be zero");
}

std::size_t byte_reader::read_once(boost::asio::mutable_buffer into, error_code& error) {
    check_interruption();
    turn_of_use const mine{busy_, error};
    if (error.failed() || into.size() == 0) {
        return 0;
    }
    if (buffered().empty() && into.size() >= options_.block) {
        return read_(stream_, into, error);
    }
    if (buffered().empty() && !fill(error)) {
        return 0;
    }
    std::size_t const size = std::min(into.size(), buffered().size());
    std::memcpy(into.data(), buffered().data(), size);
    drop(size);
    return size;
}

std::string byte_reader::read_exactly(std::size_t size) {
    error_code error;
    std::string bytes = read_exactly(size, error);
    if (error == boost::asio::error::eof) {
        throw incomplete_read{std::move(bytes)};
    }
    detail::throw_if(error, "read_exactly");
    return bytes;
}

std::string byte_reader::read_exactly(std::size_t size, error_code& error) {
    check_interruption();
    turn_of_use const mine{busy_, error};
    while (!error.failed() && buffered().size() < size) {
        fill(error);
    }
    if (!error.failed()) {
        return take(size);
    }
    return error == boost::asio::error::eof ? take(buffered().size()) : std::string{};
}

std::string byte_reader::read_until(std::string_view delimiter, std::size_t limit) {
    error_code error;
    std::string part = read_until(delimiter, limit, error);
    if (error == boost::asio::error::eof) {
        throw incomplete_read{std::move(part)};
    }
    detail::throw_if(error, "read_until");
    return part;
}

std::string byte_reader::read_until(
    std::string_view delimiter, std::size_t limit, error_code& error) {
    TENDRIL_REQUIRE(!delimiter.empty(), "read_until() needs a delimiter of at least one byte");
    check_interruption();
    turn_of_use const mine{busy_, error};
    if (error.failed()) {
        return {};
    }
    std::size_t const size = end_of_part(delimiter, limit, error);
    if (!error.failed()) {
        return take(size);
    }
    return error == boost::asio::error::eof ? take(buffered().size()) : std::string{};
}

// Waits until the delimiter is in the buffer, and returns where the part ends that it belongs to.
std::size_t byte_reader::end_of_part(
    std::string_view delimiter, std::size_t limit, error_code& error) {
    std::size_t searched = 0;
    while (true) {
        std::string_view const bytes = buffered();
        std::size_t const at = bytes.find(delimiter, searched);
        std::size_t const end = at == bytes.npos ? bytes.size() + 1 : at + delimiter.size();
        if (end > limit) {
            error = io_error(errc::too_long);
            return 0;
        }
        if (at != bytes.npos) {
            return end;
        }
        // The delimiter may have begun already.
        searched = bytes.size() - std::min(bytes.size(), delimiter.size() - 1);
        if (!fill(error)) {
            return 0;
        }
    }
}

std::optional<std::string> byte_reader::read_line(std::size_t limit) {
    error_code error;
    std::optional<std::string> line = read_line(limit, error);
    detail::throw_if(error, "read_line");
    return line;
}

std::optional<std::string> byte_reader::read_line(std::size_t limit, error_code& error) {
    std::string line = read_until("\n", limit, error);
    if (error == boost::asio::error::eof) {
        error = {};
        if (line.empty()) {
            return std::nullopt;
        }
    }
    if (error.failed()) {
        return std::nullopt;
    }
    if (line.ends_with('\n')) {
        line.pop_back();
        if (line.ends_with('\r')) {
            line.pop_back();
        }
    }
    return line;
}

std::string byte_reader::read_all(std::size_t limit) {
    error_code error;
    std::string all = read_all(limit, error);
    detail::throw_if(error, "read_all");
    return all;
}

std::string byte_reader::read_all(std::size_t limit, error_code& error) {
    check_interruption();
    turn_of_use const mine{busy_, error};
    while (!error.failed()) {
        if (buffered().size() > limit) {
            error = io_error(errc::too_long);
        } else {
            fill(error);
        }
    }
    if (error != boost::asio::error::eof) {
        return {};
    }
    error = {};
    return take(buffered().size());
}

std::string_view byte_reader::peek(std::size_t size) {
    error_code error;
    std::string_view const bytes = peek(size, error);
    detail::throw_if(error, "peek");
    return bytes;
}

std::string_view byte_reader::peek(std::size_t size, error_code& error) {
    check_interruption();
    turn_of_use const mine{busy_, error};
    while (!error.failed() && buffered().size() < size) {
        fill(error);
    }
    if (error == boost::asio::error::eof) {
        error = {};
    }
    return error.failed() ? std::string_view{} : buffered();
}

void byte_reader::consume(std::size_t size) {
    TENDRIL_REQUIRE(
        !busy_, "consume() while another greenlet reads: its buffer would change under it");
    TENDRIL_REQUIRE(
        size <= buffered().size(),
        "consume() of more than there is in the buffer: wait for it with peek() before");
    drop(size);
}

// Reads once from the stream, behind what there is. Returns whether that went well.
bool byte_reader::fill(error_code& error) {
    make_room();
    end_ += read_(stream_, {memory_.get() + end_, capacity_ - end_}, error);
    return !error.failed();
}

// Sees to it that a block, or at least half of one, has room behind what there is.
void byte_reader::make_room() {
    std::size_t const used = end_ - begin_;
    if (capacity_ - end_ >= (options_.block + 1) / 2) {
        return;
    }
    if (capacity_ - used >= options_.block && begin_ >= used) {
        std::memcpy(memory_.get(), memory_.get() + begin_, used);
    } else {
        std::size_t const wanted = std::max(2 * used, used + options_.block);
        auto larger = std::make_unique_for_overwrite<char[]>(wanted);
        std::copy_n(memory_.get() + begin_, used, larger.get());
        memory_ = std::move(larger);
        capacity_ = wanted;
    }
    begin_ = 0;
    end_ = used;
}

std::string byte_reader::take(std::size_t size) {
    std::string taken{buffered().substr(0, size)};
    drop(size);
    return taken;
}

// Memory that was needed once, for something large, is not kept.
void byte_reader::drop(std::size_t size) noexcept {
    begin_ += size;
    if (begin_ == end_) {
        begin_ = end_ = 0;
        if (capacity_ > 2 * options_.block && capacity_ > options_.limit) {
            memory_.reset();
            capacity_ = 0;
        }
    }
}

}  // namespace tendril
