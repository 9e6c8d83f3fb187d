// SPDX-License-Identifier: BSL-1.0
#include <harness/fake_names.hpp>
#include <harness/network.hpp>
#include <tendril/net/resolver.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::fake_names;
using test::run_with_names;
using test::transcript;
namespace asio_error = boost::asio::error;

transcript resolved(std::string const& host, std::string const& service) {
    transcript found;
    for (tcp_endpoint const& each : resolve(host, service)) {
        found.push_back(to_string(each));
    }
    return found;
}

}  // namespace

TENDRIL_TEST(resolver, a_numeric_address_is_read_without_asking_anybody) {
    run_with_names([](fake_names& names, tendril::testing::virtual_clock&) {
        EXPECT_EQ(resolved("127.0.0.1", "80"), transcript{"127.0.0.1:80"});
        EXPECT_EQ(resolved("::1", "80"), transcript{"[::1]:80"});
        EXPECT_EQ(names.asked(), 0U);
    });
}

TENDRIL_HUB_TEST(resolver, a_service_may_have_a_name) {
    EXPECT_EQ(resolved("127.0.0.1", "http"), transcript{"127.0.0.1:80"});
}

TENDRIL_TEST(resolver, a_name_gives_its_addresses_in_the_order_of_the_system) {
    run_with_names([](fake_names& names, tendril::testing::virtual_clock&) {
        names.add("three.test", {"127.0.0.3", "::1", "127.0.0.1"});
        EXPECT_EQ(
            resolved("three.test", "7"), (transcript{"127.0.0.3:7", "[::1]:7", "127.0.0.1:7"}));
    });
}

TENDRIL_TEST(resolver, a_name_is_looked_up_on_another_thread) {
    run_with_names([](fake_names& names, tendril::testing::virtual_clock&) {
        names.add("one.test", {"127.0.0.1"});
        resolve("one.test", "80");
        EXPECT_EQ(names.asked(), 1U);
        EXPECT_FALSE(names.asked_on_this_thread());
    });
}

TENDRIL_TEST(resolver, the_system_knows_this_machine) {
    run_with_names([](fake_names&, tendril::testing::virtual_clock&) {
        EXPECT_FALSE(resolve("localhost", "80").empty());
    });
}

TENDRIL_TEST(resolver, an_unknown_name_is_an_error_that_names_it) {
    run_with_names([](fake_names&, tendril::testing::virtual_clock&) {
        auto const look_up = [] { resolve("nobody.test", "80"); };
        EXPECT_EQ(test::code_of(look_up), asio_error::host_not_found);
        EXPECT_NE(test::text_of(look_up).find("'nobody.test'"), std::string::npos);
        EXPECT_FALSE(test::names_a_source(test::text_of(look_up)));
    });
}

TENDRIL_HUB_TEST(resolver, an_unknown_service_is_an_error_that_names_it) {
    auto const look_up = [] { resolve("127.0.0.1", "no-such-service"); };
    EXPECT_EQ(test::code_of(look_up), asio_error::service_not_found);
    EXPECT_NE(test::text_of(look_up).find("'no-such-service'"), std::string::npos);
}

TENDRIL_TEST(resolver, an_error_leaves_no_addresses_and_a_success_no_error) {
    run_with_names([](fake_names&, tendril::testing::virtual_clock&) {
        error_code error = io_error(errc::busy);
        EXPECT_TRUE(resolve("nobody.test", "80", deadline::never(), error).empty());
        EXPECT_TRUE(error.failed());
        EXPECT_EQ(resolve("127.0.0.1", "80", deadline::never(), error).size(), 1U);
        EXPECT_FALSE(error.failed());
    });
}

TENDRIL_TEST(resolver, gives_up_at_its_limit) {
    run_with_names([](fake_names&, tendril::testing::virtual_clock& time) {
        // A clock that jumps stands still while a look-up is under way.
        auto const passing = spawn([&] {
            idle();
            time.advance(3s);
        });
        error_code error;
        EXPECT_TRUE(resolve("slow.hang", "80", deadline::after(3s), error).empty());
        EXPECT_EQ(error, errc::timed_out);
        EXPECT_EQ(time.elapsed(), 3s);
    });
}

TENDRIL_TEST(resolver, time_stands_still_while_a_name_is_looked_up) {
    run_with_names([](fake_names& names, tendril::testing::virtual_clock& time) {
        names.add("one.test", {"127.0.0.1"});
        error_code error;
        EXPECT_EQ(resolve("one.test", "80", deadline::after(1ns), error).size(), 1U);
        EXPECT_EQ(time.elapsed(), 0ns);
    });
}

