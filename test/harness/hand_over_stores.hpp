// SPDX-License-Identifier: BSL-1.0
#pragma once

// Queues of every kind, channels and select, and what must hold of the items in them.

#include <harness/hand_over_deeds.hpp>
#include <harness/hand_over_ledger.hpp>
#include <tendril/channel.hpp>
#include <tendril/sync.hpp>

#include <cstddef>
#include <limits>
#include <optional>

namespace tendril::test {

class stores {
public:
    stores(verdict& judge, world_options const& options)
        : judge_{judge},
          options_{options},
          items_{options.capacity},
          last_in_{options.capacity},
          ranked_{options.capacity},
          buffered_{options.capacity} {}

    /// Does it, if it is a deed with items, for the greenlet of that number; returns whether it is.
    bool perform(step const& what, std::size_t who);

    /// Checks that a greenlet may wait in this deed although nobody can go on any more; returns
    /// whether it is one of these.
    bool judge_wait(deed of);

    /// Shuts all down.
    void close();

    /// At the end, every item is somewhere, once.
    void judge_end();

private:
    template <typename Queue>
    void put(Queue& into, store where, step const& what, std::size_t who);
    template <typename Queue>
    void get(Queue& from, store where, step const& what, std::size_t who);
    void send(channel<int>& into, store where, step const& what, std::size_t who);
    void receive(channel<int>& from, store where, step const& what, std::size_t who);
    void select_to_receive(step const& what, std::size_t who);
    void select_to_send(step const& what, std::size_t who);
    template <typename Queue>
    void empty(Queue& left, store where);

    verdict& judge_;
    world_options const options_;
    item_ledger ledger_{judge_};
    queue<int> items_;
    lifo_queue<int> last_in_;
    priority_queue<int> ranked_;
    channel<int> rendezvous_{0};
    channel<int> buffered_;
    // Who waits at which end, when nobody can go on any more.
    bool sender_waits_ = false;
    bool receiver_waits_ = false;
};

template <typename Queue>
void stores::put(Queue& into, store where, step const& what, std::size_t who) {
    time_point const began = now();
    int const item = ledger_.offer(who, where);
    bool const stored = into.put_until(limit_of(what.limit), item);
    if (stored) {
        ledger_.accept(item);
    }
    judge_.require(into.size() <= options_.capacity, "no more is stored than there is room for");
    notice(judge_, stored, began, what);
}

template <typename Queue>
void stores::get(Queue& from, store where, step const& what, std::size_t who) {
    time_point const began = now();
    std::optional<int> const item = from.get_until(limit_of(what.limit));
    if (item) {
        ledger_.take(*item, where, who);
    }
    notice(judge_, item.has_value(), began, what);
}

inline void stores::send(channel<int>& into, store where, step const& what, std::size_t who) {
    time_point const began = now();
    int const item = ledger_.offer(who, where);
    bool const sent = into.send_until(limit_of(what.limit), item);
    if (sent) {
        ledger_.accept(item);
    }
    notice(judge_, sent, began, what);
}

inline void stores::receive(channel<int>& from, store where, step const& what, std::size_t who) {
    time_point const began = now();
    std::optional<int> const item = what.limit == never ? from.receive()
                                                        : from.receive_until(limit_of(what.limit));
    if (item) {
        ledger_.take(*item, where, who);
    }
    notice(judge_, item.has_value(), began, what);
}

inline void stores::select_to_receive(step const& what, std::size_t who) {
    time_point const began = now();
    select(
        rendezvous_.on_receive([&](int item) { ledger_.take(item, store::rendezvous, who); }),
        buffered_.on_receive([&](int item) { ledger_.take(item, store::buffered, who); }),
        at(limit_of(what.limit), [&] { notice(judge_, false, began, what); }));
}

inline void stores::select_to_send(step const& what, std::size_t who) {
    time_point const began = now();
    int const one = ledger_.offer(who, store::rendezvous);
    int const other = ledger_.offer(who, store::buffered);
    select(
        rendezvous_.on_send(one, [&] { ledger_.accept(one); }),
        buffered_.on_send(other, [&] { ledger_.accept(other); }),
        at(limit_of(what.limit), [&] { notice(judge_, false, began, what); }));
}

template <typename Queue>
void stores::empty(Queue& left, store where) {
    int last = std::numeric_limits<int>::max();
    while (!left.empty()) {
        int const item = *left.try_get();
        ledger_.take(item, where, most_workers);
        judge_.require(where != store::by_rank || item < last, "the greatest comes first");
        last = item;
    }
}

inline bool stores::perform(step const& what, std::size_t who) {
    switch (what.what) {
    case deed::put:
        put(items_, store::fifo, what, who);
        return true;
    case deed::get:
        get(items_, store::fifo, what, who);
        return true;
    case deed::put_last:
        put(last_in_, store::lifo, what, who);
        return true;
    case deed::get_last:
        get(last_in_, store::lifo, what, who);
        return true;
    case deed::put_by_rank:
        put(ranked_, store::by_rank, what, who);
        return true;
    case deed::get_by_rank:
        get(ranked_, store::by_rank, what, who);
        return true;
    case deed::send:
        send(rendezvous_, store::rendezvous, what, who);
        return true;
    case deed::receive:
        receive(rendezvous_, store::rendezvous, what, who);
        return true;
    case deed::send_buffered:
        send(buffered_, store::buffered, what, who);
        return true;
    case deed::receive_buffered:
        receive(buffered_, store::buffered, what, who);
        return true;
    case deed::select_to_receive:
        select_to_receive(what, who);
        return true;
    case deed::select_to_send:
        select_to_send(what, who);
        return true;
    default:
        return false;
    }
}

inline bool stores::judge_wait(deed of) {
    bool const may_send = buffered_.size() < options_.capacity;
    bool const may_receive = buffered_.size() > 0;
    bool waits_well = true;
    switch (of) {
    case deed::put:
        waits_well = items_.full();
        break;
    case deed::get:
        waits_well = items_.empty();
        break;
    case deed::put_last:
        waits_well = last_in_.full();
        break;
    case deed::get_last:
        waits_well = last_in_.empty();
        break;
    case deed::put_by_rank:
        waits_well = ranked_.full();
        break;
    case deed::get_by_rank:
        waits_well = ranked_.empty();
        break;
    case deed::send_buffered:
        waits_well = !may_send;
        break;
    case deed::receive_buffered:
        waits_well = !may_receive;
        break;
    case deed::send:
        sender_waits_ = true;
        break;
    case deed::receive:
        receiver_waits_ = true;
        break;
    case deed::select_to_send:
        sender_waits_ = true;
        waits_well = !may_send;
        break;
    case deed::select_to_receive:
        receiver_waits_ = true;
        waits_well = !may_receive;
        break;
    default:
        return false;
    }
    judge_.require(waits_well, waits_in_vain);
    judge_.require(!sender_waits_ || !receiver_waits_, "a sender and a receiver meet");
    return true;
}

inline void stores::close() {
    items_.shutdown();
    last_in_.shutdown();
    ranked_.shutdown();
    rendezvous_.close();
    buffered_.close();
}

inline void stores::judge_end() {
    empty(items_, store::fifo);
    empty(last_in_, store::lifo);
    empty(ranked_, store::by_rank);
    while (buffered_.size() > 0) {
        ledger_.take(*buffered_.try_receive(), store::buffered, most_workers);
    }
    ledger_.balance();
}

}  // namespace tendril::test
