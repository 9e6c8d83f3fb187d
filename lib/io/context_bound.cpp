// SPDX-License-Identifier: BSL-1.0
#include <tendril/io/context_bound.hpp>

#include <boost/asio/execution_context.hpp>

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

}  // namespace tendril::detail
