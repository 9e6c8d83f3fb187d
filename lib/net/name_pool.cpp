// SPDX-License-Identifier: BSL-1.0
//
// Actors: greenlets that ask, each on the thread of its hub, and threads that call the system and
// may hang there for as long as they like. They share lookups, behind one mutex.
//
// Invariants:
// 1. A lookup is in `under_way_` until its answer is there; whoever asks the same meanwhile joins
//    it. It is in `queue_` as well until it has begun. One that nobody waits for any more leaves
//    the queue; one that has begun goes on.
// 2. An asker stands in the list of its lookup until it leaves or is told. Both happen behind the
//    mutex: whoever takes it out has won. One that was told waits for the letter, whatever is
//    requested for it meanwhile.
// 3. A thread tells an asker behind the mutex, and the asker takes the mutex before it goes on: the
//    thread is done with its frame, and with the mailbox of its hub.
// 4. Nobody waits for a thread to end.
#include "name_pool.hpp"
#include "host_name.hpp"

#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/error.hpp>
#include <tendril/support/scope_exit.hpp>

#include <boost/asio/error.hpp>

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <new>
#include <thread>
#include <utility>

namespace tendril::detail {

// A greenlet that waits for an answer.
class name_asker final : public waiter, private letter {
public:
    explicit name_asker(name_pool& pool) : waiter{"a name look-up"}, pool_{pool}, count_{home()} {
        home().require_may_park();
    }
    ~name_asker() = default;

    void wait_in(name_lookup& joined) noexcept { joined_ = &joined; }

    void wait() { park_operation(); }

    // A hub that has ended has left the frame where it is, and nobody wants the answer.
    void tell() noexcept { static_cast<void>(count_.post(*this)); }

private:
    void open() override {
        wait_for_teller();
        wake();
    }
    void discard() noexcept override { wait_for_teller(); }
    void wait_for_teller() const { std::lock_guard const lock{pool_.mutex_}; }

    bool withdraw() noexcept override { return pool_.leave(*joined_, *this); }
    // The pool is the parent's.
    void leave_in_child() noexcept override {}

    name_pool& pool_;
    name_lookup* joined_ = nullptr;
    job_under_way const count_;
};

namespace {

// A server may send any number of addresses.
constexpr std::size_t most_addresses = 1024;

void ask_for_addresses(name_lookup& asked) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* list = nullptr;
    name_answer& answer = asked.answer;
    if (int const status = ::getaddrinfo(asked.question.host.c_str(), nullptr, &hints, &list)) {
        answer.error = name_error(status);
        return;
    }
    scope_exit const free_list{[&] { ::freeaddrinfo(list); }};
    for (addrinfo const* at = list; at != nullptr; at = at->ai_next) {
        std::optional<ip_address> const found = address_in(at->ai_addr, at->ai_addrlen);
        if (found && answer.addresses.size() < most_addresses) {
            answer.addresses.push_back(*found);
        }
    }
    if (answer.addresses.empty()) {
        answer.error = boost::asio::error::host_not_found;
    }
}

void ask_for_name(name_lookup& asked) {
    tcp_endpoint const peer{asked.question.address, 0};
    char name[NI_MAXHOST] = "";
    int const status = ::getnameinfo(
        peer.data(), static_cast<socklen_t>(peer.size()), name, sizeof name, nullptr, 0,
        NI_NAMEREQD);
    if (status != 0) {
        asked.answer.error = name_error(status);
    }
    asked.answer.name = name;
}

void ask_system(name_lookup& asked) noexcept {
    try {
        asked.question.host.empty() ? ask_for_name(asked) : ask_for_addresses(asked);
    } catch (std::bad_alloc const&) {
        asked.answer = {};
        asked.answer.error = boost::asio::error::no_memory;
    }
}

}  // namespace

