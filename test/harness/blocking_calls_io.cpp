// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/use_greenlet.hpp>

#include <boost/asio/experimental/channel.hpp>

#include <memory>

namespace tendril::test {
namespace {

// Floor io: the token, and what waits with it.

using number_channel = boost::asio::experimental::channel<void(error_code, int)>;

// Somebody who takes a number from a channel of Asio's.
template <typename Take>
call_maker from_channel_of_asio(char const* name, Take take) {
    return [=] {
        auto const channel = std::make_shared<number_channel>(this_hub().context(), 4);
        auto const give = [=] { channel->try_send(error_code{}, 7); };
        return blocking_call{
            .name = name,
            .take = [=](deadline) { return take(*channel) == 7; },
            .give = give,
            .give_on = give,
            .close = [=] { channel->close(); },
            .at_rest =
                [=] {
                    // The number that went round is there again, once, or the channel was closed.
                    bool const there = channel->try_receive([](error_code, int) {});
                    return there || !channel->is_open();
                },
            .stops_later = true,
        };
    };
}

}  // namespace

void add_calls_of_io(calls& all) {
    all.push_back(from_channel_of_asio("use_greenlet", [](number_channel& channel) {
        return channel.async_receive(use_greenlet);
    }));
    all.push_back(from_channel_of_asio("use_greenlet[error]", [](number_channel& channel) {
        error_code error;
        int const number = channel.async_receive(use_greenlet[error]);
        if (error.failed()) {
            throw system_error{error};
        }
        return number;
    }));
}

}  // namespace tendril::test
