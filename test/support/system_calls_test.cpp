// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/support/system_calls.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace {

using namespace tendril;

system_calls failing_close() {
    system_calls broken = kernel();
    broken.close = [](int) {
        errno = EIO;
        return -1;
    };
    return broken;
}

}  // namespace

TENDRIL_TEST(system_calls, the_real_table_has_no_empty_row) {
    using row = void (*)();
    row rows[sizeof(system_calls) / sizeof(row)];
    std::memcpy(rows, &real_kernel(), sizeof rows);
    EXPECT_TRUE(std::all_of(std::begin(rows), std::end(rows), [](row each) { return each; }));
}

TENDRIL_TEST(system_calls, the_real_table_reaches_the_kernel) {
    int const fd = kernel().eventfd(5, 0);
    std::uint64_t count = 0;
    EXPECT_EQ(kernel().read(fd, &count, sizeof count), ssize_t{sizeof count});
    EXPECT_EQ(count, 5U);
    EXPECT_EQ(kernel().close(fd), 0);
}

TENDRIL_TEST(system_calls, a_replaced_row_fails_as_told) {
    system_calls const broken = failing_close();
    replaced_system_calls const until_end{broken};
    EXPECT_EQ(kernel().close(-1), -1);
    EXPECT_EQ(errno, EIO);
}

TENDRIL_TEST(system_calls, the_table_comes_back_at_the_end_of_the_scope) {
    system_calls const broken = failing_close();
    {
        replaced_system_calls const until_end{broken};
        EXPECT_TRUE(kernel_is_replaced());
    }
    EXPECT_FALSE(kernel_is_replaced());
    EXPECT_EQ(&kernel(), &real_kernel());
}

TENDRIL_TEST(system_calls, replacements_nest) {
    system_calls const outer = failing_close();
    system_calls const inner = real_kernel();
    replaced_system_calls const until_end{outer};
    {
        replaced_system_calls const for_a_while{inner};
        EXPECT_EQ(&kernel(), &inner);
    }
    EXPECT_EQ(&kernel(), &outer);
}
