// SPDX-License-Identifier: BSL-1.0
#pragma once

// Two parties that exchange bodies through a line of chaos, and know afterwards what is wrong.
//
// A client sends requests, each of which a server answers; then both end in order. What was to be
// said is known to the test, so a body that is accepted and is another one is found out. A message
// has its length in front, and a hash where the stream below does not look after the bytes itself.

#include <harness/chaos_line.hpp>
#include <tendril/time/timeout.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tendril::test {

/// Whether messages carry a hash.
enum class message_form : std::uint8_t { plain, hashed };

/// What is to be said, in turn: each request and its answer.
struct conversation {
    std::vector<std::pair<std::string, std::string>> exchanges;
    message_form form = message_form::hashed;

    conversation(std::vector<std::pair<std::string, std::string>> said, message_form with)
        : exchanges{std::move(said)},
          form{with} {}
    conversation(random_source& numbers, message_form with) : form{with} {
        for (std::size_t left = 1 + random_below(numbers, 3); left > 0; --left) {
            exchanges.emplace_back(body(numbers), body(numbers));
        }
    }

    /// About how many bytes one direction has.
    std::size_t expected() const {
        std::size_t size = 1;
        for (auto const& [request, answer] : exchanges) {
            size += 16 + (request.size() + answer.size()) / 2;
        }
        return size;
    }

private:
    static std::string body(random_source& numbers) {
        bool const is_long = random_below(numbers, 16) == 0;
        std::string text(random_below(numbers, is_long ? 40'000 : 2000), '\0');
        std::uint64_t bits = numbers.next();
        for (char& each : text) {
            bits = bits * 6364136223846793005U + 1442695040888963407U;
            each = static_cast<char>(bits >> 56U);
        }
        return text;
    }
};

/// How a party's part ended.
enum class party_end : std::uint8_t { done, refused, failed, timed_out };

/// The hash by Fowler, Noll and Vo, of a length and a body.
inline std::uint64_t hash_of(std::string_view body) {
    std::uint64_t hash = 14695981039346656037U ^ body.size();
    for (char const each : body) {
        hash = (hash ^ static_cast<unsigned char>(each)) * 1099511628211U;
    }
    return hash;
}

struct message_head {
    std::uint64_t length;
    std::uint64_t hash;
};

template <typename Stream>
void send_message(Stream& stream, std::string const& body, message_form form) {
    message_head const head{body.size(), form == message_form::hashed ? hash_of(body) : 0};
    std::string text(sizeof head, '\0');
    std::memcpy(text.data(), &head, sizeof head);
    stream.write(boost::asio::buffer(text + body));
}

// What was received and cannot be right.
struct refused_message {};

template <typename Stream>
void fill_exactly(Stream& stream, void* into, std::size_t size) {
    auto* const bytes = static_cast<char*>(into);
    for (std::size_t filled = 0; filled < size;) {
        filled += stream.read_some(boost::asio::buffer(bytes + filled, size - filled));
    }
}

/// Receives a message, which must be this one or be refused.
template <typename Stream>
void receive_message(Stream& stream, std::string const& wanted, message_form form) {
    message_head head;
    fill_exactly(stream, &head, sizeof head);
    if (form == message_form::plain) {
        EXPECT_EQ(head.length, wanted.size()) << "a wrong length was accepted";
    }
    if (head.length > 100'000) {
        throw refused_message{};
    }
    std::string body(head.length, '\0');
    fill_exactly(stream, body.data(), body.size());
    if (form == message_form::hashed && head.hash != hash_of(body)) {
        throw refused_message{};
    }
    EXPECT_TRUE(body == wanted) << "a wrong body was accepted";
}

template <typename Stream>
void expect_the_end(Stream& stream) {
    char byte;
    error_code error;
    if (stream.read_some(boost::asio::buffer(&byte, 1), error) > 0) {
        throw refused_message{};
    }
    if (error != boost::asio::error::eof) {
        throw system_error{error};
    }
}

/// Runs a party's part, and closes its stream whatever comes.
template <typename Stream, typename F>
party_end play_part(Stream& stream, F&& part) {
    party_end end = party_end::done;
    try {
        timeout const limit{std::chrono::minutes{10}};
        part();
    } catch (refused_message const&) {
        end = party_end::refused;
    } catch (system_error const& error) {
        end = error.code() == make_error_code(errc::timed_out) ? party_end::timed_out
                                                               : party_end::failed;
    } catch (timed_out const&) {
        end = party_end::timed_out;
    }
    stream.close();
    return end;
}

template <typename Stream>
void ask_all(Stream& stream, conversation const& said) {
    for (auto const& [request, answer] : said.exchanges) {
        send_message(stream, request, said.form);
        receive_message(stream, answer, said.form);
    }
    stream.shutdown_send();
    expect_the_end(stream);
}
template <typename Stream>
void answer_all(Stream& stream, conversation const& said) {
    for (auto const& [request, answer] : said.exchanges) {
        receive_message(stream, request, said.form);
        send_message(stream, answer, said.form);
    }
    expect_the_end(stream);
    stream.shutdown_send();
}

/// What came of many sessions.
struct chaos_tally {
    std::size_t sessions = 0;
    std::size_t done = 0;
    std::array<std::size_t, line_harm_names.size()> harms{};
    std::array<std::size_t, 4> ends{};

    /// Counts a session, and holds its ends against what was done to it.
    void count(chaos_line const& up, chaos_line const& down, party_end client, party_end server) {
        bool const both = client == party_end::done && server == party_end::done;
        EXPECT_TRUE(both || up.has_harmed() || down.has_harmed()) << "an unharmed one has failed";
        EXPECT_FALSE(up.harm_counted() && server == party_end::done) << "harm on the way up";
        EXPECT_FALSE(down.harm_counted() && client == party_end::done) << "harm on the way down";
        ++sessions;
        done += both ? 1 : 0;
        for (chaos_line const* const line : {&up, &down}) {
            harms[line->has_harmed() ? static_cast<std::size_t>(line->plan().harm) : 0] += 1;
        }
        ends[static_cast<std::size_t>(client)] += 1;
        ends[static_cast<std::size_t>(server)] += 1;
    }

    void print(char const* what) const {
        std::printf("%zu sessions %s, %zu of them whole; lines:", sessions, what, done);
        for (std::size_t at = 0; at < harms.size(); ++at) {
            std::printf(" %s %zu", line_harm_names[at], harms[at]);
        }
        std::printf(
            "; ends: done %zu, refused %zu, failed %zu, timed out %zu\n", ends[0], ends[1], ends[2],
            ends[3]);
    }
};

/// Runs so many sessions, eight at a time. `session(numbers, tally)` is given numbers of its own.
template <typename F>
void run_sessions(std::uint64_t seed, int count, chaos_tally& tally, F&& session) {
    constexpr int at_once = 8;
    for (int number = 0; number < count; number += at_once) {
        with_task_group([&](task_group& group) {
            for (int each = number; each < std::min(count, number + at_once); ++each) {
                group.spawn([&, each] {
                    seeded_random numbers{seed * 1'000'003 + static_cast<std::uint64_t>(each)};
                    session(numbers, tally);
                    if (::testing::Test::HasFailure()) {
                        throw std::runtime_error{
                            "seed " + std::to_string(seed) + ", session " + std::to_string(each)};
                    }
                });
            }
        });
    }
}

}  // namespace tendril::test
