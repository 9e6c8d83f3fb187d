// SPDX-License-Identifier: BSL-1.0
//
// Look-ups that wait for the system, and those who wait for them.
#include <harness/fake_names.hpp>
#include <harness/forking.hpp>
#include <harness/network.hpp>
#include <tendril/net/resolver.hpp>

#include <boost/asio/error.hpp>

#include <netdb.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using tendril::testing::virtual_clock;
using test::fake_names;
using test::run_with_names;
using test::transcript;
namespace asio_error = boost::asio::error;

transcript look_up(std::string const& host) {
    transcript found;
    error_code error;
    for (tcp_endpoint const& each : resolve(host, "80", deadline::never(), error)) {
        found.push_back(to_string(each));
    }
    return error.failed() ? transcript{error.message()} : found;
}

error_code look_up_error(std::string const& host, deadline limit = deadline::never()) {
    error_code error;
    resolve(host, "80", limit, error);
    return error;
}

auto spawn_look_up(std::string host, deadline limit = deadline::never()) {
    return spawn([host = std::move(host), limit] { return look_up_error(host, limit); });
}

std::shared_ptr<system_resolver> use_resolver(resolver_options options) {
    auto made = std::make_shared<system_resolver>(std::move(options));
    set_resolver(made);
    return made;
}

resolver_options with_threads(std::size_t threads, std::size_t most_queued = 1024) {
    resolver_options chosen;
    chosen.threads = threads;
    chosen.most_queued = most_queued;
    return chosen;
}

// Knows every name, and says so.
class knows_everything final : public resolver {
public:
    std::vector<ip_address> addresses_of(
        std::string const& host, deadline, error_code& error) override {
        asked.push_back(host);
        error = {};
        return {boost::asio::ip::make_address("127.0.0.42")};
    }
    std::string name_of(ip_address const&, deadline, error_code& error) override {
        error = {};
        return "everything.test";
    }

    transcript asked;
};

}  // namespace

TENDRIL_TEST(resolver, those_who_ask_for_one_name_share_a_look_up) {
    run_with_names([](fake_names& names) {
        std::vector<task<error_code>> asking;
        for (int count = 0; count < 100; ++count) {
            asking.push_back(spawn_look_up("slow.hang"));
        }
        test::settle();
        ASSERT_TRUE(names.wait_for_hanging(1));
        names.let_go();
        for (auto& each : asking) {
            EXPECT_EQ(each.get(), asio_error::host_not_found);
        }
        EXPECT_EQ(names.asked(), 1U);
    });
}

TENDRIL_TEST(resolver, a_look_up_that_hangs_alone_is_joined_by_the_next_who_asks) {
    run_with_names([](fake_names& names) {
        for (int count = 0; count < 20; ++count) {
            auto asking = spawn_look_up("slow.hang");
            test::settle();
            ASSERT_TRUE(names.wait_for_hanging(1));
            asking.cancel();
            asking.join();
        }
        EXPECT_EQ(names.asked(), 1U);
    });
}

TENDRIL_TEST(resolver, one_of_those_who_share_may_leave) {
    run_with_names([](fake_names& names) {
        auto first = spawn_look_up("slow.hang");
        auto second = spawn_look_up("slow.hang");
        test::settle();
        ASSERT_TRUE(names.wait_for_hanging(1));
        first.cancel();
        first.join();
        EXPECT_FALSE(second.done());
        names.let_go();
        EXPECT_EQ(second.get(), asio_error::host_not_found);
    });
}

TENDRIL_TEST(resolver, hubs_of_two_threads_share_a_look_up) {
    run_with_names([](fake_names& names) {
        auto here = spawn_look_up("slow.hang");
        test::settle();
        ASSERT_TRUE(names.wait_for_hanging(1));
        error_code there;
        std::thread other{[&, shared = this_resolver()] {
            run([&] {
                set_resolver(shared);
                there = look_up_error("slow.hang");
            });
        }};
        // It may come too late to share; then it finds nothing by itself.
        names.let_go();
        EXPECT_EQ(here.get(), asio_error::host_not_found);
        other.join();
        EXPECT_EQ(there, asio_error::host_not_found);
    });
}

