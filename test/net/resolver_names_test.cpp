// SPDX-License-Identifier: BSL-1.0
//
// What is answered at once, and what is refused at once.
#include <harness/fake_names.hpp>
#include <harness/network.hpp>
#include <tendril/net/resolver.hpp>

#include <boost/asio/error.hpp>

#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using namespace tendril;
using namespace std::string_literals;
using test::fake_names;
using test::run_with_names;
using test::transcript;
namespace asio_error = boost::asio::error;

// A file of hosts in a folder of its own.
class hosts_for_test {
public:
    explicit hosts_for_test(std::string_view text) {
        char folder[] = "/tmp/tendril_hosts_XXXXXX";
        if (::mkdtemp(folder) == nullptr) {
            throw std::runtime_error{"no temporary folder"};
        }
        folder_ = folder;
        write(text);
    }
    hosts_for_test(hosts_for_test const&) = delete;
    hosts_for_test& operator=(hosts_for_test const&) = delete;
    ~hosts_for_test() {
        remove();
        ::rmdir(folder_.c_str());
    }

    // As an editor does it: a new file takes the place of the old one.
    void write(std::string_view text) const {
        std::ofstream{path() + ".new", std::ios::binary} << text;
        std::rename((path() + ".new").c_str(), path().c_str());
    }
    void remove() const { ::unlink(path().c_str()); }

    std::string path() const { return folder_ + "/hosts"; }

    resolver_options options() const {
        resolver_options chosen;
        chosen.hosts_file = path();
        return chosen;
    }

private:
    std::string folder_;
};

transcript addresses(std::string const& host, std::string const& service = "80") {
    transcript found;
    error_code error;
    for (tcp_endpoint const& each : resolve(host, service, deadline::never(), error)) {
        found.push_back(to_string(each));
    }
    return found;
}

error_code refusal(std::string const& host, std::string const& service = "80") {
    error_code error;
    EXPECT_TRUE(resolve(host, service, deadline::never(), error).empty());
    return error;
}

// Runs a function in a hub whose resolver looks into this file first.
template <typename F>
void run_with_hosts(std::string_view text, F&& body) {
    hosts_for_test const hosts{text};
    run_with_names([&](fake_names& names) {
        set_resolver(std::make_shared<system_resolver>(hosts.options()));
        body(hosts, names);
        set_resolver(nullptr);
    });
}

}  // namespace

TENDRIL_TEST(resolver, a_scope_of_an_address_is_kept) {
    run_with_names([](fake_names& names) {
        auto const found = resolve("fe80::1%lo", "80");
        ASSERT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].address().to_v6().scope_id(), ::if_nametoindex("lo"));
        EXPECT_EQ(resolve("fe80::1%7", "80")[0].address().to_v6().scope_id(), 7U);
        EXPECT_EQ(names.asked(), 0U);
    });
}

TENDRIL_TEST(resolver, what_looks_like_an_address_and_is_none_is_refused_without_asking) {
    run_with_names([](fake_names& names) {
        for (char const* const host : {"::g", "1:2", "fe80::1%no_such_interface", "127.0.0.1:80"}) {
            EXPECT_EQ(refusal(host), errc::bad_name) << host;
        }
        EXPECT_EQ(names.asked(), 0U);
    });
}

TENDRIL_TEST(resolver, localhost_and_what_is_below_it_is_this_machine_without_asking) {
    run_with_names([](fake_names& names) {
        transcript const here{"127.0.0.1:80", "[::1]:80"};
        for (char const* const host : {"localhost", "LocalHost", "localhost.", "a.b.localhost"}) {
            EXPECT_EQ(addresses(host), here) << host;
        }
        names.add("notlocalhost.test", {"127.0.0.9"});
        EXPECT_EQ(addresses("notlocalhost.test"), transcript{"127.0.0.9:80"});
        EXPECT_EQ(names.asked(), 1U);
    });
}

TENDRIL_TEST(resolver, the_any_address_is_a_number_as_well) {
    run_with_names([](fake_names& names) {
        EXPECT_EQ(addresses("0.0.0.0"), transcript{"0.0.0.0:80"});
        EXPECT_EQ(addresses("::"), transcript{"[::]:80"});
        EXPECT_EQ(names.asked(), 0U);
    });
}

