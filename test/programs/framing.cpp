// SPDX-License-Identifier: BSL-1.0
//
// Gives the same bytes to tendril's server, to nginx and to Go's net/http, and compares where they
// see requests begin and end. One may refuse what another takes. But of what tendril accepts, none
// may see another request, or wait for more where tendril sees an end, or the reverse.
//
//     framing SEED FIRST COUNT NGINX_SOCKET GO_PROGRAM [wrong]
//
// Each input is made of SEED and its number (framing_inputs.hpp); those of which tendril accepts
// nothing go no further. What differs is printed, cut down to what is needed for it, and then the
// program ends with 1. With `wrong` the others get something else: fields `Content-Length` under
// another name.
#include "framing_inputs.hpp"
#include "framing_servers.hpp"

#include <tendril/hub/run.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

using framing::ending;
using framing::reading;

constexpr std::size_t most_at_once = 64;
constexpr std::size_t most_printed = 10;

bool same(framing::seen_request const& one, framing::seen_request const& other) {
    bool const is_known = one.size && other.size;
    return one.line == other.line && (!is_known || one.size == other.size);
}

// Says whether two servers differ in what the first has accepted.
bool differ(reading const& ours, reading const& theirs) {
    std::size_t const both = std::min(ours.requests.size(), theirs.requests.size());
    for (std::size_t at = 0; at < both; ++at) {
        if (!same(ours.requests[at], theirs.requests[at])) {
            return true;
        }
    }
    // Whoever sees fewer must have made an end, and not wait for more.
    return (ours.requests.size() > both && theirs.how == ending::waits) ||
        (theirs.requests.size() > both && ours.how == ending::waits);
}

std::string printed(std::string_view bytes) {
    std::string text;
    for (char const c : bytes) {
        char hex[8];
        std::snprintf(hex, sizeof hex, "\\x%02X", static_cast<unsigned char>(c));
        text += c == '\r'             ? "\\r"
            : c == '\n'               ? "\\n"
            : c == '\\'               ? "\\\\"
            : c >= ' ' && c <= '\x7e' ? std::string(1, c)
                                      : hex;
    }
    return text;
}

std::string printed(reading const& seen) {
    std::string text;
    for (auto const& each : seen.requests) {
        text += "[" + each.line.substr(0, 100) +
            (each.size ? " " + std::to_string(*each.size) : "") + "] ";
    }
    return text + static_cast<char>(seen.how);
}

// What somebody reads who has never heard of `Content-Length`.
std::string without_lengths(std::string text) {
    constexpr std::string_view field = "Content-Length";
    for (std::size_t at = 0; (at = text.find(field, at)) != text.npos;) {
        text[at] = 'X';
    }
    return text;
}

// Takes away what is not needed for a property of a text.
std::string cut_down(std::string text, std::function<bool(std::string const&)> const& has_it) {
    for (std::size_t size = text.size() / 2; size > 0; size /= 2) {
        for (std::size_t at = 0; at < text.size();) {
            std::string const less = std::string{text}.erase(at, size);
            if (has_it(less)) {
                text = less;
            } else {
                at += size;
            }
        }
    }
    return text;
}

class comparison {
public:
    comparison(std::uint64_t seed, char const* nginx, char const* go, bool wrong)
        : wrong_{wrong},
          inputs_{seed},
          nginx_{nginx},
          go_{go} {}

    void run(std::uint64_t first, std::uint64_t count) {
        auto const start = std::chrono::steady_clock::now();
        for (std::uint64_t number = first; number < first + count; ++number) {
            std::string text = inputs_.make(number);
            reading ours = tendril_.read(text);
            requests_ += ours.requests.size();
            if (ours.requests.empty() && ours.how != ending::waits) {
                continue;
            }
            ++accepted_;
            open_.push_back({number, std::move(text), std::move(ours)});
            if (open_.size() == most_at_once) {
                ask_next();
            }
        }
        ask_next();
        compare();
        std::chrono::duration<double> const taken = std::chrono::steady_clock::now() - start;
        std::printf(
            "%zu messages, %zu inputs, %zu accepted, %zu requests, %.1f s\n", inputs_.messages(),
            static_cast<std::size_t>(count), accepted_, requests_, taken.count());
        for (char const* name : {"nginx", "go"}) {
            std::printf(
                "%s: %zu refused, %zu different\n", name, stricter_[name], differences_[name]);
        }
    }

    std::size_t found() const noexcept { return found_; }

private:
    struct question {
        std::uint64_t number;
        std::string text;
        reading ours;
    };

    // The others read these while the next ones are made.
    void ask_next() {
        compare();
        asked_.swap(open_);
        for (question const& each : asked_) {
            ask(nginx_, each.text);
            ask(go_, each.text);
        }
    }

    void compare() {
        auto const seen_by_nginx = nginx_.take();
        auto const seen_by_go = go_.take();
        for (std::size_t at = 0; at < asked_.size(); ++at) {
            judge(asked_[at], "nginx", nginx_, seen_by_nginx[at]);
            judge(asked_[at], "go", go_, seen_by_go[at]);
        }
        asked_.clear();
    }

    template <typename Server>
    void ask(Server& server, std::string const& text) {
        server.ask(wrong_ ? without_lengths(text) : text);
    }

    template <typename Server>
    void judge(
        question const& asked, std::string const& name, Server& server, reading const& theirs) {
        if (theirs.how == ending::refuses && theirs.requests.size() < asked.ours.requests.size()) {
            ++stricter_[name];
        }
        if (!differ(asked.ours, theirs)) {
            return;
        }
        ++found_;
        if (++differences_[name] > most_printed) {
            return;
        }
        auto const ask_alone = [&](std::string const& text) {
            ask(server, text);
            return server.take().front();
        };
        std::string const small = cut_down(asked.text, [&](std::string const& text) {
            return differ(tendril_.read(text), ask_alone(text));
        });
        std::printf(
            "differs %s %zu\n  %s\n  tendril %s\n  %s %s\n", name.c_str(),
            static_cast<std::size_t>(asked.number), printed(small).c_str(),
            printed(tendril_.read(small)).c_str(), name.c_str(), printed(ask_alone(small)).c_str());
    }

    bool wrong_;
    framing::inputs inputs_;
    framing::tendril_server tendril_;
    framing::nginx_server nginx_;
    framing::go_server go_;
    std::vector<question> open_;
    std::vector<question> asked_;
    std::size_t accepted_ = 0;
    std::size_t requests_ = 0;
    std::size_t found_ = 0;
    std::map<std::string, std::size_t> stricter_;
    std::map<std::string, std::size_t> differences_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 6) {
        std::cerr << "usage: framing SEED FIRST COUNT NGINX_SOCKET GO_PROGRAM [wrong]\n";
        return 2;
    }
    bool good = false;
    tendril::run([&] {
        comparison made{std::stoull(argv[1]), argv[4], argv[5], argc > 6};
        made.run(std::stoull(argv[2]), std::stoull(argv[3]));
        good = made.found() == 0;
    });
    return good ? 0 : 1;
}
