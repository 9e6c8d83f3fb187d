// SPDX-License-Identifier: BSL-1.0
//
// Looking at greenlets: every switch, the frames of one that stands still, values of its own,
// who has spawned whom, and how much stack it has used.
#include <tendril/greenlet.hpp>
#include <tendril/hub/run.hpp>
#include <tendril/inspect.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/time/sleep.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

namespace {

using namespace tendril;

std::string name_of(greenlet_ref const& named) { return named.block()->name; }

void swap_words(greenlet_ref const& with) {
    with.switch_to();
    with.switch_to();
}

// DOC: trace
// Prints every switch of this thread. The function runs in the one that has arrived.
void print_switch(trace_event event, greenlet const& from, greenlet const& to) {
    std::cout << "  " << name_of(from) << (event == trace_event::thrown ? " throws into " : " to ")
              << name_of(to) << (from.dead() ? ", and is dead" : "") << '\n';
}

void trace_two_greenlets() {
    greenlet_ref const main = greenlet::current();
    greenlet speaker{[&] { swap_words(main); }, {.name = "speaker"}};
    greenlet failing{[] { throw std::runtime_error{"lost the thread"}; }, {.name = "failing"}};
    trace_function const previous = set_trace(&print_switch);
    speaker.switch_to();
    speaker.switch_to();
    try {
        failing.switch_to();
    } catch (std::runtime_error const& error) {
        std::cout << "  main caught: " << error.what() << '\n';
    }
    set_trace(previous);
}
// DOC-END: trace

// DOC: local
greenlet_local<int> steps;

void count_steps() {
    greenlet_ref const main = greenlet::current();
    auto const walk = [&] {
        for (int step = 0; step < 3; ++step) {
            ++*steps;
            main.switch_to();
        }
    };
    greenlet quick{walk};
    greenlet slow{walk};
    quick.switch_to();
    quick.switch_to();
    slow.switch_to();
    std::cout << "quick made " << steps.of(quick) << " steps, slow made " << steps.of(slow) << '\n';
}
// DOC-END: local

// DOC: frames
void look_at_frames() {
    greenlet sleeper{[main = greenlet::current()] { swap_words(main); }};
    sleeper.switch_to();
    backtrace const frames{sleeper};
    bool const known = frames.frames().size() >= 3;
    std::cout << "frames of the sleeper: " << (known ? "three or more" : "too few") << '\n';
    std::cerr << frames;
}
// DOC-END: frames

// DOC: tree
void show_who_has_spawned_whom() {
    run([] {
        event opens;
        with_task_group([&](task_group& group) {
            auto const server = group.spawn({.name = "server"}, [&] {
                for (int number = 0; number < 2; ++number) {
                    group.spawn({.name = "connection"}, [&] { opens.wait(); });
                }
                opens.wait();
            });
            yield();
            yield();
            for (auto const& each : spawn_tree{}.nodes()) {
                std::cout << std::string(2 * each.level, ' ') << each.name << ' '
                          << to_string(each.state) << '\n';
            }
            std::cerr << spawn_tree{server.id()};
            opens.set();
        });
    });
}
// DOC-END: tree

// DOC: survey
[[gnu::noinline]] int dig(int kibibytes) {
    char volatile frame[1024] = {};
    frame[0] = 1;
    return kibibytes == 0 ? frame[0] : dig(kibibytes - 1) + frame[0];
}

void survey_stacks() {
    stack_survey const survey;
    for (int depth : {1, 40, 10}) {
        greenlet{[depth] { dig(depth); }, {.name = "digger"}}.switch_to();
    }
    for (stack_survey::row const& row : survey.rows()) {
        std::cout << row.count << " of " << row.name
                  << ", 40 KiB and more used: " << (row.largest >= 40 * 1024 ? "yes" : "no")
                  << '\n';
    }
}
// DOC-END: survey

}  // namespace

int main() {
    std::cout << "switches:\n";
    trace_two_greenlets();
    count_steps();
    look_at_frames();
    show_who_has_spawned_whom();
    survey_stacks();
}
