// SPDX-License-Identifier: BSL-1.0
// Exercise 23: a completion token of one's own.
//
// A token says what the call returns and how the handler is made. This one parks, and turns the
// handler's error into an exception. The frame holds what the handler points to, so the greenlet
// must not leave before the handler has been called, whatever it is told: it parks shielded. Who
// is cancelled meanwhile hears of it at its next wait. So a wait that has no end is not one to use
// it for: `use_greenlet` asks the operation to stop, and this one does not.
#include <tendril/hub.hpp>
#include <tendril/io.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/steady_timer.hpp>

#include <iostream>
#include <utility>

using namespace std::chrono_literals;

namespace {

// DOC: token
struct park_here_t {};
constexpr park_here_t park_here{};

// What the handler and the greenlet share, in the greenlet's frame.
class operation_here final : public tendril::waiter {
public:
    operation_here() : waiter{"an operation of Asio"} {}
    tendril::error_code error;

private:
    bool withdraw() noexcept override { return false; }  // a wake will come in any case
};
// DOC-END: token

}  // namespace

// DOC: result
template <>
class boost::asio::async_result<park_here_t, void(boost::system::error_code)> {
public:
    template <typename Initiation, typename... Args>
    static void initiate(Initiation&& initiation, park_here_t, Args&&... args) {
        tendril::check_interruption();
        operation_here me;
        std::forward<Initiation>(initiation)(
            [&me](boost::system::error_code error) {
                me.error = error;
                me.wake();
            },
            std::forward<Args>(args)...);
        me.park_shielded();
        if (me.error) {
            throw boost::system::system_error{me.error};
        }
    }
};
// DOC-END: result

int main() {
    tendril::run([] {
        boost::asio::steady_timer timer{tendril::this_hub().context()};
        timer.expires_after(1ms);
        timer.async_wait(park_here);
        std::cout << "the timer has expired\n";

        timer.expires_after(1h);
        auto waiting = tendril::spawn([&] {
            try {
                timer.async_wait(park_here);
            } catch (boost::system::system_error const& error) {
                std::cout << "the timer says: " << error.code().message() << '\n';
            }
            tendril::yield();
            std::cout << "this is not reached\n";
        });
        tendril::yield();
        waiting.cancel();  // is kept until the operation has ended
        tendril::yield();
        std::cout << "still waiting: " << std::boolalpha << !waiting.done() << '\n';
        timer.cancel();
        waiting.join();
        std::cout << "cancelled: " << waiting.was_cancelled() << '\n';
    });
}
