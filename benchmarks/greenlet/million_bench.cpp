// SPDX-License-Identifier: BSL-1.0
//
// What does it take to have a million greenlets suspended at once, each on a guarded stack where a
// function with a frame of 1 KiB has run? Memory counts control blocks, functions and page tables.
// The baseline of the time is a loop that touches one page in as many slots of address space, which
// have no guards. Both go on in turns, a tenth of the million at a time, with nothing given back:
// so both meet the same memory, and a page fault may cost what it likes. It needs 10 GiB.
#include <harness/compare.hpp>
#include <harness/memory.hpp>

#include <tendril/greenlet.hpp>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

namespace {

using namespace tendril;

constexpr std::size_t rounds = 10;

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

// The baseline: one page touched in each slot.
class touched_pages {
public:
    touched_pages(std::size_t count, std::size_t slot) : slot_{slot} {
        void* const memory = ::mmap(
            nullptr, count * slot, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            throw std::bad_alloc{};
        }
        ::madvise(memory, count * slot, MADV_NOHUGEPAGE);
        next_ = static_cast<char volatile*>(memory);
    }
    void add(std::size_t count) {
        for (std::size_t done = 0; done < count; ++done) {
            next_ += slot_;
            next_[-1] = 1;
        }
    }

private:
    std::size_t slot_;
    char volatile* next_;
};

class suspended_greenlets {
public:
    suspended_greenlets(std::size_t count, std::size_t slot)
        : options_{.stack_size = slot - stack_pool::guard_size} {
        all_.reserve(count);
    }
    void add(std::size_t count) {
        std::size_t const before = memory_taken();
        for (std::size_t done = 0; done < count; ++done) {
            all_.emplace_back(
                [caller = greenlet::current()] {
                    use_a_kibibyte();
                    caller.switch_to();
                },
                options_);
            all_.back().switch_to();
        }
        bytes_ += memory_taken() - before;
    }
    double bytes_each() const {
        return static_cast<double>(bytes_) / static_cast<double>(all_.size());
    }
    void probe_guards() const {
        if (this_thread().stacks.guard() == stack_guard::none) {
            std::printf("    guards: none\n");
            return;
        }
        std::size_t probed = 0;
        std::size_t good = 0;
        for (std::size_t index = 0; index < all_.size(); index += all_.size() / 1000) {
            ++probed;
            good += guard_faults(*all_[index].block()->memory);
        }
        std::printf("    guards: %zu probed, of which %zu fault\n", probed, good);
    }

private:
    greenlet_options options_;
    std::vector<greenlet> all_;
    std::size_t bytes_ = 0;
};

void measure(std::size_t count, std::size_t slot, double bytes_bar) {
    std::printf("  %zu greenlets in slots of %zu KiB\n", count, slot / 1024);
    touched_pages pages{count, slot};
    suspended_greenlets greenlets{count, slot};
    bench::comparison creation{"us each", rounds};
    auto const microseconds = [count](auto& what) {
        double const start = bench::processor_time();
        what.add(count / rounds);
        return (bench::processor_time() - start) / 1000 / static_cast<double>(count / rounds);
    };
    creation.add("first touch of a page", [&] { return microseconds(pages); });
    creation.add(
        "greenlet, started and suspended", [&] { return microseconds(greenlets); }, 3);
    creation.run();
    std::printf("    memory of each: %.0f B\n", greenlets.bytes_each());
    bench::judge(bytes_bar, greenlets.bytes_each(), " B");
    std::printf("    memory mappings of the process: %zu\n", bench::mappings());
    bench::judge(999, static_cast<double>(bench::mappings()), "");
    greenlets.probe_guards();
    // The process ends with all of them suspended: what is freed with it need not be unwound.
    std::fflush(stdout);
    ::_exit(0);
}

void measure_in_its_own_process(std::size_t count, std::size_t slot, double bytes_bar) {
    std::fflush(stdout);
    if (::fork() == 0) {
        measure(count, slot, bytes_bar);
    }
    int status = 0;
    ::wait(&status);
    if (status != 0) {
        std::printf("    it has died: is there not enough memory?\n");
    }
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

int main(int argument_count, char** arguments) {
    bench::ask("What does it take to have a million greenlets suspended on guarded stacks?");
    std::size_t const count = argument_count > 1 ? std::strtoul(arguments[1], nullptr, 10)
                                                 : 1'000'000;
    allow_a_million();
    measure_in_its_own_process(count, 256 * 1024, 4950);
    measure_in_its_own_process(count, 128 * 1024, 4600);
}
