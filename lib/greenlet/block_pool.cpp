// SPDX-License-Identifier: BSL-1.0
#include <tendril/greenlet/block_pool.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace tendril {

void block_pool::add_slabs() {
    static_assert(sizeof(slab) == slab_size);
    rows_.reserve(rows_.size() + 1);
    std::size_t const count = rows_.empty() ? 1 : std::min(rows_.back().count * 2, longest_row);
    rows_.push_back(row{count, std::make_unique_for_overwrite<slab[]>(count)});
    link_idle(rows_.back());
}

// Puts the blocks of a row that do not exist before all that are idle. Backwards, so that they are
// taken in the order of their addresses.
void block_pool::link_idle(row const& in) noexcept {
    for (std::size_t index = in.count; index-- > 0;) {
        slab& each = in.slabs[index];
        for (std::size_t position = slab_blocks - 1; position > 0; --position) {
            if ((each.used >> position & 1U) == 0) {
                idle_ = ::new (static_cast<void*>(each.at(position))) idle_block{idle_};
            }
        }
    }
}

void block_pool::shrink() noexcept {
    std::size_t room = 0;
    std::size_t const wanted = 2 * live_;
    auto const is_spare = [&](row const& each) {
        slab const* const slabs = each.slabs.get();
        bool const spare = room > wanted &&
            std::all_of(slabs, slabs + each.count, [](slab const& one) { return one.used == 0; });
        room += spare ? 0 : each.count * (slab_blocks - 1);
        return spare;
    };
    if (std::erase_if(rows_, is_spare) == 0) {
        return;
    }
    // Idle blocks of the freed rows stand anywhere in the list.
    idle_ = nullptr;
    std::for_each(rows_.rbegin(), rows_.rend(), [this](row const& each) { link_idle(each); });
}

}  // namespace tendril
