// SPDX-License-Identifier: BSL-1.0
//
// Descriptors that are passed over Unix sockets.
#include <harness/descriptor_limit.hpp>
#include <harness/own_folder.hpp>
#include <harness/streams.hpp>
#include <tendril/net/unix_socket.hpp>

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace tendril;
using test::hear_all;
using test::hear_exactly;
using test::settle;
using test::unnamed_file;
namespace asio_error = boost::asio::error;

// Takes a descriptor, and closes it at the end of the scope.
class taken {
public:
    explicit taken(int descriptor) : descriptor_{descriptor} {}
    taken(taken const&) = delete;
    taken& operator=(taken const&) = delete;
    ~taken() { ::close(descriptor_); }

    bool is_the_file(int other) const {
        struct stat mine {};
        struct stat others {};
        ::fstat(descriptor_, &mine);
        ::fstat(other, &others);
        return mine.st_dev == others.st_dev && mine.st_ino == others.st_ino;
    }
    bool is_left_to_children() const { return (::fcntl(descriptor_, F_GETFD) & FD_CLOEXEC) == 0; }

private:
    int descriptor_;
};

void pass(unix_stream& to, std::vector<int> const& descriptors, std::string_view text = "x") {
    to.send_descriptors(boost::asio::buffer(text), descriptors);
}

received_descriptors receive(unix_stream& from) {
    char data[64];
    return from.receive_descriptors(boost::asio::buffer(data));
}

error_code receive_error(unix_stream& from) {
    return test::code_of([&] { receive(from); });
}

}  // namespace

TENDRIL_HUB_TEST(unix_socket, descriptors_arrive_in_their_order_with_their_data) {
    auto [here, there] = unix_stream::pair();
    unnamed_file const one;
    unnamed_file const two;
    pass(here, {one.descriptor(), two.descriptor()}, "two files");
    char data[64];
    auto received = there.receive_descriptors(boost::asio::buffer(data));
    EXPECT_EQ(std::string(data, received.size), "two files");
    EXPECT_FALSE(received.cut_short);
    ASSERT_EQ(received.descriptors.size(), 2U);
    taken const first{received.descriptors.take()};
    taken const second{received.descriptors.take()};
    EXPECT_TRUE(first.is_the_file(one.descriptor()));
    EXPECT_TRUE(second.is_the_file(two.descriptor()));
    EXPECT_EQ(received.descriptors.take(), -1);
    EXPECT_FALSE(first.is_left_to_children());
}

TENDRIL_HUB_TEST(unix_socket, a_receiver_of_descriptors_waits_for_them) {
    auto [here, there] = unix_stream::pair();
    auto receiver = spawn([&end = there] { return receive(end).descriptors.size(); });
    settle();
    EXPECT_FALSE(receiver.done());
    unnamed_file const file;
    pass(here, {file.descriptor()});
    EXPECT_EQ(receiver.get(), 1U);
}

TENDRIL_HUB_TEST(unix_socket, descriptors_that_nobody_takes_are_closed) {
    auto [here, there] = unix_stream::pair();
    unnamed_file const file;
    pass(here, std::vector<int>(10, file.descriptor()));
    received_descriptors received = receive(there);
    EXPECT_EQ(received.descriptors.size(), 10U);
    passed_descriptors moved = std::move(received.descriptors);
    EXPECT_EQ(received.descriptors.size(), 0U);
    taken const one{moved.take()};
    moved = passed_descriptors{};
    EXPECT_EQ(moved.size(), 0U);
}

// The kernel closes what it cannot deliver; the harness counts what is left.
TENDRIL_HUB_TEST(unix_socket, a_read_that_expects_no_descriptors_leaves_none_open) {
    auto [here, there] = unix_stream::pair();
    unnamed_file const file;
    pass(here, {file.descriptor()}, "plain");
    EXPECT_EQ(hear_exactly(there, 5), "plain");
    pass(here, {file.descriptor()}, "never read");
}

TENDRIL_HUB_TEST(unix_socket, a_process_without_room_gets_what_fits_and_is_told) {
    auto [here, there] = unix_stream::pair();
    unnamed_file const file;
    pass(here, std::vector<int>(5, file.descriptor()));
    std::optional<received_descriptors> received;
    {
        test::descriptors_left const few{2};
        received = receive(there);
    }
    EXPECT_EQ(received->size, 1U);
    EXPECT_TRUE(received->cut_short);
    EXPECT_LT(received->descriptors.size(), 5U);
}

