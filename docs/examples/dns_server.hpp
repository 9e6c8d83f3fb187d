// SPDX-License-Identifier: BSL-1.0
#pragma once

// A name server for a fixed table, over UDP: what RFC 1035 asks of a server that has no zone files
// and follows nobody.
//
// A question is read strictly. Whatever does not fit its own lengths is answered with FORMERR if it
// has a number to answer to, and else with silence. Names may be compressed: a pointer must point
// backwards, before the place where the name began, so reading a name ends after as many steps as
// there are bytes before it, and a name has at most 255 of them.
//
//     size 12    number, flags, and how many questions, answers, authorities and additions follow
//     question   name, type, class
//     name       labels of a length (1 to 63) and so many bytes, up to a zero, or up to a pointer

#include <tendril/net.hpp>

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dns {

/// Types and classes of records, and the codes of answers, by their numbers.
enum : std::uint16_t { type_a = 1, type_aaaa = 28, class_in = 1 };
enum class outcome : std::uint16_t {
    no_error = 0,
    malformed = 1,
    no_such_name = 3,
    not_implemented = 4,
};

struct question {
    std::string name;
    std::uint16_t type = 0;
    std::uint16_t class_number = 0;
};

/// A message that is read from its beginning; a step beyond its end makes it `failed`.
class reader {
public:
    explicit reader(std::string_view message) noexcept : message_{message} {}

    bool failed() const noexcept { return failed_; }
    std::size_t position() const noexcept { return position_; }

    std::uint16_t number() noexcept {
        auto const high = static_cast<unsigned>(byte());
        return static_cast<std::uint16_t>(high << 8 | byte());
    }

    std::string_view bytes(std::size_t count) noexcept {
        if (failed_ || count > message_.size() - position_) {
            failed_ = true;
            return {};
        }
        return message_.substr(std::exchange(position_, position_ + count), count);
    }

    /// Reads a name as "www.example.", in small letters: names are compared without case.
    std::string name() {
        std::string text;
        std::size_t const go_on_at = follow(text);
        position_ = failed_ ? position_ : go_on_at;
        return text;
    }

private:
    std::uint8_t byte() noexcept {
        std::string_view const one = bytes(1);
        return one.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(one.front());
    }

    // Returns where the message goes on behind the name.
    std::size_t follow(std::string& text) {
        std::size_t behind = 0;
        std::size_t bound = position_;
        while (!failed_) {
            std::uint8_t const length = byte();
            if (length >= 0xC0) {
                std::size_t const target = (length & 0x3FU) << 8 | byte();
                behind = behind == 0 ? position_ : behind;
                failed_ = failed_ || target >= bound;
                position_ = bound = target;
            } else if (length > 63) {
                failed_ = true;
            } else if (length == 0) {
                break;
            } else {
                append(text, bytes(length));
            }
        }
        text += text.empty() ? "." : "";
        return behind == 0 ? position_ : behind;
    }

    void append(std::string& text, std::string_view label) {
        std::transform(label.begin(), label.end(), std::back_inserter(text), [](char letter) {
            return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
        });
        text += '.';
        // A dot within a label would make two names of it that look the same.
        failed_ = failed_ || text.size() > 254 || label.find('.') != label.npos;
    }

    std::string_view message_;
    std::size_t position_ = 0;
    bool failed_ = false;
};

inline void add_number(std::string& message, unsigned number) {
    message += static_cast<char>(number >> 8 & 0xFF);
    message += static_cast<char>(number & 0xFF);
}

inline void add_name(std::string& message, std::string_view name) {
    for (std::size_t dot = name.find('.'); dot != name.npos && dot > 0; dot = name.find('.')) {
        message += static_cast<char>(dot);
        message += name.substr(0, dot);
        name.remove_prefix(dot + 1);
    }
    message += '\0';
}

/// A message that asks one thing.
inline std::string ask(std::uint16_t number, std::string_view name, std::uint16_t type) {
    std::string message;
    for (unsigned const each : {unsigned{number}, 0x0100U, 1U, 0U, 0U, 0U}) {
        add_number(message, each);
    }
    add_name(message, name);
    add_number(message, type);
    add_number(message, class_in);
    return message;
}

/// The names that a server knows: for each, addresses as the wire has them, 4 bytes or 16.
class table {
public:
    void add(std::string const& name, std::string_view address) {
        auto const parsed = boost::asio::ip::make_address(address);
        std::string& added = names_[name].emplace_back();
        if (parsed.is_v4()) {
            auto const bytes = parsed.to_v4().to_bytes();
            added.assign(bytes.begin(), bytes.end());
        } else {
            auto const bytes = parsed.to_v6().to_bytes();
            added.assign(bytes.begin(), bytes.end());
        }
    }

    /// Answers a message; nothing when it deserves none.
    std::optional<std::string> answer(std::string_view message) const {
        reader from{message};
        std::uint16_t const number = from.number();
        std::uint16_t const flags = from.number();
        std::uint16_t const questions = from.number();
        std::uint16_t const answered = from.number();
        std::uint16_t const authorities = from.number();
        from.number();  // additions, which may be there and say nothing to us
        if (from.failed() || (flags & 0x8000) != 0) {
            return std::nullopt;
        }
        question asked{from.name(), from.number(), from.number()};
        if (questions != 1 || answered != 0 || authorities != 0 || from.failed()) {
            return reply(number, flags, outcome::malformed, {}, {});
        }
        std::string_view const as_asked = message.substr(12, from.position() - 12);
        if ((flags & 0x7800) != 0 || asked.class_number != class_in) {
            return reply(number, flags, outcome::not_implemented, as_asked, {});
        }
        auto const found = names_.find(asked.name);
        return found == names_.end()
            ? reply(number, flags, outcome::no_such_name, as_asked, {})
            : reply(number, flags, outcome::no_error, as_asked, of_type(found->second, asked.type));
    }

private:
    using addresses = std::vector<std::string>;

    static addresses of_type(addresses const& all, std::uint16_t type) {
        std::size_t const size = type == type_a ? 4 : type == type_aaaa ? 16 : 0;
        addresses fitting;
        std::copy_if(all.begin(), all.end(), std::back_inserter(fitting), [size](auto& each) {
            return each.size() == size;
        });
        return fitting;
    }

    static std::string reply(
        std::uint16_t number, std::uint16_t flags, outcome how, std::string_view asked,
        addresses const& found) {
        constexpr unsigned answer_of_authority = 0x8400;
        unsigned const kept = flags & 0x7900U;  // what was to be done, and recursion desired
        std::string message;
        add_number(message, number);
        add_number(message, answer_of_authority | kept | static_cast<unsigned>(how));
        add_number(message, asked.empty() ? 0 : 1);
        add_number(message, static_cast<unsigned>(found.size()));
        add_number(message, 0);
        add_number(message, 0);
        message += asked;
        for (std::string const& address : found) {
            add_number(message, 0xC00C);  // the name of the question
            add_number(message, address.size() == 4 ? type_a : type_aaaa);
            add_number(message, class_in);
            add_number(message, 0);
            add_number(message, 60);  // may be kept for a minute
            add_number(message, static_cast<unsigned>(address.size()));
            message += address;
        }
        return message;
    }

    std::map<std::string, addresses, std::less<>> names_;
};

/// The table of the examples.
inline table example_names() {
    table names;
    names.add("www.example.", "192.0.2.1");
    names.add("www.example.", "192.0.2.2");
    names.add("www.example.", "2001:db8::1");
    names.add("mail.example.", "192.0.2.25");
    return names;
}

/// What came of a question.
struct answers {
    outcome how = outcome::no_error;
    std::vector<std::string> addresses;
};

/// Reads an answer to a question with this number; nothing when it is none, or malformed.
inline std::optional<answers> read_answer(std::string_view message, std::uint16_t number) {
    reader from{message};
    bool const is_mine = from.number() == number;
    std::uint16_t const flags = from.number();
    std::uint16_t const questions = from.number();
    std::uint16_t const count = from.number();
    from.bytes(4);
    for (int index = 0; index < questions && !from.failed(); ++index) {
        from.name();
        from.bytes(4);
    }
    answers read{static_cast<outcome>(flags & 0xF), {}};
    for (int index = 0; index < count && !from.failed(); ++index) {
        from.name();
        from.bytes(8);
        std::string_view const data = from.bytes(from.number());
        if (data.size() == 4) {
            boost::asio::ip::address_v4::bytes_type bytes;
            std::copy(data.begin(), data.end(), bytes.begin());
            read.addresses.push_back(boost::asio::ip::address_v4{bytes}.to_string());
        } else if (data.size() == 16) {
            boost::asio::ip::address_v6::bytes_type bytes;
            std::copy(data.begin(), data.end(), bytes.begin());
            read.addresses.push_back(boost::asio::ip::address_v6{bytes}.to_string());
        }
    }
    bool const is_answer = is_mine && (flags & 0x8000) != 0 && !from.failed();
    return is_answer ? std::optional{read} : std::nullopt;
}

/// Answers until the socket is closed or the greenlet is ended. Many questions are taken, and many
/// answers sent, with one system call.
inline void serve(tendril::udp_socket& socket, table const& names) {
    constexpr std::size_t most = tendril::udp_socket::most_in_batch;
    std::vector<std::array<char, 512>> rooms(most);
    std::vector<tendril::datagram_place<tendril::udp_endpoint>> places(most);
    for (std::size_t at = 0; at < most; ++at) {
        places[at].room = boost::asio::buffer(rooms[at]);
    }
    while (true) {
        std::size_t const count = socket.receive_batch(places);
        std::vector<std::string> texts;
        texts.reserve(count);
        std::vector<tendril::outgoing_datagram<tendril::udp_endpoint>> replies;
        for (auto const& place : std::span{places}.first(count)) {
            std::string_view const text{static_cast<char const*>(place.room.data()), place.size};
            auto reply = place.truncated ? std::nullopt : names.answer(text);
            if (reply) {
                texts.push_back(std::move(*reply));
                replies.push_back(
                    {.data = boost::asio::buffer(texts.back()), .receiver = place.sender});
            }
        }
        std::span<tendril::outgoing_datagram<tendril::udp_endpoint> const> rest{replies};
        while (!rest.empty()) {
            // One that cannot be sent is lost, as any datagram may be.
            tendril::error_code error;
            std::size_t const sent = socket.send_batch(rest, error);
            if (error == tendril::errc::closed) {
                return;
            }
            rest = rest.subspan(error.failed() ? 1 : sent);
        }
    }
}

}  // namespace dns
