// SPDX-License-Identifier: BSL-1.0
#pragma once

// From sequences of buffers to what the system's calls take, for streams over descriptors.
//
//     class my_stream : public detail::gathered_stream_forms<my_stream> {
//         …
//         std::size_t read_parts(
//             iovec const* parts, std::size_t count, error_code& error, deadline const* limit);
//         std::size_t write_once(iovec const* parts, std::size_t count, error_code& error);
//         std::size_t write_all(
//             detail::parts_source next, error_code& error, deadline const* limit);
//     };
//
// The class has these three, which may be private with `gathered_stream_forms` for a friend, and no
// templates; and gets all forms of `read_some`, `write_some` and `write`. They are never called
// without a byte or room for one, except that a source may have nothing to write. `limit` is null
// for a call that has none of its own.
//
// Read next: stream_state.hpp.

#include <tendril/hub/deadline.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/stream.hpp>

#include <boost/asio/buffer.hpp>

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <type_traits>

namespace tendril::detail {

/// The parts of a read or a write: at most this many buffers go with one system call.
inline constexpr std::size_t most_parts = 16;
using stream_parts = std::array<iovec, most_parts>;

/// Where the parts of a long write come from: a function in the caller's frame, which fills in the
/// next ones and returns how many.
class parts_source {
public:
    template <typename F>
    explicit parts_source(F& next) noexcept
        : next_{&next},
          call_{[](void* function, stream_parts& parts) {
              return (*static_cast<F*>(function))(parts);
          }} {}

    std::size_t operator()(stream_parts& parts) const { return call_(next_, parts); }

private:
    void* next_;
    std::size_t (*call_)(void* function, stream_parts& parts);
};

/// The calls of a stream that is made of the three functions above: those with limits too, or
/// other `Forms`.
template <typename Derived, typename Forms = limited_stream_forms<Derived>>
class gathered_stream_forms : public Forms {
protected:
    gathered_stream_forms() = default;
    gathered_stream_forms(gathered_stream_forms const&) = default;
    gathered_stream_forms& operator=(gathered_stream_forms const&) = default;
    ~gathered_stream_forms() = default;

private:
    friend stream_forms<Derived>;
    friend limited_stream_forms<Derived>;

    Derived& self() noexcept { return static_cast<Derived&>(*this); }

    template <typename Iterator>
    static std::size_t gather(stream_parts& parts, Iterator& at, Iterator const& end) noexcept {
        std::size_t count = 0;
        for (; at != end && count < parts.size(); ++at) {
            boost::asio::const_buffer const buffer{*at};
            if (buffer.size() > 0) {
                // The kernel does not write through this pointer unless the buffer was one to read
                // into; `iovec` serves both directions.
                parts[count++] = iovec{const_cast<void*>(buffer.data()), buffer.size()};
            }
        }
        return count;
    }

    template <typename MutableBuffers>
    std::size_t read_into(
        MutableBuffers const& buffers, error_code& error, deadline const* limit = nullptr) {
        if constexpr (std::is_convertible_v<MutableBuffers const&, boost::asio::mutable_buffer>) {
            boost::asio::mutable_buffer const only{buffers};
            iovec const part{only.data(), only.size()};
            return part.iov_len == 0 ? end_with_nothing(error)
                                     : self().read_parts(&part, 1, error, limit);
        } else {
            stream_parts parts;
            auto at = boost::asio::buffer_sequence_begin(buffers);
            std::size_t const count = gather(parts, at, boost::asio::buffer_sequence_end(buffers));
            return count == 0 ? end_with_nothing(error)
                              : self().read_parts(parts.data(), count, error, limit);
        }
    }
    template <typename ConstBuffers>
    std::size_t write_part_of(ConstBuffers const& buffers, error_code& error) {
        stream_parts parts;
        auto at = boost::asio::buffer_sequence_begin(buffers);
        std::size_t const count = gather(parts, at, boost::asio::buffer_sequence_end(buffers));
        return count == 0 ? end_with_nothing(error) : self().write_once(parts.data(), count, error);
    }
    template <typename ConstBuffers>
    std::size_t write_all_of(
        ConstBuffers const& buffers, error_code& error, deadline const* limit = nullptr) {
        auto at = boost::asio::buffer_sequence_begin(buffers);
        auto const end = boost::asio::buffer_sequence_end(buffers);
        auto next = [&](stream_parts& parts) { return gather(parts, at, end); };
        return self().write_all(parts_source{next}, error, limit);
    }
};

}  // namespace tendril::detail
