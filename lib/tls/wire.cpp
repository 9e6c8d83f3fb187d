// SPDX-License-Identifier: BSL-1.0
#include "wire.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace tendril::detail {
namespace {

constexpr std::size_t small_room = 4096;
// Two records with what goes around them.
constexpr std::size_t large_room = std::size_t{33} * 1024;
constexpr int small_reads_until_small = 8;

wire& wire_of(BIO* bio) noexcept { return *static_cast<wire*>(BIO_get_data(bio)); }

int read_from_wire(BIO* bio, char* into, int size) noexcept {
    BIO_clear_retry_flags(bio);
    std::size_t const taken = wire_of(bio).in.take(into, static_cast<std::size_t>(size));
    if (taken == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    return static_cast<int>(taken);
}

int write_to_wire(BIO* bio, char const* from, int size) noexcept {
    BIO_clear_retry_flags(bio);
    try {
        wire_of(bio).out.add(from, static_cast<std::size_t>(size));
    } catch (std::bad_alloc const&) {
        return -1;
    }
    return size;
}

long control_wire(BIO*, int command, long, void*) noexcept {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

// One for the program; OpenSSL has room for a hundred kinds.
BIO_METHOD const* wire_method() {
    static BIO_METHOD const* const method = [] {
        BIO_METHOD* const made = BIO_meth_new(
            BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tendril's wire");
        if (made == nullptr) {
            throw std::bad_alloc{};
        }
        BIO_meth_set_read(made, &read_from_wire);
        BIO_meth_set_write(made, &write_to_wire);
        BIO_meth_set_ctrl(made, &control_wire);
        return made;
    }();
    return method;
}

}  // namespace

boost::asio::mutable_buffer incoming_bytes::prepare() {
    begin_ = end_ = 0;
    if (capacity_ == 0 || small_reads_ >= small_reads_until_small) {
        set_capacity(small_room);
    } else if (small_reads_ < 0) {
        set_capacity(large_room);
    }
    return {data_.get(), capacity_};
}

void incoming_bytes::set_capacity(std::size_t wanted) {
    small_reads_ = 0;
    if (capacity_ != wanted) {
        data_.reset(new char[wanted]);
        capacity_ = wanted;
    }
}

void incoming_bytes::commit(std::size_t size) noexcept {
    end_ = size;
    if (size == capacity_) {
        small_reads_ = -1;
    } else {
        small_reads_ = capacity_ > small_room && size < small_room ? small_reads_ + 1 : 0;
    }
}

std::size_t incoming_bytes::take(char* into, std::size_t size) noexcept {
    std::size_t const taken = std::min(size, end_ - begin_);
    if (taken > 0) {
        std::memcpy(into, data_.get() + begin_, taken);
        begin_ += taken;
    }
    return taken;
}

std::string incoming_bytes::take_all() {
    std::string all{data_.get() + begin_, end_ - begin_};
    begin_ = end_;
    return all;
}

boost::asio::const_buffer outgoing_bytes::next() noexcept {
    if (sending_.empty()) {
        sending_.swap(waiting_);
        done_ = 0;
    }
    return {sending_.data() + done_, sending_.size() - done_};
}

void outgoing_bytes::sent(std::size_t size) noexcept {
    done_ += size;
    if (done_ == sending_.size()) {
        sending_.clear();
    }
}

void outgoing_bytes::shrink() noexcept {
    if (sending_.empty() && sending_.capacity() > small_room) {
        std::vector<char>{}.swap(sending_);
    }
    if (waiting_.empty() && waiting_.capacity() > small_room) {
        std::vector<char>{}.swap(waiting_);
    }
}

bio_owner wire::as_bio() {
    bio_owner made{BIO_new(wire_method())};
    if (made == nullptr) {
        throw std::bad_alloc{};
    }
    BIO_set_data(made.get(), this);
    BIO_set_init(made.get(), 1);
    return made;
}

}  // namespace tendril::detail
