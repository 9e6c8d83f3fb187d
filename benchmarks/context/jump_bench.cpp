// SPDX-License-Identifier: BSL-1.0
//
// What does `jump` add to Boost's bare jump, when it carries the state of exceptions? And what is
// it worth that the tops of stacks are coloured, when a thousand stacks take turns?
#include <harness/compare.hpp>
#include <harness/raw_jumps.hpp>

#include <tendril/context.hpp>

#include <cstddef>
#include <vector>

namespace {

using namespace tendril;
using bench::bounce;
using bench::raw_jumps;

// Two executions and what they jump with.
struct pair {
    machine_context here;
    machine_context there;
    exception_state* live = &live_exception_state();
    sanitizer_record this_record = sanitizer::of_this_thread();
    sanitizer_record* that_record = nullptr;
};
pair* jumping = nullptr;

TENDRIL_NEVER_LEFT void bounce_with_exceptions(arrival from) {
    note_departure(from);
    pair& both = *jumping;
    sanitizer::arrive(*both.that_record);
    while (true) {
        jump(both.there, both.here, *both.live, *both.that_record, both.this_record);
    }
}

void jumps_with_exceptions(std::uint64_t iterations) {
    stack_pool pool;
    stack& memory = pool.acquire();
    pair both;
    both.that_record = &memory.sanitizer;
    jumping = &both;
    prepare(both.there, memory, &bounce_with_exceptions);
    for (std::uint64_t done = 0; done < iterations; ++done) {
        jump(both.here, both.there, *both.live, both.this_record, *both.that_record);
    }
    pool.release(memory);
}

// A thousand stacks that the caller visits in turn, with so many different tops.
class ring {
public:
    explicit ring(std::size_t colours) {
        for (std::size_t count = 0; count < size; ++count) {
            stack& each = *memory_.emplace_back(&pool_.acquire());
            // The end of the slot, before the pool's own colour is taken off.
            auto const end = (reinterpret_cast<std::uintptr_t>(each.top) + 4095) & ~4095UL;
            auto* const top = reinterpret_cast<std::byte*>(end - count % colours * 64);
            auto const room = static_cast<std::size_t>(top - each.limit);
            resume_.push_back(boost::context::detail::make_fcontext(top, room, &bounce));
        }
    }
    ~ring() {
        for (stack* each : memory_) {
            pool_.release(*each);
        }
    }

    void visit(std::uint64_t iterations) {
        for (std::uint64_t done = 0; done < iterations; ++done) {
            for (void*& each : resume_) {
                each = boost::context::detail::jump_fcontext(each, nullptr).fctx;
            }
        }
    }

    bench::sampler sampler() {
        return bench::loop(2 * size, [this](std::uint64_t iterations) { visit(iterations); });
    }

private:
    static constexpr std::size_t size = 1000;

    stack_pool pool_;
    std::vector<stack*> memory_;
    std::vector<void*> resume_;
};

}  // namespace

int main() {
    bench::ask("What does a jump that carries the state of exceptions add to a bare jump?");
    bench::comparison jumps{"ns a jump"};
    jumps.add("jump_fcontext", bench::loop(2, raw_jumps));
    jumps.add("jump", bench::loop(2, jumps_with_exceptions));
    jumps.run();

    std::printf("What are coloured stacks worth, when a bare loop visits a thousand in turn?\n");
    ring plain{1};
    ring coloured{32};
    bench::comparison rings{"ns a jump"};
    rings.add("one colour: all tops at the same offset", plain.sampler());
    rings.add("32 colours, as the pool has them", coloured.sampler());
    rings.run();
}
