// SPDX-License-Identifier: BSL-1.0
#include <harness/secured.hpp>
#include <tendril/tls/tls_context.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <functional>
#include <memory>
#include <string>

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

// The key again, encrypted.
std::string locked_key(std::string const& key, std::string const& password) {
    std::unique_ptr<BIO, decltype(&BIO_free_all)> const in{
        BIO_new_mem_buf(key.data(), static_cast<int>(key.size())), &BIO_free_all};
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> const read{
        PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free};
    std::unique_ptr<BIO, decltype(&BIO_free_all)> const out{BIO_new(BIO_s_mem()), &BIO_free_all};
    EXPECT_EQ(
        PEM_write_bio_PKCS8PrivateKey(
            out.get(), read.get(), EVP_aes_128_cbc(), password.data(),
            static_cast<int>(password.size()), nullptr, nullptr),
        1);
    char* text = nullptr;
    long const size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
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

TENDRIL_TEST(tls_context, opens_a_key_with_its_password) {
    tls_identity locked = test::good_identity();
    locked.key = locked_key(locked.key, "open sesame");
    auto const refused_with = [&](std::string const& password) {
        locked.password = password;
        return refusal_text([&] { tls_context::server({.identity = locked}); });
    };
    EXPECT_EQ(refused_with("open sesame"), "made");
    for (std::string const& wrong :
         {std::string{"open wheat"}, std::string{}, std::string(5000, 'x')}) {
        EXPECT_TRUE(begins_with(refused_with(wrong), "the private key cannot be read"));
    }
}

TENDRIL_HUB_TEST(tls_context, shows_the_issuers_that_stand_behind_a_certificate) {
    tls_identity identity = test::good_identity();
    identity.chain += test::trusted().pem();
    auto ends = test::unshaken_ends(test::good_client(), test::good_server({.identity = identity}));
    EXPECT_EQ(test::shake(ends), (std::pair<error_code, error_code>{}));
    EXPECT_EQ(ends.client.peer_certificate()->pem, test::good_identity().chain);
}
