// SPDX-License-Identifier: BSL-1.0
#include <tendril/hub/callback.hpp>
#include <tendril/hub/hub.hpp>

#include <utility>

namespace tendril {

// Its moment has come: it takes its place in the ready queue and is called from there, so that
// calls and greenlets of one turn keep their order.
void callback::expire() noexcept {
    unlink();
    owner()->ready_.push(*this);
}

callback_handle::callback_handle(callback& named) noexcept : named_{&named} { ++named.references_; }

callback_handle::callback_handle(callback_handle const& other) noexcept : named_{other.named_} {
    if (named_ != nullptr) {
        ++named_->references_;
    }
}

callback_handle::callback_handle(callback_handle&& other) noexcept
    : named_{std::exchange(other.named_, nullptr)} {}

callback_handle& callback_handle::operator=(callback_handle other) noexcept {
    std::swap(named_, other.named_);
    return *this;
}

callback_handle::~callback_handle() {
    if (named_ != nullptr && --named_->references_ == 0) {
        delete named_;
    }
}

bool callback_handle::pending() const noexcept { return named_ != nullptr && named_->linked(); }

bool callback_handle::cancel() noexcept {
    if (!pending()) {
        return false;
    }
    // The ready queue skips a callback that is not linked any more; what matters is that the hub's
    // reference goes, and that the captures are freed now and not with the last handle.
    named_->disarm();
    named_->unlink();
    named_->function_ = nullptr;
    --named_->references_;
    return true;
}

}  // namespace tendril
