// SPDX-License-Identifier: BSL-1.0
#include <tendril/greenlet/block_pool.hpp>

namespace tendril {

void block_pool::add_slab() {
    slabs_.reserve(slabs_.size() + 1);
    auto added = std::make_unique<slab>();
    static_assert(sizeof(slab) == slab_size);
    for (std::size_t position = slab_blocks - 1; position > 0; --position) {
        idle_ = ::new (static_cast<void*>(added->at(position))) idle_block{idle_};
    }
    slabs_.push_back(std::move(added));
}

}  // namespace tendril
