// SPDX-License-Identifier: BSL-1.0
//
// Random trees of scopes, shields and task groups, beside a small model of them.
//
// A tree is made from a seed. Every node is a scope, a shield or a group; every leaf is a sleep of
// a random length. Then some nodes are cancelled at random moments. The model says for each leaf
// when it ends and how, from the plain rule alone: a leaf ends at the first moment at which a node
// above it is cancelled and no shield stands between.
#include <harness/stress.hpp>
#include <harness/tasks.hpp>
#include <tendril/scope/cancel_scope.hpp>
#include <tendril/scope/task_group.hpp>
#include <tendril/support/random.hpp>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

enum class kind { scope, shield, group, leaf };

struct tree_node {
    kind what;
    tree_node const* above;
    int number;
    milliseconds nap{};
    std::vector<tree_node const*> below{};
    // What stands for it while the program runs.
    mutable cancel_scope* scope = nullptr;
    mutable task_group* group = nullptr;
};

struct cancel_at {
    milliseconds when;
    tree_node const* whom;
};

struct random_tree {
    std::deque<tree_node> nodes;
    std::vector<cancel_at> cancels;

    explicit random_tree(std::uint64_t seed) : numbers_{seed} {
        grow(nullptr, 0);
        for (std::uint64_t count = random_below(numbers_, 9); count > 0; --count) {
            tree_node const& whom = nodes[random_below(numbers_, nodes.size())];
            if (whom.what != kind::leaf) {
                // Sleeps take tens of milliseconds, and every cancel has a last digit of its own,
                // so no cancel comes at the moment at which a sleep ends.
                cancels.push_back({milliseconds{10 * random_below(numbers_, 50) + count}, &whom});
            }
        }
    }

private:
    tree_node const& grow(tree_node const* above, int depth) {
        bool const is_leaf = depth == 4 || (depth > 0 && random_below(numbers_, 4) == 0);
        kind const what = is_leaf ? kind::leaf : static_cast<kind>(random_below(numbers_, 3));
        tree_node& made = nodes.emplace_back(
            tree_node{.what = what, .above = above, .number = static_cast<int>(nodes.size())});
        if (is_leaf) {
            made.nap = milliseconds{10 * (1 + random_below(numbers_, 20))};
            return made;
        }
        std::uint64_t const width = 1 + random_below(numbers_, 3);
        for (std::uint64_t child = 0; child < width; ++child) {
            made.below.push_back(&grow(&made, depth + 1));
        }
        return made;
    }

    seeded_random numbers_;
};

// How each leaf ends, and when; a leaf that is never reached is not in it.
using endings = std::map<int, std::string>;

std::string ending(bool was_cancelled, milliseconds when) {
    return (was_cancelled ? "cancelled at " : "slept until ") + std::to_string(when.count());
}

// What happens, run for real.
class live_run {
public:
    explicit live_run(random_tree const& tree) : begin_{now()} {
        for (cancel_at const& each : tree.cancels) {
            this_hub().call_at(begin_ + each.when, [whom = each.whom] { cancel(*whom); });
        }
        visit(tree.nodes.front());
        // The calls that are left come before the tree is gone.
        sleep_until(begin_ + 200s);
    }

    endings const& ends() const noexcept { return ends_; }

private:
    static void cancel(tree_node const& whom) {
        if (whom.scope != nullptr) {
            whom.scope->cancel();
        }
        if (whom.group != nullptr) {
            whom.group->cancel();
        }
    }

    void visit(tree_node const& node) {
        switch (node.what) {
        case kind::leaf:
            sleep(node);
            return;
        case kind::group:
            visit_group(node);
            return;
        case kind::scope:
        case kind::shield:
            cancel_scope scope{{.shield = node.what == kind::shield}};
            scope.run([&] {
                node.scope = &scope;
                scope_exit const forget{[&] { node.scope = nullptr; }};
                for (tree_node const* child : node.below) {
                    visit(*child);
                }
            });
            return;
        }
    }

    void visit_group(tree_node const& node) {
        scope_exit const forget{[&] { node.group = nullptr; }};
        with_task_group([&](task_group& group) {
            node.group = &group;
            for (tree_node const* child : node.below) {
                group.spawn([this, child] { visit(*child); });
            }
        });
    }

    void sleep(tree_node const& leaf) {
        auto const passed = [this] {
            return std::chrono::duration_cast<milliseconds>(now() - begin_);
        };
        try {
            sleep_for(leaf.nap);
            ends_[leaf.number] = ending(false, passed());
        } catch (scope_cancelled const&) {
            ends_[leaf.number] = ending(true, passed());
            throw;
        }
    }

