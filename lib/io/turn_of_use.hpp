// SPDX-License-Identifier: BSL-1.0
#pragma once

// One call at a time: the mark of an object that somebody is in a call that may park.

#include <tendril/io/error.hpp>

#include <utility>

namespace tendril::detail {

class turn_of_use {
public:
    /// Takes the turn; where somebody has it, says so with `errc::busy`, and `error` is clear
    /// otherwise.
    turn_of_use(bool& busy, error_code& error) : busy_{busy}, refused_{std::exchange(busy, true)} {
        error = refused_ ? io_error(errc::busy) : error_code{};
        if (refused_) [[unlikely]] {
            end_at_once();
        }
    }
    turn_of_use(turn_of_use const&) = delete;
    turn_of_use& operator=(turn_of_use const&) = delete;
    ~turn_of_use() { busy_ = refused_; }

private:
    bool& busy_;
    bool const refused_;
};

}  // namespace tendril::detail
