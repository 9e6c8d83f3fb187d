// SPDX-License-Identifier: BSL-1.0
#include <harness/tasks.hpp>
#include <tendril/hub/hub.hpp>
#include <tendril/io/any_stream.hpp>
#include <tendril/io/stream.hpp>
#include <tendril/testing/memory_stream.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace {

using namespace tendril;
using namespace std::chrono_literals;
using namespace std::string_view_literals;
using boost::asio::buffer;
using tendril::testing::memory_stream;

// Answers what it was told to, and notes what it was asked for.
struct call_notes {
    std::string calls;
    std::optional<deadline> limit;
    error_code answer;

    std::size_t note(char const* call, std::size_t size, error_code& error, deadline const* given) {
        calls += call;
        limit = given != nullptr ? std::optional{*given} : std::nullopt;
        error = answer;
        return answer.failed() ? 0 : size;
    }
};

class noted_stream : public limited_stream_forms<noted_stream> {
public:
    call_notes notes;

private:
    friend stream_forms;
    friend limited_stream_forms;

    template <typename MutableBuffers>
    std::size_t read_into(
        MutableBuffers const& buffers, error_code& error, deadline const* limit = nullptr) {
        return notes.note("r", boost::asio::buffer_size(buffers), error, limit);
    }
    template <typename ConstBuffers>
    std::size_t write_part_of(ConstBuffers const& buffers, error_code& error) {
        return notes.note("p", boost::asio::buffer_size(buffers), error, nullptr);
    }
    template <typename ConstBuffers>
    std::size_t write_all_of(
        ConstBuffers const& buffers, error_code& error, deadline const* limit = nullptr) {
        return notes.note("w", boost::asio::buffer_size(buffers), error, limit);
    }
};

// Has the forms without a limit, and words of its own for what goes wrong.
class wordy_stream : public stream_forms<wordy_stream> {
private:
    friend stream_forms;

    template <typename Buffers>
    std::size_t read_into(Buffers const&, error_code& error) {
        return refuse(error);
    }
    template <typename Buffers>
    std::size_t write_part_of(Buffers const&, error_code& error) {
        return refuse(error);
    }
    template <typename Buffers>
    std::size_t write_all_of(Buffers const&, error_code& error) {
        return refuse(error);
    }
    static std::size_t refuse(error_code& error) {
        error = io_error(errc::broken);
        return 0;
    }
    std::size_t checked(std::size_t size, error_code const& error, std::string_view call) const {
        detail::throw_if(error, call == "read_some" ? "no word comes" : "no word leaves");
        return size;
    }
};

template <typename Call>
std::string complaint_of(Call&& call) {
    try {
        call();
    } catch (system_error const& thrown) {
        return std::string{thrown.what()}.substr(0, std::string_view{thrown.what()}.find(':'));
    }
    return "nothing";
}

template <typename Stream>
concept has_limits = requires(Stream& stream, boost::asio::mutable_buffer data) {
    stream.read_some_for(data, 1s);
};

}  // namespace

// The forms alone are no stream, and take no room in one.
static_assert(!std::is_default_constructible_v<stream_forms<noted_stream>>);
static_assert(sizeof(noted_stream) == sizeof(call_notes));
static_assert(has_limits<noted_stream>);
static_assert(!has_limits<wordy_stream>);
static_assert(!has_limits<any_stream>);

TENDRIL_HUB_TEST(stream_forms, hand_each_call_to_the_function_of_the_stream) {
    noted_stream stream;
    std::array<char, 8> data{};
    error_code error = io_error(errc::broken);
    EXPECT_EQ(stream.read_some(buffer(data)), 8U);
    EXPECT_EQ(stream.read_some(buffer(data), error), 8U);
    EXPECT_FALSE(error.failed());
    EXPECT_EQ(stream.write_some(buffer("part"sv)), 4U);
    EXPECT_EQ(stream.write_some(buffer("part"sv), error), 4U);
    EXPECT_EQ(stream.write(buffer("whole"sv)), 5U);
    EXPECT_EQ(stream.write(buffer("whole"sv), error), 5U);
    EXPECT_EQ(stream.notes.calls, "rrppww");
    EXPECT_FALSE(stream.notes.limit);
}

