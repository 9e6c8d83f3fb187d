// SPDX-License-Identifier: BSL-1.0
//
// What does an operation that is ready at once cost with `use_greenlet`, against the same operation
// with a callback that starts the next one? Posted functions, and reads of a byte that is there.
// Beside them stand a coroutine of Asio and, for the callbacks, a loop of Asio's own. It allocates
// nothing, which is counted.
#include <harness/compare.hpp>

#include <tendril/hub.hpp>
#include <tendril/io.hpp>
#include <tendril/testing/failing_allocations.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <new>

TENDRIL_FAILING_ALLOCATIONS();

namespace {

using local = boost::asio::local::stream_protocol;
using tendril::use_greenlet;

constexpr int concurrency_hint = 1;

// A context as every program with I/O has it: without an I/O object it would never look at the
// kernel between two functions.
struct context_with_reactor {
    boost::asio::io_context context{concurrency_hint};
    local::socket any{context, local{}};
};

// Both ends of a connection, of which one reads what the other has just written.
struct ends {
    explicit ends(boost::asio::io_context& context) : here{context}, there{context} {
        boost::asio::local::connect_pair(here, there);
    }
    void give() { there.write_some(boost::asio::buffer("x", 1)); }
    auto place() { return boost::asio::buffer(&byte, 1); }

    local::socket here;
    local::socket there;
    char byte = 0;
};

// Callbacks, each of which starts the next operation.
struct posting_callbacks {
    boost::asio::io_context& context;
    std::uint64_t left;

    void next() {
        if (left-- > 0) {
            boost::asio::post(context, [this] { next(); });
        }
    }
};
struct reading_callbacks {
    ends& pair;
    std::uint64_t left;

    void next() {
        if (left-- > 0) {
            pair.give();
            pair.here.async_read_some(
                pair.place(), [this](boost::system::error_code, std::size_t) { next(); });
        }
    }
};

void posted_callbacks(std::uint64_t iterations) {
    context_with_reactor with;
    posting_callbacks chain{with.context, iterations};
    chain.next();
    with.context.run();
}
void read_callbacks(std::uint64_t iterations) {
    boost::asio::io_context context{concurrency_hint};
    ends pair{context};
    reading_callbacks chain{pair, iterations};
    chain.next();
    context.run();
}

void posted_coroutine(std::uint64_t iterations) {
    context_with_reactor with;
    boost::asio::co_spawn(
        with.context,
        [iterations]() -> boost::asio::awaitable<void> {
            for (std::uint64_t done = 0; done < iterations; ++done) {
                co_await boost::asio::post(boost::asio::use_awaitable);
            }
        },
        boost::asio::detached);
    with.context.run();
}
void read_coroutine(std::uint64_t iterations) {
    boost::asio::io_context context{concurrency_hint};
    ends pair{context};
    boost::asio::co_spawn(
        context,
        [iterations, &pair]() -> boost::asio::awaitable<void> {
            for (std::uint64_t done = 0; done < iterations; ++done) {
                pair.give();
                co_await pair.here.async_read_some(pair.place(), boost::asio::use_awaitable);
            }
        },
        boost::asio::detached);
    context.run();
}

void posted_greenlet(std::uint64_t iterations) {
    tendril::run([=] {
        auto& context = tendril::this_hub().context();
        for (std::uint64_t done = 0; done < iterations; ++done) {
            boost::asio::post(context, use_greenlet);
        }
    });
}
void read_greenlet(std::uint64_t iterations) {
    tendril::run([=] {
        ends pair{tendril::this_hub().context()};
        for (std::uint64_t done = 0; done < iterations; ++done) {
            pair.give();
            pair.here.async_read_some(pair.place(), use_greenlet);
        }
    });
}

// Says whether operations can go on while every allocation fails. `make` makes them in the hub.
template <typename F>
bool goes_without_memory(F&& make) {
    bool succeeded = true;
    tendril::run([&] {
        auto const operate = make(tendril::this_hub().context());
        operate();
        tendril::testing::failing_allocations const all{1, tendril::testing::failure::for_ever};
        try {
            for (int count = 0; count < 1000; ++count) {
                operate();
            }
        } catch (std::bad_alloc const&) {
            succeeded = false;
        }
    });
    return succeeded;
}

bool posts_without_memory() {
    return goes_without_memory([](boost::asio::io_context& context) {
        return [&context] { boost::asio::post(context, use_greenlet); };
    });
}
bool reads_without_memory() {
    return goes_without_memory([](boost::asio::io_context& context) {
        return [pair = std::make_shared<ends>(context)] {
            pair->give();
            pair->here.async_read_some(pair->place(), use_greenlet);
        };
    });
}

}  // namespace

int main() {
    bench::ask("What does an operation that is ready at once cost with use_greenlet?");
    std::puts("  a function that is posted");
    bench::comparison posts{"ns an operation"};
    posts.add("callbacks", bench::loop(1, posted_callbacks));
    posts.add("use_greenlet", bench::loop(1, posted_greenlet), 1.2);
    posts.add("coroutine", bench::loop(1, posted_coroutine));
    posts.run();
    std::puts("  a byte that is written and read");
    bench::comparison reads{"ns an operation"};
    reads.add("callbacks", bench::loop(1, read_callbacks));
    reads.add("use_greenlet", bench::loop(1, read_greenlet), 1.2);
    reads.add("coroutine", bench::loop(1, read_coroutine));
    reads.run();
    std::printf(
        "  allocations: %s when posted, %s when read\n", posts_without_memory() ? "none" : "some",
        reads_without_memory() ? "none" : "some");
}
