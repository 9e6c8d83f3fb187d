// SPDX-License-Identifier: BSL-1.0
//
// The lists are walked from their end, a field at a time, and within a field from its last element.
//
// 1. What is left of the first element that names an address without trust is never read, so no
//    client can break the reading of what the proxies behind it have added. Quotes are the one
//    exception: a quote that a client leaves open in the same field reaches to the end of it, and
//    nobody can say where the elements of the proxies begin. Such a field is malformed.
// 2. The host and the scheme are those of the last element that was believed, also when it has
//    none: what an inner proxy says about itself is not about the client.
#include "grammar.hpp"

#include <tendril/http/forwarded.hpp>
#include <tendril/io/error.hpp>

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace tendril {
namespace {

namespace ip = boost::asio::ip;
using detail::trimmed;
using node_kind = forwarded_node::kind;

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_decimal(char c) noexcept { return c >= '0' && c <= '9'; }

// A name that a proxy has made up: `_` and letters, digits and a few marks.
bool is_made_up(std::string_view text) noexcept {
    return text.size() > 1 && text.front() == '_' &&
        std::all_of(text.begin(), text.end(), [](char c) {
               return is_letter(c) || is_decimal(c) || c == '.' || c == '_' || c == '-';
           });
}

// The number of a port, 0 for one that is made up. Ports have up to five digits.
std::optional<std::uint16_t> node_port_in(std::string_view text) noexcept {
    if (is_made_up(text)) {
        return std::uint16_t{0};
    }
    std::uint16_t port = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    bool const is_whole = error == std::errc{} && end == text.data() + text.size();
    return is_whole && text.size() <= 5 ? std::optional{port} : std::nullopt;
}

std::optional<ip::address> bare_address_in(std::string_view text) {
    // No scope, and no zero behind which the rest would be overlooked.
    if (text.find_first_not_of("0123456789abcdefABCDEF:.") != text.npos) {
        return std::nullopt;
    }
    error_code error;
    ip::address const address = ip::make_address(std::string{text}, error);
    return error.failed() ? std::nullopt : std::optional{address};
}

// RFC 7239 knows four parameters; more than so many of them are not compared with each other.
constexpr std::size_t most_parameters = 16;

ip::address in_its_own_form(ip::address const& address) {
    bool const is_mapped = address.is_v6() && address.to_v6().is_v4_mapped();
    return is_mapped ? ip::address{ip::make_address_v4(ip::v4_mapped, address.to_v6())} : address;
}

// A name or number, and a port if need be, as in a Host field.
bool is_forwarded_host(std::string_view host) noexcept {
    std::size_t const bracket = host.starts_with('[') ? host.find(']') : 0;
    if (bracket == host.npos) {
        return false;
    }
    std::size_t const colon = std::min(host.find(':', bracket), host.size());
    std::string_view const name = host.substr(0, colon);
    std::string_view const port = host.substr(std::min(colon + 1, host.size()));
    bool const is_named = bracket > 0 ? colon == bracket + 1 && bracket > 1
                                      : !name.empty() && name.find_first_of("[]") == name.npos;
    return is_named && std::all_of(port.begin(), port.end(), is_decimal) &&
        std::all_of(name.begin(), name.end(), [](char c) {
               return c > ' ' && c < '\x7f' &&
                   std::string_view{"/?#@,\"<>\\^`{|}"}.find(c) == std::string_view::npos;
           });
}

bool is_scheme(std::string_view text) noexcept {
    return !text.empty() && is_letter(text.front()) &&
        std::all_of(text.begin(), text.end(), [](char c) {
            return is_letter(c) || is_decimal(c) || c == '+' || c == '-' || c == '.';
        });
}

std::string in_small_letters(std::string_view text) {
    std::string small{text};
    for (char& each : small) {
        each = each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
    }
    return small;
}

// Reads a list of elements, each of pairs `name=value` with `;` between.
class forwarded_reader {
public:
    explicit forwarded_reader(std::string_view value) : rest_{trimmed(value)} {}

    std::optional<std::vector<forwarded_element>> read() {
        std::vector<forwarded_element> elements;
        do {
            skip_blanks();
            seen_ = {};
            forwarded_element element;
            do {
                if (!read_pair(element)) {
                    return std::nullopt;
                }
            } while (skip(';'));
            elements.push_back(std::move(element));
            skip_blanks();
        } while (skip(','));
        return rest_.empty() ? std::optional{std::move(elements)} : std::nullopt;
    }

private:
    bool skip(char c) noexcept {
        bool const found = rest_.starts_with(c);
        rest_.remove_prefix(found ? 1 : 0);
        return found;
    }
    void skip_blanks() noexcept {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
    }

    std::string_view token() noexcept {
        std::size_t const end = std::min(rest_.find_first_of(" \t,;=\""), rest_.size());
        std::string_view const found = rest_.substr(0, end);
        rest_.remove_prefix(end);
        return is_http_token(found) ? found : std::string_view{};
    }

    // A value: a token, or a text in quotes, in which `\` stands before what it does not end.
    std::optional<std::string> value() {
        if (!skip('"')) {
            std::string_view const found = token();
            return found.empty() ? std::nullopt : std::optional{std::string{found}};
        }
        std::string text;
        while (!rest_.empty() && !rest_.starts_with('"')) {
            rest_.remove_prefix(rest_.starts_with('\\') ? 1 : 0);
            if (rest_.empty() || detail::is_control_byte(rest_.front())) {
                return std::nullopt;
            }
            text.push_back(rest_.front());
            rest_.remove_prefix(1);
        }
        return skip('"') ? std::optional{std::move(text)} : std::nullopt;
    }

    bool read_pair(forwarded_element& element) {
        std::string const name = in_small_letters(token());
        if (name.empty() || !skip('=')) {
            return false;
        }
        std::optional<std::string> const found = value();
        bool const is_first = std::find(seen_.begin(), seen_.end(), name) == seen_.end();
        seen_.push_back(name);
        return found && is_first && seen_.size() <= most_parameters && take(element, name, *found);
    }

    static bool take(forwarded_element& element, std::string_view name, std::string const& found) {
        if (name == "for" || name == "by") {
            std::optional<forwarded_node> node = parse_forwarded_node(found);
            if (node) {
                (name == "for" ? element.client : element.by) = std::move(*node);
            }
            return node.has_value();
        }
        if (name == "host") {
            element.host = found;
            return is_forwarded_host(found);
        }
        if (name == "proto") {
            element.scheme = in_small_letters(found);
            return is_scheme(found);
        }
        return true;
    }

    std::string_view rest_;
    std::vector<std::string> seen_;
};

// An address as `X-Forwarded-For` has it: also one of IPv6 without brackets.
std::optional<forwarded_node> plain_node_in(std::string_view text) {
    if (std::count(text.begin(), text.end(), ':') > 1 && !text.starts_with('[')) {
        std::optional<ip::address> const address = bare_address_in(text);
        return address
            ? std::optional{forwarded_node{node_kind::address, *address, 0, std::string{text}}}
            : std::nullopt;
    }
    return parse_forwarded_node(text);
}

// All elements of all fields of a name, from the first to the last, without blanks around them.
std::vector<std::string_view> words_in(http_fields const& fields, std::string_view name) {
    std::vector<std::string_view> words;
    for (std::size_t index = 0; index < fields.size(); ++index) {
        if (!same_http_name(fields[index].name, name)) {
            continue;
        }
        for (std::string_view rest = fields[index].value;;) {
            std::size_t const comma = rest.find(',');
            words.push_back(trimmed(rest.substr(0, comma)));
            if (comma == rest.npos) {
                break;
            }
            rest.remove_prefix(comma + 1);
        }
    }
    return words;
}

// The words of one request, from the last to the first.
class x_forwarded_walk {
public:
    explicit x_forwarded_walk(http_fields const& fields)
        : clients_{words_in(fields, "X-Forwarded-For")},
          schemes_{words_in(fields, "X-Forwarded-Proto")},
          hosts_{words_in(fields, "X-Forwarded-Host")},
          left_{clients_.size()} {}

    bool at_end() const noexcept { return left_ == 0; }

    std::optional<forwarded_element> next() {
        --left_;
        std::optional<forwarded_node> node = plain_node_in(clients_[left_]);
        std::string_view const scheme = beside(schemes_);
        std::string_view const host = beside(hosts_);
        if (!node || (!scheme.empty() && !is_scheme(scheme)) ||
            (!host.empty() && !is_forwarded_host(host))) {
            return std::nullopt;
        }
        return forwarded_element{
            .client = std::move(*node),
            .host = std::string{host},
            .scheme = in_small_letters(scheme)};
    }

private:
    std::string_view beside(std::vector<std::string_view> const& words) const noexcept {
        if (words.size() == 1) {
            return words.front();
        }
        return words.size() == clients_.size() ? words[left_] : std::string_view{};
    }

    std::vector<std::string_view> clients_;
    std::vector<std::string_view> schemes_;
    std::vector<std::string_view> hosts_;
    std::size_t left_;
};

// The elements of one request, from the last to the first. A field is read when its turn comes.
class forwarded_walk {
public:
    explicit forwarded_walk(http_fields const& fields) : fields_{fields}, left_{fields.size()} {
        find_field();
    }

    bool at_end() const noexcept { return left_ == 0 && elements_.empty(); }

    std::optional<forwarded_element> next() {
        if (elements_.empty()) {
            std::optional<std::vector<forwarded_element>> read = parse_forwarded(
                fields_[left_ - 1].value);
            if (!read) {
                return std::nullopt;
            }
            elements_ = std::move(*read);
            --left_;
            find_field();
        }
        forwarded_element last = std::move(elements_.back());
        elements_.pop_back();
        return last;
    }

private:
    void find_field() noexcept {
        while (left_ > 0 && !same_http_name(fields_[left_ - 1].name, "Forwarded")) {
            --left_;
        }
    }

    http_fields const& fields_;
    std::size_t left_;
    std::vector<forwarded_element> elements_;
};

template <typename Walk>
void walk_to_client(Walk walk, request_origin& origin, detail::address_question is_trusted) {
    while (!walk.at_end() && is_trusted(origin.address)) {
        std::optional<forwarded_element> element = walk.next();
        if (!element) {
            origin.malformed = true;
            return;
        }
        ++origin.proxies;
        origin.host = std::move(element->host);
        origin.scheme = std::move(element->scheme);
        if (element->client.what != node_kind::address) {
            origin.hidden = true;
            return;
        }
        origin.address = in_its_own_form(element->client.address);
        origin.port = element->client.port;
    }
}

}  // namespace

std::optional<forwarded_node> parse_forwarded_node(std::string_view text) {
    bool const is_six = text.starts_with('[');
    std::size_t const bracket = is_six ? text.find(']') : 0;
    std::size_t const colon = text.find(':', std::min(bracket, text.size()));
    std::string_view name = text.substr(0, colon);
    forwarded_node node{.text = std::string{text}};
    if (colon != text.npos) {
        std::optional<std::uint16_t> const port = node_port_in(text.substr(colon + 1));
        if (!port) {
            return std::nullopt;
        }
        node.port = *port;
    }
    if (is_made_up(name) || same_http_name(name, "unknown")) {
        node.what = node_kind::unknown;
        return node;
    }
    if (is_six && (name.size() < 3 || name.back() != ']')) {
        return std::nullopt;
    }
    std::optional<ip::address> const address = bare_address_in(
        is_six ? name.substr(1, name.size() - 2) : name);
    if (!address || address->is_v6() != is_six) {
        return std::nullopt;
    }
    node.what = node_kind::address;
    node.address = *address;
    return node;
}

std::optional<std::vector<forwarded_element>> parse_forwarded(std::string_view value) {
    return forwarded_reader{value}.read();
}

request_origin detail::find_origin(
    tcp_endpoint const& peer, http_fields const& fields, forwarding_fields kind,
    address_question is_trusted) {
    request_origin origin{.address = in_its_own_form(peer.address()), .port = peer.port()};
    if (!is_trusted(origin.address)) {
        return origin;
    }
    if (kind == forwarding_fields::forwarded) {
        walk_to_client(forwarded_walk{fields}, origin, is_trusted);
    } else {
        walk_to_client(x_forwarded_walk{fields}, origin, is_trusted);
    }
    return origin;
}

}  // namespace tendril
