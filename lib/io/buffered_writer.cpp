// SPDX-License-Identifier: BSL-1.0
//
// Invariants:
// 1. The bytes of the buffer, and then those of a call under way, leave in this order, each once:
//    every `write_some` of the stream is accounted for before anything else may happen, and one
//    that is interrupted has written nothing.
// 2. At most one greenlet is in a call that may park.
// 3. A message whose first byte has left, and whose rest is nowhere, has made the writer fail.
#include "turn_of_use.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/buffered_writer.hpp>
#include <tendril/support/scope_exit.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <new>
#include <string>

namespace tendril {
namespace {

using boost::asio::const_buffer;
using unwritten = std::span<const_buffer const>;

// The first parts of a write, side by side.
struct next_write {
    void add(const_buffer const& part) noexcept { parts[count++] = part; }
    unwritten span() const noexcept { return {parts.data(), count}; }

    std::array<const_buffer, 16> parts;
    std::size_t count = 0;
};

// What has not left: some parts, and of the first of them not the beginning.
struct rest_of_write {
    unwritten parts;
    std::size_t offset = 0;

    void add_to(next_write& next) const noexcept {
        std::size_t skipped = offset;
        for (const_buffer const& each : parts) {
            if (next.count == next.parts.size()) {
                return;
            }
            next.add(each + std::exchange(skipped, 0));
        }
    }
    void advance(std::size_t written) noexcept {
        offset += written;
        while (!parts.empty() && offset >= parts.front().size()) {
            offset -= parts.front().size();
            parts = parts.subspan(1);
        }
    }
};

void report_forgotten(std::size_t size) noexcept {
    hub* const home = hub::of(this_thread());
    if (home == nullptr) {
        return;
    }
    try {
        home->report_error(
            std::make_exception_ptr(misuse{
                "a buffered_writer was destroyed with " + std::to_string(size) +
                " bytes in its buffer: call flush() before"}),
            "buffered_writer");
    } catch (std::bad_alloc const&) {
        // There is no memory to say so.
    }
}

}  // namespace

byte_writer::byte_writer(void* stream, sink write_to, writer_options const& options) noexcept
    : stream_{stream},
      write_{write_to},
      capacity_{options.capacity},
      exceptions_before_{std::uncaught_exceptions()} {}

byte_writer::~byte_writer() {
    if (size() > 0 && !broken_ && !told_ && std::uncaught_exceptions() <= exceptions_before_) {
        report_forgotten(size());
    }
}

std::size_t byte_writer::write_all(const_buffers parts, error_code& error) {
    check_interruption();
    detail::turn_of_use const mine{busy_, error};
    if (error.failed() || refuses(error)) {
        return 0;
    }
    std::size_t const added = boost::asio::buffer_size(parts);
    if (added > capacity_ - size()) {
        return write_through(parts, error);
    }
    keep(parts);
    return added;
}

void byte_writer::flush() {
    error_code error;
    flush(error);
    detail::throw_if(error, "flush");
}

void byte_writer::flush(error_code& error) {
    check_interruption();
    detail::turn_of_use const mine{busy_, error};
    if (!error.failed() && !refuses(error)) {
        write_through({}, error);
    }
}

bool byte_writer::refuses(error_code& error) const {
    if (broken_) {
        error = io_error(errc::broken);
        detail::end_at_once();
    }
    return broken_;
}

// Copies the parts behind what is in the buffer. Requires: there is room.
void byte_writer::keep(const_buffers parts) {
    if (memory_ == nullptr) {
        memory_ = std::make_unique_for_overwrite<char[]>(capacity_);
    }
    if (boost::asio::buffer_size(parts) > capacity_ - end_) {
        std::memmove(memory_.get(), memory_.get() + begin_, size());
        end_ = size();
        begin_ = 0;
    }
    for (const_buffer const& each : parts) {
        std::memcpy(memory_.get() + end_, each.data(), each.size());
        end_ += each.size();
    }
}

// Writes the buffer and then the parts to the stream. Returns how much of the parts has left.
std::size_t byte_writer::write_through(const_buffers parts, error_code& error) {
    rest_of_write rest{parts};
    std::size_t left = 0;
    scope_exit torn{[&] {
        if (left > 0) {
            broken_ = true;
        }
    }};
    while (size() > 0 || !rest.parts.empty()) {
        next_write next;
        if (size() > 0) {
            next.add({memory_.get() + begin_, size()});
        }
        rest.add_to(next);
        std::size_t const written = write_(stream_, next.span(), error);
        std::size_t const of_buffer = std::min(written, size());
        begin_ += of_buffer;
        rest.advance(written - of_buffer);
        left += written - of_buffer;
        told_ = error.failed();
        if (error.failed()) {
            return left;
        }
    }
    begin_ = end_ = 0;
    torn.dismiss();
    return left;
}

}  // namespace tendril