TENDRIL_HUB_TEST(unix_socket, the_most_descriptors_pass_and_one_more_is_refused) {
    auto [here, there] = unix_stream::pair();
    unnamed_file const file;
    std::vector<int> many(unix_stream::most_descriptors, file.descriptor());
    pass(here, many);
    EXPECT_EQ(receive(there).descriptors.size(), many.size());
    many.push_back(file.descriptor());
    EXPECT_THROW(pass(here, many), misuse);
}

TENDRIL_HUB_TEST(unix_socket, descriptors_need_a_byte_to_travel_with) {
    auto [here, there] = unix_stream::pair();
    EXPECT_THROW(here.send_descriptors({}, {}), misuse);
    EXPECT_THROW(there.receive_descriptors({}), misuse);
}

TENDRIL_HUB_TEST(unix_socket, data_without_descriptors_and_large_data_with_them_arrive_whole) {
    auto [here, there] = unix_stream::pair();
    pass(here, {}, "none");
    EXPECT_EQ(receive(there).descriptors.size(), 0U);
    unnamed_file const file;
    std::string const large(4 * 1024 * 1024, 'x');
    auto sender = spawn([&end = here, &large, &file] { pass(end, {file.descriptor()}, large); });
    received_descriptors received = receive(there);
    EXPECT_EQ(received.descriptors.size(), 1U);
    std::size_t const rest = large.size() - received.size;
    EXPECT_EQ(hear_exactly(there, rest).size(), rest);
    sender.join();
}

TENDRIL_HUB_TEST(unix_socket, what_is_no_descriptor_is_an_error_and_sends_nothing) {
    auto [here, there] = unix_stream::pair();
    EXPECT_EQ(test::code_of([&end = here] { pass(end, {-1}); }).value(), EBADF);
    here.close();
    EXPECT_EQ(receive_error(there), asio_error::eof);
}

TENDRIL_HUB_TEST(unix_socket, closed_busy_and_broken_hold_for_descriptors_too) {
    auto [here, there] = unix_stream::pair();
    auto first = spawn([&end = there] { return receive_error(end); });
    settle();
    EXPECT_EQ(receive_error(there), errc::busy);
    EXPECT_EQ(test::read_error(there), errc::busy);
    there.close();
    EXPECT_EQ(first.get(), errc::closed);
    EXPECT_EQ(receive_error(there), errc::closed);
    EXPECT_EQ(test::code_of([&end = there] { pass(end, {}); }), errc::closed);
}

TENDRIL_HUB_TEST(unix_socket, a_receiver_of_descriptors_has_the_limit_of_its_stream) {
    auto [here, there] = unix_stream::pair();
    there.set_read_limit(std::chrono::seconds{3});
    EXPECT_EQ(receive_error(there), errc::timed_out);
    unnamed_file const file;
    pass(here, {file.descriptor()});
    EXPECT_EQ(receive(there).descriptors.size(), 1U);
}

TENDRIL_HUB_TEST(unix_socket, a_sender_of_descriptors_that_is_killed_half_way_breaks_the_stream) {
    auto [here, there] = unix_stream::pair();
    unnamed_file const file;
    std::string const large(4 * 1024 * 1024, 'x');
    auto sender = spawn([&end = here, &large, &file] { pass(end, {file.descriptor()}, large); });
    settle();
    sender.cancel();
    sender.join();
    EXPECT_TRUE(sender.was_cancelled());
    EXPECT_EQ(test::write_error(here), errc::broken);
    EXPECT_EQ(test::code_of([&end = here] { pass(end, {}); }), errc::broken);
}

// In every order of the kill, the data, and a look of the hub at the system.
TENDRIL_HUB_TEST(unix_socket, descriptors_that_come_with_the_end_of_their_receiver_are_not_lost) {
    unnamed_file const file;
    std::vector<int> order{0, 1, 2};
    do {
        auto [here, there] = unix_stream::pair();
        std::size_t got = 0;
        auto receiver = spawn([&end = there, &got] { got += receive(end).descriptors.size(); });
        settle();
        for (int const step : order) {
            if (step == 0) {
                pass(here, {file.descriptor()});
            } else if (step == 1) {
                receiver.cancel();
            } else {
                this_hub().context().poll();
            }
        }
        receiver.join();
        if (got == 0) {
            got = receive(there).descriptors.size();
        }
        EXPECT_EQ(got, 1U) << order[0] << order[1] << order[2];
    } while (std::next_permutation(order.begin(), order.end()));
}
