// SPDX-License-Identifier: BSL-1.0
#pragma once

// What servers of streams and of datagrams have in common: one task that accepts, one for each
// handler, a limit on how many, and the end. Of what is accepted it knows nothing.
//
// The state is shared by the server object and by all tasks, so that a handler which refuses to end
// does not find it destroyed.
//
//     stage         means                                            left by
//     stopped       accepts nothing                                  enter_start
//     starting      the address is being bound                       started, enter_stopped_from
//     running       accepts, unless it was told to pause             stop, enter_stopped_from
//     stopping      waits for the handlers                           enter_stopped_from

#include <tendril/greenlet/greenlet_exit.hpp>
#include <tendril/hub/cancellation.hpp>
#include <tendril/hub/deadline.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/accept_loop.hpp>
#include <tendril/io/context_bound.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/intrusive_list.hpp>
#include <tendril/support/scope_exit.hpp>
#include <tendril/sync/event.hpp>
#include <tendril/sync/semaphore.hpp>
#include <tendril/task/spawn.hpp>

#include <cxxabi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace tendril::detail {

enum class service_stage : std::uint8_t { stopped, starting, running, stopping };

class service;

/// One handler at work; owned by its task.
class served : public list_hook<> {
public:
    served(served const&) = delete;

    std::shared_ptr<service> const owner;
    task<void> served_by;

protected:
    /// Takes over a permit. Switches: never.
    explicit served(std::shared_ptr<service> by) noexcept;
    ~served();
};

/// How handlers have ended.
struct service_outcomes {
    std::uint64_t ended = 0;
    std::uint64_t failed = 0;
    std::uint64_t killed = 0;
};

class service : public std::enable_shared_from_this<service> {
public:
    service(std::string called, std::size_t most_at_once, accept_pauses pauses);
    service(service const&) = delete;
    virtual ~service() = default;

    /// Prepares, and begins to accept from what `open` returns, which `keep` takes over. Does
    /// nothing when it runs. Throws: misuse while a start or a stop is under way; errc::closed when
    /// it was stopped meanwhile; what `prepare` and `open` throw. Switches: if those do.
    template <typename Open, typename Keep>
    void start(Open&& open, Keep&& keep) {
        if (!enter_start()) {
            return;
        }
        std::uint64_t const run = runs_;
        scope_exit fail{[&] { fail_start(run); }};
        prepare();
        // What is there to be opened may be another start's by now.
        require_still_starting(run);
        auto opened = open();
        require_still_starting(run);
        keep(std::move(opened));
        scope_exit forsake{[&] { close_rest(); }};
        begin_to_accept();
        forsake.dismiss();
        stage_ = service_stage::running;
        fail.dismiss();
    }

    /// The life of a server, as stream_server.hpp has it. Switches: as there.
    void wait_until_stopped();
    bool stop(deadline limit);
    void stop_accepting();
    void start_accepting();
    void require_own_thread();
    /// For the destructor of the server object.
    void end_with_its_object(char const* what);

    /// Says whether it accepts, or pauses. Switches: never.
    bool running() const noexcept {
        return stage_ == service_stage::running && listens() && !is_of_parent();
    }
    bool stopping() const noexcept { return stage_ == service_stage::stopping && !is_of_parent(); }
    std::size_t at_work() const noexcept { return at_work_; }
    std::uint64_t accept_errors() const noexcept { return accepting_.failures(); }

    /// In the child of a fork, forgets what is the parent's. Switches: never.
    void follow_fork();

    std::string const name;
    service_outcomes outcomes;

protected:
    /// Takes a permit; whoever has it gives it back, or makes something `served` of it.
    /// Switches: may.
    void acquire_permit() { permits_.acquire(); }
    bool try_acquire_permit() noexcept { return permits_.try_acquire(); }
    void release_permit() { permits_.release(); }

    /// Ends the service, which cannot go on accepting. Handlers go on. Switches: never.
    void give_up() noexcept;

    /// Does what the program wants to be done before anything is opened. Switches: may.
    virtual void prepare() = 0;
    virtual bool listens() const noexcept = 0;
    virtual void close_listening() noexcept = 0;
    /// Accepts one, with a permit that it takes itself. Switches: may.
    virtual void accept_one(error_code& error) = 0;
    /// Tells what is served that it should come to an end. Switches: never.
    virtual void tell_of_stop(served&) noexcept {}
    /// Closes what handlers may still have used, at the end of `stop`, and of a start that has
    /// failed. Switches: never.
    virtual void close_rest() noexcept {}
    /// Closes the child's copy of what the parent goes on to serve. Switches: never.
    virtual void leave_to_parent(served& each) noexcept = 0;
    /// Takes back what else tasks of the parent have held. Switches: never.
    virtual void follow_fork_too() {}

private:
    friend class served;
    friend struct end_of_acceptor;

    bool is_of_parent() const noexcept { return forks_ != forks_until_now(); }
    bool enter_start();
    void require_still_starting(std::uint64_t run) const;
    void fail_start(std::uint64_t run) noexcept;
    void begin_to_accept();
    void end_acceptor();
    void enter_stopped_from(service_stage present) noexcept;
    void stop_at_once();
    void begin_end();
    void wait_without_memory() noexcept;
    void tell_handlers() noexcept;
    void finish_stop() noexcept;
    bool end_run(std::uint64_t run, deadline limit);
    bool wait_until_left(std::size_t number, deadline limit, std::uint64_t run);
    std::size_t handlers_of_caller();
    void end_handlers();

    std::size_t const most_at_once_;
    // How often it was started: who has waited finds out whether another start has come meanwhile.
    std::uint64_t runs_ = 0;
    // How often it has begun to accept: an acceptor closes its own listener, and not a later one.
    std::uint64_t starts_ = 0;
    // How many handlers it has told to exit.
    std::uint64_t kills_ = 0;
    // Where it has started, and in which process.
    std::optional<home_hub> home_;
    std::uint64_t forks_ = forks_until_now();
    task<void> acceptor_;
    accept_loop accepting_;
    counting_semaphore<> permits_;
    intrusive_list<served> all_;
    std::size_t at_work_ = 0;
    event one_gone_;
    event stopped_;
    service_stage stage_ = service_stage::stopped;
    bool paused_ = false;
    // Whether handlers may be at work that no stop has ended, also when it does not run.
    bool has_served_ = false;
};

/// Calls a handler and counts how it has ended. An error that is no ordinary end is reported. Both
/// functions are called within the handler of the exception. Wishes for the greenlet pass through.
/// Throws: what `report` throws. Switches: may.
template <typename Handler, typename IsOrdinary, typename Report>
void run_and_count(
    service_outcomes& outcomes, Handler&& handler, IsOrdinary&& is_ordinary, Report&& report) {
    scope_exit killed{[&] { ++outcomes.killed; }};
    try {
        handler();
        ++outcomes.ended;
    } catch (cancelled const&) {
        throw;
    } catch (greenlet_exit const&) {
        throw;
    } catch (abi::__forced_unwind const&) {
        throw;
    } catch (...) {
        killed.dismiss();
        if (is_ordinary()) {
            ++outcomes.ended;
            return;
        }
        ++outcomes.failed;
        report();
    }
    killed.dismiss();
}

}  // namespace tendril::detail
