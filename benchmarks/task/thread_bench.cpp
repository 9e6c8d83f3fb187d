// SPDX-License-Identifier: BSL-1.0
//
// What does a call in a thread of a pool cost, there and back, against a post to a thread pool of
// Asio and a post back?
#include <harness/compare.hpp>

#include <tendril/hub.hpp>
#include <tendril/task.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace tendril;
namespace asio = boost::asio;

void run_in_threads(std::uint64_t iterations) {
    run([=] {
        thread_pool pool{{.maximum_size = 1}};
        for (std::uint64_t done = 0; done < iterations; ++done) {
            pool.run([] {});
        }
    });
}

// What Asio's loop waits in: for posts alone it needs a condition variable only; one that waits for
// descriptors as well, as the hub always does, sleeps in the kernel's poll.
enum class loop_of { posts, posts_and_descriptors };

// One round trip at a time, as the greenlet above makes them.
class round_trips {
public:
    round_trips(std::uint64_t count, loop_of kind) : left_{count} {
        if (kind == loop_of::posts_and_descriptors) {
            int ends[2];
            if (::pipe(ends) != 0) {
                std::abort();
            }
            silent_.emplace(home_, ends[0]);
            other_end_.emplace(home_, ends[1]);
            silent_->async_wait(asio::posix::stream_descriptor::wait_read, [](auto) {});
        }
    }

    void run() {
        asio::post(home_, [this] { next(); });
        home_.run();
        pool_.join();
    }

private:
    void next() {
        if (left_-- == 0) {
            keep_.reset();
            silent_.reset();
            return;
        }
        asio::post(pool_, [this] { asio::post(home_, [this] { next(); }); });
    }

    std::uint64_t left_;
    asio::io_context home_{1};
    asio::executor_work_guard<asio::io_context::executor_type> keep_ = asio::make_work_guard(home_);
    std::optional<asio::posix::stream_descriptor> silent_;
    std::optional<asio::posix::stream_descriptor> other_end_;
    asio::thread_pool pool_{1};
};

template <loop_of kind>
void post_there_and_back(std::uint64_t iterations) {
    round_trips{iterations, kind}.run();
}

}  // namespace

// With a name and a number, only makes so many round trips of one kind: for tools that count
// instructions.
int main(int argc, char** argv) {
    constexpr auto bare = post_there_and_back<loop_of::posts>;
    constexpr auto complete = post_there_and_back<loop_of::posts_and_descriptors>;
    if (argc > 2) {
        std::string_view const kind{argv[1]};
        auto const count = std::stoull(argv[2]);
        (kind == "bare" ? bare : kind == "asio" ? complete : run_in_threads)(count);
        return 0;
    }
    bench::ask("What does a call in a thread of a pool cost, there and back?");
    bench::comparison calls{"ns of the caller's processor time a call"};
    calls.add("asio::post there and back, descriptors too", bench::loop(1, complete));
    calls.add("asio::post there and back, posts alone", bench::loop(1, bare));
    calls.add("thread_pool::run", bench::loop(1, run_in_threads), 1.3);
    calls.run();
}
