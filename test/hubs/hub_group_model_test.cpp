// SPDX-License-Identifier: BSL-1.0
//
// What several threads do to one group and to one mailbox, as a model in which interleavings of the
// steps are played: all of those in which a thread is left for another at most so many times while
// it could go on (S. Qadeer and J. Rehof, Context-bounded model checking, 2005). Usually that is
// three times, and four times under `./dev test --stress`. A step is what one thread does without
// another being able to see the middle of it. The rules that the library keeps can be broken one by
// one, and each time some interleaving finds it.
#include <harness/stress.hpp>
#include <harness/tendril_test.hpp>

#include <array>
#include <iostream>
#include <string>

namespace {

constexpr int spawners = 3;
constexpr int hub_number = spawners;
constexpr int stopper_number = spawners + 1;
constexpr int threads_of_model = spawners + 2;
constexpr int over = 99;

// What the library does so that nothing is lost.
struct rules_of_group {
    bool counts_before_it_looks = true;
    bool closes_before_it_counts = true;
    bool marks_sleep_in_the_word = true;
    // Not a rule: nobody stops, and so nobody wakes by that, before all tasks have ended.
    bool stops_after_all = false;
};

// One hub, whose thread also leads the end; some who spawn; one who stops.
struct group_model_state {
    int load = 0;
    bool closed = false;
    bool end_wanted = false;
    // The word of the mailbox, and the bell that wakes.
    int letters = 0;
    bool asleep = false;
    bool rung = false;
    bool mailbox_closed = false;
    // What has become of the tasks.
    int ended = 0;
    int refused = 0;
    int lost = 0;
    bool saw_letters = false;
    std::array<bool, spawners> saw_sleep{};
    std::array<int, threads_of_model> at{};
};

class group_model {
public:
    group_model(rules_of_group rules, int preemptions) : rules_{rules}, bound_{preemptions} {}

    void play() { play(group_model_state{}, -1, 0); }

    long schedules = 0;
    std::string broken;

private:
    void play(group_model_state const& from, int running, int preemptions) {
        if (!broken.empty()) {
            return;
        }
        std::array<group_model_state, threads_of_model> next;
        std::array<bool, threads_of_model> able{};
        bool stuck = true;
        for (int who = 0; who < threads_of_model; ++who) {
            auto const number = static_cast<std::size_t>(who);
            next[number] = from;
            able[number] = step(next[number], who);
            stuck &= !able[number];
        }
        if (stuck) {
            finish(from);
            return;
        }
        bool const could_go_on = running >= 0 && able[static_cast<std::size_t>(running)];
        for (int who = 0; who < threads_of_model; ++who) {
            int const left = preemptions + (could_go_on && who != running ? 1 : 0);
            if (able[static_cast<std::size_t>(who)] && left <= bound_) {
                play(next[static_cast<std::size_t>(who)], who, left);
            }
        }
    }

    void finish(group_model_state const& end) {
        ++schedules;
        for (int const at : end.at) {
            if (at != over) {
                broken = "somebody waits for ever";
                return;
            }
        }
        if (end.lost != 0 || end.ended + end.refused != spawners) {
            broken = "a task was lost";
        }
    }

    bool step(group_model_state& now, int who) const {
        if (who < spawners) {
            return spawner_step(now, static_cast<std::size_t>(who));
        }
        return who == hub_number ? hub_step(now) : stopper_step(now);
    }

    bool spawner_step(group_model_state& now, std::size_t who) const {
        int& at = now.at[who];
        switch (at) {
        case 0:
            rules_.counts_before_it_looks ? ++now.load : 0;
            at = 1;
            return true;
        case 1:
            if (now.closed) {
                at = 5;
                return true;
            }
            at = rules_.counts_before_it_looks ? 3 : 2;
            return true;
        case 2:  // only where the rule is broken
            ++now.load;
            at = 3;
            return true;
        case 3:  // swaps its letter into the word
            if (now.mailbox_closed) {
                ++now.lost;
                at = over;
                return true;
            }
            ++now.letters;
            now.saw_sleep[who] = now.asleep;
            now.asleep = rules_.marks_sleep_in_the_word ? false : now.asleep;
            at = now.saw_sleep[who] ? 4 : over;
            return true;
        case 4:
            now.rung = true;
            at = over;
            return true;
        case 5:
            ++now.refused;
            now.load -= rules_.counts_before_it_looks ? 1 : 0;
            now.rung = true;  // the last one out tells the leader
            at = over;
            return true;
        default:
            return false;
        }
    }

