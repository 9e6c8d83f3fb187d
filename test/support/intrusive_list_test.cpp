// SPDX-License-Identifier: BSL-1.0
#include <harness/tendril_test.hpp>
#include <tendril/support/intrusive_list.hpp>

#include <memory>
#include <vector>

namespace {

using namespace tendril;

struct item : list_hook<> {
    explicit item(int number) : value{number} {}
    int value;
};

std::vector<int> contents(intrusive_list<item>& list) {
    std::vector<int> all;
    for (item& each : list) {
        all.push_back(each.value);
    }
    return all;
}

}  // namespace

TENDRIL_TEST(intrusive_list, keeps_the_order_of_arrival) {
    intrusive_list<item> list;
    item a{1};
    item b{2};
    item c{3};
    list.push_back(b);
    list.push_back(c);
    list.push_front(a);
    EXPECT_EQ(contents(list), (std::vector{1, 2, 3}));
    EXPECT_EQ(list.pop_front(), &a);
    EXPECT_EQ(contents(list), (std::vector{2, 3}));
}

TENDRIL_TEST(intrusive_list, an_item_leaves_from_the_middle_when_it_is_destroyed) {
    intrusive_list<item> list;
    item a{1};
    auto b = std::make_unique<item>(2);
    item c{3};
    for (item* each : {&a, b.get(), &c}) {
        list.push_back(*each);
    }
    b.reset();
    EXPECT_EQ(contents(list), (std::vector{1, 3}));
}

TENDRIL_TEST(intrusive_list, unlinks_its_items_when_it_is_destroyed) {
    item a{1};
    {
        intrusive_list<item> list;
        list.push_back(a);
        EXPECT_TRUE(a.linked());
    }
    EXPECT_FALSE(a.linked());
}

TENDRIL_TEST(intrusive_list, inserts_before_a_given_item) {
    intrusive_list<item> list;
    item a{1};
    item b{2};
    item c{3};
    list.push_back(a);
    list.push_back(c);
    list.insert_before(c, b);
    EXPECT_EQ(contents(list), (std::vector{1, 2, 3}));
    EXPECT_EQ(list.size(), 3U);
}
