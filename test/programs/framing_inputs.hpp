// SPDX-License-Identifier: BSL-1.0
#pragma once

// What several servers are asked to read: messages of test/http/corpus and good ones of any shape,
// one behind the other and changed at random. A seed and a number determine an input.

#include <harness/http_corpus.hpp>
#include <tendril/support/random.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace framing {

using namespace std::string_view_literals;

/// Stands behind every input: whoever sees it has found the end of all that comes before.
inline constexpr std::string_view sentinel =
    "GET /end HTTP/1.1\r\nHost: end\r\nConnection: close\r\n\r\n";

class inputs {
public:
    /// Reads the corpus. Large messages are left out.
    explicit inputs(std::uint64_t seed) : seed_{seed} {
        for (std::string const& file : tendril::test::corpus_files()) {
            for (auto& message : tendril::test::read_corpus(file)) {
                if (message.bytes.size() <= largest_message) {
                    bool const good = message.how == tendril::test::ending::goes_on;
                    (good ? good_ : bad_).push_back(std::move(message.bytes));
                }
            }
        }
    }

    std::size_t messages() const noexcept { return good_.size() + bad_.size(); }

    /// Makes an input, with the sentinel.
    std::string make(std::uint64_t number) const {
        // The generator mixes what it is seeded with: numbers side by side give other sequences.
        tendril::seeded_random chance{seed_ * 0x9e3779b97f4a7c15U + number};
        std::string made;
        std::uint64_t const several = below(chance, 4);
        for (std::uint64_t left = several == 0 ? 1 + below(chance, 3) : 1; left > 0; --left) {
            std::size_t const kind = below(chance, 3);
            std::string part = kind == 0 ? built(chance) : one_of(chance, kind == 1 ? good_ : bad_);
            // The last one is changed at least once: as it was, it has a test of its own.
            for (bool more = left == 1; more || below(chance, 2) > 0; more = false) {
                change(part, chance);
            }
            made += part;
        }
        return made.append(sentinel);
    }

private:
    using random = tendril::seeded_random;
    static constexpr std::size_t largest_message = 1500;

    static std::size_t below(random& chance, std::size_t limit) {
        return static_cast<std::size_t>(tendril::random_below(chance, limit));
    }
    template <typename List>
    static typename List::value_type const& one_of(random& chance, List const& list) {
        return list[below(chance, list.size())];
    }

    // Bytes that a body may have: any, some of which look as if they ended it.
    static std::string content(random& chance) {
        std::string made;
        for (std::size_t left = below(chance, 6); left > 0; --left) {
            made += one_of(chance, pieces);
            made.append(below(chance, 12), one_of(chance, bytes));
        }
        return made;
    }

    static std::string in_chunks(std::string_view body, random& chance) {
        std::string made;
        for (std::size_t size = 1; size > 0;) {
            size = body.empty() ? 0 : 1 + below(chance, body.size());
            std::array<char, 32> digits{};
            auto const zeros = static_cast<int>(1 + below(chance, 3));
            std::snprintf(
                digits.data(), digits.size(), below(chance, 2) == 0 ? "%0*zx" : "%0*zX", zeros,
                size);
            made.append(digits.data()).append(below(chance, 4) == 0 ? ";a=\"b;\"" : "");
            made.append("\r\n").append(body.substr(0, size)).append(size > 0 ? "\r\n" : "");
            body.remove_prefix(size);
        }
        return made.append(below(chance, 4) == 0 ? "X-Trailer: 5\r\n\r\n" : "\r\n");
    }

    // A good request.
    static std::string built(random& chance) {
        constexpr std::array<std::string_view, 8> methods{"GET",    "HEAD",    "POST",  "PUT",
                                                          "DELETE", "OPTIONS", "PATCH", "PROPFIND"};
        std::string made{one_of(chance, methods)};
        made.append(" /").append(below(chance, 40), 'a').append(" HTTP/1.1\r\nHost: built\r\n");
        made.append(below(chance, 4) == 0 ? one_of(chance, fields) : "");
        std::string const body = content(chance);
        switch (below(chance, 3)) {
        case 0:
            return made.append("\r\n");
        case 1:
            made.append("Content-Length: ").append(std::to_string(body.size()));
            return made.append("\r\n\r\n").append(body);
        default:
            made.append("Transfer-Encoding: chunked\r\n\r\n");
            return made.append(in_chunks(body, chance));
        }
    }

