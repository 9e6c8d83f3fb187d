// SPDX-License-Identifier: BSL-1.0
#include <tendril/io/context_bound.hpp>
#include <tendril/support/assert.hpp>

#include <boost/asio/execution_context.hpp>

#include <cstdio>
#include <cstdlib>

namespace tendril::detail {
namespace {

// The services of a context hear of its end while they all still exist.
class bound_objects final : public boost::asio::execution_context::service {
public:
    static inline boost::asio::execution_context::id id;

    explicit bound_objects(boost::asio::execution_context& context) : service{context} {}

    intrusive_list<context_bound> all;

private:
    void shutdown() override {
        while (!all.empty()) {
            context_bound& first = all.front();
            first.unlink();
            first.leave_context();
        }
    }
};

}  // namespace

context_bound::context_bound(boost::asio::io_context& context) {
    boost::asio::use_service<bound_objects>(context).all.push_back(*this);
}

void context_bound::move_to(boost::asio::io_context& context) {
    auto& bound = boost::asio::use_service<bound_objects>(context);
    unlink();
    bound.all.push_back(*this);
}

bool home_hub::is_elsewhere() const noexcept {
    return hub_ != nullptr && thread_ != &this_thread();
}

bool home_hub::exists() const noexcept {
    return hub_ != nullptr && (is_elsewhere() || hub::of(this_thread()) == hub_);
}

void home_hub::require_own_thread(char const* text) const {
    TENDRIL_REQUIRE_AS(wrong_thread, !is_elsewhere(), text);
}

void home_hub::require_own_thread_to_destroy(char const* what) const noexcept {
    if (is_elsewhere()) [[unlikely]] {
        destroyed_on_another_thread(what);
    }
}

void destroyed_on_another_thread(char const* what) noexcept {
    std::fprintf(
        stderr,
        "tendril: %s was destroyed on another thread than its hub's, where it cannot be ended: "
        "destroy it at home, for example in a posted function\n",
        what);
    std::abort();
}

}  // namespace tendril::detail
