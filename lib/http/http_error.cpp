// SPDX-License-Identifier: BSL-1.0
#include <tendril/http/http_error.hpp>
#include <tendril/http/status.hpp>
#include <tendril/support/assert.hpp>

#include <utility>

namespace tendril {
namespace {

class status_category final : public boost::system::error_category {
public:
    char const* name() const noexcept override { return "tendril.http"; }
    std::string message(int status) const override {
        return std::to_string(status) + " " + std::string{http_reason(status)};
    }
};

error_code code_of_status(int status) {
    TENDRIL_REQUIRE(
        status >= 400 && status <= 599,
        "an http_error has the status of an error, from 400 to 599: set others on the response");
    return {status, http_category()};
}

}  // namespace

boost::system::error_category const& http_category() noexcept {
    static status_category const category;
    return category;
}

http_error::http_error(int status, std::string text)
    : system_error{code_of_status(status), text},
      text_{text.empty() ? std::string{http_reason(status)} : std::move(text)} {}

}  // namespace tendril
