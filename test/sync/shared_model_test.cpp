// SPDX-License-Identifier: BSL-1.0
//
// The handshake of shared.cpp as a model, in which every interleaving of the steps is played: one
// greenlet that waits with a limit, the loop of its hub, and two other threads that each release a
// permit. A step is what one thread does without another being able to see the middle of it.
#include <harness/tendril_test.hpp>

#include <iostream>
#include <string>

namespace {

constexpr int nobody = -1;
constexpr int hub_thread_number = 2;

struct state {
    int mutex = nobody;
    bool in_queue = true;
    bool letter = false;
    bool opened = false;
    bool expired = false;
    bool frame_lives = true;
    int permits = 0;
    int taken = 0;
    int at[3] = {0, 0, 0};
};

struct result {
    long schedules = 0;
    std::string broken;
};

class model {
public:
    // Without it the letter wakes the greenlet at once: then somebody touches a dead frame.
    explicit model(bool letter_takes_mutex) : letter_takes_mutex_{letter_takes_mutex} {}

    result play_all() {
        play(state{});
        return found_;
    }

private:
    static constexpr int over = 9;

    void play(state const& from) {
        bool stuck = true;
        for (int who = 0; who < 3; ++who) {
            // The loop may open a letter or let the limit expire, as it likes.
            for (int choice = 0; choice < (who == hub_thread_number ? 2 : 1); ++choice) {
                state next = from;
                bool const done = who == hub_thread_number ? hub_step(next, choice)
                                                           : giver_step(next, who);
                if (done) {
                    stuck = false;
                    play(next);
                }
            }
        }
        if (stuck) {
            ++found_.schedules;
            bool const all_over = from.at[0] == over && from.at[1] == over && from.at[2] == over;
            require(all_over, "somebody waits for ever");
            require(from.permits + from.taken == 2, "a permit was lost or doubled");
        }
    }

    void require(bool holds, char const* rule) {
        if (!holds) {
            found_.broken = rule;
        }
    }

    // Takes or leaves the mutex; returns whether it could.
    static bool lock(state& now, int who) {
        if (now.mutex != nobody) {
            return false;
        }
        now.mutex = who;
        return true;
    }

    bool giver_step(state& now, int who) {
        int& at = now.at[who];
        switch (at) {
        case 0:
            return lock(now, who) && (at = 1, true);
        case 1:
            at = now.in_queue ? 2 : 3;
            if (now.in_queue) {
                require(now.frame_lives, "a letter in a dead frame is posted");
                now.letter = true;
            } else {
                ++now.permits;
            }
            return true;
        case 2:
            require(now.frame_lives, "a place in a dead frame is taken out");
            now.in_queue = false;
            at = 3;
            return true;
        case 3:
            now.mutex = nobody;
            at = over;
            return true;
        default:
            return false;
        }
    }

    bool hub_step(state& now, int choice) {
        int& at = now.at[hub_thread_number];
        if (choice == 1 && at != 0) {
            return false;
        }
        switch (at) {
        case 0:
            return choice == 0 ? begin_to_open(now) : begin_to_expire(now);
        case 1:
            return lock(now, hub_thread_number) && (at = 2, true);
        case 2:  // the letter has the mutex: it leaves
            now.mutex = nobody;
            at = 6;
            return true;
        case 3:
            return lock(now, hub_thread_number) && (at = 4, true);
        case 4:  // the limit has the mutex: it takes the place out, or came too late
            at = now.in_queue ? 5 : 0;
            now.in_queue = false;
            now.mutex = nobody;
            return true;
        case 5:  // the wait returns without a permit
            now.frame_lives = false;
            at = over;
            return true;
        case 6:  // the wait returns with one
            now.frame_lives = false;
            ++now.taken;
            at = over;
            return true;
        default:
            return false;
        }
    }
    bool begin_to_open(state& now) {
        if (!now.letter || now.opened) {
            return false;
        }
        now.opened = true;
        now.at[hub_thread_number] = letter_takes_mutex_ ? 1 : 6;
        return true;
    }
    static bool begin_to_expire(state& now) {
        if (now.expired) {
            return false;
        }
        now.expired = true;
        now.at[hub_thread_number] = 3;
        return true;
    }

    bool const letter_takes_mutex_;
    result found_;
};

}  // namespace

TENDRIL_TEST(shared_model, no_interleaving_loses_a_permit_or_touches_a_dead_frame) {
    result const found = model{true}.play_all();
    std::cout << "    " << found.schedules << " interleavings\n";
    EXPECT_GT(found.schedules, 100);
    EXPECT_EQ(found.broken, "");
}

TENDRIL_TEST(shared_model, finds_what_is_wrong_with_a_letter_that_does_not_take_the_mutex) {
    EXPECT_EQ(model{false}.play_all().broken, "a place in a dead frame is taken out");
}
