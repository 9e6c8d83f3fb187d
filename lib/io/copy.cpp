// SPDX-License-Identifier: BSL-1.0
#include <tendril/hub/cancellation.hpp>
#include <tendril/io/copy.hpp>
#include <tendril/scope/cancel_scope.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/task/spawn.hpp>
#include <tendril/task/task.hpp>

#include <boost/asio/error.hpp>

#include <exception>
#include <memory>

namespace tendril::detail {
namespace {

// What a read takes at most. On the heap: stacks are small. A write to a file crosses to a thread
// and back each time, which half as much would double.
constexpr std::size_t block_of_copy = std::size_t{64} * 1024;

}  // namespace

void copy_one_way(copy_way& way, error_code& error) {
    check_interruption();
    auto const block = std::make_unique_for_overwrite<char[]>(block_of_copy);
    while (true) {
        std::size_t const size = way.read(way.from, {block.get(), block_of_copy}, error);
        if (error == boost::asio::error::eof) {
            error = {};
            break;
        }
        if (error.failed()) {
            return;
        }
        way.bytes += way.write(way.to, {block.get(), size}, error);
        if (error.failed()) {
            return;
        }
    }
    if (way.end != nullptr) {
        // When the stream has lost its peer meanwhile, the other way tells.
        error_code ignored;
        way.end(way.to, ignored);
    }
}

void copy_ways(copy_way& there, copy_way& back, error_code& error) {
    check_interruption();
    error = {};
    cancel_scope both;
    auto const run = [&](copy_way& way) {
        error_code of_this_way;
        copy_one_way(way, of_this_way);
        if (of_this_way.failed()) {
            // The other way, which ends by this, has no error of its own.
            error = of_this_way;
            both.cancel("the other direction has failed");
        }
    };
    // It goes with the task's function, and so tells of one that never begins, too.
    auto const no_result = [](cancel_scope* told) {
        told->cancel("the other direction has failed");
    };
    std::unique_ptr<cancel_scope, decltype(no_result)> fail{&both, no_result};
    task<void> other = spawn([&, fail = std::move(fail)]() mutable {
        run(back);
        static_cast<void>(fail.release());
    });
    scope_exit const end_other{[&] {
        interruption_shield const until_it_has_ended;
        other.cancel();
        other.join();
    }};
    both.run([&] {
        run(there);
        other.get();
    });
    if (std::exception_ptr const failure = other.exception()) {
        // Want of memory, perhaps; it is no error of a stream.
        std::rethrow_exception(failure);
    }
}

}  // namespace tendril::detail
