// SPDX-License-Identifier: BSL-1.0
#pragma once

// What lies between OpenSSL and the stream below: bytes that have come and are not decrypted, and
// bytes that are encrypted and have not left. OpenSSL sees them as a BIO, which never waits and
// never touches a socket.
//
// Memory is bounded, and small while nothing happens: whoever waits for input holds 4 KiB. A stream
// that fills them gets room for two records, until a few reads in a row were small.

#include "openssl.hpp"

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tendril::detail {

class incoming_bytes {
public:
    bool empty() const noexcept { return begin_ == end_; }

    /// Where to read to. Requires: it is empty. Throws: std::bad_alloc.
    boost::asio::mutable_buffer prepare();
    /// Says how many bytes were read to there.
    void commit(std::size_t size) noexcept;

    /// Takes out at most so many bytes; returns how many.
    std::size_t take(char* into, std::size_t size) noexcept;
    /// Takes out all.
    std::string take_all();

private:
    void set_capacity(std::size_t wanted);

    std::unique_ptr<char[]> data_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    // How many reads in a row were small.
    int small_reads_ = 0;
};

/// What is being sent stays where it is while more is added.
class outgoing_bytes {
public:
    /// How many bytes may wait before whoever writes has to send some: four records.
    static constexpr std::size_t most = std::size_t{64} * 1024;

    bool empty() const noexcept { return sending_.empty() && waiting_.empty(); }
    bool full() const noexcept { return waiting_.size() >= most; }
    /// Says whether more waits than writers leave: the peer asks for answers and reads none.
    bool flooded() const noexcept { return waiting_.size() > 4 * most; }

    /// Throws: std::bad_alloc.
    void add(char const* from, std::size_t size) {
        waiting_.insert(waiting_.end(), from, from + size);
    }

    /// What to send next. It stays in place until it has been sent.
    boost::asio::const_buffer next() noexcept;
    /// Says how much of it has left.
    void sent(std::size_t size) noexcept;

    /// Gives memory back, if there is much.
    void shrink() noexcept;

private:
    std::vector<char> waiting_;
    std::vector<char> sending_;
    std::size_t done_ = 0;
};

struct wire {
    incoming_bytes in;
    outgoing_bytes out;

    /// Makes a BIO over it, which it must outlive. Throws: std::bad_alloc.
    bio_owner as_bio();
};

}  // namespace tendril::detail
