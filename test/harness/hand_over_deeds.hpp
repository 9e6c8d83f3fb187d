// SPDX-License-Identifier: BSL-1.0
#pragma once

// What greenlets do with primitives, as data: a random or an exhaustive test makes programs of it.

#include <harness/hand_over_ledger.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/time/sleep.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tendril::test {

/// What a greenlet does in one step.
enum class deed : std::uint8_t {
    lock,
    lock_twice,
    write,
    read,
    take_token,
    give_token,
    acquire,
    wait_for_event,
    set_event,
    reset_event,
    wait_for_auto_reset,
    set_auto_reset,
    wait_for_latch,
    count_down,
    pass_barrier,
    call_once,
    put,
    get,
    put_last,
    get_last,
    put_by_rank,
    get_by_rank,
    send,
    receive,
    send_buffered,
    receive_buffered,
    select_to_receive,
    select_to_send,
    ask_for_value,
    follow_value,
    give_value,
    cancel_value,
    fill_slot,
    apply_in_slot,
    gather_two,
    nothing,
};
inline constexpr auto number_of_deeds = static_cast<std::size_t>(deed::nothing);

inline constexpr int never = -1;

/// What a step stands in.
enum class around : std::uint8_t {
    /// A `timeout`.
    limit,
    /// Two timeouts of the same moment, one in the other.
    two_limits,
    /// A `cancel_scope`, which others may cancel.
    scope,
    /// The same behind a shield.
    shield,
    /// A task group, whose child does the deed.
    group,
};

struct step {
    deed what = deed::nothing;
    /// The limit of the call itself, in milliseconds, or never.
    int limit = never;
    /// The limit of what is around it.
    int scope = never;
    /// How long what was obtained is held: never for not at all, 0 to yield once.
    int pause = never;
    around within = around::limit;
};

inline deadline limit_of(int milliseconds) {
    return milliseconds == never ? deadline::never()
                                 : deadline::after(std::chrono::milliseconds{milliseconds});
}

struct world_options {
    std::ptrdiff_t permits = 1;
    std::ptrdiff_t expected = 2;
    std::size_t capacity = 1;
    /// Nobody switches between the call and the place in the line, so that its order is known.
    bool order_is_known = false;
};

/// Counts those inside while it lives.
class inside {
public:
    explicit inside(std::ptrdiff_t& count) : count_{count} { ++count_; }
    inside(inside const&) = delete;
    inside& operator=(inside const&) = delete;
    ~inside() { --count_; }

private:
    std::ptrdiff_t& count_;
};

/// Holds what was obtained for as long as the step says.
inline void pause(step const& what) {
    if (what.pause == 0) {
        yield();
    } else if (what.pause > 0) {
        sleep_for(std::chrono::milliseconds{what.pause});
    }
}

/// A call with a limit began at that moment and has ended now; did it give up too soon?
inline void notice(verdict& judge, bool obtained, time_point began, step const& what) {
    judge.require(
        obtained || (what.limit != never && now() - began >= std::chrono::milliseconds{what.limit}),
        "nobody gives up before the limit");
}

/// The rule of every line: who waits in it does so for what is not there.
inline constexpr char const* waits_in_vain = "nobody waits for what is there";

}  // namespace tendril::test
