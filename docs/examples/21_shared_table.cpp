// SPDX-License-Identifier: BSL-1.0
// A table of names that many look into and few change, and that is loaded once, by whoever comes
// first.
#include <tendril/hub.hpp>
#include <tendril/scope.hpp>
#include <tendril/sync.hpp>
#include <tendril/task.hpp>
#include <tendril/time.hpp>

#include <iostream>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <utility>

using namespace std::chrono_literals;

namespace {

class name_table {
public:
    // DOC: read
    std::string look_up(int key) {
        load();
        std::shared_lock const reading{lock_};  // others may read meanwhile
        tendril::sleep_for(1ms);
        return names_[key];
    }
    // DOC-END: read

    // DOC: write
    bool rename(int key, std::string name) {
        load();
        std::unique_lock const writing{lock_, 10s};  // nobody else reads or writes
        if (!writing.owns_lock()) {
            return false;
        }
        tendril::sleep_for(1ms);
        names_[key] = std::move(name);
        return true;
    }
    // DOC-END: write

private:
    // DOC: once
    void load() {
        tendril::call_once(loaded_, [this] {
            std::cout << "loading\n";
            tendril::sleep_for(5ms);  // the others wait, and load nothing
            names_ = {{1, "one"}, {2, "two"}};
        });
    }
    // DOC-END: once

    tendril::once_flag loaded_;
    tendril::shared_mutex lock_;
    std::map<int, std::string> names_;
};

}  // namespace

int main() {
    tendril::run([] {
        name_table names;
        tendril::with_task_group([&](tendril::task_group& group) {
            group.spawn([&] { std::cout << names.look_up(1) << '\n'; });
            group.spawn([&] { std::cout << names.look_up(2) << '\n'; });
            group.spawn([&] {
                bool const renamed = names.rename(1, "uno");
                std::cout << (renamed ? "renamed\n" : "too busy\n");
            });
        });
        std::cout << names.look_up(1) << '\n';
    });
}
