// SPDX-License-Identifier: BSL-1.0
#pragma once

// A stream over another one that does something before one of its operations: for tests that
// interrupt whoever uses it at each place where that may park.

#include <tendril/io/any_stream.hpp>
#include <tendril/testing/memory_stream.hpp>

#include <cstddef>
#include <functional>
#include <utility>

namespace tendril::test {

/// Counts operations, and acts before one of them.
struct tripwire {
    int operations = 0;
    int fires_at = -1;
    std::function<void()> act = nullptr;

    void step() {
        if (operations++ == fires_at) {
            act();
        }
    }
    /// Begins to count anew.
    void set(int at, std::function<void()> what) {
        operations = 0;
        fires_at = at;
        act = std::move(what);
    }
    bool fired() const noexcept { return fires_at >= 0 && operations > fires_at; }
};

class tripwire_stream {
public:
    tripwire_stream(testing::memory_stream inner, tripwire& wire)
        : inner_{std::move(inner)},
          wire_{&wire} {}

    template <typename Buffers>
    std::size_t read_some(Buffers const& buffers, error_code& error) {
        wire_->step();
        return inner_.read_some(buffers, error);
    }
    template <typename Buffers>
    std::size_t read_some(Buffers const& buffers) {
        wire_->step();
        return inner_.read_some(buffers);
    }
    template <typename Buffers>
    std::size_t write_some(Buffers const& buffers, error_code& error) {
        wire_->step();
        return inner_.write_some(buffers, error);
    }
    template <typename Buffers>
    std::size_t write_some(Buffers const& buffers) {
        wire_->step();
        return inner_.write_some(buffers);
    }
    template <typename Buffers>
    std::size_t write(Buffers const& buffers, error_code& error) {
        wire_->step();
        return inner_.write(buffers, error);
    }
    template <typename Buffers>
    std::size_t write(Buffers const& buffers) {
        wire_->step();
        return inner_.write(buffers);
    }
    void shutdown_send(error_code& error) { inner_.shutdown_send(error); }
    void shutdown_send() { inner_.shutdown_send(); }
    void close() { inner_.close(); }
    bool is_open() const { return inner_.is_open(); }
    auto get_executor() const { return inner_.get_executor(); }
    tripwire_stream& lowest_layer() { return *this; }

private:
    testing::memory_stream inner_;
    tripwire* wire_;
};

}  // namespace tendril::test
