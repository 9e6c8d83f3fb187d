// SPDX-License-Identifier: BSL-1.0
//
// What does it take to have a million greenlets suspended at once, each on a guarded stack where a
// function with a frame of 1 KiB has run? Memory counts control blocks, functions and page tables.
// The baseline of the time is a loop that touches one page in as many slots of address space, which
// have no guards. Every round runs in a process of its own.
#include "../harness/compare.hpp"
#include "../harness/memory.hpp"

#include <tendril/greenlet.hpp>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using namespace tendril;

constexpr std::size_t million = 1'000'000;
constexpr int rounds = 5;

struct result {
    double seconds = 0;
    double bytes_each = 0;
    std::size_t mappings = 0;
    std::size_t guards_probed = 0;
    std::size_t guards_that_fault = 0;
};

std::size_t memory_taken() { return bench::memory("VmRSS:") + bench::memory("VmPTE:"); }

[[gnu::noinline]] void use_a_kibibyte() {
    char frame[1024];
    frame[0] = 1;
    bench::keep(frame);
}

// Says whether the kernel finds memory at an address: it answers EFAULT where a read would fault.
bool can_be_read(std::byte const* address) {
    int ends[2];
    if (::pipe(ends) != 0) {
        std::abort();
    }
    bool const readable = ::write(ends[1], address, 1) == 1;
    if (!readable && errno != EFAULT) {
        std::abort();
    }
    ::close(ends[0]);
    ::close(ends[1]);
    return readable;
}

// A guard is good when the stack ends where it should: readable down to the limit, and below it
// neither at the near end nor at the far end.
bool guard_faults(stack const& probed) {
    return can_be_read(probed.limit) && !can_be_read(probed.limit - 1) &&
        !can_be_read(probed.limit - stack_pool::guard_size);
}

result touch_a_million(std::size_t slot) {
    result found;
    std::size_t const before = memory_taken();
    double const start = bench::processor_time();
    void* const memory = ::mmap(
        nullptr, million * slot, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        std::perror("mmap");
        std::exit(1);
    }
    ::madvise(memory, million * slot, MADV_NOHUGEPAGE);
    auto* const bytes = static_cast<char volatile*>(memory);
    for (std::size_t index = 1; index <= million; ++index) {
        bytes[index * slot - 1] = 1;
    }
    found.seconds = (bench::processor_time() - start) / 1e9;
    found.bytes_each = static_cast<double>(memory_taken() - before) / million;
    return found;
}

result suspend_a_million(std::size_t slot) {
    result found;
    std::size_t const before = memory_taken();
    double const start = bench::processor_time();
    std::vector<greenlet> suspended;
    suspended.reserve(million);
    greenlet_options const options{.stack_size = slot - stack_pool::guard_size};
    for (std::size_t count = 0; count < million; ++count) {
        suspended.emplace_back(
            [caller = greenlet::current()] {
                use_a_kibibyte();
                caller.switch_to();
            },
            options);
        suspended.back().switch_to();
    }
    found.seconds = (bench::processor_time() - start) / 1e9;
    found.bytes_each = static_cast<double>(memory_taken() - before) / million;
    found.mappings = bench::mappings();
    if (this_thread().stacks.guard() != stack_guard::none) {
        for (std::size_t index = 0; index < million; index += million / 1000) {
            ++found.guards_probed;
            found.guards_that_fault += guard_faults(*suspended[index].block()->memory);
        }
    }
    // The process ends with all of them suspended: what is freed with it need not be unwound.
    return found;
}

result in_its_own_process(result (*measure)(std::size_t), std::size_t slot) {
    int ends[2];
    result found;
    if (::pipe(ends) != 0) {
        std::perror("pipe");
        std::exit(1);
    }
    if (::fork() == 0) {
        found = measure(slot);
        bool const told = ::write(ends[1], &found, sizeof found) == sizeof found;
        ::_exit(told ? 0 : 1);
    }
    ::close(ends[1]);
    bool const heard = ::read(ends[0], &found, sizeof found) == sizeof found;
    ::close(ends[0]);
    ::wait(nullptr);
    if (!heard) {
        std::printf("    the process with a million of them has died: is there enough memory?\n");
        std::exit(0);
    }
    return found;
}

void report(std::size_t slot, double bytes_bar) {
    std::printf("  %zu KiB slots, guard included\n", slot / 1024);
    std::vector<result> greenlets;
    std::vector<double> bytes;
    bench::comparison creation{"seconds for a million", rounds};
    creation.add(
        "first touches", [=] { return in_its_own_process(touch_a_million, slot).seconds; });
    creation.add(
        "greenlets, started and suspended",
        [&] {
            greenlets.push_back(in_its_own_process(suspend_a_million, slot));
            bytes.push_back(greenlets.back().bytes_each);
            return greenlets.back().seconds;
        },
        3);
    creation.run();
    bench::spread const memory = bench::summarise(bytes);
    std::printf(
        "    memory of each: %.0f B (%.0f to %.0f)\n", memory.median, memory.low, memory.high);
    bench::judge(bytes_bar, memory.median, " B");
    std::printf("    memory mappings of the process: %zu\n", greenlets.back().mappings);
    bench::judge(999, static_cast<double>(greenlets.back().mappings), "");
    std::printf(
        "    guards probed: %zu, of which fault: %zu\n", greenlets.back().guards_probed,
        greenlets.back().guards_that_fault);
}

// Without guard markers the kernel's limit on mappings stops guarded stacks at about 32,000.
void allow_a_million() {
    if (stack_pool{}.guard() == stack_guard::mprotect) {
        std::printf(
            "  guards are off: this kernel has no guard markers (Linux 6.13, MADV_GUARD_INSTALL),\n"
            "  or TENDRIL_STACK_GUARD says so, and mprotect takes two mappings for each stack\n");
        ::setenv("TENDRIL_STACK_GUARD", "none", 1);
    }
}

}  // namespace

int main() {
    bench::ask("What does it take to have a million greenlets suspended on guarded stacks?");
    allow_a_million();
    report(256 * 1024, 4950);
    report(128 * 1024, 4600);
}