TENDRIL_TEST(resolver, the_number_of_threads_is_an_option) {
    run_with_names([](fake_names& names) {
        auto const mine = use_resolver(with_threads(2));
        std::vector<task<error_code>> asking;
        for (int count = 0; count < 5; ++count) {
            asking.push_back(spawn_look_up(std::to_string(count) + ".hang"));
        }
        test::settle();
        ASSERT_TRUE(names.wait_for_hanging(2));
        EXPECT_EQ(mine->running(), 2U);
        EXPECT_EQ(mine->queued(), 3U);
        names.let_go();
        for (auto& each : asking) {
            each.join();
        }
        EXPECT_EQ(mine->queued(), 0U);
        EXPECT_EQ(names.asked(), 5U);
    });
}

TENDRIL_TEST(resolver, no_threads_at_all_are_refused) {
    EXPECT_THROW(system_resolver{with_threads(0)}, misuse);
}

TENDRIL_TEST(resolver, when_too_many_wait_the_next_is_told_so) {
    run_with_names([](fake_names& names) {
        use_resolver(with_threads(1, 2));
        std::vector<task<error_code>> asking;
        for (int count = 0; count < 3; ++count) {
            asking.push_back(spawn_look_up(std::to_string(count) + ".hang"));
            test::settle();
            ASSERT_TRUE(names.wait_for_hanging(1));
        }
        EXPECT_EQ(look_up_error("3.hang"), errc::overloaded);
        EXPECT_EQ(look_up("127.0.0.1"), transcript{"127.0.0.1:80"});
        EXPECT_EQ(look_up("localhost").size(), 2U);
        // One that joins takes no room, and one that leaves gives some back.
        auto joining = spawn_look_up("2.hang");
        asking[1].cancel();
        asking[1].join();
        auto next = spawn_look_up("3.hang");
        test::settle();
        EXPECT_FALSE(next.done());
        EXPECT_FALSE(joining.done());
        names.let_go();
        EXPECT_EQ(next.get(), asio_error::host_not_found);
        EXPECT_EQ(joining.get(), asio_error::host_not_found);
    });
}

TENDRIL_TEST(resolver, when_all_threads_hang_those_who_wait_keep_their_limits) {
    run_with_names([](fake_names& names, virtual_clock& time) {
        auto const mine = use_resolver(with_threads(4));
        std::vector<task<error_code>> hanging;
        for (int count = 0; count < 4; ++count) {
            hanging.push_back(spawn_look_up(std::to_string(count) + ".hang"));
        }
        test::settle();
        ASSERT_TRUE(names.wait_for_hanging(4));
        auto soon = spawn_look_up("one.test", deadline::after(1s));
        auto later = spawn_look_up("two.test", deadline::after(2s));
        test::settle();
        EXPECT_EQ(mine->queued(), 2U);
        time.advance(1s);
        EXPECT_EQ(soon.get(), errc::timed_out);
        EXPECT_FALSE(later.done());
        EXPECT_EQ(mine->queued(), 1U);
        time.advance(1s);
        EXPECT_EQ(later.get(), errc::timed_out);
        EXPECT_EQ(mine->queued(), 0U);
        EXPECT_EQ(names.asked(), 4U);
    });
}

TENDRIL_TEST(resolver, an_address_that_hangs_keeps_its_limit) {
    run_with_names([](fake_names& names, virtual_clock& time) {
        names.add_name("192.0.2.9", "slow.hang");
        auto asking = spawn([] {
            error_code error;
            resolve_name(
                {boost::asio::ip::make_address("192.0.2.9"), 80}, deadline::after(1s), error);
            return error;
        });
        test::settle();
        ASSERT_TRUE(names.wait_for_hanging(1));
        time.advance(1s);
        EXPECT_EQ(asking.get(), errc::timed_out);
    });
}

