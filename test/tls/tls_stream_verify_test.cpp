// SPDX-License-Identifier: BSL-1.0
//
// Which peers are believed, and what is said about the others.
#include <harness/secured.hpp>
#include <tendril/tls/tls_stream.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using test::certificate_wish;
using test::good_client;
using test::good_server;
using test::hear;
using test::shaken_ends;
using test::unshaken_ends;

// How the handshake of a client ends, in words.
struct verdict {
    error_code client;
    std::string text;
    error_code server;
};
verdict judge_server(
    tls_identity const& identity, std::string const& host,
    tls_context const& client = good_client()) {
    auto ends = unshaken_ends(client, good_server({.identity = identity}), {}, host);
    verdict heard;
    auto serving = spawn([&] {
        ends.server.handshake(heard.server);
        // With TLS 1.3 the server is done before the client has seen its certificate.
        if (!heard.server.failed()) {
            std::array<char, 1> byte;
            ends.server.read_some(boost::asio::buffer(byte), heard.server);
        }
    });
    try {
        ends.client.handshake();
        ends.client.close();
    } catch (system_error const& error) {
        heard.client = error.code();
        heard.text = error.what();
        EXPECT_FALSE(ends.client.is_open());
        EXPECT_EQ(hear(ends.client), test::in_brackets(heard.client));
    }
    serving.join();
    EXPECT_EQ(ERR_peek_error(), 0U);
    return heard;
}

// The greeting of a client for good.test, whose one key is of the first of two groups.
std::string greeting_of_two_groups() {
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> const context{
        SSL_CTX_new(TLS_client_method()), &SSL_CTX_free};
    SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
    SSL_CTX_set1_groups_list(context.get(), "X25519:X448");
    std::unique_ptr<SSL, decltype(&SSL_free)> const ssl{SSL_new(context.get()), &SSL_free};
    BIO* const out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
    SSL_set_tlsext_host_name(ssl.get(), "good.test");
    SSL_connect(ssl.get());
    ERR_clear_error();
    std::string text(4096, '\0');
    text.resize(static_cast<std::size_t>(BIO_read(out, text.data(), 4096)));
    return text;
}

void exchange_bytes(std::string& text, std::string_view from, std::string_view to) {
    std::size_t const at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    text.replace(at, from.size(), to);
}

// A client greets with a key of a group that nobody knows, and once more when it was asked for
// another one. Returns how the handshake of the server ends.
error_code greet_twice(std::string_view second_name) {
    using namespace std::string_view_literals;
    auto [near, far] = test::memory_stream::pair();
    int choices = 0;
    tls_context const context = good_server({.choose = [&](std::string const&) {
        ++choices;
        return tls_context{};
    }});
    tls_stream server = tls_stream::server(std::move(far), context);
    error_code said;
    auto serving = spawn([&] { server.handshake(said); });
    std::string second = greeting_of_two_groups();
    std::string first = second;
    exchange_bytes(first, "\x00\x04\x00\x1d\x00\x1e"sv, "\x00\x04\x00\x1d\x0a\x0a"sv);
    exchange_bytes(
        first, "\x00\x33\x00\x26\x00\x24\x00\x1d"sv, "\x00\x33\x00\x26\x00\x24\x0a\x0a"sv);
    exchange_bytes(second, "good.test", second_name);
    near.write_some(boost::asio::buffer(first));
    std::array<char, 4096> answer;
    near.read_some(boost::asio::buffer(answer));
    near.write_some(boost::asio::buffer(second));
    test::settle();
    near.close();
    serving.join();
    EXPECT_EQ(choices, 1);
    EXPECT_EQ(ERR_peek_error(), 0U);
    return said;
}

}  // namespace

TENDRIL_HUB_TEST(tls_verify, a_good_certificate_is_believed) {
    EXPECT_EQ(judge_server(test::good_identity(), "good.test").client, error_code{});
}

TENDRIL_HUB_TEST(tls_verify, a_certificate_for_another_host_is_refused_and_both_are_named) {
    verdict const heard = judge_server(
        test::trusted().issue({.names = {"good.test", "other.test"}}), "bad.test");
    EXPECT_EQ(heard.client, tls_errc::wrong_host);
    EXPECT_EQ(
        heard.text,
        "TLS handshake with bad.test, which shows a certificate of 'CN = test' for good.test, "
        "other.test: the certificate is for another host [tendril.tls:6]");
    EXPECT_TRUE(heard.server.failed());
}

TENDRIL_HUB_TEST(tls_verify, one_that_has_expired_is_refused) {
    verdict const heard = judge_server(
        test::trusted().issue({.valid_from = -2h, .valid_until = -1h}), "good.test");
    EXPECT_EQ(heard.client, tls_errc::expired);
    EXPECT_TRUE(test::contains(heard.text, "good.test")) << heard.text;
}

TENDRIL_HUB_TEST(tls_verify, one_that_is_not_valid_yet_is_refused) {
    EXPECT_EQ(
        judge_server(test::trusted().issue({.valid_from = 1h, .valid_until = 2h}), "good.test")
            .client,
        tls_errc::not_yet_valid);
}

