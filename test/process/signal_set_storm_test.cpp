// SPDX-License-Identifier: BSL-1.0
//
// Signals while everything else goes on: a timer interrupts whatever call is under way, every
// millisecond, and the handler does not ask for calls to be made again.
#include <harness/children.hpp>
#include <harness/hubs.hpp>
#include <harness/own_folder.hpp>
#include <harness/signal_storm.hpp>
#include <harness/signals.hpp>
#include <harness/stress.hpp>
#include <tendril/file/file.hpp>
#include <tendril/file/file_contents.hpp>
#include <tendril/file/pipe.hpp>
#include <tendril/process/run_process.hpp>
#include <tendril/process/signal_handler.hpp>
#include <tendril/process/signal_set.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/task/spawn.hpp>

#include <boost/asio/buffer.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::signal_storm;

// Signals to wait for, a file, a pipe and a child, each in a greenlet of its own. Returns whether
// all was as it should be.
bool does_all_at_once(signal_set& set, test::own_folder const& folder) {
    bool holds = true;
    auto const require = [&](bool condition) { holds = holds && condition; };
    with_task_group([&](task_group& group) {
        group.spawn([&] { require(set.wait() == SIGUSR1); });
        group.spawn([&] {
            std::string const path = folder.file("file");
            file written = file::create(path);
            written.write(boost::asio::buffer(std::string(100'000, 'x')));
            written.sync();
            written.close();
            require(read_file(path).size() == 100'000);
        });
        group.spawn([&] {
            auto ends = make_pipe();
            auto reading = spawn([&] {
                std::string text(200'000, ' ');
                std::size_t size = 0;
                while (size < text.size()) {
                    size += ends.reader.read_some(
                        boost::asio::buffer(text.data() + size, text.size() - size));
                }
                return size;
            });
            ends.writer.write(boost::asio::buffer(std::string(200'000, 'y')));
            require(reading.get() == 200'000);
        });
        group.spawn([&] {
            auto const said = run_process({.program = "cat"}, {.input = "hello"});
            require(said.output == "hello");
            std::raise(SIGUSR1);
        });
    });
    return holds;
}

}  // namespace

TENDRIL_TEST(signal_set_storm, signals_files_pipes_and_children_survive_interrupted_calls) {
    test::own_folder const folder;
    run([&] {
        signal_set set{SIGUSR1};
        signal_storm const storm;
        int rounds = 0;
        while (signal_storm::count() < test::laps(50, 5000)) {
            ASSERT_TRUE(does_all_at_once(set, folder));
            ++rounds;
        }
        std::printf("%d rounds under %d signals\n", rounds, signal_storm::count());
    });
}

TENDRIL_TEST(signal_set_storm, a_timer_of_the_system_can_be_waited_for) {
    run([] {
        signal_set ticks{SIGALRM};
        itimerval const often{.it_interval = {0, 1000}, .it_value = {0, 1000}};
        ::setitimer(ITIMER_REAL, &often, nullptr);
        for (int tick = 0; tick < test::laps(20, 2000); ++tick) {
            EXPECT_EQ(ticks.wait(), SIGALRM);
        }
        itimerval const never{};
        ::setitimer(ITIMER_REAL, &never, nullptr);
    });
}

TENDRIL_TEST(signal_set_storm, no_signal_from_another_thread_is_lost_between_look_and_wait) {
    run([] {
        int const wanted = test::laps(2000, 200'000);
        std::atomic<int> received{0};
        signal_set set{SIGUSR1};
        std::thread sending{[&, to = ::pthread_self()] {
            for (int sent = 0; sent < wanted; ++sent) {
                ::pthread_kill(to, SIGUSR1);
                while (received == sent) {
                    std::this_thread::yield();
                }
            }
        }};
        while (received < wanted) {
            EXPECT_EQ(set.wait(), SIGUSR1);
            ++received;
        }
        sending.join();
        EXPECT_EQ(set.try_wait(), std::nullopt);
    });
}

TENDRIL_TEST(signal_set_storm, sets_come_and_go_on_several_threads_while_signals_arrive) {
    test::counting_handler const former{SIGUSR1};
    int const laps = test::laps(200, 20'000);
    std::vector<std::thread> threads;
    for (int number = 0; number < 3; ++number) {
        threads.emplace_back([laps] {
            run([laps] {
                for (int lap = 0; lap < laps; ++lap) {
                    signal_set set{SIGUSR1, SIGUSR2};
                    std::raise(SIGUSR1);
                    EXPECT_EQ(set.wait(), SIGUSR1);
                    signal_handler const handler{SIGUSR1, [] {}};
                    std::raise(SIGUSR1);
                    yield();
                }
            });
        });
    }
    for (std::thread& each : threads) {
        each.join();
    }
    EXPECT_EQ(former.count(), 0);
    EXPECT_TRUE(former.is_in_place());
}
