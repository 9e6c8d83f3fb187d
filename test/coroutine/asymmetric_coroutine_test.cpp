// SPDX-License-Identifier: BSL-1.0
#include <harness/greenlets.hpp>
#include <tendril/coroutine/asymmetric_coroutine.hpp>
#include <tendril/support/system_calls.hpp>

#include <cerrno>
#include <memory>
#include <stdexcept>

namespace {

using namespace tendril;
using tendril::test::transcript;

// A coroutine that writes down what happens to it.
class written_down final : public detail::asymmetric_coroutine {
public:
    explicit written_down(transcript& seen) : seen_{seen} {}
    ~written_down() override { seen_.push_back("gone"); }
    value run(value) override {
        seen_.push_back("begins");
        suspend();
        seen_.push_back("goes on");
        return value{};
    }
    void destroy_function() noexcept override { seen_.push_back("over"); }

private:
    transcript& seen_;
};

using held = std::unique_ptr<written_down, detail::coroutine_dropper>;

held make_written_down(transcript& seen) {
    auto made = std::make_unique<written_down>(seen);
    written_down* const kept = made.release();
    kept->make(stack_pool::default_size, nullptr, std::source_location::current());
    return held{kept};
}

TENDRIL_TEST(asymmetric_coroutine, suspends_to_whoever_has_resumed_it) {
    transcript seen;
    {
        held const coroutine = make_written_down(seen);
        EXPECT_FALSE(coroutine->begun());
        coroutine->resume();
        seen.push_back("caller");
        EXPECT_TRUE(coroutine->begun());
        coroutine->resume();
        EXPECT_TRUE(coroutine->ended());
    }
    EXPECT_EQ(seen, (transcript{"begins", "caller", "goes on", "over", "gone"}));
}

TENDRIL_TEST(asymmetric_coroutine, is_gone_with_its_owner_when_it_has_not_begun) {
    transcript seen;
    { held const coroutine = make_written_down(seen); }
    EXPECT_EQ(seen, (transcript{"over", "gone"}));
}

TENDRIL_TEST(asymmetric_coroutine, is_gone_with_its_owner_when_it_is_suspended) {
    transcript seen;
    {
        held const coroutine = make_written_down(seen);
        coroutine->resume();
    }
    EXPECT_EQ(seen, (transcript{"begins", "over", "gone"}));
}

TENDRIL_TEST(asymmetric_coroutine, resuming_one_that_has_ended_is_misuse) {
    transcript seen;
    held const coroutine = make_written_down(seen);
    coroutine->resume();
    coroutine->resume();
    EXPECT_THROW(coroutine->resume(), misuse);
}

TENDRIL_TEST(asymmetric_coroutine, is_still_unstarted_when_there_was_no_stack) {
    transcript seen;
    tendril::test::on_new_thread([&] {
        held const coroutine = make_written_down(seen);
        system_calls broken = kernel();
        broken.mmap = [](void*, std::size_t, int, int, int, off_t) -> void* {
            errno = ENOMEM;
            return MAP_FAILED;
        };
        {
            replaced_system_calls const until_here{broken};
            EXPECT_THROW(coroutine->resume(), stack_exhausted);
        }
        coroutine->resume();
        EXPECT_EQ(seen, transcript{"begins"});
    });
}

TENDRIL_TEST(asymmetric_coroutine, a_null_pointer_is_not_thrown_in) {
    transcript seen;
    held const coroutine = make_written_down(seen);
    coroutine->resume();
    EXPECT_THROW(coroutine->resume_with(nullptr), misuse);
    EXPECT_FALSE(coroutine->ended());
}

}  // namespace
