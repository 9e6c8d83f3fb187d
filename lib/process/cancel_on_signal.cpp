// SPDX-License-Identifier: BSL-1.0
#include "signal_listener.hpp"

#include <tendril/process/cancel_on_signal.hpp>

#include <csignal>
#include <cstring>

namespace tendril::detail {

signal_canceller::signal_canceller(std::span<int const> numbers)
    : watch_{numbers, listening::once_in_this_process, [this](int number) { notice(number); }, {}} {
}

void signal_canceller::notice(int number) {
    if (!number_) {
        number_ = number;
        char const* const words = ::sigdescr_np(number);
        scope_.cancel(words != nullptr ? words : "a signal");
    }
}

std::optional<int> signal_canceller::conclude() noexcept {
    auto const last = watch_.take_unhandled();
    watch_.close();
    return number_ ? number_ : last;
}

}  // namespace tendril::detail
