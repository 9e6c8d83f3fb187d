// SPDX-License-Identifier: BSL-1.0
#include <harness/blocking_calls.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/sync.hpp>

#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace tendril::test {
namespace {

// Floor sync.

template <typename Lock>
auto lock_of(char const* name) {
    return [=](bool timed) {
        auto const m = std::make_shared<Lock>();
        m->lock();
        return blocking_call{
            .name = name,
            .take =
                [=](deadline limit) {
                    if (timed) {
                        return m->try_lock_until(limit);
                    }
                    m->lock();
                    return true;
                },
            .give = [=] { m->unlock(); },
            .give_on = [=] { m->unlock(); },
            .at_rest = [=] { return m->try_lock(); },
        };
    };
}

blocking_call readers(bool timed) {
    auto const m = std::make_shared<tendril::shared_mutex>();
    m->lock();
    return {
        .name = "shared_mutex::lock_shared",
        .take =
            [=](deadline limit) {
                if (timed) {
                    return m->try_lock_shared_until(limit);
                }
                m->lock_shared();
                return true;
            },
        .give = [=] { m->unlock(); },
        .give_on = [=] { m->unlock_shared(); },
        .at_rest = [=] { return m->try_lock(); },
    };
}

blocking_call writers_behind_a_reader(bool timed) {
    auto const m = std::make_shared<tendril::shared_mutex>();
    m->lock_shared();
    return {
        .name = "shared_mutex::lock behind a reader",
        .take =
            [=](deadline limit) {
                if (timed) {
                    return m->try_lock_until(limit);
                }
                m->lock();
                return true;
            },
        .give = [=] { m->unlock_shared(); },
        .give_on = [=] { m->unlock(); },
        .at_rest = [=] { return m->try_lock() && m->readers() == 0; },
    };
}

template <typename Lock>
struct condition {
    Lock m;
    condition_variable changed;
};

template <typename Lock>
auto condition_of(char const* name) {
    return [=](bool timed) {
        auto const c = std::make_shared<condition<Lock>>();
        return blocking_call{
            .name = name,
            .take =
                [=](deadline limit) {
                    std::unique_lock lock{c->m};
                    if (timed) {
                        return c->changed.wait_until(lock, limit) == std::cv_status::no_timeout;
                    }
                    c->changed.wait(lock);
                    return lock.owns_lock();
                },
            .give = [=] { c->changed.notify_one(); },
            .give_on = [=] { c->changed.notify_one(); },
            .at_rest = [=] { return c->m.try_lock(); },
        };
    };
}

blocking_call lock_again() {
    auto const c = std::make_shared<condition<mutex>>();
    return {
        .name = "condition_variable::wait that takes the lock again",
        .take =
            [=](deadline) {
                std::unique_lock lock{c->m};
                c->changed.wait(lock);
                return true;
            },
        .give = [=] { c->m.unlock(); },
        .at_rest = [=] { return c->m.try_lock(); },
        .to_wishes = answer::later,
        .prepare =
            [=] {
                c->m.lock();
                c->changed.notify_all();
            },
    };
}

// What has `wait` and `wait_until`.
template <typename Primitive, typename Give, typename... Args>
auto waited_for(char const* name, Give give, bool all_get_it, Args... args) {
    return [=](bool timed) {
        auto const p = std::make_shared<Primitive>(args...);
        return blocking_call{
            .name = name,
            .take =
                [=](deadline limit) {
                    if (timed) {
                        return p->wait_until(limit);
                    }
                    p->wait();
                    return true;
                },
            .give = [=] { give(*p); },
            .give_on =
                [=] {
                    if (!all_get_it) {
                        give(*p);
                    }
                },
        };
    };
}

template <typename Semaphore, typename Release>
auto permits_of(char const* name, Release release) {
    return [=](bool timed) {
        auto const s = std::make_shared<Semaphore>(1);
        s->try_acquire();
        return blocking_call{
            .name = name,
            .take =
                [=](deadline limit) {
                    if (timed) {
                        return s->try_acquire_until(limit);
                    }
                    s->acquire();
                    return true;
                },
            .give = [=] { release(*s); },
            .give_on = [=] { release(*s); },
            .at_rest = [=] { return s->available() == 1; },
        };
    };
}

blocking_call latch_arrivals() {
    auto const l = std::make_shared<tendril::latch>(4);
    return {
        .name = "latch::arrive_and_wait",
        .take =
            [=](deadline) {
                l->arrive_and_wait();
                return true;
            },
        .give =
            [=] {
                while (!l->try_wait()) {
                    l->count_down();
                }
            },
    };
}

blocking_call barrier_arrivals(bool timed) {
    auto const b = std::make_shared<barrier<>>(3);
    return {
        .name = "barrier::arrive_and_wait",
        .take =
            [=](deadline limit) {
                if (timed) {
                    return b->arrive_and_wait_until(limit);
                }
                b->arrive_and_wait();
                return true;
            },
        .give = [=] { static_cast<void>(b->arrive(b->still_expected())); },
        .close = [=] { b->abort(); },
        .at_rest = [=] { return b->broken() || b->still_expected() == 3; },
    };
}

blocking_call barrier_waits(bool timed) {
    auto const b = std::make_shared<barrier<>>(3);
    return {
        .name = "barrier::wait",
        .take =
            [=](deadline limit) {
                auto arrival = b->arrive();
                if (timed) {
                    return b->wait_until(arrival, limit);
                }
                b->wait(std::move(arrival));
                return true;
            },
        .give = [=] { static_cast<void>(b->arrive(b->still_expected())); },
        .close = [=] { b->abort(); },
        .at_rest = [=] { return b->broken() || b->still_expected() == 3; },
        .repeatable = false,
    };
}

// Another greenlet calls its function for a flag, and that returns or throws when it is given.
call_maker once_while_another(bool fails) {
    return [=] {
        struct shared_state {
            once_flag flag;
            event go;
        };
        auto const s = std::make_shared<shared_state>();
        this_hub().spawn_raw([=] {
            try {
                call_once(s->flag, [&] {
                    s->go.wait();
                    if (fails) {
                        throw 1;
                    }
                });
            } catch (int) {}
        });
        return blocking_call{
            .name = fails ? "call_once while another fails" : "call_once while another succeeds",
            .take =
                [=](deadline) {
                    call_once(s->flag, [] {});
                    return s->flag.done();
                },
            .give = [=] { s->go.set(); },
            .to_wishes = answer::given_late,
        };
    };
}

}  // namespace