TENDRIL_TEST(resolver, each_failure_of_the_system_has_its_own_code) {
    run_with_names([](fake_names& names) {
        names.add_failure("again.test", EAI_AGAIN);
        names.add_failure("fail.test", EAI_FAIL);
        names.add_failure("memory.test", EAI_MEMORY);
        names.add_failure("none.test", EAI_NONAME);
        names.add_failure("empty.test", EAI_NODATA);
        EXPECT_EQ(look_up_error("again.test"), asio_error::host_not_found_try_again);
        EXPECT_EQ(look_up_error("fail.test"), asio_error::no_recovery);
        EXPECT_EQ(look_up_error("memory.test"), asio_error::no_memory);
        EXPECT_EQ(look_up_error("none.test"), asio_error::host_not_found);
        EXPECT_EQ(look_up_error("empty.test"), asio_error::no_data);
    });
}

TENDRIL_TEST(resolver, a_failure_is_forgotten_and_the_next_look_up_asks_again) {
    run_with_names([](fake_names& names) {
        names.add_failure("one.test", EAI_AGAIN);
        EXPECT_EQ(look_up_error("one.test"), asio_error::host_not_found_try_again);
        names.add_failure("one.test", EAI_FAIL);
        EXPECT_EQ(look_up_error("one.test"), asio_error::no_recovery);
    });
}

TENDRIL_TEST(resolver, no_answer_is_longer_than_its_bound) {
    run_with_names([](fake_names& names) {
        std::vector<std::string> many;
        for (int count = 0; count < 3000; ++count) {
            many.push_back(
                "127.1." + std::to_string(count / 250) + "." + std::to_string(count % 250));
        }
        names.add("many.test", many);
        EXPECT_EQ(resolve("many.test", "80").size(), 1024U);
    });
}

TENDRIL_TEST(resolver, a_cache_is_asked_first_and_told_of_answers) {
    run_with_names([](fake_names& names) {
        names.add("one.test", {"127.0.0.1"});
        std::map<std::string, std::vector<ip_address>> known;
        resolver_options options;
        options.find_cached = [&](std::string const& host) {
            auto const at = known.find(host);
            return at == known.end() ? std::vector<ip_address>{} : at->second;
        };
        options.keep = [&](std::string const& host, auto const& found) { known[host] = found; };
        use_resolver(options);
        EXPECT_EQ(look_up("one.test"), transcript{"127.0.0.1:80"});
        EXPECT_EQ(look_up("one.test"), transcript{"127.0.0.1:80"});
        EXPECT_EQ(names.asked(), 1U);
        EXPECT_EQ(look_up_error("nobody.test"), asio_error::host_not_found);
        EXPECT_EQ(known.size(), 1U) << "an error is no answer";
        set_resolver(nullptr);
    });
}

TENDRIL_TEST(resolver, a_hub_may_have_a_resolver_of_its_own) {
    run_with_names([](fake_names& names) {
        auto const mine = std::make_shared<knows_everything>();
        set_resolver(mine);
        EXPECT_EQ(this_resolver(), mine);
        EXPECT_EQ(look_up("one.test"), transcript{"127.0.0.42:80"});
        EXPECT_EQ(look_up("127.0.0.1"), transcript{"127.0.0.1:80"});
        EXPECT_EQ(look_up("b\u00fccher.test"), transcript{"127.0.0.42:80"});
        EXPECT_EQ(resolve_name({}).host, "everything.test");
        EXPECT_EQ(mine->asked, (transcript{"one.test", "xn--bcher-kva.test"}));
        EXPECT_EQ(names.asked(), 0U);
        std::thread{[] {
            run([] { EXPECT_EQ(look_up_error("nobody.test"), asio_error::host_not_found); });
        }}.join();
        EXPECT_EQ(names.asked(), 1U);
        set_resolver(nullptr);
        EXPECT_EQ(look_up_error("one.test"), asio_error::host_not_found);
    });
}

