// SPDX-License-Identifier: BSL-1.0
#include <harness/children.hpp>
#include <harness/network.hpp>
#include <harness/own_folder.hpp>
#include <tendril/context/sanitizer.hpp>
#include <tendril/process/process.hpp>
#include <tendril/process/run_process.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace {

using namespace tendril;

std::string output_of(process_options const& options) { return run_process(options).output; }

process_options shell_with(std::string line, std::function<void(process_options&)> change) {
    process_options options = test::shell(std::move(line));
    change(options);
    return options;
}

std::string content_of(std::string const& path) {
    std::ifstream file{path};
    std::ostringstream all;
    all << file.rdbuf();
    return all.str();
}

// What is told of a child that cannot be started.
std::string refusal_of(process_options const& options, int reason) {
    error_code error;
    process const none{options, error};
    EXPECT_FALSE(none.valid());
    EXPECT_EQ(error.value(), reason) << error.message();
    return test::text_of([&] { process{options}; });
}

bool says(std::string const& text, std::string const& part) {
    bool const found = text.find(part) != std::string::npos;
    EXPECT_TRUE(found) << text;
    return found;
}

}  // namespace

TENDRIL_HUB_TEST(process_options, arguments_reach_the_program_as_they_are) {
    process_options const options{
        .program = "sh", .arguments = {"-c", "printf '%s|' \"$0\" \"$@\"", "a b", "", "$x*"}};
    EXPECT_EQ(output_of(options), "a b||$x*|");
}

TENDRIL_HUB_TEST(process_options, a_program_may_be_told_another_name) {
    process_options const renamed{
        .program = "sh", .arguments = {"-c", "cat /proc/$$/cmdline; exit"}, .own_name = "other"};
    EXPECT_EQ(output_of(renamed).substr(0, 5), "other");
}

TENDRIL_HUB_TEST(process_options, the_environment_is_inherited_changed_or_replaced) {
    ::setenv("TENDRIL_TEST_A", "1", 1);
    ::setenv("TENDRIL_TEST_B", "2", 1);
    std::string const line = "echo $TENDRIL_TEST_A,$TENDRIL_TEST_B,$TENDRIL_TEST_C";
    EXPECT_EQ(output_of(test::shell(line)), "1,2,\n");
    EXPECT_EQ(
        output_of(shell_with(
            line,
            [](process_options& options) {
                options.environment = {{"TENDRIL_TEST_B", std::nullopt}, {"TENDRIL_TEST_C", "3"}};
            })),
        "1,,3\n");
    EXPECT_EQ(
        output_of(shell_with(
            line,
            [](process_options& options) {
                options.inherit_environment = false;
                options.environment = {{"TENDRIL_TEST_B", "4"}};
            })),
        ",4,\n");
    ::unsetenv("TENDRIL_TEST_A");
    ::unsetenv("TENDRIL_TEST_B");
}

TENDRIL_HUB_TEST(process_options, a_variable_that_the_child_would_misread_is_misuse) {
    process_options options = test::shell("true");
    options.environment = {{"A=B", "1"}};
    EXPECT_THROW(process{options}, misuse);
    options.environment = {{"A", std::string{"x\0y", 3}}};
    EXPECT_THROW(process{options}, misuse);
}

TENDRIL_HUB_TEST(process_options, the_child_works_in_its_folder) {
    test::own_folder const folder;
    process_options options = test::shell("pwd -P");
    options.folder = "/";
    EXPECT_EQ(output_of(options), "/\n");
    options.folder = folder.file("");
    EXPECT_NE(output_of(options), "/\n");
}

TENDRIL_HUB_TEST(process_options, a_relative_program_is_taken_from_its_folder) {
    EXPECT_EQ(
        output_of({.program = "./sh", .arguments = {"-c", "echo here"}, .folder = "/bin"}),
        "here\n");
}

TENDRIL_HUB_TEST(process_options, files_are_read_emptied_and_added_to) {
    test::own_folder const folder;
    std::string const path = folder.file("text");
    process_options options = test::shell("cat");
    for (char const* const text : {"first", "second"}) {
        process_options write = test::shell(std::string{"printf "} + text);
        write.output = redirection::file(path);
        EXPECT_TRUE(run_process(write).status.success());
    }
    EXPECT_EQ(content_of(path), "second");
    process_options add = test::shell("printf ' and third'");
    add.output = redirection::append_to(path);
    run_process(add);
    options.input = redirection::file(path);
    EXPECT_EQ(output_of(options), "second and third");
    ::unlink(path.c_str());
}