TENDRIL_TEST(resolver, one_that_is_interrupted_leaves_at_once) {
    run_with_names([](fake_names& names, tendril::testing::virtual_clock&) {
        auto asking = spawn([] { resolve("slow.hang", "80"); });
        test::settle();
        ASSERT_TRUE(names.wait_for_hanging(1));
        asking.cancel();
        asking.join();
        EXPECT_TRUE(asking.was_cancelled());
        EXPECT_EQ(names.hanging(), 1U);
    });
}

TENDRIL_TEST(resolver, an_answer_that_comes_after_the_asker_has_left_is_dropped) {
    run_with_names([](fake_names& names, tendril::testing::virtual_clock& time) {
        names.add("one.test", {"127.0.0.1"});
        auto const passing = spawn([&] {
            idle();
            time.advance(1s);
        });
        error_code error;
        resolve("slow.hang", "80", deadline::after(1s), error);
        names.let_go();
        EXPECT_EQ(resolved("one.test", "80"), transcript{"127.0.0.1:80"});
    });
}

TENDRIL_TEST(resolver, others_run_while_a_name_is_looked_up) {
    run_with_names([](fake_names& names, tendril::testing::virtual_clock&) {
        auto asking = spawn([] { resolve("slow.hang", "80"); });
        test::settle();
        yield();
        EXPECT_FALSE(asking.done());
        names.let_go();
        asking.join();
        EXPECT_THROW(asking.get(), system_error);
    });
}

TENDRIL_TEST(resolver, names_that_hang_do_not_delay_a_number) {
    run_with_names([](fake_names& names, tendril::testing::virtual_clock& time) {
        std::vector<task<void>> asking;
        for (int count = 0; count < 8; ++count) {
            asking.push_back(spawn([count] { resolve(std::to_string(count) + ".hang", "80"); }));
        }
        test::settle();
        ASSERT_TRUE(names.wait_for_hanging(4));
        auto const before = time.elapsed();
        EXPECT_EQ(resolved("127.0.0.1", "80"), transcript{"127.0.0.1:80"});
        EXPECT_EQ(time.elapsed(), before);
    });
}

TENDRIL_TEST(resolver, three_names_that_hang_do_not_delay_a_fourth) {
    run_with_names([](fake_names& names, tendril::testing::virtual_clock&) {
        names.add("one.test", {"127.0.0.1"});
        std::vector<task<void>> asking;
        for (int count = 0; count < 3; ++count) {
            asking.push_back(spawn([count] { resolve(std::to_string(count) + ".hang", "80"); }));
        }
        test::settle();
        ASSERT_TRUE(names.wait_for_hanging(3));
        EXPECT_EQ(resolved("one.test", "80"), transcript{"127.0.0.1:80"});
    });
}

TENDRIL_TEST(resolver, names_beyond_the_fourth_wait_for_their_turn_and_get_it) {
    run_with_names([](fake_names& names, tendril::testing::virtual_clock&) {
        names.add("one.test", {"127.0.0.1"});
        for (int count = 0; count < 4; ++count) {
            spawn([count] {
                error_code error;
                resolve(std::to_string(count) + ".hang", "80", deadline::never(), error);
            });
        }
        test::settle();
        ASSERT_TRUE(names.wait_for_hanging(4));
        auto fifth = spawn([] { return resolved("one.test", "80"); });
        test::settle();
        EXPECT_FALSE(fifth.done());
        names.let_go();
        EXPECT_EQ(fifth.get(), transcript{"127.0.0.1:80"});
    });
}

TENDRIL_TEST(resolver, a_hub_ends_while_a_name_hangs) {
    run_with_names([](fake_names& names, tendril::testing::virtual_clock&) {
        spawn([] { resolve("slow.hang", "80"); });
        test::settle();
        ASSERT_TRUE(names.wait_for_hanging(1));
    });
}

TENDRIL_TEST(resolver, does_not_begin_for_a_greenlet_that_is_to_end) {
    run_with_names([](fake_names& names, tendril::testing::virtual_clock&) {
        task<void> asking;
        asking = spawn([&] {
            asking.cancel();
            resolve("one.test", "80");
        });
        asking.join();
        EXPECT_TRUE(asking.was_cancelled());
        EXPECT_EQ(names.asked(), 0U);
    });
}
