// SPDX-License-Identifier: BSL-1.0
//
// A completion and what would end the wait meet in one turn, in every order; and other threads.
#include <harness/failing_allocations.hpp>
#include <harness/network.hpp>
#include <harness/stress.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/hub/no_switch.hpp>
#include <tendril/io/use_greenlet.hpp>
#include <tendril/scope/cancel_scope.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/write.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using local = boost::asio::local::stream_protocol;
namespace asio_error = boost::asio::error;

struct local_pair {
    explicit local_pair(boost::asio::io_context& context) : here{context}, there{context} {
        boost::asio::local::connect_pair(here, there);
    }
    local::socket here;
    local::socket there;
};

// A context that another thread runs.
class foreign_context {
public:
    ~foreign_context() {
        busy_.reset();
        thread_.join();
    }
    boost::asio::io_context& context() { return context_; }

private:
    boost::asio::io_context context_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy_ =
        boost::asio::make_work_guard(context_);
    std::thread thread_{[this] { context_.run(); }};
};

// How waits have ended.
struct ends {
    int completed = 0;
    int interrupted = 0;

    void print(char const* what) const {
        std::printf("%s: %d completed, %d were interrupted\n", what, completed, interrupted);
    }
};

// Reads one byte, and looks whether what was sent is lost or there twice.
struct one_byte_reader {
    local_pair& pair;
    int received = 0;

    void read() {
        char byte = 0;
        pair.here.async_read_some(boost::asio::buffer(&byte, 1), use_greenlet);
        ++received;
    }
    void send() const { pair.there.write_some(boost::asio::buffer("x", 1)); }
    // What is still in the kernel.
    void drain() {
        char byte = 0;
        error_code error;
        pair.here.non_blocking(true);
        received += static_cast<int>(pair.here.read_some(boost::asio::buffer(&byte, 1), error));
    }
};

// The ways to interrupt.
enum class way { cancel, kill, exit, limit, scope };

// A greenlet that waits for an operation, which ends as the test says.
class interrupted_call {
public:
    explicit interrupted_call(way how) : how_{how} {
        waiting_ = spawn([this] { run(); });
        test::settle();
    }
    void finish(error_code end) { std::exchange(finish_, nullptr)(end); }
    void interrupt() {
        switch (how_) {
        case way::cancel:
            waiting_.cancel();
            break;
        case way::kill:
            waiting_.kill(std::runtime_error{"killed"});
            break;
        case way::exit:
            waiting_.kill();
            break;
        case way::limit:
            sleep_for(1s);
            break;
        case way::scope:
            scope_.cancel();
            break;
        }
    }
    void join() const { waiting_.join(); }

    std::string seen;

private:
    void run() {
        std::optional<timeout> limit;
        if (how_ == way::limit) {
            limit.emplace(1s);
        }
        if (how_ == way::scope) {
            scope_.run([this] { operate(); });
        } else {
            operate();
        }
        limit.reset();
        static_cast<void>(test::interruption_of([] { yield(); }));
    }
    void operate() {
        seen = test::interruption_of([this] {
            boost::asio::async_initiate<use_greenlet_t const, void(error_code)>(
                [this](auto handler) {
                    finish_ = [handler = std::move(handler)](error_code end) mutable {
                        std::move(handler)(end);
                    };
                },
                use_greenlet);
        });
    }

    way how_;
    cancel_scope scope_;
    unique_function<void(error_code)> finish_;
    task<void> waiting_;
};

}  // namespace

TENDRIL_HUB_TEST(use_greenlet_races, a_completion_and_a_cancellation_in_one_turn_lose_nothing) {
    int const laps = test::laps(1'000, 100'000);
    local_pair pair{this_hub().context()};
    one_byte_reader reader{pair};
    ends seen;
    for (int lap = 0; lap < laps; ++lap) {
        auto waiting = spawn([&] { reader.read(); });
        // Between the two there are none, one or a few turns.
        for (int turn = lap % 3; turn > 0; --turn) {
            yield();
        }
        auto const send = [&] { reader.send(); };
        auto const cancel = [&] { waiting.cancel(); };
        lap % 2 == 0 ? send() : cancel();
        for (int turn = lap / 6 % 3; turn > 0; --turn) {
            yield();
        }
        lap % 2 == 0 ? cancel() : send();
        waiting.join();
        int const before = reader.received;
        (waiting.succeeded() ? seen.completed : seen.interrupted) += 1;
        if (!waiting.succeeded()) {
            reader.drain();
            ASSERT_EQ(reader.received, before + 1) << "a byte was lost in lap " << lap;
        }
    }
    seen.print("reads");
    EXPECT_EQ(reader.received, laps);
}