TENDRIL_TEST(resolver, a_port_is_a_number_a_service_or_nothing) {
    run_with_names([](fake_names& names) {
        EXPECT_EQ(addresses("127.0.0.1", "65535"), transcript{"127.0.0.1:65535"});
        EXPECT_EQ(addresses("127.0.0.1", "https"), transcript{"127.0.0.1:443"});
        EXPECT_EQ(addresses("127.0.0.1", ""), transcript{"127.0.0.1:0"});
        EXPECT_EQ(refusal("127.0.0.1", "65536"), asio_error::service_not_found);
        EXPECT_EQ(refusal("127.0.0.1", "65616"), asio_error::service_not_found);
        EXPECT_EQ(refusal("127.0.0.1", "99999999999999999999"), asio_error::service_not_found);
        EXPECT_EQ(refusal("127.0.0.1", "-1"), asio_error::service_not_found);
        EXPECT_EQ(refusal("one.test", "no-such-service"), asio_error::service_not_found);
        EXPECT_EQ(refusal("127.0.0.1", "80\0"s), errc::bad_name);
        EXPECT_EQ(names.asked(), 0U);
    });
}

TENDRIL_TEST(resolver, what_can_be_no_name_is_refused_before_anybody_is_asked) {
    run_with_names([](fake_names& names) {
        std::string const label(63, 'a');
        for (std::string const& host :
             {""s, "."s, "a..test"s, ".test"s, "one\0.test"s, "one.test\0.evil"s, "one test"s,
              "one.test\n"s, "\x7f.test"s, label + "a.test", "\xC3.test"s, "\xED\xA0\x80.test"s,
              label + '.' + label + '.' + label + '.' + label}) {
            EXPECT_EQ(refusal(host), errc::bad_name) << host;
        }
        EXPECT_EQ(names.asked(), 0U);
    });
}

TENDRIL_TEST(resolver, labels_and_names_may_be_as_long_as_they_may_be) {
    run_with_names([](fake_names& names) {
        std::string const label(63, 'a');
        std::string const name = label + '.' + label + '.' + label + '.' + std::string(56, 'b') +
            ".test";
        EXPECT_EQ(name.size(), 253U);
        names.add(name, {"127.0.0.1"});
        EXPECT_EQ(addresses(name), transcript{"127.0.0.1:80"});
    });
}

TENDRIL_TEST(resolver, labels_in_other_letters_are_encoded) {
    run_with_names([](fake_names& names) {
        names.add("xn--bcher-kva.test", {"127.0.0.1"});
        names.add("xn--fsqu00a.xn--0zwm56d.test", {"127.0.0.2"});
        names.add("xn--b1abfaaepdrnnbgefbadotcwatmq2g4l.test", {"127.0.0.3"});
        names.add("xn--3B-ww4c5e180e575a65lsy2b.test", {"127.0.0.9"});
        names.add("xn--3b-ww4c5e180e575a65lsy2b.test", {"127.0.0.4"});
        EXPECT_EQ(addresses("b\u00fccher.test"), transcript{"127.0.0.1:80"});
        EXPECT_EQ(addresses("\u4f8b\u5b50.\u6d4b\u8bd5.test"), transcript{"127.0.0.2:80"});
        // These two are among the samples of RFC 3492.
        EXPECT_EQ(
            addresses("\u043f\u043e\u0447\u0435\u043c\u0443\u0436\u0435\u043e\u043d\u0438\u043d"
                      "\u0435\u0433\u043e\u0432\u043e\u0440\u044f\u0442\u043f\u043e\u0440\u0443"
                      "\u0441\u0441\u043a\u0438.test"),
            transcript{"127.0.0.3:80"});
        EXPECT_EQ(
            addresses("3\u5e74B\u7d44\u91d1\u516b\u5148\u751f.test"), transcript{"127.0.0.4:80"});
    });
}

