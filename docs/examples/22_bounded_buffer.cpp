// SPDX-License-Identifier: BSL-1.0
// A buffer of three places, with two conditions: there is an item, and there is room.
//
// A `queue` is this with less to write. It is a condition variable's usual example, because here
// the condition is more than a flag.
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <deque>
#include <iostream>
#include <mutex>
#include <optional>

using namespace std::chrono_literals;

namespace {

// DOC: buffer
class buffer {
public:
    void put(int item) {
        std::unique_lock lock{m_};
        room_.wait(lock, [this] { return items_.size() < 3; });
        items_.push_back(item);
        item_.notify_one();
    }

    std::optional<int> get_for(std::chrono::milliseconds limit) {
        std::unique_lock lock{m_};
        if (!item_.wait_for(lock, limit, [this] { return !items_.empty(); })) {
            return std::nullopt;
        }
        int const item = items_.front();
        items_.pop_front();
        room_.notify_one();
        return item;
    }

private:
    tendril::mutex m_;
    tendril::condition_variable item_;
    tendril::condition_variable room_;
    std::deque<int> items_;
};
// DOC-END: buffer

}  // namespace

int main() {
    tendril::run([] {
        buffer items;
        tendril::with_task_group([&](tendril::task_group& group) {
            group.spawn([&] {
                for (int item = 1; item <= 5; ++item) {
                    items.put(item);
                    std::cout << "put " << item << '\n';
                }
            });
            while (std::optional<int> const item = items.get_for(10ms)) {
                std::cout << "got " << *item << '\n';
                tendril::sleep_for(1ms);
            }
            std::cout << "nothing came for 10 ms\n";
        });
    });
}