    // Where to change something. Lines begin and end where it matters.
    static std::size_t place(std::string const& text, random& chance) {
        std::size_t const at = below(chance, text.size() + 1);
        switch (below(chance, 4)) {
        case 0:
            return std::min(text.find("\r\n", at), text.size());
        case 1:
            return text.rfind('\n', at) == text.npos ? 0 : text.rfind('\n', at) + 1;
        case 2:
            return std::min(text.find(':', at), text.size());
        default:
            return at;
        }
    }

    // The line around a place, with its end.
    static std::string_view line_at(std::string_view text, std::size_t at) {
        std::size_t const before = at == 0 ? text.npos : text.rfind('\n', at - 1);
        std::size_t const begin = before == text.npos ? 0 : before + 1;
        return text.substr(begin, std::min(text.find('\n', at), text.size() - 1) + 1 - begin);
    }

    void change(std::string& text, random& chance) const {
        std::size_t const at = place(text, chance);
        switch (text.empty() ? 0 : below(chance, 10)) {
        case 0:
            text.insert(at, one_of(chance, pieces));
            break;
        case 1:
            text.insert(at, 1, one_of(chance, bytes));
            break;
        case 2:
            text[std::min(at, text.size() - 1)] ^= static_cast<char>(1U << below(chance, 8));
            break;
        case 3:
            text.erase(at, 1 + below(chance, below(chance, 4) == 0 ? 20 : 2));
            break;
        case 4:
            text.insert(place(text, chance), std::string{line_at(text, at)});
            break;
        case 5: {
            std::string const& other = one_of(chance, below(chance, 2) == 0 ? good_ : bad_);
            text.insert(at, line_at(other, below(chance, other.size())));
            break;
        }
        case 6: {
            std::string const& other = one_of(chance, good_);
            text.erase(at).append(other, place(other, chance));
            break;
        }
        case 7:
            change_number(text, chance);
            break;
        case 8:
            text[std::min(at, text.size() - 1)] = one_of(chance, bytes);
            break;
        default:
            text.insert(at, one_of(chance, fields));
            break;
        }
    }

    static void change_number(std::string& text, random& chance) {
        std::size_t const at = text.find_first_of(
            "0123456789abcdefABCDEF", below(chance, text.size()));
        if (at != text.npos) {
            constexpr std::string_view digits = "0123456789aAfF";
            below(chance, 2) == 0 ? text.replace(at, 1, 1, one_of(chance, digits))
                                  : text.insert(at, 1, one_of(chance, digits));
        }
    }

    static constexpr std::string_view bytes =
        "\r\n \t\0\v\f\x7f\x80\x85\xa0\xff:;,=\"\\+-_.#%?/*0159aGx"sv;
    static constexpr std::array<std::string_view, 26> pieces{
        "\r\n",
        "\r\n\r\n",
        "\n\n",
        "\r\r\n",
        "\r\n ",
        "\r\n\t",
        " \r\n",
        "0\r\n\r\n",
        "5\r\nhello\r\n",
        "0\r\n",
        ";a=b",
        ";a=\"b\"",
        ";",
        "0x",
        "chunked",
        ", chunked",
        "identity",
        "close",
        "keep-alive",
        "HTTP/1.0",
        "HTTP/1.1",
        "HTTP/1.2",
        "HTTP/2.0",
        "http://other/",
        "100-continue",
        "GET /inner HTTP/1.1\r\nHost: inner\r\n\r\n"};
    static constexpr std::array<std::string_view, 16> fields{
        "Host: other\r\n",
        "Content-Length: 0\r\n",
        "Content-Length: 5\r\n",
        "Content-Length: 44\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "transfer-encoding:chunked\r\n",
        "Connection: close\r\n",
        "Connection: keep-alive\r\n",
        "Connection: Content-Length\r\n",
        "Connection: Transfer-Encoding\r\n",
        "Expect: 100-continue\r\n",
        "Trailer: Content-Length\r\n",
        "Upgrade: h2c\r\n",
        "X-Field: value\r\n"};

    std::uint64_t seed_;
    std::vector<std::string> good_;
    std::vector<std::string> bad_;
};

}  // namespace framing
