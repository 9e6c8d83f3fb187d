// SPDX-License-Identifier: BSL-1.0
// Greenlets in a program that has its own event loop.
//
// The program owns an io_context and runs it, with timers and handlers as ever. A hub on top of it
// adds greenlets: they run while the context is run, and nobody else has to know.
#include <tendril/channel.hpp>
#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <iostream>

using namespace std::chrono_literals;

namespace {

// The old part of the program: a timer, and a handler that starts it again.
class sensor {
public:
    sensor(boost::asio::io_context& context, tendril::queue<int>& readings)
        : timer_{context},
          readings_{readings} {}

    void measure() {
        timer_.expires_after(1ms);
        timer_.async_wait([this](boost::system::error_code) {
            readings_.try_put(++last_);  // a handler must not wait: try_put never does
            if (last_ < 3) {
                measure();
            }
        });
    }

private:
    boost::asio::steady_timer timer_;
    tendril::queue<int>& readings_;
    int last_ = 0;
};

}  // namespace

int main() {
    // DOC: embedded
    boost::asio::io_context context;  // the program's, which outlives the hub
    tendril::hub hub{context, tendril::embedded};

    tendril::queue<int> readings;
    sensor old_part{context, readings};
    old_part.measure();

    auto new_part = tendril::spawn([&] {
        int sum = 0;
        for (int count = 0; count < 3; ++count) {
            int const reading = readings.get();  // parks; the context goes on
            std::cout << "reading " << reading << '\n';
            sum += reading;
        }
        return sum;
    });

    std::cout << "nothing has run yet\n";
    context.run();  // greenlets run in here, and it returns when no task is left
    std::cout << "the sum is " << new_part.get() << '\n';
    hub.close();  // when the context is not being run
    // DOC-END: embedded
}
