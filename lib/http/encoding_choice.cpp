// SPDX-License-Identifier: BSL-1.0
#include "gzip.hpp"

#include "grammar.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace tendril::detail {
namespace {

// Calls a function for each element of a list with commas.
template <typename F>
void for_each_element(std::string_view list, F&& function) {
    while (!list.empty()) {
        std::size_t const comma = std::min(list.find(','), list.size());
        function(trimmed(list.substr(0, comma)));
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
}

// "gzip;q=0" means no, and so does every way to write zero.
bool is_refused(std::string_view parameters) noexcept {
    std::size_t const q = parameters.find_first_of("qQ");
    if (q == std::string_view::npos) {
        return false;
    }
    std::string_view const value = trimmed(parameters.substr(q + 1));
    return value.find_first_of("123456789") == std::string_view::npos;
}

bool is_text(std::string_view type) noexcept {
    type = trimmed(type.substr(0, type.find(';')));
    constexpr std::array<std::string_view, 5> known{
        "application/json", "application/javascript", "application/xml", "application/wasm",
        "image/svg+xml"};
    bool const by_suffix = type.ends_with("+json") || type.ends_with("+xml");
    return by_suffix || same_http_name(type.substr(0, 5), "text/") ||
        std::any_of(known.begin(), known.end(), [&](std::string_view each) {
               return same_http_name(each, type);
           });
}

}  // namespace

bool accepts_gzip(http_fields const& request) noexcept {
    std::optional<bool> by_name;
    bool by_star = false;
    for (std::size_t index = 0; index < request.size(); ++index) {
        auto const field = request[index];
        if (!same_http_name(field.name, "Accept-Encoding")) {
            continue;
        }
        for_each_element(field.value, [&](std::string_view element) {
            std::size_t const end = std::min(element.find(';'), element.size());
            std::string_view const name = trimmed(element.substr(0, end));
            bool const wanted = !is_refused(element.substr(end));
            if (same_http_name(name, "gzip") || same_http_name(name, "x-gzip")) {
                by_name = wanted;
            } else if (name == "*") {
                by_star = wanted;
            }
        });
    }
    return by_name.value_or(by_star);
}

bool is_compressible(http_fields const& response) noexcept {
    for (std::size_t index = 0; index < response.size(); ++index) {
        auto const field = response[index];
        if (same_http_name(field.name, "Cache-Control") &&
            is_in_http_list(field.value, "no-transform")) {
            return false;
        }
    }
    return response.count("Content-Encoding") == 0 && is_text(response.get("Content-Type"));
}

}  // namespace tendril::detail
