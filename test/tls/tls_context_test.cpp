// SPDX-License-Identifier: BSL-1.0
#include <harness/secured.hpp>
#include <tendril/tls/tls_context.hpp>

#include <openssl/err.h>

#include <functional>

namespace {

using namespace tendril;
using test::misuse_of;

// What making something says when it cannot be made.
std::string refusal_text(std::function<void()> const& make) {
    try {
        make();
    } catch (system_error const& error) {
        EXPECT_EQ(ERR_peek_error(), 0U);
        return error.what();
    }
    return "made";
}

bool begins_with(std::string const& text, std::string const& words) {
    EXPECT_EQ(text.substr(0, words.size()), words);
    return text.starts_with(words);
}

}  // namespace

TENDRIL_TEST(tls_context, says_which_part_of_an_identity_cannot_be_used) {
    tls_identity const good = test::good_identity();
    tls_identity const other = test::trusted().issue();
    auto const refused = [](tls_identity identity) {
        return refusal_text([&] { tls_context::server({.identity = identity}); });
    };
    EXPECT_TRUE(begins_with(refused({}), "the certificate chain cannot be used"));
    EXPECT_TRUE(begins_with(refused({"nonsense", good.key}), "the certificate chain cannot be"));
    EXPECT_TRUE(begins_with(refused({good.chain, ""}), "the private key cannot be read"));
    EXPECT_TRUE(begins_with(refused({good.chain, other.key}), "the private key does not belong"));
    std::string const torn = good.chain.substr(0, good.chain.size() / 2);
    EXPECT_TRUE(begins_with(refused({torn, good.key}), "the certificate chain cannot be"));
    EXPECT_TRUE(begins_with(
        refused({good.chain + torn, good.key}), "the certificate chain cannot be read to its end"));
    EXPECT_EQ(refused(good), "made");
}

TENDRIL_TEST(tls_context, refuses_authorities_that_are_none) {
    EXPECT_TRUE(begins_with(
        refusal_text([] { tls_context::client({.authorities = "nonsense"}); }),
        "the authorities cannot be read"));
}

TENDRIL_TEST(tls_context, trusts_whom_the_system_trusts_unless_told_otherwise) {
    EXPECT_TRUE(static_cast<bool>(tls_context::client()));
}

TENDRIL_TEST(tls_context, options_that_contradict_each_other_are_misuse) {
    using enum tls_version;
    EXPECT_NE(misuse_of([] { tls_context::client({.lowest = tls_1_3, .highest = tls_1_2}); }), "");
    EXPECT_NE(misuse_of([] { tls_context::client({.verify = tls_verify::if_shown}); }), "");
    EXPECT_NE(misuse_of([] { test::good_server({.clients = tls_verify::required}); }), "");
    EXPECT_NE(misuse_of([] { tls_context::client({.protocols = {""}}); }), "");
    EXPECT_NE(misuse_of([] { tls_context::client({.protocols = {std::string(256, 'x')}}); }), "");
}

TENDRIL_TEST(tls_context, an_empty_one_is_none) {
    tls_context empty;
    EXPECT_FALSE(static_cast<bool>(empty));
    EXPECT_NE(misuse_of([&] { empty.reload(test::good_identity()); }), "");
}

TENDRIL_HUB_TEST(tls_context, is_for_one_role) {
    auto [near, far] = test::memory_stream::pair();
    EXPECT_NE(
        misuse_of([&, &end = near] {
            tls_stream::client(std::move(end), test::good_server(), "good.test");
        }),
        "");
    EXPECT_NE(
        misuse_of([&, &end = far] { tls_stream::server(std::move(end), test::good_client()); }),
        "");
    EXPECT_NE(
        misuse_of([&, &end = far] { tls_stream::client(std::move(end), tls_context{}, "x"); }), "");
    // What was refused is still with the caller.
    EXPECT_TRUE(near.is_open());
    EXPECT_TRUE(far.is_open());
}

TENDRIL_HUB_TEST(tls_context, a_client_that_verifies_must_say_whom) {
    auto [near, far] = test::memory_stream::pair();
    EXPECT_NE(
        misuse_of(
            [&, &end = near] { tls_stream::client(std::move(end), test::good_client(), ""); }),
        "");
    auto const careless = tls_context::client({.verify = tls_verify::nothing});
    tls_stream const made = tls_stream::client(std::move(near), careless, "");
    EXPECT_TRUE(made.is_open());
}

TENDRIL_HUB_TEST(tls_context, a_reload_is_for_handshakes_that_begin_later) {
    tls_context const client = test::good_client({.kept_sessions = 0});
    tls_context server = test::good_server();
    auto before = test::shaken_ends(client, server);
    auto during = test::unshaken_ends(client, server);
    tls_identity const next = test::trusted().issue({.subject = "the next"});
    server.reload(next);
    auto after = test::shaken_ends(client, server);
    test::shake(during);
    EXPECT_EQ(after.client.peer_certificate()->subject, "CN = the next");
    EXPECT_EQ(during.client.peer_certificate()->subject, "CN = test");
    test::say(before.server, "as before");
    EXPECT_EQ(test::hear(before.client), "as before");
}

TENDRIL_HUB_TEST(tls_context, a_reload_of_what_cannot_be_used_changes_nothing) {
    tls_context server = test::good_server();
    EXPECT_NE(refusal_text([&] { server.reload({"nonsense", "nonsense"}); }), "made");
    auto ends = test::shaken_ends(test::good_client(), server);
    EXPECT_EQ(ends.client.peer_certificate()->subject, "CN = test");
}

TENDRIL_HUB_TEST(tls_context, sessions_of_before_a_reload_can_be_resumed) {
    tls_context const client = test::good_client();
    tls_context server = test::good_server();
    {
        auto first = test::shaken_ends(client, server);
        test::say(first.server, "x");
        test::hear(first.client);
    }
    server.reload(test::trusted().issue());
    auto second = test::shaken_ends(client, server);
    EXPECT_TRUE(second.client.session_reused());
}