    time_point begin_;
    endings ends_;
};

// What ought to happen.
class model {
public:
    explicit model(random_tree const& tree) : tree_{tree} {
        visit(tree.nodes.front(), milliseconds{0}, {});
    }

    endings const& ends() const noexcept { return ends_; }

private:
    // A node that is entered, and since when.
    struct standing {
        tree_node const* node;
        milliseconds since;
    };
    // From the outside in.
    using standings = std::vector<standing>;
    // When a node is left, and whether a cancellation leaves it.
    struct exit {
        milliseconds when;
        bool throws;
    };

    // When a node is cancelled by itself: at the first call that comes while it is entered.
    milliseconds cancelled_at(standing const& one) const {
        milliseconds first = milliseconds::max();
        for (cancel_at const& each : tree_.cancels) {
            if (each.whom == one.node && each.when > one.since) {
                first = std::min(first, each.when);
            }
        }
        return first;
    }

    // When those who stand within all these are cancelled.
    milliseconds cancelled_at(standings const& all) const {
        milliseconds first = milliseconds::max();
        for (auto each = all.rbegin(); each != all.rend(); ++each) {
            first = std::min(first, cancelled_at(*each));
            if (each->node->what == kind::shield) {
                break;
            }
        }
        return first;
    }

    // Whether the innermost of these absorbs a cancellation that leaves it at some moment.
    bool absorbs(standings inside, milliseconds when) const {
        standing const own = inside.back();
        inside.pop_back();
        bool const from_above = own.node->what != kind::shield && cancelled_at(inside) <= when;
        return cancelled_at(own) <= when && !from_above;
    }

    exit visit(tree_node const& node, milliseconds begin, standings inside) {
        if (node.what == kind::leaf) {
            return sleep(node, begin, inside);
        }
        inside.push_back({&node, begin});
        exit left = node.what == kind::group ? visit_all(node, begin, inside)
                                             : visit_in_order(node, begin, inside);
        left.throws = left.throws && !absorbs(inside, left.when);
        return left;
    }

    exit sleep(tree_node const& leaf, milliseconds begin, standings const& inside) {
        milliseconds const cancel = std::max(cancelled_at(inside), begin);
        bool const is_cut_off = cancel < begin + leaf.nap;
        milliseconds const end = is_cut_off ? cancel : begin + leaf.nap;
        ends_[leaf.number] = ending(is_cut_off, end);
        return {end, is_cut_off};
    }

    exit visit_in_order(tree_node const& node, milliseconds begin, standings const& inside) {
        exit left{begin, false};
        for (tree_node const* child : node.below) {
            left = visit(*child, left.when, inside);
            if (left.throws) {
                break;
            }
        }
        return left;
    }

    // Children of a group that is cancelled already never begin, and the group waits in any case.
    exit visit_all(tree_node const& node, milliseconds begin, standings const& inside) {
        milliseconds const cancel = cancelled_at(inside);
        milliseconds end = begin;
        if (cancel > begin) {
            for (tree_node const* child : node.below) {
                end = std::max(end, visit(*child, begin, inside).when);
            }
        }
        return {end, cancel <= end};
    }

    random_tree const& tree_;
    endings ends_;
};

}  // namespace

TENDRIL_TEST(cancel_node, agrees_with_a_model_for_random_trees) {
    auto const trees = static_cast<std::uint64_t>(test::laps(2'000, 200'000));
    std::uint64_t leaves = 0;
    std::uint64_t cut_off = 0;
    for (std::uint64_t seed = 1; seed <= trees; ++seed) {
        SCOPED_TRACE("tree " + std::to_string(seed));
        random_tree const tree{seed};
        test::virtual_clock clock;
        endings real;
        run({.clock = &clock}, [&] { real = live_run{tree}.ends(); });
        ASSERT_EQ(real, model{tree}.ends());
        leaves += real.size();
        cut_off += static_cast<std::uint64_t>(std::count_if(
            real.begin(), real.end(), [](auto const& each) { return each.second[0] == 'c'; }));
    }
    std::printf(
        "[    trees ] %ju, with %ju leaves, of which %ju were cut off\n",
        static_cast<std::uintmax_t>(trees), static_cast<std::uintmax_t>(leaves),
        static_cast<std::uintmax_t>(cut_off));
}
