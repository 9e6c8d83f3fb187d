// SPDX-License-Identifier: BSL-1.0
#include <tendril/hub/cancellation.hpp>
#include <tendril/io/stream_state.hpp>
#include <tendril/support/assert.hpp>

namespace tendril::detail {

void require_thread_of(hub const& home) {
    TENDRIL_REQUIRE_AS(
        wrong_thread, &home.thread() == &this_thread(),
        "this stream belongs to another thread: use it there; to hand a connection over, release "
        "its descriptor and adopt it on the other side");
}

error_code refusal(stream_state* core, bool stream_state::*direction) {
    if (core == nullptr || core->stage == stream_stage::closed) {
        return io_error(errc::closed);
    }
    require_thread_of(core->home);
    error_code const error = core->follow_fork();
    return core->*direction ? io_error(errc::busy) : error;
}

error_code refusal_to_write(stream_state* core) {
    error_code const error = refusal(core, &stream_state::writing);
    bool const broken = !error.failed() && core->stage == stream_stage::broken;
    return broken ? io_error(errc::broken) : error;
}

void look_up_between_parts(stream_state& core, call_limit& limit, error_code& error) {
    check_interruption();
    if (core.stage == stream_stage::closed) {
        error = io_error(errc::closed);
    } else if (limit.has_passed(core.home)) {
        error = io_error(errc::timed_out);
    }
}

void advance(std::span<iovec>& parts, std::size_t written) noexcept {
    while (!parts.empty() && written >= parts.front().iov_len) {
        written -= parts.front().iov_len;
        parts = parts.subspan(1);
    }
    if (!parts.empty()) {
        parts.front().iov_base = static_cast<char*>(parts.front().iov_base) + written;
        parts.front().iov_len -= written;
    }
}

}  // namespace tendril::detail