TENDRIL_HUB_TEST(use_greenlet_races, every_kind_of_interruption_meets_every_end) {
    int const laps = test::laps(20, 2'000);
    int cells = 0;
    error_code const ends[] = {{}, asio_error::connection_reset, asio_error::operation_aborted};
    for (way const how : {way::cancel, way::kill, way::exit, way::limit, way::scope}) {
        for (error_code const& end : ends) {
            for (int lap = 0; lap < laps; ++lap) {
                bool const interrupted_first = lap % 2 == 0;
                interrupted_call call{how};
                if (interrupted_first) {
                    call.interrupt();
                }
                call.finish(end);
                if (!interrupted_first) {
                    call.interrupt();
                }
                call.join();
                bool const aborted = end == asio_error::operation_aborted;
                std::string const plain = end.failed() ? system_error{end}.what() : "returned";
                EXPECT_EQ(call.seen == plain, !(interrupted_first && aborted)) << call.seen;
                ++cells;
            }
        }
    }
    std::printf("%d meetings\n", cells);
}

TENDRIL_HUB_TEST(use_greenlet_races, a_channel_that_is_cancelled_ends_with_the_interruption) {
    boost::asio::experimental::channel<void(error_code, int)> channel{this_hub().context(), 0};
    auto waiting = spawn([&] { channel.async_receive(use_greenlet); });
    test::settle();
    waiting.cancel();
    waiting.join();
    EXPECT_TRUE(waiting.was_cancelled());
}

TENDRIL_HUB_TEST(use_greenlet_races, a_hub_closes_with_operations_of_every_kind_outstanding) {
    int const count = test::laps(100, 10'000);
    local_pair pair{this_hub().context()};
    foreign_context other;
    int ended = 0;
    for (int number = 0; number < count; ++number) {
        spawn([&, number] {
            struct note {
                int& count;
                ~note() { ++count; }
            } const at_end{ended};
            boost::asio::steady_timer timer{
                number % 2 == 0 ? this_hub().context() : other.context(), 1h};
            if (number % 3 == 0) {
                char data[8];
                pair.here.async_receive(boost::asio::buffer(data), use_greenlet);
            }
            timer.async_wait(use_greenlet);
        });
    }
    test::settle();
    this_hub().close();
    EXPECT_EQ(ended, count);
}

// Other threads.

TENDRIL_HUB_TEST(use_greenlet_races, operations_on_a_foreign_context_are_cancelled_safely) {
    int const laps = test::laps(300, 100'000);
    foreign_context other;
    ends seen;
    for (int lap = 0; lap < laps; ++lap) {
        boost::asio::steady_timer timer{
            other.context(), lap % 2 == 0 ? std::chrono::nanoseconds{1us} : 1h};
        auto waiting = spawn([&] { timer.async_wait(use_greenlet); });
        for (int turn = lap % 7; turn > 0; --turn) {
            yield();
        }
        waiting.cancel();
        waiting.join();
        (waiting.succeeded() ? seen.completed : seen.interrupted) += 1;
    }
    seen.print("timers of another thread");
    EXPECT_GE(seen.interrupted, laps / 2);
}

TENDRIL_HUB_TEST(
    use_greenlet_races, composed_operations_on_a_foreign_context_are_cancelled_safely) {
    int const laps = test::laps(200, 20'000);
    foreign_context other;
    ends seen;
    for (int lap = 0; lap < laps; ++lap) {
        local_pair pair{other.context()};
        std::string text(4, '\0');
        auto waiting = spawn(
            [&] { boost::asio::async_read(pair.here, boost::asio::buffer(text), use_greenlet); });
        boost::asio::write(pair.there, boost::asio::buffer("ab", 2));
        for (int turn = lap % 5; turn > 0; --turn) {
            yield();
        }
        if (lap % 2 == 0) {
            boost::asio::write(pair.there, boost::asio::buffer("cd", 2));
        }
        if (lap % 4 == 0) {
            waiting.join();
        }
        waiting.cancel();
        waiting.join();
        (waiting.succeeded() ? seen.completed : seen.interrupted) += 1;
    }
    seen.print("reads of another thread");
}

TENDRIL_HUB_TEST(use_greenlet_races, a_handler_bound_to_a_foreign_executor_wakes_its_greenlet) {
    int const laps = test::laps(300, 20'000);
    foreign_context other;
    auto const here = std::this_thread::get_id();
    for (int lap = 0; lap < laps; ++lap) {
        boost::asio::post(
            this_hub().context(),
            boost::asio::bind_executor(other.context().get_executor(), use_greenlet));
        ASSERT_EQ(std::this_thread::get_id(), here);
    }
}

TENDRIL_HUB_TEST(
    use_greenlet_races, a_foreign_context_that_stops_and_goes_gives_its_operations_up) {
    std::optional<boost::asio::io_context> other{std::in_place};
    auto patient = spawn(
        [&] { return test::code_of([&] { boost::asio::post(*other, use_greenlet); }); });
    auto cancelled_one = spawn([&] {
        boost::asio::steady_timer timer{*other, 1h};
        timer.async_wait(use_greenlet);
    });
    test::settle();
    other->stop();
    cancelled_one.cancel();
    test::settle();
    EXPECT_FALSE(cancelled_one.done());
    // It goes on where it stopped.
    other->restart();
    other->run();
    cancelled_one.join();
    EXPECT_TRUE(cancelled_one.was_cancelled());
    EXPECT_FALSE(patient.get().failed());

    auto left = spawn(
        [&] { return test::code_of([&] { boost::asio::post(*other, use_greenlet); }); });
    test::settle();
    other.reset();
    EXPECT_EQ(left.get(), asio_error::operation_aborted);
}

// What must not be parked in.

TENDRIL_HUB_TEST(use_greenlet_races, a_strand_of_the_hub_is_no_place_to_park_in) {
    auto strand = boost::asio::make_strand(this_hub().context());
    std::string refused;
    boost::asio::dispatch(strand, [&] {
        refused = test::text_of([] { boost::asio::post(this_hub().context(), use_greenlet); });
    });
    test::settle();
    EXPECT_NE(refused.find("callback"), std::string::npos);
}

TENDRIL_HUB_TEST(
    use_greenlet_races, a_strand_that_runs_on_the_greenlets_stack_is_guarded_by_no_switch) {
    auto strand = boost::asio::make_strand(boost::asio::system_executor{});
    bool started = false;
    bool refused = false;
    boost::asio::dispatch(strand, [&] {
        no_switch const alone;
        try {
            boost::asio::async_initiate<use_greenlet_t const, void()>(
                [&](auto) { started = true; }, use_greenlet);
        } catch (misuse const&) {
            refused = true;
        }
    });
    EXPECT_TRUE(refused);
    EXPECT_FALSE(started);
}

// Memory.

TENDRIL_HUB_TEST(use_greenlet_races, the_common_operations_allocate_nothing) {
    local_pair pair{this_hub().context()};
    boost::asio::steady_timer timer{this_hub().context()};
    char data[8];
    auto const lap = [&] {
        boost::asio::post(this_hub().context(), use_greenlet);
        timer.expires_at(std::chrono::steady_clock::time_point::min());
        timer.async_wait(use_greenlet);
        pair.there.async_write_some(boost::asio::buffer("x", 1), use_greenlet);
        error_code error;
        pair.here.async_read_some(boost::asio::buffer(data), use_greenlet[error]);
    };
    lap();
    test::no_allocation const until_end;
    for (int count = 0; count < 10; ++count) {
        lap();
    }
}

TENDRIL_HUB_TEST(use_greenlet_races, a_wait_that_is_cancelled_allocates_nothing_for_it) {
    local_pair pair{this_hub().context()};
    auto waiting = spawn([&] {
        char data[8];
        pair.here.async_read_some(boost::asio::buffer(data), use_greenlet);
    });
    test::settle();
    {
        test::no_allocation const until_end;
        waiting.cancel();
    }
    waiting.join();
    EXPECT_TRUE(waiting.was_cancelled());
}
