// SPDX-License-Identifier: BSL-1.0
//
// The register of all listeners of the process, and the handler that tells them.
//
// The actors: threads that enter and leave listeners, one at a time under a mutex; handlers, which
// interrupt any thread at any place, also one that has the mutex, and several at a time. A handler
// takes no lock and allocates nothing. It walks the list of listeners by atomic pointers.
//
// Invariants:
// 1. A listener that a handler may see exists: who has taken one out of the list waits until the
//    handlers that were on their way have ended. A handler that interrupts the one who waits ends
//    before that goes on, so nobody waits for itself.
// 2. A handler sets the bit and then rings the bell; an owner empties the bell and then looks at
//    the bits. So whoever parks with no bit set is woken by the next one.
// 3. The effect in place for a number with listeners is our handler, unless a listener that hears
//    one signal only has had one, or the program has put another there, which is left alone.
// 4. The former effect is written before the handler is put in place, so handlers may read it.
#include "signal_listener.hpp"

#include <tendril/io/error.hpp>
#include <tendril/io/stream_state.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/system_calls.hpp>

#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <mutex>
#include <new>
#include <string>

namespace tendril::detail {
namespace {

constexpr int highest_number = 64;

constexpr std::uint64_t bit_of(int number) noexcept {
    return std::uint64_t{1} << static_cast<unsigned>(number - 1);
}

void require_waitable(int number) {
    // Between the two groups the C library keeps some for itself.
    TENDRIL_REQUIRE(
        number >= 1 && number <= SIGRTMAX && (number < 32 || number >= SIGRTMIN),
        "there is no signal of this number: they are those that <csignal> has constants for, and "
        "SIGRTMIN to SIGRTMAX");
    TENDRIL_REQUIRE(
        number != SIGKILL && number != SIGSTOP,
        "nobody can catch SIGKILL and SIGSTOP: wait for SIGTERM, or SIGTSTP, with which a sender "
        "asks for the same");
    TENDRIL_REQUIRE(
        number != SIGSEGV && number != SIGBUS && number != SIGFPE && number != SIGILL,
        "SIGSEGV, SIGBUS, SIGFPE and SIGILL tell of an instruction that has failed, and it would "
        "be tried again for ever while somebody waits for them: repair the program, or have its "
        "parent wait for its end");
}

std::uint64_t bits_of(std::span<int const> numbers) {
    TENDRIL_REQUIRE(
        !numbers.empty(), "no signal was named, and to wait for none would be to wait for ever");
    std::uint64_t all = 0;
    for (int const number : numbers) {
        require_waitable(number);
        all |= bit_of(number);
    }
    return all;
}

template <typename F>
void for_each_number(std::uint64_t bits, F&& act) {
    for (; bits != 0; bits &= bits - 1) {
        act(std::countr_zero(bits) + 1);
    }
}

int make_bell() {
    int const made = kernel().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made == -1) {
        throw system_error{last_system_error(), "no descriptor to wait for signals with"};
    }
    return made;
}

}  // namespace

class signal_register {
public:
    static signal_register& instance() noexcept {
        static constinit signal_register all;
        return all;
    }

    void enter(signal_listener& entered) {
        static int const failure = ::pthread_atfork(&before_fork, &in_parent, &in_child);
        if (failure != 0) {
            throw std::bad_alloc{};
        }
        std::lock_guard const lock{mutex_};
        entered.next_ = first_.load();
        first_ = &entered;
        entered.listed_ = true;
        for_each_number(entered.numbers_, [this](int number) { catch_signal(number); });
    }

    void leave(signal_listener& left) noexcept {
        std::lock_guard const lock{mutex_};
        if (left.listed_) {
            take_out(left);
        }
        await_handlers();
    }

    // Changes the bell of a child that still has its parent's. Returns the old one, or -1.
    int exchange_shared_bell(signal_listener& of) {
        std::lock_guard const lock{mutex_};
        if (!of.shares_bell_) {
            return -1;
        }
        int const old = of.bell_.exchange(make_bell());
        of.shares_bell_ = false;
        await_handlers();
        return old;
    }

private:
    struct sigaction& former_of(int number) noexcept {
        return former_[static_cast<std::size_t>(number)];
    }

    // As in invariant 3, whatever a handler has done meanwhile.
    void catch_signal(int number) noexcept {
        struct sigaction present {};
        ::sigaction(number, nullptr, &present);
        if (present.sa_handler != &hear) {
            former_of(number) = present;
        }
        put_handler(number);
    }

    static void put_handler(int number) noexcept {
        struct sigaction ours {};
        ours.sa_handler = &hear;
        // Code of others on this thread is not disturbed, and small stacks stay small.
        ours.sa_flags = SA_RESTART | SA_ONSTACK;
        ::sigfillset(&ours.sa_mask);
        ::sigaction(number, &ours, nullptr);
    }

