// SPDX-License-Identifier: BSL-1.0
//
// Asio gives a signal its default effect back when the last set that has caught it goes. What had
// been there before the first one, a handler or "ignore", is kept here and put back then.
#include <tendril/io/context_bound.hpp>

#include <tendril/hub/hub.hpp>
#include <tendril/io/error.hpp>
#include <tendril/io/use_greenlet.hpp>
#include <tendril/process/signal_set.hpp>

#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tendril {
namespace {

// The effects that signals had, for all sets of the process.
class former_effects {
public:
    static former_effects& instance() {
        static former_effects& all = *new former_effects;
        return all;
    }

    void keep(int number) {
        std::lock_guard const lock{mutex_};
        kept& effect = effects_[number];
        if (effect.sets++ == 0) {
            ::sigaction(number, nullptr, &effect.action);
        }
    }

    // Asio's own effect is left in place: a program may also have sets that we do not know.
    void put_back(int number) noexcept {
        std::lock_guard const lock{mutex_};
        kept& effect = effects_[number];
        struct sigaction present {};
        ::sigaction(number, nullptr, &present);
        if (--effect.sets == 0 && present.sa_handler == SIG_DFL) {
            ::sigaction(number, &effect.action, nullptr);
        }
    }

private:
    struct kept {
        int sets = 0;
        struct sigaction action {};
    };
    std::mutex mutex_;
    // Guarded by `mutex_`. An entry stays when its last set has gone.
    std::map<int, kept> effects_;
};

}  // namespace

namespace detail {

// Keeps the effect of one signal.
class kept_effect {
public:
    explicit kept_effect(int number) : number_{number} { former_effects::instance().keep(number); }
    kept_effect(kept_effect&& other) noexcept : number_{std::exchange(other.number_, 0)} {}
    kept_effect& operator=(kept_effect&&) = delete;
    ~kept_effect() {
        if (number_ != 0) {
            former_effects::instance().put_back(number_);
        }
    }

private:
    int number_;
};

}  // namespace detail

struct signal_set::implementation final : detail::context_bound {
    implementation()
        : context_bound{this_hub().context()},
          signals{std::in_place, this_hub().context()} {}

    void leave_context() noexcept override { signals.reset(); }

    // Put back after Asio has let go: members are destroyed from the last to the first.
    std::vector<detail::kept_effect> former;
    std::optional<boost::asio::basic_signal_set<boost::asio::io_context::executor_type>> signals;
};

signal_set::signal_set(std::initializer_list<int> numbers)
    : implementation_{std::make_unique<implementation>()} {
    for (int const number : numbers) {
        implementation_->former.emplace_back(number);
        error_code error;
        implementation_->signals->add(number, error);
        if (error.failed()) {
            throw system_error{
                detail::without_place(error), "cannot catch signal " + std::to_string(number)};
        }
    }
}

signal_set::~signal_set() = default;

int signal_set::wait() {
    if (!implementation_->signals) {
        throw system_error{io_error(errc::closed), "the hub of this signal set is gone"};
    }
    return implementation_->signals->async_wait(use_greenlet);
}

}  // namespace tendril