name_answer name_pool::ask(name_question question, deadline limit) {
    name_asker me{*this};
    park_limit const limited{me, limit};
    error_code refusal = io_error(errc::overloaded);
    std::shared_ptr<name_lookup> const joined = join(std::move(question), me, refusal);
    if (joined == nullptr) {
        end_at_once();
        return {refusal, {}, {}};
    }
    me.wait();
    bool const is_there = me.settled() == waiter::outcome::woken;
    return is_there ? joined->answer : name_answer{io_error(errc::timed_out), {}, {}};
}

// Returns null when too many wait, or there is no thread at all, and then says so.
std::shared_ptr<name_lookup> name_pool::join(
    name_question question, name_asker& asker, error_code& refusal) {
    std::lock_guard const lock{mutex_};
    if (auto const at = under_way_.find(question); at != under_way_.end()) {
        at->second->askers.push_back(&asker);
        asker.wait_in(*at->second);
        return at->second;
    }
    if (queue_.size() >= idle_ && threads_ < most_threads_) {
        error_code const failure = start_thread();
        if (failure.failed() && threads_ == 0) {
            refusal = failure;
            return nullptr;
        }
        // If there are others they will come to it.
    }
    if (queue_.size() >= idle_ + most_queued_) {
        return nullptr;
    }
    auto made = std::make_shared<name_lookup>(std::move(question));
    made->askers.push_back(&asker);
    queue_.push_back(made);
    try {
        under_way_.emplace(made->question, made);
    } catch (...) {
        queue_.pop_back();
        throw;
    }
    asker.wait_in(*made);
    work_arrived_.notify_one();
    return made;
}

// Returns whether the asker may go: it was not told yet.
bool name_pool::leave(name_lookup& left, name_asker const& asker) noexcept {
    std::lock_guard const lock{mutex_};
    auto const at = std::find(left.askers.begin(), left.askers.end(), &asker);
    if (at == left.askers.end()) {
        return false;
    }
    left.askers.erase(at);
    if (left.askers.empty() && !left.begun) {
        auto const is_left = [&](auto const& each) { return each.get() == &left; };
        under_way_.erase(left.question);
        queue_.erase(std::find_if(queue_.begin(), queue_.end(), is_left));
    }
    return true;
}

// Requires: the mutex. A thread counts as idle from the moment that it is made.
error_code name_pool::start_thread() {
    sigset_t all;
    sigset_t previous;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &previous);
    scope_exit const restore{[&] { ::pthread_sigmask(SIG_SETMASK, &previous, nullptr); }};
    try {
        std::thread{[pool = shared_from_this()] { pool->work(); }}.detach();
        ++threads_;
        ++idle_;
        return {};
    } catch (std::system_error const& error) {
        return error_code{error.code().value(), boost::system::system_category()};
    }
}

void name_pool::work() {
    ::pthread_setname_np(::pthread_self(), "tendril names");
    std::unique_lock lock{mutex_};
    while (std::shared_ptr<name_lookup> const taken = next(lock)) {
        lock.unlock();
        ask_system(*taken);
        lock.lock();
        finish(*taken);
        ++idle_;
    }
    --idle_;
    --threads_;
}

// Requires: the mutex. Returns null when the thread is to end.
std::shared_ptr<name_lookup> name_pool::next(std::unique_lock<std::mutex>& lock) {
    work_arrived_.wait(lock, [&] { return closed_ || !queue_.empty(); });
    if (queue_.empty()) {
        return nullptr;
    }
    --idle_;
    std::shared_ptr<name_lookup> taken = std::move(queue_.front());
    queue_.pop_front();
    taken->begun = true;
    return taken;
}

// Requires: the mutex.
void name_pool::finish(name_lookup& done) noexcept {
    under_way_.erase(done.question);
    for (name_asker* const asker : done.askers) {
        asker->tell();
    }
    done.askers.clear();
}

void name_pool::close() noexcept {
    std::lock_guard const lock{mutex_};
    closed_ = true;
    work_arrived_.notify_all();
}

std::size_t name_pool::running() const {
    std::lock_guard const lock{mutex_};
    return threads_ - idle_;
}

std::size_t name_pool::queued() const {
    std::lock_guard const lock{mutex_};
    return queue_.size();
}

}  // namespace tendril::detail
