// SPDX-License-Identifier: BSL-1.0
// Two hubs on two threads, and a thread without one: work goes through shared queues.
//
// Every thread keeps its own greenlets. What crosses is items, and whoever waits for one does so in
// the way of its thread: greenlets park, the plain thread blocks.
#include <tendril/channel.hpp>
#include <tendril/hub.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>

#include <iostream>
#include <system_error>
#include <thread>

namespace {

// DOC: squares
using numbers = tendril::shared_queue<int>;

// Runs on a thread of its own, with a hub: three greenlets share the work.
void square_all(numbers& in, numbers& out) {
    tendril::run([&] {
        auto const work = [&] {
            try {
                while (true) {
                    int const number = in.get();  // parks; the other two go on
                    out.put(number * number);
                }
            } catch (std::system_error const& end) {
                if (end.code() != tendril::errc::closed) {
                    throw;
                }
            }
        };
        auto first = tendril::spawn(work);
        auto second = tendril::spawn(work);
        work();
        first.join();
        second.join();
    });
    out.close();
}

// Runs on a plain thread: the same calls block it, and it gets no hub.
void make_numbers(numbers& out) {
    for (int number = 1; number <= 10; ++number) {
        out.put(number);
    }
    out.close();
}
// DOC-END: squares

}  // namespace

int main() {
    numbers made{2};
    numbers squared{2};
    std::thread maker{[&] { make_numbers(made); }};
    std::thread worker{[&] { square_all(made, squared); }};

    int const sum = tendril::run([&] {
        int total = 0;
        try {
            while (true) {
                total += squared.get();
            }
        } catch (std::system_error const&) {
            return total;
        }
    });
    maker.join();
    worker.join();
    std::cout << "the sum of the squares of 1 to 10 is " << sum << '\n';
}
