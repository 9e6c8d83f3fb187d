// SPDX-License-Identifier: BSL-1.0
#pragma once

// A proxy that tears, delays, changes, loses and breaks off what passes through it, in a way that a
// seed decides.
//
//     chaos_line up{plan_of(numbers, 5000), numbers.next()};
//     chaos_line down{plan_of(numbers, 5000), numbers.next()};
//     carry_both_ways(near, far, up, down);        // until both directions have ended
//     if (up.has_harmed()) …
//
// Whatever pieces a line makes is legal for a stream of bytes, and no program may notice. Harm is
// done at most once, at one byte: that byte never arrives as it was.

#include <harness/network.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/support/random.hpp>
#include <tendril/testing/memory_stream.hpp>
#include <tendril/time/sleep.hpp>

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tendril::test {

/// In which pieces a line passes on what comes.
enum class line_pieces : std::uint8_t { as_they_come, single_bytes, split, coalesced };

/// What it does to one byte: changes a bit of it; loses it and some behind it; says nothing from it
/// on; ends the direction before it; resets both connections.
enum class line_harm : std::uint8_t { none, changed, lost, silent, half_closed, reset };
inline constexpr std::array line_harm_names{"none",   "changed",     "lost",
                                            "silent", "half closed", "reset"};

struct line_plan {
    line_pieces pieces = line_pieces::as_they_come;
    bool delays = false;
    line_harm harm = line_harm::none;
    /// Which byte, counted from zero; it may never come.
    std::size_t at = 0;
};

/// A plan that does harm in one of two cases, at one of the first so many bytes.
inline line_plan plan_of(random_source& numbers, std::size_t expected) {
    line_plan plan;
    plan.pieces = static_cast<line_pieces>(random_below(numbers, 4));
    plan.delays = random_below(numbers, 2) == 0;
    if (random_below(numbers, 2) == 0) {
        plan.harm = static_cast<line_harm>(1 + random_below(numbers, line_harm_names.size() - 1));
        plan.at = static_cast<std::size_t>(random_below(numbers, expected));
    }
    return plan;
}

/// Breaks a connection off as rudely as its kind can.
inline void break_off(stream_socket& stream) { reset(stream); }
inline void break_off(testing::memory_stream& stream) { stream.close(); }

class chaos_line {
public:
    /// `is_counted`, if it is given, is looked at when harm is done: see `harm_counted`.
    chaos_line(line_plan const& plan, std::uint64_t seed, bool const* is_counted = nullptr)
        : plan_{plan},
          numbers_{seed},
          is_counted_{is_counted} {}

    /// Carries bytes until there are no more, or the line is broken off.
    template <typename Stream>
    void carry(Stream& from, Stream& to) {
        std::array<char, 2048> data;
        error_code error;
        while (!error.failed()) {
            if (plan_.pieces == line_pieces::coalesced && is_at_the_beginning()) {
                sleep_for(std::chrono::milliseconds{5});
            }
            std::size_t const size = from.read_some(boost::asio::buffer(data), error);
            deliver(data.data(), size, from, to);
        }
        if (error != boost::asio::error::eof) {
            break_off(to);
        } else if (!is_over_) {
            to.shutdown_send(error);
        }
    }

    /// Says whether harm was done, and whether it was when `is_counted` was true.
    bool has_harmed() const noexcept { return has_harmed_; }
    bool harm_counted() const noexcept { return harm_counted_; }
    line_plan const& plan() const noexcept { return plan_; }
    /// How many bytes have come.
    std::size_t passed() const noexcept { return passed_; }

private:
    template <typename Stream>
    void deliver(char* data, std::size_t size, Stream& from, Stream& to) {
        while (size > 0 && !is_over_) {
            std::size_t const length = next_length(size);
            std::size_t const behind_loss = harm(data, length, from, to);
            error_code error;
            if (!is_over_) {
                to.write(boost::asio::buffer(data + behind_loss, length - behind_loss), error);
            }
            if (error.failed()) {
                break_off(from);
                is_over_ = true;
            }
            passed_ += length;
            data += length;
            size -= length;
        }
    }

    // How much goes with the next write: never beyond the byte that is harmed, or from it on.
    std::size_t next_length(std::size_t size) {
        if (plan_.delays && is_at_the_beginning() && random_below(numbers_, 8) == 0) {
            sleep_for(std::chrono::milliseconds{1 + random_below(numbers_, 20)});
        }
        bool const single = plan_.pieces == line_pieces::single_bytes && is_at_the_beginning();
        bool const split = plan_.pieces == line_pieces::split;
        std::size_t const most = single ? 1 : split ? 1 + random_below(numbers_, 700) : size;
        std::size_t const clean = passed_ < plan_.at ? plan_.at - passed_ : size;
        return std::min({size, most, clean});
    }

    // Harms the piece if it is its turn. Returns how many bytes of it are lost.
    template <typename Stream>
    std::size_t harm(char* data, std::size_t length, Stream& from, Stream& to) {
        if (plan_.harm == line_harm::none || passed_ != plan_.at) {
            return 0;
        }
        has_harmed_ = true;
        harm_counted_ = is_counted_ == nullptr || *is_counted_;
        error_code ignored;
        switch (plan_.harm) {
        case line_harm::changed:
            data[0] = static_cast<char>(data[0] ^ (1 << random_below(numbers_, 8)));
            return 0;
        case line_harm::lost:
            return std::min<std::size_t>(length, 1 + random_below(numbers_, 9));
        case line_harm::half_closed:
            to.shutdown_send(ignored);
            break;
        case line_harm::reset:
            break_off(from);
            break_off(to);
            break;
        default:
            break;
        }
        is_over_ = true;
        return length;
    }

    // Nothing new is tried by the ten-thousandth single byte, and the limits of both ends allow for
    // a delay of so many.
    bool is_at_the_beginning() const noexcept { return passed_ < 4000; }

    line_plan plan_;
    seeded_random numbers_;
    bool const* is_counted_;
    std::size_t passed_ = 0;
    bool has_harmed_ = false;
    bool harm_counted_ = false;
    // Nothing is passed on any more; what comes is still read.
    bool is_over_ = false;
};

/// Is the proxy between two connections, until both directions have ended.
template <typename Stream>
void carry_both_ways(Stream& near, Stream& far, chaos_line& up, chaos_line& down) {
    with_task_group([&](task_group& group) {
        group.spawn([&] { up.carry(near, far); });
        down.carry(far, near);
    });
    near.close();
    far.close();
}

}  // namespace tendril::test
