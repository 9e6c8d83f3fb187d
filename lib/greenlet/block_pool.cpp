// SPDX-License-Identifier: BSL-1.0
#include <tendril/greenlet/block_pool.hpp>

namespace tendril {

void block_pool::add_slabs() {
    static_assert(sizeof(slab) == slab_size);
    rows_.reserve(rows_.size() + 1);
    std::size_t const count = rows_.empty() ? 1 : std::min(rows_.back().count * 2, longest_row);
    rows_.push_back(row{count, std::make_unique_for_overwrite<slab[]>(count)});
    slab* const slabs = rows_.back().slabs.get();
    // Backwards, so that blocks are taken in the order of their addresses.
    for (std::size_t index = count; index-- > 0;) {
        for (std::size_t position = slab_blocks - 1; position > 0; --position) {
            idle_ = ::new (static_cast<void*>(slabs[index].at(position))) idle_block{idle_};
        }
    }
}

}  // namespace tendril
