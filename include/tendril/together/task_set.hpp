// SPDX-License-Identifier: BSL-1.0
#pragma once

// The tasks of a group, and the slots of a pool: what group.hpp and pool.hpp stand on.
//
// Each member takes one slot from before it is spawned to the step in which it ends. A group has as
// many slots as it needs, a pool a certain number. A slot that is given back goes to whoever has
// waited longest for one, directly, so it is taken all the time in between, and a `join` does not
// see a pool empty while somebody is about to fill it.
//
//     what             when                            the slot
//     try_take, take   before a task is made           is taken, and has no member yet
//     enter            the task was made               has a member
//     give_back        the task could not be made      goes to the next, or is free
//     leave            the member ends, or is          goes to the next, or is free
//                      discarded
//
// The set outlives its group or pool while somebody waits in it. Its members are not ended with it:
// they go on, and nobody tracks them.

#include <tendril/hub/deadline.hpp>
#include <tendril/sync/select.hpp>
#include <tendril/sync/wait_queue.hpp>
#include <tendril/task/task_state.hpp>

#include <cstddef>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

namespace tendril::detail {

template <typename F>
class slot_arm;

class task_set {
public:
    class member;
    static constexpr std::ptrdiff_t unlimited = std::numeric_limits<std::ptrdiff_t>::max();

    // Throws: misuse for a negative number of slots.
    explicit task_set(std::ptrdiff_t slots);
    task_set(task_set const&) = delete;
    task_set& operator=(task_set const&) = delete;
    ~task_set();

    // Takes a slot; waits for one until `limit`. Returns whether it has one. Throws: wrong_thread;
    // what was requested for the caller, and then it has none.
    bool try_take();
    bool take(deadline limit);
    // Gives back a slot that has no member.
    void give_back() noexcept;

    // Fills a slot. A task that has ended, or is a member already, needs none.
    // Throws: wrong_thread, and then the slot is still the caller's.
    void enter(std::unique_ptr<member> entering, task_core& task);
    // Stops tracking it; does nothing when it is no member. Throws: wrong_thread.
    void discard(task_core& task);

    // Waits until no slot is taken, at any time during the wait. Returns whether that was so.
    bool join(deadline limit);
    // As above, and then throws the first error of those who are members now.
    void join_and_raise();
    // Ends every member, and whoever becomes one meanwhile, and waits for that.
    bool kill(deadline limit);
    // Ends one, if that was not asked before.
    void kill_one(task_core& victim);
    // Waits until a slot is free, and returns how many are.
    std::ptrdiff_t wait_available(deadline limit);

    std::size_t size() const noexcept { return size_; }
    std::ptrdiff_t slots() const noexcept { return slots_; }
    std::ptrdiff_t free() const noexcept { return slots_ - taken_; }
    bool contains(task_core& task) const noexcept { return task.observer_for(this) != nullptr; }
    // Says whether the task that runs is a member.
    bool contains_caller() const noexcept;
    // In the order in which they entered.
    template <typename F>
    void for_each(F&& use) {
        for (member& each : members_) {
            use(each.task());
        }
    }

private:
    template <typename F>
    friend class slot_arm;
    struct in_set;

    void leave(member& leaving) noexcept;
    void require_here() const;

public:
    class member final : public completion, public list_hook<in_set> {
    public:
        explicit member(task_set& set) noexcept : completion{&set}, set_{set} {}
        ~member();

        void completed(task_core&) noexcept override { set_.leave(*this); }
        task_core& task() const noexcept { return *task_; }

    private:
        friend class task_set;
        task_set& set_;
        task_core* task_ = nullptr;
        bool killed_ = false;
    };

private:
    void kill_member(member& victim);
    void kill_members();

    thread_record& thread_;
    std::ptrdiff_t slots_;
    // At most `slots_`, with those that were handed over and have no member yet.
    std::ptrdiff_t taken_ = 0;
    std::size_t size_ = 0;
    // How many wait in `kill`.
    int kills_ = 0;
    intrusive_list<member, in_set> members_;
    // Each of these is handed a slot.
    wait_queue entering_{"pool"};
    // They only look.
    wait_queue watching_{"pool"};
    wait_queue joining_{"group"};
};

// A slot that was taken, and what fills it: given back unless it was filled.
class taken_slot {
public:
    // Requires: a slot of the set was taken for it.
    explicit taken_slot(std::shared_ptr<task_set> set) noexcept : set_{std::move(set)} {}
    taken_slot(taken_slot const&) = delete;
    taken_slot& operator=(taken_slot const&) = delete;
    ~taken_slot() {
        if (set_ != nullptr) {
            set_->give_back();
        }
    }

    // Makes a task by calling `make`, and lets it fill the slot.
    template <typename Make>
    auto fill_with(Make make) {
        auto entering = std::make_unique<task_set::member>(*set_);
        auto made = make();
        fill(std::move(entering), made.state());
        return made;
    }
    // As above, with a task that was prepared, and lets it begin as a member.
    template <typename Make>
    auto fill_eagerly(Make make) {
        auto made = fill_with(std::move(make));
        made.state().begin_now();
        return made;
    }
    void fill(std::unique_ptr<task_set::member> entering, task_core& task) {
        set_->enter(std::move(entering), task);
        set_ = nullptr;
    }

private:
    std::shared_ptr<task_set> set_;
};

// The arm of a `select` that takes a slot.
template <typename F>
class slot_arm final : public arm_in_queue<plain_part> {
public:
    slot_arm(task_set& set, F handler) : set_{set}, handler_{std::move(handler)} {}

    bool ready() override { return set_.taken_ < set_.slots_; }
    void complete() override { static_cast<void>(set_.try_take()); }
    void enlist(waiter& whole) override {
        set_.entering_.push(this->part_.emplace(whole, "room in a pool"));
    }
    void finish() override { handler_(); }

private:
    task_set& set_;
    F handler_;
};

}  // namespace tendril::detail