TENDRIL_TEST(resolver, one_may_be_replaced_while_somebody_asks_it) {
    run_with_names([](fake_names& names) {
        use_resolver({});
        auto asking = spawn_look_up("slow.hang");
        test::settle();
        ASSERT_TRUE(names.wait_for_hanging(1));
        set_resolver(nullptr);
        names.let_go();
        EXPECT_EQ(asking.get(), asio_error::host_not_found);
    });
}

TENDRIL_TEST(resolver, may_be_destroyed_while_its_threads_hang) {
    run_with_names([](fake_names& names) {
        use_resolver(with_threads(2));
        auto asking = spawn_look_up("slow.hang");
        test::settle();
        ASSERT_TRUE(names.wait_for_hanging(1));
        asking.cancel();
        asking.join();
        set_resolver(nullptr);
        EXPECT_EQ(names.hanging(), 1U);
    });
}

TENDRIL_TEST(resolver, an_answer_and_a_cancel_in_one_turn_are_both_delivered) {
    run_with_names([](fake_names& names) {
        names.add("one.test", {"127.0.0.1"});
        int answered = 0;
        int cancelled_ones = 0;
        for (int count = 0; count < 500; ++count) {
            auto asking = spawn([&] {
                answered += look_up("one.test").size() == 1 ? 1 : 0;
                yield();
            });
            yield();
            asking.cancel();
            asking.join();
            cancelled_ones += asking.was_cancelled() ? 1 : 0;
        }
        EXPECT_EQ(cancelled_ones, 500);
        EXPECT_LE(answered, 500);
    });
}

TENDRIL_TEST(resolver, a_look_up_in_a_callback_is_refused_and_a_number_is_not) {
    run_with_names([](fake_names& names) {
        names.add("one.test", {"127.0.0.1"});
        bool refused = false;
        bool read = false;
        this_hub().call_soon([&] {
            read = resolve("127.0.0.1", "80").size() == 1;
            try {
                resolve("one.test", "80");
            } catch (misuse const&) {
                refused = true;
            }
        });
        test::settle();
        EXPECT_TRUE(read);
        EXPECT_TRUE(refused);
    });
}

// Hazard H56: eight look-ups on four threads, and a number besides.
TENDRIL_TEST(resolver, a_process_ends_while_all_threads_hang) {
    auto const hang_and_end = [] {
        // Its destructor would let them go.
        auto& names = *new fake_names;
        bool holds = false;
        run([&] {
            for (int count = 0; count < 8; ++count) {
                spawn([count] { look_up_error(std::to_string(count) + ".hang"); });
            }
            test::settle();
            holds = names.wait_for_hanging(4) && look_up("127.0.0.1").size() == 1;
        });
        std::exit(holds ? 42 : 1);
    };
    EXPECT_EXIT(hang_and_end(), ::testing::ExitedWithCode(42), "");
}

TENDRIL_TEST(resolver, the_child_of_a_fork_makes_threads_of_its_own) {
    if (!test::can_make_threads_in_a_child) {
        GTEST_SKIP() << "a sanitizer forbids threads in a child";
    }
    run_with_names([](fake_names& names) {
        names.add("one.test", {"127.0.0.1"});
        auto asking = spawn_look_up("slow.hang");
        test::settle();
        ASSERT_TRUE(names.wait_for_hanging(1));
        // A mutex that another thread holds must not be held here: none of ours is.
        EXPECT_TRUE(test::holds_in_a_child([] {
            this_hub().reset_after_fork();
            return look_up("one.test") == transcript{"127.0.0.1:80"};
        }));
        asking.cancel();
        asking.join();
    });
}
