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

void callback_handle::set_reference(reference kind) noexcept {
    if (named_ != nullptr) {
        named_->alarm::set_reference(kind);
    }
}

std::source_location callback_handle::origin() const noexcept {
    return named_ == nullptr ? std::source_location{} : named_->origin_;
}

bool callback_handle::cancel() noexcept {
    if (!pending()) {
        return false;
    }
    // The captures are freed now and not with the last handle. They may own this very handle, so it
    // is not looked at any more.
    callback_handle const alive{*this};
    callback& cancelled = *alive.named_;
    cancelled.disarm();
    cancelled.unlink();
    --cancelled.references_;
    cancelled.function_ = nullptr;
    return true;
}

}  // namespace tendril