TENDRIL_HUB_TEST(process_options, errors_may_go_where_the_output_goes) {
    process_options options = test::shell("echo one; echo two >&2; echo three");
    options.error_output = redirection::to_output();
    completed_process const done = run_process(options);
    EXPECT_EQ(done.output, "one\ntwo\nthree\n");
    EXPECT_EQ(done.error_output, "");
}

TENDRIL_HUB_TEST(process_options, only_errors_may_go_where_the_output_goes) {
    process_options options = test::shell("true");
    options.output = redirection::to_output();
    EXPECT_THROW(process{options}, misuse);
    options.output = redirection{};
    options.input = redirection::to_output();
    EXPECT_THROW(process{options}, misuse);
    options.input = redirection::append_to("x");
    EXPECT_THROW(process{options}, misuse);
}

TENDRIL_HUB_TEST(process_options, nothing_is_read_from_and_written_to_null) {
    process_options options = test::shell("cat; echo gone");
    options.input = redirection::null();
    options.output = redirection::null();
    completed_process const done = run_process(options);
    EXPECT_TRUE(done.status.success());
    EXPECT_EQ(done.output, "");
}

TENDRIL_HUB_TEST(process_options, a_descriptor_is_copied_and_stays_open) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    process_options options = test::shell("printf hello");
    options.output = redirection::descriptor(ends[1]);
    run_process(options);
    EXPECT_EQ(::write(ends[1], "!", 1), 1);
    char text[8] = {};
    EXPECT_EQ(::read(ends[0], text, sizeof text), 6);
    EXPECT_EQ(std::string{text}, "hello!");
    ::close(ends[0]);
    ::close(ends[1]);
}

TENDRIL_HUB_TEST(process_options, streams_may_change_places) {
    process_options options = test::shell("echo out; echo err >&2");
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    int const kept = ::fcntl(2, F_DUPFD_CLOEXEC, 10);
    ::dup2(ends[1], 2);
    // The child's output is our error output, and its errors go to a pipe of their own.
    options.output = redirection::descriptor(2);
    options.error_output = redirection::pipe();
    completed_process const done = run_process(options);
    ::dup2(kept, 2);
    EXPECT_EQ(done.error_output, "err\n");
    char text[8] = {};
    EXPECT_EQ(::read(ends[0], text, sizeof text), 4);
    EXPECT_EQ(std::string{text}, "out\n");
    for (int const each : {kept, ends[0], ends[1]}) {
        ::close(each);
    }
}

TENDRIL_HUB_TEST(process_options, a_child_has_the_descriptors_that_it_was_passed_and_no_others) {
    // One that a careless library has left open for all.
    int const careless = ::open("/dev/null", O_RDONLY);
    int const first = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
    int const second = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    process_options options = test::shell("for f in /proc/$$/fd/*; do readlink $f; done");
    options.input = redirection::null();
    options.error_output = redirection::to_output();
    options.passed = {second, first};
    std::string const all = output_of(options);
    std::size_t lines = 0;
    for (char const each : all) {
        lines += each == '\n';
    }
    // Its own three, the two, and perhaps the folder that the shell reads.
    EXPECT_LE(lines, 6U) << all;
    EXPECT_NE(all.find("/dev/full\n/dev/zero\n"), std::string::npos) << all;
    for (int const each : {careless, first, second}) {
        ::close(each);
    }
}

TENDRIL_HUB_TEST(process_options, signals_have_their_usual_effect_in_the_child) {
    auto const before = ::signal(SIGPIPE, SIG_IGN);
    sigset_t mask;
    sigset_t former;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &mask, &former);
    std::string const found = output_of(
        {.program = "grep", .arguments = {"-E", "SigBlk|SigIgn", "/proc/self/status"}});
    ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
    ::signal(SIGPIPE, before);
    // Two that the C library has for itself stay ignored.
    EXPECT_EQ(found, "SigBlk:\t0000000000000000\nSigIgn:\t0000000180000000\n");
}

