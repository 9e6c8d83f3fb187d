// SPDX-License-Identifier: BSL-1.0
//
// A park has exactly one outcome, whatever comes to it in one turn, and in whatever order.
//
// For each way to wait, all pairs and triples of what can end a wait are tried in every order. They
// are alarms of neighbouring moments that come due together, so they arrive in the same turn, in
// the order of their moments. The first one decides. What loses is not lost: what was given stays
// where it was, and an interruption ends the next park of the same greenlet, and no other.
#include <harness/tasks.hpp>
#include <tendril/channel/queue.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/mutex.hpp>
#include <tendril/sync/semaphore.hpp>
#include <tendril/task/future.hpp>
#include <tendril/task/shared_future.hpp>
#include <tendril/task/when_done.hpp>

#include <algorithm>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::outcome_of;
using test::transcript;

// What can end a wait.
enum class source { give, limit, cancel, kill, outer, exit };

char const* to_string(source which) {
    constexpr char const* words[] = {"give", "limit", "cancel", "kill", "outer limit", "exit"};
    return words[static_cast<int>(which)];
}

using order = std::vector<source>;

bool has(order const& all, source wanted) {
    return std::find(all.begin(), all.end(), wanted) != all.end();
}

std::string to_string(order const& all) {
    std::string text;
    for (source const each : all) {
        text += std::string{text.empty() ? "" : ", "} + to_string(each);
    }
    return text;
}

// A way to wait, and what is given to the one who waits.
struct subject {
    virtual ~subject() = default;
    // Waits, and returns whether it was given in time. A subject without limits ignores the limit.
    virtual bool wait(deadline limit) = 0;
    // Gives, in the hub.
    virtual void give() noexcept {}
    // Makes what the winner has good for others again.
    virtual void give_back() {}
    // Says whether nothing is lost or doubled.
    virtual bool is_whole(bool given, bool taken) = 0;
    // Whether a gift takes effect in a later turn.
    virtual bool gives_late() const { return false; }
    virtual std::vector<source> sources() const {
        return {source::give, source::limit, source::cancel,
                source::kill, source::outer, source::exit};
    }
};

struct event_subject final : subject {
    bool wait(deadline limit) override { return e.wait_until(limit); }
    void give() noexcept override { e.set(); }
    bool is_whole(bool given, bool) override { return e.is_set() == given; }
    event e;
};

struct semaphore_subject final : subject {
    bool wait(deadline limit) override { return s.try_acquire_until(limit); }
    void give() noexcept override { s.release(); }
    bool is_whole(bool given, bool taken) override {
        return s.available() == (given ? 1 : 0) - (taken ? 1 : 0);
    }
    counting_semaphore<> s{0};
};

// The hub owns it, so that it can be unlocked there.
struct mutex_subject final : subject {
    mutex_subject() {
        this_hub().call_soon([this] { m.lock(); });
        yield();
    }
    bool wait(deadline) override {
        m.lock();
        return true;
    }
    void give() noexcept override { m.unlock(); }
    void give_back() override { m.unlock(); }
    bool is_whole(bool given, bool) override { return m.try_lock() == given; }
    std::vector<source> sources() const override {
        return {source::give, source::cancel, source::kill, source::outer, source::exit};
    }
    tendril::mutex m;
};

struct get_subject final : subject {
    bool wait(deadline limit) override { return q.get_until(limit).has_value(); }
    void give() noexcept override { q.try_put(1); }
    bool is_whole(bool given, bool taken) override {
        return q.size() == (given && !taken ? 1U : 0U);
    }
    queue<int> q;
};

struct put_subject final : subject {
    put_subject() { q.put(1); }
    bool wait(deadline limit) override { return q.put_until(limit, 2); }
    void give() noexcept override { q.try_get(); }
    bool is_whole(bool given, bool taken) override {
        return taken ? q.try_get() == 2 && q.empty() : q.empty() == given;
    }
    queue<int> q{1};
};

struct join_subject final : subject {
    join_subject() : joined{spawn([this] { end.wait(); })} { yield(); }
    ~join_subject() override {
        end.set();
        joined.join();
    }
    bool wait(deadline limit) override { return joined.join_until(limit); }
    void give() noexcept override { end.set(); }
    bool is_whole(bool given, bool) override { return joined.done() == given; }
    bool gives_late() const override { return true; }
    event end;
    task<void> joined;
};

// A promise of either family.
template <typename Promise>
struct future_subject final : subject {
    bool wait(deadline limit) override { return p.get_future().get_until(limit); }
    void give() noexcept override { p.set_value(); }
    bool is_whole(bool given, bool) override { return p.settled() == given; }
    Promise p;
};

// What is given is the future; the task beside it never ends in time.
struct select_subject final : subject {
    select_subject() : slow{spawn([this] { end.wait(); })} { yield(); }
    ~select_subject() override {
        end.set();
        slow.join();
    }
    bool wait(deadline limit) override {
        auto const which = select(
            at(limit, [] {}), when_done(slow, [] {}), when_done(p.get_future(), [] {}));
        return which == 2;
    }
    void give() noexcept override { p.set_value(); }
    bool is_whole(bool given, bool) override { return p.settled() == given && !slow.done(); }
    event end;
    task<void> slow;
    promise<void> p;
};

// Its own limit is what it waits for.
struct sleep_subject final : subject {
    bool wait(deadline limit) override {
        sleep_until(limit);
        return false;
    }
    bool is_whole(bool, bool) override { return true; }
    std::vector<source> sources() const override {
        return {source::limit, source::cancel, source::kill, source::outer, source::exit};
    }
};