void add_calls_of_sync(calls& all) {
    add_both(all, lock_of<tendril::mutex>("mutex::lock"));
    add_both(all, lock_of<tendril::recursive_mutex>("recursive_mutex::lock"));
    add_both(all, lock_of<tendril::shared_mutex>("shared_mutex::lock"));
    add_both(all, readers);
    add_both(all, writers_behind_a_reader);
    add_both(all, condition_of<mutex>("condition_variable::wait"));
    add_both(all, condition_of<recursive_mutex>("condition_variable::wait, recursive"));
    all.push_back(lock_again);
    add_both(
        all,
        waited_for<event>(
            "event::wait", [](event& e) { e.set(); }, true));
    add_both(
        all,
        waited_for<auto_reset_event>(
            "auto_reset_event::wait", [](auto_reset_event& e) { e.set(); }, false));
    add_both(
        all,
        waited_for<tendril::latch>(
            "latch::wait", [](tendril::latch& l) { l.count_down(); }, true, 1));
    all.push_back(latch_arrivals);
    auto const release = [](auto& s) { s.release(); };
    add_both(all, permits_of<counting_semaphore<>>("counting_semaphore::acquire", release));
    add_both(all, permits_of<bounded_semaphore>("bounded_semaphore::acquire", release));
    add_both(all, barrier_arrivals);
    add_both(all, barrier_waits);
    all.push_back(once_while_another(false));
    all.push_back(once_while_another(true));
    // Between threads: given by this one, and by another.
    add_both(
        all,
        waited_for<shared_event>(
            "shared_event::wait", [](shared_event& e) { e.set(); }, true));
    add_both(
        all,
        waited_for<shared_event>(
            "shared_event::wait, set by a thread",
            [](shared_event& e) { std::thread{[&] { e.set(); }}.join(); }, true));
    auto const release_there = [](auto& s) { std::thread{[&] { s.release(); }}.join(); };
    add_both(all, permits_of<shared_semaphore>("shared_semaphore::acquire", release));
    add_both(
        all,
        permits_of<shared_semaphore>(
            "shared_semaphore::acquire, released by a thread", release_there));
}

}  // namespace tendril::test
