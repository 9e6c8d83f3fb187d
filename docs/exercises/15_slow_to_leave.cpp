// SPDX-License-Identifier: BSL-1.0
// Exercise 15: a wait that cannot be left at once.
//
// The device writes into the frame of whoever reads, so the frame stays until the device says that
// it has finished or stopped. A limit or a cancel only asks it to stop, and the wait goes on. What
// was read after all is returned, and then the cancellation stays pending.
#include <tendril/hub.hpp>
#include <tendril/task.hpp>
#include <tendril/testing.hpp>
#include <tendril/time.hpp>

#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

using namespace std::chrono_literals;

namespace {

// Reads in 10 ms. One that is asked to stop needs 3 ms for that, and may be done before.
class device {
public:
    void start(std::string& into, tendril::unique_function<void()> call) {
        call_ = std::move(call);
        coming_ = tendril::this_hub().call_later(10ms, [this, &into] {
            into = "data";
            finish();
        });
    }
    void ask_to_stop() {
        stopping_ = tendril::this_hub().call_later(3ms, [this] { finish(); });
    }

private:
    void finish() {
        coming_.cancel();
        stopping_.cancel();
        call_();
    }

    tendril::unique_function<void()> call_;
    tendril::callback_handle coming_;
    tendril::callback_handle stopping_;
};

// DOC: slow_to_leave
class reading final : public tendril::waiter {
public:
    explicit reading(device& from) : waiter{"a device"}, from_{from} {}

    // Returns what was read; empty when the limit ran out before.
    std::optional<std::string> await(tendril::deadline limit) {
        // What could be refused comes before anything has begun.
        tendril::check_interruption();
        home().require_may_park();
        from_.start(data_, [this] { wake(); });
        {
            tendril::park_limit const alarm{*this, limit};
            park_operation();  // delivers nothing: it returns when the device has called
        }
        if (!data_.empty()) {
            return data_;
        }
        if (wanted() == outcome::interrupted) {
            tendril::check_interruption();  // what it was stopped for is still pending
        }
        return std::nullopt;
    }

private:
    bool withdraw() noexcept override {
        from_.ask_to_stop();
        return false;  // not yet; a wake will follow
    }

    device& from_;
    std::string data_;
};
// DOC-END: slow_to_leave

// Reads with a limit, and is cancelled after a while, if that is told.
void read(char const* what, std::chrono::milliseconds limit, std::chrono::milliseconds cancelled) {
    std::cout << what << ": ";
    auto reads = tendril::spawn([limit] {
        device from;
        auto const data = reading{from}.await(tendril::deadline::after(limit));
        std::cout << data.value_or("nothing in time") << ", ";
        tendril::yield();
    });
    if (!reads.join_for(cancelled)) {
        reads.cancel();
        reads.join();
    }
    std::cout << (reads.was_cancelled() ? "cancelled\n" : "ended\n");
}

}  // namespace

int main() {
    tendril::testing::virtual_clock clock;
    tendril::run({.clock = &clock}, [&clock] {
        auto const begin = clock.now();
        read("undisturbed", 20ms, 1s);
        read("a limit of 5 ms", 5ms, 1s);
        read("a limit of 9 ms, met after all", 9ms, 1s);
        read("cancelled after 5 ms", 20ms, 5ms);
        read("cancelled after 9 ms", 20ms, 9ms);
        auto const spent = std::chrono::duration_cast<std::chrono::milliseconds>(
            clock.now() - begin);
        std::cout << spent.count() << " ms of the clock\n";
    });
}
