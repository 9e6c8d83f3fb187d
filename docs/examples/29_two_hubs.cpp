// SPDX-License-Identifier: BSL-1.0
// Two hubs on two threads, and a thread without one: work goes through shared queues.
//
// Every thread keeps its own greenlets. What crosses is items, and whoever waits for one does so in
// the way of its thread: greenlets park, the plain thread blocks.
#include <tendril/channel.hpp>
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/support.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>

#include <iostream>
#include <system_error>
#include <thread>

namespace {

// Calls it, and takes the end of a queue for the end of the work.
template <typename F>
void until_closed(F const& work) {
    try {
        work();
    } catch (std::system_error const& end) {
        if (end.code() != tendril::errc::closed) {
            throw;
        }
    }
}

// DOC: squares
using numbers = tendril::shared_queue<int>;

// Runs on a thread of its own, with a hub: three greenlets share the work.
void square_all(numbers& in, numbers& out) {
    // However this ends, nobody waits for it any more.
    tendril::scope_exit const closed{[&] {
        in.close();
        out.close();
    }};
    auto const work = [&] {
        while (true) {
            int const number = in.get();  // parks; the other two go on
            out.put(number * number);
        }
    };
    tendril::run([&] {
        tendril::with_task_group([&](tendril::task_group& group) {
            for (int each = 0; each < 3; ++each) {
                group.spawn([&] { until_closed(work); });
            }
        });
    });
}

// Runs on a plain thread: the same calls block it, and it gets no hub.
void make_numbers(numbers& out) {
    until_closed([&] {
        for (int number = 1; number <= 10; ++number) {
            out.put(number);
        }
    });
    out.close();
}
// DOC-END: squares

}  // namespace

int main() {
    numbers made{2};
    numbers squared{2};
    std::jthread const maker{[&] { make_numbers(made); }};
    std::jthread const worker{[&] { square_all(made, squared); }};

    int const sum = tendril::run([&] {
        tendril::scope_exit const closed{[&] { squared.close(); }};
        int total = 0;
        until_closed([&] {
            while (true) {
                total += squared.get();
            }
        });
        return total;
    });
    std::cout << "the sum of the squares of 1 to 10 is " << sum << '\n';
}
