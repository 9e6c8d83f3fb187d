// SPDX-License-Identifier: BSL-1.0
//
// What runs in the handler is safe there: it reads what its own thread owns, formats into a buffer
// of its own, and writes with one system call. The name of the function is looked up last, because
// that takes the loader's lock.
#include <tendril/context/overflow.hpp>
#include <tendril/support/assert.hpp>
#include <tendril/support/system_calls.hpp>

#include <dlfcn.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace tendril {
namespace {

constinit thread_local stack_pool const* watched = nullptr;

constexpr std::array<int, 2> fault_signals{SIGSEGV, SIGBUS};
std::array<struct sigaction, 2> previous_handlers{};

struct machine_state {
    std::uintptr_t stack_pointer;
    void* instruction;
};

machine_state state_at_fault(void const* context) noexcept {
    auto const& machine = static_cast<ucontext_t const*>(context)->uc_mcontext;
#if defined(__x86_64__)
    return {
        static_cast<std::uintptr_t>(machine.gregs[REG_RSP]),
        reinterpret_cast<void*>(machine.gregs[REG_RIP])};
#elif defined(__aarch64__)
    return {machine.sp, reinterpret_cast<void*>(machine.pc)};
#else
    static_cast<void>(machine);
    return {};
#endif
}

// A wild pointer may hit a guard as well; then the stack pointer is somewhere else.
bool runs_on(stack const& faulted, std::uintptr_t stack_pointer) noexcept {
    auto const limit = reinterpret_cast<std::uintptr_t>(faulted.limit);
    auto const top = reinterpret_cast<std::uintptr_t>(faulted.top);
    return stack_pointer >= limit - stack_pool::guard_size && stack_pointer <= top;
}

void explain(stack const& full, siginfo_t const& fault, void* instruction) noexcept {
    std::array<char, 128> who{};
    describe_running(who.data(), who.size());
    Dl_info function{};
    bool const known = ::dladdr(instruction, &function) != 0 && function.dli_sname != nullptr;
    std::array<char, 768> text{};
    int const length = std::snprintf(
        text.data(), text.size(),
        "tendril: stack overflow in %s: its stack of %zu bytes is full (fault at %p%s%s).\n"
        "Give it more (stack_size in its options), run the deep part with on_big_stack(), or look "
        "for a recursion without end.\n",
        who[0] == '\0' ? "a greenlet" : who.data(), full.size(), fault.si_addr,
        known ? ", in function " : "", known ? function.dli_sname : "");
    auto const size = std::min(static_cast<std::size_t>(std::max(length, 0)), text.size() - 1);
    static_cast<void>(::write(STDERR_FILENO, text.data(), size));
}

// The handler that was there before decides what happens; the usual one lets the instruction fault
// again, and the process ends as if nobody had looked.
void pass_on(int signal, siginfo_t* fault, void* context) noexcept {
    auto const which = signal == fault_signals[0] ? 0U : 1U;
    struct sigaction const& previous = previous_handlers[which];
    if ((previous.sa_flags & SA_SIGINFO) != 0 && previous.sa_sigaction != nullptr) {
        previous.sa_sigaction(signal, fault, context);
    } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(signal);
    } else {
        struct sigaction usual {};
        usual.sa_handler = SIG_DFL;
        ::sigaction(signal, &usual, nullptr);
        if (fault->si_code <= 0) {
            // Somebody has sent it: no instruction will fault again.
            ::raise(signal);
        }
    }
}

void on_fault(int signal, siginfo_t* fault, void* context) noexcept {
    if (watched != nullptr && fault->si_code > 0) {
        machine_state const machine = state_at_fault(context);
        stack const* const full = watched->guarded_at(fault->si_addr);
        if (full != nullptr && runs_on(*full, machine.stack_pointer)) {
            explain(*full, *fault, machine.instruction);
        }
    }
    pass_on(signal, fault, context);
}

bool install_handler() noexcept {
    char const* const wanted = std::getenv("TENDRIL_OVERFLOW_HANDLER");
    if (wanted != nullptr && std::string_view{wanted} == "off") {
        return false;
    }
    for (std::size_t which = 0; which < fault_signals.size(); ++which) {
        struct sigaction mine {};
        mine.sa_sigaction = &on_fault;
        mine.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        ::sigemptyset(&mine.sa_mask);
        ::sigaction(fault_signals[which], &mine, &previous_handlers[which]);
    }
    return true;
}

}  // namespace

overflow_watch::overflow_watch(stack_pool const& pool) noexcept {
    static bool const has_handler = install_handler();
    if (!has_handler) {
        return;
    }
    watched = &pool;
    pool_ = &pool;
    stack_t present{};
    if (::sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0) {
        return;
    }
    auto const usual = static_cast<std::size_t>(MINSIGSTKSZ);
    std::size_t const least = std::max<std::size_t>(::getauxval(AT_MINSIGSTKSZ), usual);
    std::size_t const size = (least + std::size_t{32} * 1024 + 4095) & ~std::size_t{4095};
    void* const memory = kernel().mmap(
        nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return;
    }
    stack_t alternate{};
    alternate.ss_sp = memory;
    alternate.ss_size = size;
    if (::sigaltstack(&alternate, nullptr) != 0) {
        kernel().munmap(memory, size);
        return;
    }
    memory_ = memory;
    size_ = size;
}

void overflow_watch::stop() noexcept {
    watched = nullptr;
    stack_t present{};
    bool const is_ours = memory_ != nullptr && ::sigaltstack(nullptr, &present) == 0 &&
        present.ss_sp == memory_;
    if (is_ours) {
        stack_t none{};
        none.ss_flags = SS_DISABLE;
        ::sigaltstack(&none, nullptr);
    }
}

overflow_watch::~overflow_watch() {
    if (pool_ != nullptr && watched == pool_) {
        stop();
    }
    if (memory_ != nullptr) {
        kernel().munmap(memory_, size_);
    }
}

}  // namespace tendril
