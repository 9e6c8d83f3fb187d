// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <tendril/channel.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/sync.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace tendril::test {
namespace {

template <typename Queue>
bool is_over(Queue const& q) {
    if constexpr (requires { q.closed(); }) {
        return q.closed();
    } else {
        return q.is_shut_down();
    }
}

// Who gets the item puts another one in, so that one is left at the end.
template <typename Queue>
auto gets_of(std::string name, void (*end)(Queue&)) {
    return [=](bool timed) {
        auto const q = std::make_shared<Queue>();
        auto const put = [=] { q->try_put(7); };
        return blocking_call{
            .name = name,
            .take =
                [=](deadline limit) {
                    return timed ? q->get_until(limit).has_value() : q->get() == 7;
                },
            .give = put,
            .give_on = put,
            .close = [=] { end(*q); },
            .at_rest = [=] { return is_over(*q) || (q->size() == 1 && *q->try_get() == 7); },
        };
    };
}

template <typename Queue>
auto puts_of(std::string name, void (*end)(Queue&)) {
    return [=](bool timed) {
        auto const q = std::make_shared<Queue>(1);
        q->try_put(1);
        auto const get = [=] { q->try_get(); };
        return blocking_call{
            .name = name,
            .take =
                [=](deadline limit) {
                    if (timed) {
                        return q->put_until(limit, 2);
                    }
                    q->put(2);
                    return true;
                },
            .give = get,
            .give_on = get,
            .close = [=] { end(*q); },
            .at_rest = [=] { return is_over(*q) || q->size() == 0; },
        };
    };
}

template <typename Queue>
auto peeks_of(std::string name) {
    return [=](bool timed) {
        auto const q = std::make_shared<Queue>();
        return blocking_call{
            .name = name,
            .take =
                [=](deadline limit) {
                    return timed ? q->peek_until(limit).has_value() : q->peek() == 7;
                },
            .give = [=] { q->try_put(7); },
            .close = [=] { q->shutdown(); },
            .at_rest = [=] { return q->is_shut_down() || *q->try_get() == 7; },
        };
    };
}

template <typename Queue>
auto joins_of(std::string name) {
    return [=](bool timed) {
        auto const q = std::make_shared<Queue>();
        q->try_put(1);
        return blocking_call{
            .name = name,
            .take =
                [=](deadline limit) {
                    if (timed) {
                        return q->join_until(limit);
                    }
                    q->join();
                    return true;
                },
            .give = [=] { q->task_done(); },
        };
    };
}

template <typename Queue>
void add_queue(calls& all, std::string const& name) {
    auto const end = [](Queue& q) { q.shutdown(); };
    add_both(all, gets_of<Queue>(name + "::get", end));
    add_both(all, puts_of<Queue>(name + "::put", end));
    add_both(all, peeks_of<Queue>(name + "::peek"));
    add_both(all, joins_of<Queue>(name + "::join"));
}

using numbers = channel<int>;
using receive_by = std::function<bool(numbers&, deadline)>;

call_maker received(std::string name, std::size_t capacity, bool timed, receive_by receive) {
    return [=] {
        auto const c = std::make_shared<numbers>(capacity);
        return blocking_call{
            .name = name + ", capacity " + std::to_string(capacity),
            .take = [=](deadline limit) { return receive(*c, limit); },
            .give = [=] { c->try_send(7); },
            .give_on = [=] { c->try_send(7); },
            .close = [=] { c->close(); },
            .at_rest = [=] { return c->closed() || c->size() == capacity; },
            .timed = timed,
        };
    };
}

call_maker sent(std::string name, std::size_t capacity, bool timed, receive_by send) {
    return [=] {
        auto const c = std::make_shared<numbers>(capacity);
        if (capacity > 0) {
            c->try_send(1);
        }
        auto const receive = [=] { c->try_receive(); };
        return blocking_call{
            .name = name + ", capacity " + std::to_string(capacity),
            .take = [=](deadline limit) { return send(*c, limit); },
            .give = receive,
            .give_on = receive,
            .close = [=] { c->close(); },
            .at_rest = [=] { return c->closed() || c->size() == 0; },
            .timed = timed,
        };
    };
}

// Arms for a channel, an event that nobody sets, and a limit.
bool select_with(auto&& arm, event& never_set, deadline limit) {
    bool in_time = true;
    select(std::forward<decltype(arm)>(arm), never_set.on_set([] {}), at(limit, [&] {
               in_time = false;
           }));
    return in_time;
}

void add_channel(calls& all, std::size_t capacity) {
    auto const add_received = [&](char const* name, bool timed, receive_by receive) {
        all.push_back(received(name, capacity, timed, std::move(receive)));
    };
    auto const add_sent = [&](char const* name, bool timed, receive_by send) {
        all.push_back(sent(name, capacity, timed, std::move(send)));
    };
    add_received("channel::receive", false, [](numbers& c, deadline) { return c.receive() == 7; });
    add_received("channel::receive, with a limit", true, [](numbers& c, deadline limit) {
        return c.receive_until(limit).has_value();
    });
    add_received("channel::next", false, [](numbers& c, deadline) {
        if (std::optional<int> const number = c.next()) {
            return *number == 7;
        }
        throw channel_closed{};
    });
    add_received("channel, in a loop", false, [](numbers& c, deadline) {
        for (int const number : c) {
            return number == 7;
        }
        throw channel_closed{};
    });
    add_sent("channel::send", false, [](numbers& c, deadline) {
        c.send(2);
        return true;
    });
    add_sent("channel::send, with a limit", true, [](numbers& c, deadline limit) {
        return c.send_until(limit, 2);
    });
    auto const never_set = std::make_shared<event>();
    add_received("select of a receive", true, [=](numbers& c, deadline limit) {
        return select_with(c.on_receive([](int) {}), *never_set, limit);
    });
    add_sent("select of a send", true, [=](numbers& c, deadline limit) {
        return select_with(c.on_send(2, [] {}), *never_set, limit);
    });
}

// The handles to one end of a channel.
call_maker received_from_an_end() {
    struct both_ends {
        sender<int> out;
        receiver<int> in;
    };
    return [] {
        auto [out, in] = open_channel<int>();
        auto const ends = std::make_shared<both_ends>(both_ends{std::move(out), std::move(in)});
        return blocking_call{
            .name = "receiver::receive",
            .take = [=](deadline) { return ends->in.receive() == 7; },
            .give = [=] { ends->out.try_send(7); },
            .give_on = [=] { ends->out.try_send(7); },
        };
    };
}

}  // namespace

void add_calls_of_channel(calls& all) {
    add_queue<queue<int>>(all, "queue");
    add_queue<lifo_queue<int>>(all, "lifo_queue");
    add_queue<priority_queue<int>>(all, "priority_queue");
    auto const end = [](shared_queue<int>& q) { q.close(); };
    add_both(all, gets_of<shared_queue<int>>("shared_queue::get", end));
    add_both(all, puts_of<shared_queue<int>>("shared_queue::put", end));
    add_channel(all, 0);
    add_channel(all, 1);
    all.push_back(received_from_an_end());
}

}  // namespace tendril::test