TENDRIL_HUB_TEST(stream_forms, throw_an_error_with_the_name_of_the_call) {
    noted_stream stream;
    stream.notes.answer = io_error(errc::closed);
    std::array<char, 8> data{};
    EXPECT_EQ(complaint_of([&] { stream.read_some(buffer(data)); }), "read_some");
    EXPECT_EQ(complaint_of([&] { stream.read_some_for(buffer(data), 1s); }), "read_some");
    EXPECT_EQ(complaint_of([&] { stream.write_some(buffer("x"sv)); }), "write_some");
    EXPECT_EQ(complaint_of([&] { stream.write(buffer("x"sv)); }), "write");
    EXPECT_EQ(complaint_of([&] { stream.write_for(buffer("x"sv), 1s); }), "write");
}

TENDRIL_HUB_TEST(stream_forms, report_an_error_to_who_has_asked_for_it) {
    noted_stream stream;
    stream.notes.answer = io_error(errc::closed);
    std::array<char, 8> data{};
    std::array<error_code, 5> errors;
    EXPECT_EQ(stream.read_some(buffer(data), errors[0]), 0U);
    EXPECT_EQ(stream.read_some_for(buffer(data), errors[1], 1s), 0U);
    EXPECT_EQ(stream.write_some(buffer("x"sv), errors[2]), 0U);
    EXPECT_EQ(stream.write(buffer("x"sv), errors[3]), 0U);
    EXPECT_EQ(stream.write_for(buffer("x"sv), errors[4], 1s), 0U);
    for (error_code const& error : errors) {
        EXPECT_EQ(error, errc::closed);
    }
}

TENDRIL_HUB_TEST(stream_forms, pass_a_limit_on_as_a_moment) {
    noted_stream stream;
    std::array<char, 8> data{};
    error_code error;
    deadline const moment = deadline::after(7s);
    stream.read_some_until(buffer(data), moment);
    EXPECT_EQ(stream.notes.limit, moment);
    stream.write_until(buffer("x"sv), error, deadline::never());
    EXPECT_EQ(stream.notes.limit, deadline::never());
    stream.read_some_for(buffer(data), error, 7s);
    EXPECT_EQ(stream.notes.limit, moment);
    stream.write_for(buffer("x"sv), 7'000ms);
    EXPECT_EQ(stream.notes.limit, moment);
    EXPECT_EQ(stream.notes.calls, "rwrw");
}

TENDRIL_HUB_TEST(stream_forms, let_a_stream_say_more_about_an_error) {
    wordy_stream stream;
    std::array<char, 8> data{};
    EXPECT_EQ(complaint_of([&] { stream.read_some(buffer(data)); }), "no word comes");
    EXPECT_EQ(complaint_of([&] { stream.write_some(buffer("x"sv)); }), "no word leaves");
    EXPECT_EQ(complaint_of([&] { stream.write(buffer("x"sv)); }), "no word leaves");
}

TENDRIL_HUB_TEST(stream_forms, say_of_a_stream_in_memory_that_it_was_one) {
    auto [here, there] = memory_stream::pair();
    here.close();
    std::array<char, 8> data{};
    EXPECT_EQ(complaint_of([&] { here.read_some(buffer(data)); }), "read from a memory_stream");
    EXPECT_EQ(complaint_of([&] { here.write_some(buffer("x"sv)); }), "write to a memory_stream");
    EXPECT_EQ(complaint_of([&] { here.write(buffer("x"sv)); }), "write to a memory_stream");
}

TENDRIL_HUB_TEST(stream_forms, are_what_algorithms_of_asio_call) {
    noted_stream stream;
    std::array<char, 8> data{};
    EXPECT_EQ(boost::asio::read(stream, buffer(data)), 8U);
    EXPECT_EQ(boost::asio::write(stream, buffer("x"sv)), 1U);
    EXPECT_EQ(stream.notes.calls, "rp");
}