TENDRIL_HUB_TEST(tls_verify, one_that_is_signed_by_itself_is_refused) {
    EXPECT_EQ(judge_server(test::self_signed(), "good.test").client, tls_errc::self_signed);
}

TENDRIL_HUB_TEST(tls_verify, one_of_an_unknown_authority_is_refused) {
    test::authority const unknown{"nobody"};
    EXPECT_EQ(judge_server(unknown.issue(), "good.test").client, tls_errc::unknown_authority);
}

TENDRIL_HUB_TEST(tls_verify, the_systems_authorities_do_not_know_the_one_of_the_tests) {
    EXPECT_EQ(
        judge_server(test::good_identity(), "good.test", tls_context::client()).client,
        tls_errc::unknown_authority);
}

TENDRIL_HUB_TEST(tls_verify, one_that_is_signed_by_itself_can_be_trusted_by_name) {
    tls_identity const own = test::self_signed();
    EXPECT_EQ(
        judge_server(own, "good.test", tls_context::client({.authorities = own.chain})).client,
        error_code{});
}

TENDRIL_HUB_TEST(tls_verify, addresses_and_wildcards_are_compared_as_such) {
    tls_identity const identity = test::trusted().issue({.names = {"*.good.test", "192.0.2.7"}});
    EXPECT_EQ(judge_server(identity, "www.good.test").client, error_code{});
    EXPECT_EQ(judge_server(identity, "192.0.2.7").client, error_code{});
    EXPECT_EQ(judge_server(identity, "192.0.2.8").client, tls_errc::wrong_host);
    EXPECT_EQ(judge_server(identity, "good.test").client, tls_errc::wrong_host);
    EXPECT_EQ(judge_server(identity, "a.b.good.test").client, tls_errc::wrong_host);
}

TENDRIL_HUB_TEST(tls_verify, an_address_is_not_sent_as_a_name) {
    tls_identity const identity = test::trusted().issue({.names = {"192.0.2.7"}});
    auto ends = unshaken_ends(good_client(), good_server({.identity = identity}), {}, "192.0.2.7");
    test::shake(ends);
    EXPECT_EQ(ends.server.server_name(), "");
}

TENDRIL_HUB_TEST(tls_verify, a_client_that_was_told_so_believes_anybody) {
    tls_context const careless = tls_context::client({.verify = tls_verify::nothing});
    EXPECT_EQ(judge_server(test::self_signed(), "bad.test", careless).client, error_code{});
}

TENDRIL_HUB_TEST(tls_verify, a_session_that_was_not_verified_is_no_way_around_it) {
    tls_context const careless = tls_context::client({.verify = tls_verify::nothing});
    tls_context const server = good_server({.identity = test::self_signed()});
    tls_session kept;
    {
        auto ends = shaken_ends(careless, server);
        test::say(ends.server, "x");
        hear(ends.client);
        kept = ends.client.session();
    }
    ASSERT_TRUE(static_cast<bool>(kept));
    auto [near, far] = test::memory_stream::pair();
    test::secured_ends ends{
        tls_stream::client(std::move(near), good_client(), "good.test", kept),
        tls_stream::server(std::move(far), server)};
    EXPECT_EQ(test::shake(ends).first, tls_errc::self_signed);
}

TENDRIL_HUB_TEST(tls_verify, a_host_is_named_whole) {
    using namespace std::string_literals;
    auto [near, far] = test::memory_stream::pair();
    for (std::string const& host :
         {"."s, ".."s, ".test"s, "good..test"s, "good.test.."s, "192.0.2.7\0.test"s}) {
        EXPECT_THROW(tls_stream::client(std::move(near), good_client(), host), system_error)
            << host;
    }
    EXPECT_TRUE(near.is_open());
    EXPECT_EQ(judge_server(test::good_identity(), "good.test.").client, error_code{});
}

// Clients that must show who they are.

TENDRIL_HUB_TEST(tls_verify, a_host_that_is_not_ascii_is_refused_before_anybody_is_asked) {
    auto const careless = tls_context::client({.verify = tls_verify::nothing});
    auto const refuses = [](auto&& call) {
        try {
            call();
        } catch (system_error const& error) {
            EXPECT_EQ(error.code(), errc::bad_name);
            std::string const text{error.what()};
            EXPECT_NE(text.find("A-label"), text.npos) << text;
            EXPECT_NE(text.find("xn--"), text.npos) << text;
            return;
        }
        ADD_FAILURE() << "was taken";
    };
    for (std::string const host :
         {"b\xc3\xbc"
          "cher.test",
          "b\xfc"
          "cher.test",
          "\xe4\xbe\x8b.test"}) {
        for (tls_context const& context : {test::good_client(), careless}) {
            auto [near, far] = test::memory_stream::pair();
            refuses([&, &near = near] { tls_stream::client(std::move(near), context, host); });
            EXPECT_TRUE(near.is_open());
            refuses([&] { tls_stream::connect(host, 443, context); });
        }
    }
    // As it is asked for instead.
    tls_identity const international = test::trusted().issue({.names = {"xn--bcher-kva.test"}});
    EXPECT_EQ(judge_server(international, "xn--bcher-kva.test").client, error_code{});
}

