// SPDX-License-Identifier: BSL-1.0
// Two web servers that keep nothing: who is logged in, and how many have been there, is in Redis.
// So either of them may answer, and either may go.
//
//     91_sessions_in_redis --redis 127.0.0.1:6379
//
// Without an option it asks a small stand-in for Redis, so that it needs no server.
#include "options.hpp"
#include "redis_stand_in.hpp"
#include "resp_client.hpp"

#include <tendril/tendril.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

// DOC: pool
/// Connections to Redis: so many at most, and each is kept for the next command.
class redis_pool {
public:
    explicit redis_pool(std::string const& address) : address_{tendril::parse_address(address)} {}

    /// Sends a command and returns the answer to it. A command is sent once: of one that has failed
    /// nobody knows whether it was done.
    resp::value operator()(std::vector<std::string_view> const& command) {
        auto answer = tendril::move_on_after(2s, [&] { return ask(command); });
        if (!answer) {
            throw tendril::http_error{503, "the sessions are too slow"};
        }
        if (answer->kind == '-') {
            throw std::runtime_error{"Redis says " + answer->text.value()};
        }
        return *std::move(answer);
    }

private:
    resp::value ask(std::vector<std::string_view> const& command) try {
        room_.acquire();
        tendril::scope_exit const leave{[&] { room_.release(); }};
        tendril::scope_exit distrust{[&] { idle_.clear(); }};  // they are from before the failure
        auto connection = take();
        auto answer = (*connection)(command);
        distrust.dismiss();
        idle_.push_back(std::move(connection));
        return answer;
    } catch (tendril::system_error const&) {
        throw tendril::http_error{503, "the sessions are out of reach"};
    }

    std::unique_ptr<resp::client> take() {
        if (idle_.empty()) {
            return std::make_unique<resp::client>(
                tendril::tcp_stream::connect(address_.host, address_.service));
        }
        auto kept = std::move(idle_.back());
        idle_.pop_back();
        return kept;
    }

    tendril::host_and_service address_;
    tendril::counting_semaphore<> room_{4};
    std::vector<std::unique_ptr<resp::client>> idle_;
};
// DOC-END: pool

std::string random_name() {
    std::random_device chance;  // the kernel's, which nobody can foretell
    std::string name;
    for (int count = 0; count < 4; ++count) {
        char digits[9];
        std::snprintf(digits, sizeof digits, "%08x", chance());
        name += digits;
    }
    return name;
}

std::string_view cookie(tendril::http_request const& request, std::string_view name) {
    std::string_view rest = request.header("Cookie");
    while (!rest.empty()) {
        std::string_view const each = rest.substr(0, rest.find("; "));
        if (each.starts_with(name) && each.substr(name.size()).starts_with('=')) {
            return each.substr(name.size() + 1);
        }
        rest.remove_prefix(std::min(each.size() + 2, rest.size()));
    }
    return {};
}

// DOC: site
class site {
public:
    site(std::string name, std::string const& redis) : name_{std::move(name)}, redis_{redis} {}

    void answer(tendril::http_request& request, tendril::http_response& response) {
        response.header("Cache-Control", "no-store");
        if (request.path() == "/login" && request.method() == "POST") {
            // A real site wants to know a password too.
            std::string const session = random_name();  // never one that the client has chosen
            redis_({"SET", key(session), request.body(), "EX", "1800"});
            response.status(204).header(
                "Set-Cookie", "session=" + session + "; Path=/; HttpOnly; SameSite=Lax");
        } else if (request.path() == "/logout" && request.method() == "POST") {
            redis_({"DEL", key(cookie(request, "session"))});
            response.status(204).header("Set-Cookie", "session=; Path=/; Max-Age=0");
        } else if (request.path() == "/") {
            auto const user = redis_({"GETEX", key(cookie(request, "session")), "EX", "1800"}).text;
            if (!user) {
                throw tendril::http_error{401, "log in first"};
            }
            response.header("Content-Type", "text/plain; charset=utf-8")
                .body(
                    name_ + " greets " + *user + ", visit " +
                    redis_({"INCR", "visits"}).text.value() + '\n');
        } else {
            throw tendril::http_error{404};
        }
    }

private:
    static std::string key(std::string_view session) { return "session:" + std::string{session}; }

    std::string const name_;
    redis_pool redis_;
};
// DOC-END: site

/// A web server of its own, with connections of its own to Redis.
class instance {
public:
    instance(std::string name, std::string const& redis) : pages_{std::move(name), redis} {
        web_.start();
    }

    std::string url(std::string const& path) const {
        return "http://" + web_.local_address() + path;
    }
    void stop() { web_.stop(); }

private:
    site pages_;
    tendril::http_server web_{
        "127.0.0.1:0",
        [this](tendril::http_request& request, tendril::http_response& response) {
            pages_.answer(request, response);
        },
        {.body_limit = 100}};
};

std::string session_of(tendril::http_client_response const& answer) {
    auto const set = answer.header("Set-Cookie");
    return std::string{set.substr(0, set.find(';'))};
}

void print(char const* what, tendril::http_client_response const& answer) {
    std::cout << what << ": " << answer.status() << (answer.body().empty() ? "\n" : " ")
              << answer.body();
}

void visit(tendril::http_client& client, std::string const& redis) {
    instance first{"the first", redis};
    instance second{"the second", redis};
    auto const login = client.post(first.url("/login"), "Ada");
    tendril::http_client_fields const ada{{"Cookie", "theme=dark; " + session_of(login)}};
    print("logged in at the first", login);
    print("asked at the second", client.get(second.url("/"), ada));
    print("asked at the first", client.get(first.url("/"), ada));
    tendril::with_task_group([&](tendril::task_group& crowd) {
        for (int number = 0; number < 10; ++number) {
            crowd.spawn([&] { client.get(first.url("/"), ada); });
            crowd.spawn([&] { client.get(second.url("/"), ada); });
        }
    });
    client.close_idle();  // or the server waits a moment until the client notices
    first.stop();
    print("the first has gone, after 20 more", client.get(second.url("/"), ada));
    instance third{"the third", redis};
    print("another has come", client.get(third.url("/"), ada));
    print("a session that nobody has", client.get(third.url("/"), {{"Cookie", "session=guess"}}));
    print("no session", client.get(third.url("/")));
    print("logged out at the third", client.post(third.url("/logout"), "", ada));
    print("asked at the second", client.get(second.url("/"), ada));
}

// A Redis that goes and comes back, and forgets nothing meanwhile.
void show_with_stand_in(tendril::http_client& client) {
    redis_stand_in kept;
    tendril::stream_server redis{
        "127.0.0.1:0", [&](tendril::tcp_stream& stream) { kept.serve(stream); }};
    redis.start();
    std::string const address = redis.local_address();
    visit(client, address);

    instance web{"a server", address};
    tendril::http_client_fields const ada{
        {"Cookie", session_of(client.post(web.url("/login"), "Ada"))}};
    auto const listener = redis.local_endpoint();
    redis.stop(0s);
    print("without Redis", client.get(web.url("/"), ada));
    redis.start(tendril::tcp_listener::bind(listener, {.reuse_address = true}));
    print("with it again", client.get(web.url("/"), ada));
}

}  // namespace

int main(int argc, char** argv) try {
    std::string const redis = option(argc, argv, "--redis", "");
    tendril::run([&] {
        tendril::http_client client;
        redis.empty() ? show_with_stand_in(client) : visit(client, redis);
        client.close();
    });
    return 0;
} catch (std::exception const& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
