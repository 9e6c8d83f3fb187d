// SPDX-License-Identifier: BSL-1.0
#include "metrics.hpp"

#include "append_text.hpp"

#include <string_view>

namespace tendril::detail {
namespace {

void begin_metric(std::string& out, std::string_view name, char const* type, char const* help) {
    out.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
    out.append(name).append(" ").append(type).append("\n");
}

void append_sample(std::string& out, std::string_view name, std::uint64_t value) {
    out.append(name).append(" ");
    append_number(out, value);
    out.append("\n");
}

void append_metric(
    std::string& out, std::string_view name, char const* type, char const* help,
    std::uint64_t value) {
    begin_metric(out, name, type, help);
    append_sample(out, name, value);
}

void append_responses(std::string& out, http_server_statistics const& numbers) {
    constexpr std::string_view name = "tendril_http_responses_total";
    begin_metric(out, name, "counter", "Responses by the first digit of their status.");
    for (std::size_t digit = 2; digit < numbers.by_class.size(); ++digit) {
        append_sample(
            out, std::string{name} + "{class=\"" + std::to_string(digit) + "xx\"}",
            numbers.by_class[digit]);
    }
}

}  // namespace

std::string metrics_text(http_server_statistics const& numbers) {
    std::string out;
    append_responses(out, numbers);
    append_metric(
        out, "tendril_http_requests_answered_total", "counter", "Requests that were answered.",
        numbers.answered);
    append_metric(
        out, "tendril_http_requests_refused_total", "counter",
        "Requests that were refused before a handler saw them.", numbers.refused);
    append_metric(
        out, "tendril_http_responses_cut_off_total", "counter",
        "Responses that were cut off half way.", numbers.cut_off);
    append_metric(
        out, "tendril_http_sent_bytes_total", "counter", "Bytes of bodies that were sent.",
        numbers.bytes_sent);
    append_metric(
        out, "tendril_http_requests_in_progress", "gauge", "Requests that a handler is answering.",
        numbers.in_progress);
    append_metric(
        out, "tendril_connections", "gauge", "Connections that are open.",
        numbers.server.connections);
    append_metric(
        out, "tendril_connections_accepted_total", "counter", "Connections that were accepted.",
        numbers.server.accepted);
    append_metric(
        out, "tendril_connections_refused_total", "counter",
        "Connections that were closed before a handler saw them.", numbers.server.refused);
    append_metric(
        out, "tendril_accept_errors_total", "counter", "How often accepting has failed.",
        numbers.server.accept_errors);
    append_metric(
        out, "tendril_tls_failed_handshakes_total", "counter", "Handshakes of TLS that failed.",
        numbers.failed_handshakes);
    return out;
}

}  // namespace tendril::detail