TENDRIL_HUB_TEST(process_options, a_child_may_lead_a_session_or_a_group) {
    // The fields behind the name: state, parent, group, session.
    std::string const line = "read -r pid name state parent group session rest </proc/$$/stat; "
                             "echo $((pid == group)) $((pid == session))";
    EXPECT_EQ(output_of(test::shell(line)), "0 0\n");
    EXPECT_EQ(
        output_of(shell_with(line, [](process_options& options) { options.new_session = true; })),
        "1 1\n");
    EXPECT_EQ(
        output_of(shell_with(line, [](process_options& options) { options.process_group = 0; })),
        "1 0\n");
    process_options both = test::shell("true");
    both.new_session = true;
    both.process_group = 0;
    EXPECT_THROW(process{both}, misuse);
}

TENDRIL_HUB_TEST(process_options, a_child_may_join_a_group) {
    process_options leader = test::waiting_child();
    leader.process_group = 0;
    process first{leader};
    process_options member = test::waiting_child();
    member.process_group = first.pid();
    process second{member};
    EXPECT_EQ(::getpgid(second.pid()), first.pid());
    first.send_signal_to_group(SIGKILL);
    EXPECT_EQ(second.wait().signal(), SIGKILL);
}

TENDRIL_HUB_TEST(process_options, its_umask_is_the_parents_and_a_shell_can_change_it) {
    mode_t const before = ::umask(027);
    EXPECT_EQ(output_of(test::shell("umask")), "0027\n");
    EXPECT_EQ(
        output_of({
            .program = "sh",
            .arguments = {"-c", "umask 077; exec \"$@\"", "sh", "sh", "-c", "umask"},
        }),
        "0077\n");
    ::umask(before);
}

TENDRIL_HUB_TEST(process_options, ids_may_be_reset) {
    process_options options = test::shell("id -u");
    options.reset_ids = true;
    EXPECT_EQ(output_of(options), std::to_string(::getuid()) + "\n");
}

TENDRIL_HUB_TEST(process_options, what_cannot_be_started_is_told_with_what_is_to_blame) {
    test::own_folder const folder;
    says(
        refusal_of({.program = "no-such-program-anywhere"}, ENOENT),
        "cannot start no-such-program-anywhere: not found in PATH");
    says(refusal_of({.program = "/no/such/program"}, ENOENT), "/no/such/program: /no/such/program");
    says(refusal_of({.program = "/etc/passwd"}, EACCES), "/etc/passwd");
    says(
        refusal_of({.program = "true", .folder = "/no/such/folder"}, ENOENT),
        "its folder, /no/such/folder");
    says(
        refusal_of({.program = "true", .input = redirection::file("/no/such/file")}, ENOENT),
        "its input, /no/such/file");
    says(
        refusal_of({.program = "true", .output = redirection::file("/")}, EISDIR), "its output, /");
    says(
        refusal_of({.program = "true", .error_output = redirection::descriptor(987)}, EBADF),
        "its error output, descriptor 987");
    says(refusal_of({.program = "true", .passed = {-1}}, EBADF), "its passed descriptor");
    says(refusal_of({.program = "true", .process_group = 1}, EPERM), "its process group, 1");
}

TENDRIL_HUB_TEST(process_options, what_the_system_would_cut_short_is_misuse) {
    EXPECT_THROW(process{process_options{}}, misuse);
    EXPECT_THROW((process{{.program = std::string{"a\0b", 3}}}), misuse);
    EXPECT_THROW((process{{.program = "true", .arguments = {std::string{"\0", 1}}}}), misuse);
}

TENDRIL_TEST(process_options, pipes_may_have_the_numbers_of_the_childs_own_streams) {
    if (TENDRIL_TSAN) {
        GTEST_SKIP() << "a child of a process with threads cannot go on under ThreadSanitizer";
    }
    // In a process of its own, where 0, 1 and 2 are free.
    pid_t const other = ::fork();
    if (other == 0) {
        ::close(0);
        ::close(1);
        ::close(2);
        bool good = false;
        run([&] {
            process child{test::piped_shell("read word; echo $word; echo err >&2")};
            completed_process const done = child.communicate("x\n");
            good = done.output == "x\n" && done.error_output == "err\n";
        });
        ::_exit(good ? 0 : 1);
    }
    int status = -1;
    ::waitpid(other, &status, 0);
    EXPECT_EQ(status, 0);
}