    // The loop of the hub, whose main greenlet counts when it is told to.
    bool hub_step(group_model_state& now) const {
        int& at = now.at[hub_number];
        switch (at) {
        case 0:  // takes all letters at once, and runs what they bring
            now.ended += now.letters;
            now.load -= now.letters;
            now.letters = 0;
            at = now.end_wanted ? 3 : 1;
            return true;
        case 1:  // looks whether there is a letter, and falls asleep
            now.saw_letters = now.letters != 0;
            if (rules_.marks_sleep_in_the_word) {
                now.asleep = !now.saw_letters && !now.end_wanted;
                at = now.asleep ? 2 : 0;
            } else {
                at = 4;
            }
            return true;
        case 4:  // only where the rule is broken: the mark comes later than the look
            now.asleep = !now.saw_letters && !now.end_wanted;
            at = now.asleep ? 2 : 0;
            return true;
        case 2:  // sleeps until the bell
            if (!now.rung) {
                return false;
            }
            now.rung = false;
            now.asleep = false;
            at = 0;
            return true;
        case 3:  // counts; while there is a task it goes on
            if (now.load != 0) {
                at = now.letters != 0 ? 0 : 5;
                return true;
            }
            now.mailbox_closed = true;
            at = 6;
            return true;
        case 5:  // waits to be told of a change
            if (!now.rung && now.letters == 0 && now.load != 0) {
                return false;
            }
            now.rung = false;
            at = 0;
            return true;
        case 6:  // what is in the mailbox when it closes is discarded
            now.lost += now.letters;
            at = over;
            return true;
        default:
            return false;
        }
    }

    bool stopper_step(group_model_state& now) const {
        int& at = now.at[stopper_number];
        switch (at) {
        case 0:
            if (rules_.stops_after_all && now.ended != spawners) {
                return false;
            }
            (rules_.closes_before_it_counts ? now.closed : now.end_wanted) = true;
            at = 1;
            return true;
        case 1:
            (rules_.closes_before_it_counts ? now.end_wanted : now.closed) = true;
            now.rung = true;
            at = over;
            return true;
        default:
            return false;
        }
    }

    rules_of_group const rules_;
    int const bound_;
};

// How often a thread may be left for another while it could go on.
int preemptions_played() { return tendril::test::under_stress() ? 4 : 3; }

}  // namespace

TENDRIL_TEST(hub_group_model, no_interleaving_loses_a_task_or_a_wake) {
    group_model all{{}, preemptions_played()};
    all.play();
    std::cout << "    " << all.schedules << " interleavings\n";
    EXPECT_GT(all.schedules, 1000);
    EXPECT_EQ(all.broken, "");
    group_model patient{{.stops_after_all = true}, preemptions_played()};
    patient.play();
    std::cout << "    " << patient.schedules << " interleavings with a stop at the end\n";
    EXPECT_EQ(patient.broken, "");
}

TENDRIL_TEST(hub_group_model, finds_what_is_wrong_with_a_spawner_that_looks_before_it_counts) {
    group_model all{{.counts_before_it_looks = false}, 3};
    all.play();
    EXPECT_EQ(all.broken, "a task was lost");
}

TENDRIL_TEST(hub_group_model, finds_what_is_wrong_with_an_end_that_counts_before_it_closes) {
    group_model all{{.closes_before_it_counts = false}, 3};
    all.play();
    EXPECT_EQ(all.broken, "a task was lost");
}

TENDRIL_TEST(hub_group_model, finds_what_is_wrong_with_a_hub_that_looks_before_it_marks_its_sleep) {
    group_model all{{.marks_sleep_in_the_word = false, .stops_after_all = true}, 3};
    all.play();
    EXPECT_EQ(all.broken, "somebody waits for ever");
}
