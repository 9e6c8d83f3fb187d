// SPDX-License-Identifier: BSL-1.0
#include <harness/children.hpp>
#include <harness/network.hpp>
#include <tendril/process/process.hpp>
#include <tendril/time/timeout.hpp>

#include <boost/asio/buffer.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace {

using namespace tendril;
using namespace std::chrono_literals;

// Writes a word when it has read a line, and then waits for another one.
process_options talker() {
    return test::piped_shell("read a; echo got $a; read b; echo got $b; echo err >&2; exit 3");
}

}  // namespace

TENDRIL_HUB_TEST(communicate, gives_the_input_and_returns_the_outputs_and_the_status) {
    process child{talker()};
    completed_process const done = child.communicate("one\ntwo\n");
    EXPECT_EQ(done.output, "got one\ngot two\n");
    EXPECT_EQ(done.error_output, "err\n");
    EXPECT_EQ(done.status.code(), 3);
    EXPECT_EQ(child.poll(), exit_status::of_code(3));
}

TENDRIL_HUB_TEST(communicate, large_amounts_on_all_streams_hold_nobody_up) {
    process child{test::piped_shell("tee /dev/stderr")};
    std::string const much(3000000, 'x');
    completed_process const done = child.communicate(much);
    EXPECT_EQ(done.output.size(), much.size());
    EXPECT_EQ(done.error_output.size(), much.size());
    EXPECT_TRUE(done.status.success());
}

TENDRIL_HUB_TEST(communicate, a_child_need_not_read_its_input) {
    process child{test::piped_shell("exec <&-; echo done")};
    std::string const much(3000000, 'x');
    completed_process const done = child.communicate(much);
    EXPECT_EQ(done.output, "done\n");
    EXPECT_TRUE(done.status.success());
}

TENDRIL_HUB_TEST(communicate, what_is_no_pipe_is_left_out) {
    process child{test::shell("exit 2")};
    completed_process const done = child.communicate();
    EXPECT_EQ(done.status.code(), 2);
    EXPECT_EQ(done.output, "");
}

TENDRIL_HUB_TEST(communicate, the_end_comes_after_all_output) {
    process child{test::piped_shell("echo a; (read x; echo b) <&0 & exit 0")};
    // The child ends at once, and what it has left behind writes on.
    completed_process const done = child.communicate("x\n");
    EXPECT_TRUE(done.output == "a\nb\n" || done.output == "a\n\n") << done.output;
}

TENDRIL_HUB_TEST(communicate, at_its_limit_it_tells_what_it_has_and_a_later_call_returns_all) {
    process endless{test::piped_shell("echo first; exec sleep 1000000")};
    std::string partial;
    while (partial.empty()) {
        try {
            endless.communicate_for({}, 1s);
        } catch (process_timed_out const& late) {
            EXPECT_FALSE(late.result().status.known());
            partial = late.result().output;
        }
    }
    EXPECT_EQ(partial, "first\n");
    endless.kill();
    completed_process const done = endless.communicate();
    EXPECT_EQ(done.output, "first\n");
    EXPECT_EQ(done.status.signal(), SIGKILL);
}

TENDRIL_HUB_TEST(communicate, an_interrupted_call_goes_on_with_its_input_in_a_later_one) {
    process child{test::piped_shell("exec cat")};
    child.send_signal(SIGSTOP);
    std::string const much(1000000, 'x');
    EXPECT_THROW(child.communicate_for(much, 1s), process_timed_out);
    auto interrupted = spawn([&] { child.communicate(); });
    test::settle();
    interrupted.cancel();
    interrupted.join();
    EXPECT_TRUE(interrupted.was_cancelled());
    child.send_signal(SIGCONT);
    completed_process const done = child.communicate("end");
    EXPECT_EQ(done.output, much + "end");
}

TENDRIL_HUB_TEST(communicate, a_second_greenlet_is_refused) {
    process child{test::piped_shell("exec cat")};
    auto first = spawn([&] { return child.communicate("a"); });
    // Before the child can have ended.
    child.send_signal(SIGSTOP);
    test::settle();
    EXPECT_EQ(test::code_of([&] { child.communicate(); }), errc::busy);
    child.send_signal(SIGCONT);
    EXPECT_EQ(first.get().output, "a");
}

TENDRIL_HUB_TEST(communicate, the_handle_may_go_meanwhile) {
    std::optional<process> child{test::piped_shell("exec sleep 1000000")};
    auto talking = spawn([&] { return test::code_of([&] { child->communicate(); }); });
    test::settle();
    child.reset();
    EXPECT_EQ(talking.get(), errc::closed);
}