// Does something in the hub at a moment.
class at_moment final : private alarm {
public:
    at_moment(time_point moment, std::function<void()> what) : what_{std::move(what)} {
        arm(this_hub(), moment);
    }

private:
    void expire() noexcept override { what_(); }
    std::function<void()> what_;
};

// What the rules say: how the wait ends, and then each of three parks.
transcript expected(order all, bool gives_late) {
    if (gives_late) {
        std::stable_partition(
            all.begin(), all.end(), [](source each) { return each != source::give; });
    }
    bool const killed = has(all, source::kill);
    auto const word = [&](source which) -> std::string {
        switch (which) {
        case source::give:
            return "given";
        case source::limit:
            return "own limit";
        case source::cancel:
        case source::kill:
            // The kill takes the place of a cancel that is on its way.
            return killed ? "killed" : "cancelled";
        case source::outer:
            return "timed out";
        case source::exit:
            return "exit";
        }
        return {};
    };
    transcript words{word(all.front())};
    if (has(all, source::exit)) {
        words.resize(4, "exit");
        return words;
    }
    auto const add_once = [&](std::string const& next) {
        if (std::find(words.begin(), words.end(), next) == words.end()) {
            words.push_back(next);
        }
    };
    // Edges come before scopes.
    for (source const which : {source::cancel, source::kill, source::outer}) {
        if (has(all, which)) {
            add_once(word(which));
        }
    }
    words.resize(4, "returned");
    return words;
}

// Lets all sources come in one turn to a task that waits; returns how its parks ended.
transcript observed(subject& tried, order const& all, test::virtual_clock& clock) {
    time_point const first = now() + 1ms;
    auto const limit_of = [&](source which) {
        auto const at = std::find(all.begin(), all.end(), which) - all.begin();
        return has(all, which) ? deadline::at(first + at * 1ns) : deadline::never();
    };
    transcript seen;
    control_block* block = nullptr;
    task<void> const victim = spawn([&] {
        block = greenlet::current().block();
        timeout const outer{limit_of(source::outer)};
        bool taken = false;
        std::string const word = outcome_of([&] { taken = tried.wait(limit_of(source::limit)); });
        seen.push_back(word != "returned" ? word : taken ? "given" : "own limit");
        for (int park = 0; park < 3; ++park) {
            seen.push_back(outcome_of([] { yield(); }));
        }
        if (taken) {
            tried.give_back();
        }
    });
    yield();
    std::vector<std::unique_ptr<at_moment>> arrivals;
    auto const arrives = [&](source which, std::function<void()> what) {
        if (has(all, which)) {
            arrivals.push_back(
                std::make_unique<at_moment>(limit_of(which).moment(), std::move(what)));
        }
    };
    arrives(source::give, [&] { tried.give(); });
    arrives(source::cancel, [&] { victim.cancel(); });
    arrives(source::kill, [&] { victim.kill(std::string{"killed"}); });
    arrives(source::exit, [&] { request_exit(*block); });
    clock.advance(1ms + 10ns);
    sleep_for(1ns);
    victim.join();
    return seen;
}

// Tries all pairs and triples in every order; returns how many there are.
template <typename Subject>
int try_all(test::virtual_clock& clock) {
    int cells = 0;
    std::vector<source> const sources = Subject{}.sources();
    std::function<void(order)> const extend = [&](order all) {
        if (all.size() >= 2) {
            ++cells;
            Subject tried;
            transcript const seen = observed(tried, all, clock);
            EXPECT_EQ(seen, expected(all, tried.gives_late())) << to_string(all);
            bool const taken = seen.front() == "given";
            EXPECT_TRUE(tried.is_whole(has(all, source::give), taken)) << to_string(all);
        }
        for (source const next : sources) {
            if (all.size() < 3 && !has(all, next)) {
                order longer = all;
                longer.push_back(next);
                extend(longer);
            }
        }
    };
    extend({});
    std::cout << "[    cells ] " << cells << '\n';
    return cells;
}

}  // namespace

TENDRIL_HUB_TEST(task_one_winner, of_a_wait_for_an_event) {
    EXPECT_EQ(try_all<event_subject>(clock), 150);
}

TENDRIL_HUB_TEST(task_one_winner, of_a_wait_for_a_permit) {
    EXPECT_EQ(try_all<semaphore_subject>(clock), 150);
}

TENDRIL_HUB_TEST(task_one_winner, of_a_wait_for_a_lock) {
    EXPECT_EQ(try_all<mutex_subject>(clock), 80);
}

TENDRIL_HUB_TEST(task_one_winner, of_a_wait_for_an_item) {
    EXPECT_EQ(try_all<get_subject>(clock), 150);
}

TENDRIL_HUB_TEST(task_one_winner, of_a_wait_for_room) {
    EXPECT_EQ(try_all<put_subject>(clock), 150);
}

TENDRIL_HUB_TEST(task_one_winner, of_a_wait_for_a_task) {
    EXPECT_EQ(try_all<join_subject>(clock), 150);
}

TENDRIL_HUB_TEST(task_one_winner, of_a_wait_for_a_future) {
    EXPECT_EQ(try_all<future_subject<promise<void>>>(clock), 150);
}

TENDRIL_HUB_TEST(task_one_winner, of_a_wait_for_a_shared_future) {
    EXPECT_EQ(try_all<future_subject<shared_promise<void>>>(clock), 150);
}

TENDRIL_HUB_TEST(task_one_winner, of_a_select_over_a_task_and_a_future) {
    EXPECT_EQ(try_all<select_subject>(clock), 150);
}

TENDRIL_HUB_TEST(task_one_winner, of_a_sleep) { EXPECT_EQ(try_all<sleep_subject>(clock), 80); }