TENDRIL_HUB_TEST(tls_verify, a_server_can_ask_clients_for_a_certificate) {
    tls_context const server = good_server(
        {.clients = tls_verify::required, .authorities = test::trusted().pem()});
    tls_context const client = good_client({.identity = test::trusted().issue({.subject = "me"})});
    auto ends = shaken_ends(client, server);
    EXPECT_EQ(ends.server.peer_certificate()->subject, "CN = me");
}

TENDRIL_HUB_TEST(tls_verify, a_client_without_a_certificate_is_refused_if_it_must_have_one) {
    for (tls_version const version : {tls_version::tls_1_2, tls_version::tls_1_3}) {
        tls_context const server = good_server(
            {.clients = tls_verify::required, .authorities = test::trusted().pem()});
        auto ends = unshaken_ends(good_client({.highest = version}), server);
        auto serving = spawn([&] {
            error_code error;
            ends.server.handshake(error);
            return error;
        });
        // With TLS 1.3 the client hears of it with its first read.
        EXPECT_TRUE(test::contains(hear(ends.client), "alert"));
        EXPECT_EQ(serving.get(), tls_errc::no_certificate);
    }
}

TENDRIL_HUB_TEST(tls_verify, a_client_may_show_none_but_no_bad_one) {
    tls_context const server = good_server(
        {.clients = tls_verify::if_shown, .authorities = test::trusted().pem()});
    auto without = shaken_ends(good_client(), server);
    EXPECT_FALSE(without.server.peer_certificate());
    auto with = unshaken_ends(good_client({.identity = test::self_signed()}), server);
    auto serving = spawn([&] {
        error_code error;
        with.server.handshake(error);
        return error;
    });
    EXPECT_TRUE(test::contains(hear(with.client), "alert"));
    EXPECT_EQ(serving.get(), tls_errc::self_signed);
}

// Hosts of one server.

TENDRIL_HUB_TEST(tls_verify, a_ticket_of_one_host_is_no_way_into_another_one) {
    tls_context const strict = good_server(
        {.clients = tls_verify::required, .authorities = test::trusted().pem()});
    bool is_strict = false;
    tls_context const server = good_server(
        {.choose = [&](std::string const&) { return is_strict ? strict : tls_context{}; }});
    for (tls_version const version : {tls_version::tls_1_2, tls_version::tls_1_3}) {
        tls_context const client = good_client({.highest = version});
        is_strict = false;
        for (bool const again : {false, true}) {
            auto ends = shaken_ends(client, server);
            EXPECT_EQ(ends.client.session_reused(), again);
            test::say(ends.server, "x");
            hear(ends.client);
        }
        is_strict = true;
        auto ends = unshaken_ends(client, server);
        EXPECT_EQ(test::shake(ends).second, tls_errc::no_certificate);
    }
}

TENDRIL_HUB_TEST(tls_verify, a_chosen_context_sets_the_versions) {
    tls_context const modern = good_server({.lowest = tls_version::tls_1_3});
    tls_context const old = good_server({.highest = tls_version::tls_1_2});
    bool is_old = true;
    tls_context const server = good_server(
        {.choose = [&](std::string const&) { return is_old ? old : modern; }});
    auto ends = shaken_ends(good_client(), server);
    EXPECT_EQ(ends.client.version(), tls_version::tls_1_2);
    EXPECT_EQ(ends.server.server_name(), "good.test");
    is_old = false;
    auto refused = unshaken_ends(good_client({.highest = tls_version::tls_1_2}), server);
    EXPECT_TRUE(test::shake(refused).second.failed());
}

TENDRIL_HUB_TEST(tls_verify, a_session_is_for_the_context_that_it_comes_from) {
    tls_context const server = good_server();
    tls_session kept;
    {
        auto ends = shaken_ends(good_client(), server);
        test::say(ends.server, "x");
        hear(ends.client);
        kept = ends.client.session();
    }
    ASSERT_TRUE(static_cast<bool>(kept));
    test::authority const somebody{"somebody else"};
    auto [near, far] = test::memory_stream::pair();
    test::secured_ends ends{
        tls_stream::client(
            std::move(near), tls_context::client({.authorities = somebody.pem()}), "good.test",
            kept),
        tls_stream::server(std::move(far), server)};
    EXPECT_EQ(test::shake(ends).first, tls_errc::unknown_authority);
}

TENDRIL_HUB_TEST(tls_verify, a_client_that_is_asked_for_another_key_may_not_want_another_host) {
    EXPECT_EQ(greet_twice("good.test"), tls_errc::truncated);
    error_code const refused = greet_twice("evil.test");
    EXPECT_EQ(ERR_GET_REASON(static_cast<unsigned long>(refused.value())), SSL_R_CALLBACK_FAILED)
        << refused.message();
}
