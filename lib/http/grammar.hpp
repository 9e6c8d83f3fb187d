// SPDX-License-Identifier: BSL-1.0
#pragma once

// What parts of messages may look like, where Boost.Beast is kinder than it should be. A judgement
// is the status that answers: 200 for what is fine.

#include <cstddef>
#include <string_view>

namespace tendril::detail {

/// A chunk may carry extensions that nobody uses; so many bytes of them are skipped in one message.
inline constexpr std::size_t most_extension_bytes = 4096;
/// So many bytes of trailers are kept, and of a chunk's first line while its end has not come.
inline constexpr std::size_t most_trailer_bytes = 8192;

/// Says whether this is a control byte other than a tab: no field has one in its value.
constexpr bool is_control_byte(char c) noexcept {
    return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
}

/// The text without blanks around it.
std::string_view trimmed(std::string_view text) noexcept;

/// Says whether this is a host, by name or number, with a port or without; an empty one is.
bool valid_host(std::string_view host) noexcept;

/// Judges the value of a field `Transfer-Encoding`: `chunked` alone is all we know.
int judge_codings(std::string_view value);

/// Judges the target of a request with this method, on a connection that is secured by TLS or not.
int judge_target(std::string_view method, std::string_view target, bool secured);

/// Says whether this may stand behind the size of a chunk: names, each with a value perhaps, and no
/// spaces.
bool valid_extensions(std::string_view text) noexcept;

/// Says whether what is left of the input may become the line of a chunk, or has become one.
bool may_become_chunk_line(std::string_view rest) noexcept;

}  // namespace tendril::detail
