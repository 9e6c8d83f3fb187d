// SPDX-License-Identifier: BSL-1.0
#pragma once

// What stands behind a listener, as stream_core.hpp says for streams.

#include "stream_core.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <optional>
#include <utility>

namespace tendril::detail {

using plain_acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, plain_executor>;

class listener_core final : public shared_core, private context_bound {
public:
    explicit listener_core(hub& here)
        : shared_core{here},
          context_bound{here.context()},
          acceptor{std::in_place, here.context()} {}

    void close() noexcept;
    /// Says whether it is of a hub that still exists.
    bool belongs_to_hub() const noexcept { return acceptor.has_value(); }

    // There is one unless the stage is `closed`.
    std::optional<plain_acceptor> acceptor;
    stream_stage stage = stream_stage::open;
    bool accepting = false;

private:
    void leave_context() noexcept override {
        close();
        acceptor.reset();
    }
};

}  // namespace tendril::detail
