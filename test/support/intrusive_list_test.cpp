// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/support/intrusive_list.hpp>

#include <memory>
#include <vector>

namespace {

using namespace tendril;

struct linked_item : list_hook<> {
    explicit linked_item(int number) : value{number} {}
    int value;
};

struct by_age {};
struct by_name {};
struct two_tags : list_hook<by_age>, list_hook<by_name> {};

std::vector<int> contents(intrusive_list<linked_item>& list) {
    std::vector<int> all;
    for (linked_item& each : list) {
        all.push_back(each.value);
    }
    return all;
}

}  // namespace

TENDRIL_TEST(intrusive_list, keeps_the_order_of_arrival) {
    intrusive_list<linked_item> list;
    linked_item a{1};
    linked_item b{2};
    linked_item c{3};
    list.push_back(b);
    list.push_back(c);
    list.push_front(a);
    EXPECT_EQ(contents(list), (std::vector{1, 2, 3}));
    EXPECT_EQ(list.pop_front(), &a);
    EXPECT_EQ(contents(list), (std::vector{2, 3}));
}

TENDRIL_TEST(intrusive_list, an_item_leaves_from_the_middle_when_it_is_destroyed) {
    intrusive_list<linked_item> list;
    linked_item a{1};
    auto b = std::make_unique<linked_item>(2);
    linked_item c{3};
    for (linked_item* each : {&a, b.get(), &c}) {
        list.push_back(*each);
    }
    b.reset();
    EXPECT_EQ(contents(list), (std::vector{1, 3}));
}

TENDRIL_TEST(intrusive_list, unlinks_its_items_when_it_is_destroyed) {
    linked_item a{1};
    {
        intrusive_list<linked_item> list;
        list.push_back(a);
        EXPECT_TRUE(a.linked());
    }
    EXPECT_FALSE(a.linked());
}

TENDRIL_TEST(intrusive_list, inserts_before_a_given_item) {
    intrusive_list<linked_item> list;
    linked_item a{1};
    linked_item b{2};
    linked_item c{3};
    list.push_back(a);
    list.push_back(c);
    list.insert_before(c, b);
    EXPECT_EQ(contents(list), (std::vector{1, 2, 3}));
    EXPECT_EQ(list.size(), 3U);
}

TENDRIL_TEST(intrusive_list, gives_null_when_there_is_nothing_to_pop) {
    intrusive_list<linked_item> list;
    EXPECT_TRUE(list.empty());
    EXPECT_EQ(list.size(), 0U);
    EXPECT_EQ(list.pop_front(), nullptr);
}

TENDRIL_TEST(intrusive_list, an_unlinked_item_can_be_added_again) {
    intrusive_list<linked_item> list;
    linked_item a{1};
    linked_item b{2};
    list.push_back(a);
    list.push_back(b);
    a.unlink();
    EXPECT_FALSE(a.linked());
    list.push_back(a);
    EXPECT_EQ(contents(list), (std::vector{2, 1}));
}

TENDRIL_TEST(intrusive_list, unlinking_what_is_in_no_list_does_nothing) {
    linked_item a{1};
    a.unlink();
    EXPECT_FALSE(a.linked());
}

TENDRIL_TEST(intrusive_list, clearing_unlinks_every_item) {
    intrusive_list<linked_item> list;
    linked_item a{1};
    linked_item b{2};
    list.push_back(a);
    list.push_back(b);
    list.clear();
    EXPECT_TRUE(list.empty());
    EXPECT_FALSE(a.linked() || b.linked());
}

TENDRIL_TEST(intrusive_list, an_item_is_in_one_list_for_each_tag) {
    intrusive_list<two_tags, by_age> ages;
    intrusive_list<two_tags, by_name> names;
    two_tags a;
    ages.push_back(a);
    names.push_back(a);
    static_cast<list_hook<by_age>&>(a).unlink();
    EXPECT_TRUE(ages.empty());
    EXPECT_EQ(names.pop_front(), &a);
}

TENDRIL_TEST(intrusive_list, an_item_may_leave_after_the_walk_has_passed_it) {
    intrusive_list<linked_item> list;
    linked_item items[]{linked_item{1}, linked_item{2}, linked_item{3}};
    for (linked_item& each : items) {
        list.push_back(each);
    }
    for (auto at = list.begin(); at != list.end();) {
        linked_item& passed = *at;
        ++at;
        passed.unlink();
    }
    EXPECT_TRUE(list.empty());
}

TENDRIL_TEST(intrusive_list, refuses_an_item_that_is_in_a_list_already) {
    intrusive_list<linked_item> list;
    linked_item a{1};
    list.push_back(a);
    EXPECT_DEATH(list.push_back(a), "at most one list");
}
