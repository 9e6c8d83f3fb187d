// SPDX-License-Identifier: BSL-1.0
//
// When tests are repeated in one process (--gtest_repeat=4), each must leave as many objects and
// mappings behind as it found. The first run may keep what is made once.
#include <harness/failing_allocations.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <fstream>
#include <string>

namespace tendril::test {
namespace {

// The pool gives its mappings this name, where the kernel has names.
std::ptrdiff_t mappings_of_stacks() {
    std::ifstream all{"/proc/self/maps"};
    std::ptrdiff_t count = 0;
    for (std::string line; std::getline(all, line);) {
        count += line.find("tendril stacks") == std::string::npos ? 0 : 1;
    }
    return count;
}

class repetition_check final : public ::testing::EmptyTestEventListener {
    void OnTestStart(::testing::TestInfo const&) override {
        mappings_before_ = mappings_of_stacks();
        objects_before_ = live_allocations();
    }
    void OnTestEnd(::testing::TestInfo const& ended) override {
        if (is_repetition_ && !ended.result()->Failed()) {
            EXPECT_EQ(live_allocations(), objects_before_) << "objects that `new` has made";
            EXPECT_EQ(mappings_of_stacks(), mappings_before_) << "mappings of stacks";
        }
    }
    void OnTestIterationEnd(::testing::UnitTest const&, int) override { is_repetition_ = true; }

    bool is_repetition_ = false;
    std::ptrdiff_t objects_before_ = 0;
    std::ptrdiff_t mappings_before_ = 0;
};

bool const is_listening = [] {
    ::testing::UnitTest::GetInstance()->listeners().Append(new repetition_check);
    return true;
}();

}  // namespace
}  // namespace tendril::test
