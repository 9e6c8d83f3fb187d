// SPDX-License-Identifier: BSL-1.0
#include <tendril/hub/hub.hpp>
#include <tendril/io/signal_set.hpp>
#include <tendril/io/use_greenlet.hpp>

#include <boost/asio/signal_set.hpp>

namespace tendril {

struct signal_set::implementation {
    boost::asio::basic_signal_set<boost::asio::io_context::executor_type> signals{
        this_hub().context()};
};

signal_set::signal_set(std::initializer_list<int> numbers)
    : implementation_{std::make_unique<implementation>()} {
    for (int const number : numbers) {
        implementation_->signals.add(number);
    }
}

signal_set::~signal_set() = default;

int signal_set::wait() { return implementation_->signals.async_wait(use_greenlet); }

}  // namespace tendril