TENDRIL_TEST(resolver, the_file_of_hosts_answers_without_a_thread) {
    constexpr std::string_view text = "# comment\n"
                                      "127.0.0.5\tone.test alias.test # and more: two.test\n"
                                      "   ::5  one.test\r\n"
                                      "127.0.0.6 ONE.test\n"
                                      "127.0.0.5 one.test";
    run_with_hosts(text, [](auto&, fake_names& names) {
        transcript const three{"127.0.0.5:80", "[::5]:80", "127.0.0.6:80"};
        EXPECT_EQ(addresses("one.test"), three);
        EXPECT_EQ(addresses("One.Test"), three);
        EXPECT_EQ(addresses("alias.test"), transcript{"127.0.0.5:80"});
        EXPECT_EQ(names.asked(), 0U);
        EXPECT_EQ(refusal("two.test"), asio_error::host_not_found);
        EXPECT_EQ(names.asked(), 1U);
    });
}

TENDRIL_TEST(resolver, the_file_of_hosts_is_read_again_when_it_has_changed) {
    run_with_hosts("127.0.0.5 one.test\n", [](hosts_for_test const& hosts, fake_names& names) {
        EXPECT_EQ(addresses("one.test"), transcript{"127.0.0.5:80"});
        hosts.write("127.0.0.6 one.test\n");
        EXPECT_EQ(addresses("one.test"), transcript{"127.0.0.6:80"});
        hosts.remove();
        EXPECT_EQ(refusal("one.test"), asio_error::host_not_found);
        names.add("one.test", {"127.0.0.7"});
        EXPECT_EQ(addresses("one.test"), transcript{"127.0.0.7:80"});
        hosts.write("127.0.0.8 one.test\n");
        EXPECT_EQ(addresses("one.test"), transcript{"127.0.0.8:80"});
    });
}

TENDRIL_TEST(resolver, nonsense_in_the_file_of_hosts_is_passed_over) {
    std::string text =
        "one.test\n127.0.0.256 one.test\n127.0.0.1\n\n \t\r\n#\n:: \n127.0.0.4 one\0.test\n"s;
    text += "127.0.0.3 " + std::string(100'000, 'x') + '\n';
    text += std::string(5000, '\xFF') + '\n';
    text += "127.0.0.5 one.test";
    run_with_hosts(text, [](auto&, fake_names& names) {
        EXPECT_EQ(addresses("one.test"), transcript{"127.0.0.5:80"});
        EXPECT_EQ(names.asked(), 0U);
    });
}

TENDRIL_TEST(resolver, a_file_of_hosts_that_is_no_file_delays_nobody) {
    run_with_hosts("", [](hosts_for_test const& hosts, fake_names& names) {
        names.add("one.test", {"127.0.0.1"});
        hosts.remove();
        ASSERT_EQ(::mkfifo(hosts.path().c_str(), 0600), 0);
        EXPECT_EQ(addresses("one.test"), transcript{"127.0.0.1:80"});
    });
}

TENDRIL_TEST(resolver, the_file_of_hosts_names_an_address) {
    run_with_hosts("192.0.2.1 first.test second.test\n", [](auto&, fake_names& names) {
        auto const found = resolve_name({boost::asio::ip::make_address("192.0.2.1"), 80});
        EXPECT_EQ(found.host, "first.test");
        EXPECT_EQ(found.service, "http");
        EXPECT_EQ(names.asked(), 0U);
    });
}

TENDRIL_TEST(resolver, an_address_has_a_name_which_another_thread_asks_for) {
    run_with_names([](fake_names& names) {
        names.add_name("192.0.2.7", "seven.test");
        auto const found = resolve_name({boost::asio::ip::make_address("192.0.2.7"), 59999});
        EXPECT_EQ(found.host, "seven.test");
        EXPECT_EQ(found.service, "59999");
        EXPECT_EQ(names.asked(), 1U);
        EXPECT_FALSE(names.asked_on_this_thread());
    });
}

TENDRIL_TEST(resolver, an_address_without_a_name_is_an_error_that_names_it) {
    run_with_names([](fake_names&) {
        auto const look_up = [] { resolve_name({boost::asio::ip::make_address("192.0.2.8"), 80}); };
        EXPECT_EQ(test::code_of(look_up), asio_error::host_not_found);
        EXPECT_NE(test::text_of(look_up).find("192.0.2.8"), std::string::npos);
    });
}