    // To nobody when somebody else still waits for it.
    void give_back(int number, signal_listener const* but_for) noexcept {
        if (is_awaited(number, but_for)) {
            return;
        }
        struct sigaction present {};
        ::sigaction(number, nullptr, &present);
        if (present.sa_handler == &hear) {
            ::sigaction(number, &former_of(number), nullptr);
        }
    }

    // First the effects: a signal that comes in between is not lost. And again afterwards: the last
    // of the others may have heard meanwhile, while this one seemed to wait.
    void take_out(signal_listener& left) noexcept {
        for_each_number(left.numbers_, [&](int number) { give_back(number, &left); });
        std::atomic<signal_listener*>* place = &first_;
        while (place->load() != &left) {
            place = &place->load()->next_;
        }
        *place = left.next_.load();
        left.listed_ = false;
        for_each_number(left.numbers_, [&](int number) { give_back(number, nullptr); });
    }

    void await_handlers() const noexcept {
        while (under_way_ != 0) {
            ::sched_yield();
        }
    }

    static void hear(int number) noexcept {
        int const code = errno;
        instance().tell(number);
        errno = code;
    }

    void tell(int number) noexcept {
        ++under_way_;
        std::uint64_t over = 0;
        for (signal_listener* each = first_; each != nullptr; each = each->next_) {
            if ((each->numbers_ & bit_of(number)) != 0) {
                if (each->until_ == listening::once_in_this_process) {
                    each->has_heard_ = true;
                    over |= each->numbers_;
                }
                each->came_ |= bit_of(number);
                ring(each->bell_);
            }
        }
        for_each_number(over, [this](int each) { have_former_effect(each); });
        --under_way_;
    }

    static void ring(int bell) noexcept {
        std::uint64_t const one = 1;
        // It fails only when it has been rung often enough.
        static_cast<void>(real_kernel().write(bell, &one, sizeof one));
    }

    // A thread may enter a listener at the same time. It enters first and puts the handler in place
    // then, so either it does that later, or the second look finds it.
    void have_former_effect(int number) noexcept {
        if (!is_awaited(number, nullptr)) {
            ::sigaction(number, &former_of(number), nullptr);
            if (is_awaited(number, nullptr)) {
                put_handler(number);
            }
        }
    }

    // Says whether there is somebody who waits for it, and who is not `but_for`.
    bool is_awaited(int number, signal_listener const* but_for) const noexcept {
        for (signal_listener const* each = first_; each != nullptr; each = each->next_) {
            if (each != but_for && (each->numbers_ & bit_of(number)) != 0 && !each->has_heard_) {
                return true;
            }
        }
        return false;
    }

    // No thread is in the middle of a change when the process forks. Of the handlers that other
    // threads were in nobody is left in the child, and neither of those who would act.
    static void before_fork() noexcept { instance().mutex_.lock(); }
    static void in_parent() noexcept { instance().mutex_.unlock(); }
    static void in_child() noexcept {
        signal_register& all = instance();
        all.under_way_ = 0;
        for (signal_listener* each = all.first_; each != nullptr;) {
            signal_listener* const next = each->next_;
            each->shares_bell_ = true;
            if (each->until_ != listening::always) {
                all.take_out(*each);
            }
            each = next;
        }
        all.mutex_.unlock();
    }

    std::mutex mutex_;
    std::atomic<signal_listener*> first_{nullptr};
    // How many handlers run.
    std::atomic<unsigned> under_way_{0};
    // Written under the mutex.
    std::array<struct sigaction, highest_number + 1> former_{};
};

signal_listener::signal_listener(std::span<int const> numbers, listening until)
    : numbers_{bits_of(numbers)},
      until_{until},
      bell_{make_bell()} {
    try {
        signal_register::instance().enter(*this);
    } catch (...) {
        kernel().close(bell_);
        throw;
    }
}

signal_listener::~signal_listener() {
    signal_register::instance().leave(*this);
    kernel().close(bell_);
}

bool signal_listener::contains(int number) const noexcept {
    return number >= 1 && number <= highest_number && (numbers_ & bit_of(number)) != 0;
}

std::optional<int> signal_listener::take() noexcept {
    std::uint64_t const came = came_;
    if (came == 0) {
        return {};
    }
    int const lowest = std::countr_zero(came) + 1;
    came_ &= ~bit_of(lowest);
    return lowest;
}

int signal_listener::silent_bell() {
    int const old = signal_register::instance().exchange_shared_bell(*this);
    if (old != -1) {
        kernel().close(old);
        return bell_;
    }
    std::uint64_t rung = 0;
    ssize_t done = 0;
    do {
        done = kernel().read(bell_, &rung, sizeof rung);
    } while (done < 0 && errno == EINTR);
    if (done < 0 && !would_block(errno)) {
        throw system_error{last_system_error(), "the descriptor to wait for signals with"};
    }
    return bell_;
}

}  // namespace tendril::detail
