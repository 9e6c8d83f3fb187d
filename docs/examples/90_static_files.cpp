// SPDX-License-Identifier: BSL-1.0
// The files of a folder on the web, and nothing else of the machine.
//
//     90_static_files --folder /srv/www --port 8080
//
// Served are regular files below the folder, and index.html for a path that ends in a slash. What
// is not served looks as if it were not there (404): names that begin with a dot, and what is below
// them; symbolic links, and what is behind them, wherever they lead; folders, pipes, devices and
// sockets; what the process may not read. The folder itself may be a link, and is looked up for
// each request, so that all of it can be replaced at once.
//
// Without options the program shows itself.
#include "options.hpp"

#include <tendril/tendril.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace {

// DOC: open
// Looks before it opens, because the other end of a pipe, or a device, would notice.
int open_regular(int folder, std::string const& name) {
    struct stat seen {};
    if (::fstatat(folder, name.c_str(), &seen, AT_SYMLINK_NOFOLLOW) != 0) {
        return -1;
    }
    if (!S_ISREG(seen.st_mode)) {
        errno = ENOENT;
        return -1;
    }
    return ::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

// Goes from folder to folder and follows no link, so there is no moment in which one could be put
// in the way. Returns -1 with an error in errno.
int open_below(int folder, std::string const& path) {
    std::size_t const slash = path.find('/');
    std::string const name = path.substr(0, slash);
    if (slash == path.npos) {
        return open_regular(folder, name);
    }
    int const inner = ::openat(folder, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner < 0) {
        return -1;
    }
    tendril::scope_exit const close_inner{[&] { ::close(inner); }};
    return open_below(inner, path.substr(slash + 1));
}
// DOC-END: open

/// A file, and what was known of it when it was opened.
struct served_file {
    tendril::file bytes;
    struct stat about {};

    std::uint64_t size() const { return static_cast<std::uint64_t>(about.st_size); }
};

// Nothing for what is not there, or not for everybody. A lack of descriptors is no such thing.
std::optional<served_file> find(std::string const& root, std::string const& path) {
    constexpr std::array not_there{ENOENT, ENOTDIR, ELOOP, EACCES, ENAMETOOLONG};
    int const folder = ::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    int const descriptor = folder < 0 ? -1 : open_below(folder, path);
    int const failure = descriptor < 0 ? errno : 0;
    if (folder >= 0) {
        ::close(folder);
    }
    if (std::find(not_there.begin(), not_there.end(), failure) != not_there.end()) {
        return std::nullopt;
    }
    if (failure != 0) {
        throw std::system_error{failure, std::generic_category(), "cannot open " + path};
    }
    served_file found{tendril::file::adopt(descriptor), {}};
    if (::fstat(descriptor, &found.about) != 0 || !S_ISREG(found.about.st_mode)) {
        return std::nullopt;
    }
    return found;
}

bool is_hidden(std::string const& path) {
    return path.front() == '.' || path.find("/.") != path.npos;
}

std::string_view type_of(std::string const& path) {
    constexpr std::pair<std::string_view, std::string_view> types[] = {
        {".css", "text/css; charset=utf-8"},
        {".gif", "image/gif"},
        {".html", "text/html; charset=utf-8"},
        {".ico", "image/x-icon"},
        {".jpg", "image/jpeg"},
        {".js", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".pdf", "application/pdf"},
        {".png", "image/png"},
        {".svg", "image/svg+xml"},
        {".txt", "text/plain; charset=utf-8"},
        {".wasm", "application/wasm"},
        {".webp", "image/webp"},
        {".woff2", "font/woff2"},
        {".xml", "text/xml; charset=utf-8"},
    };
    for (auto const& [ending, type] : types) {
        if (path.ends_with(ending)) {
            return type;
        }
    }
    return "application/octet-stream";
}

std::string tag_of(served_file const& found) {
    char text[64];
    auto const& changed = found.about.st_mtim;
    std::snprintf(
        text, sizeof text, "\"%jx-%jx-%jx\"", static_cast<std::uintmax_t>(found.size()),
        static_cast<std::uintmax_t>(changed.tv_sec), static_cast<std::uintmax_t>(changed.tv_nsec));
    return text;
}

std::string date_of(served_file const& found) {
    char text[32];
    std::tm parts{};
    ::gmtime_r(&found.about.st_mtim.tv_sec, &parts);
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text;
}

// DOC: range
struct byte_range {
    std::uint64_t first;
    std::uint64_t end;
};

constexpr auto missing = std::numeric_limits<std::uint64_t>::max();

// Reads a number that may be missing. Returns whether it is one, or is missing.
bool read_position(std::string_view text, std::uint64_t& position) {
    char const* const end = text.data() + text.size();
    return text.empty() || std::from_chars(text.data(), end, position).ptr == end;
}

// Which bytes a field Range asks for: "bytes=0-99", "bytes=100-", "bytes=-100". What is none of
// these, several ranges for example, asks for all. Nothing when there are no such bytes.
std::optional<byte_range> range_of(std::string_view field, std::uint64_t size) {
    std::string_view const unit = "bytes=";
    std::size_t const dash = field.find('-');
    std::uint64_t first = missing;
    std::uint64_t last = missing;
    if (!field.starts_with(unit) || dash == field.npos ||
        !read_position(field.substr(unit.size(), dash - unit.size()), first) ||
        !read_position(field.substr(dash + 1), last) || (first == missing && last == missing) ||
        (first != missing && first > last)) {
        return byte_range{0, size};
    }
    if (first == missing) {
        first = size - std::min(last, size);
        last = missing;
    }
    if (first >= size) {
        return std::nullopt;
    }
    return byte_range{first, std::min(last, size - 1) + 1};
}
// DOC-END: range

// DOC: serve
class static_files {
public:
    explicit static_files(std::string root) : root_{std::move(root)} {}

    void operator()(tendril::http_request& request, tendril::http_response& response) {
        if (request.method() != "GET" && request.method() != "HEAD") {
            response.status(405).header("Allow", "GET, HEAD").body("GET or HEAD\n");
            return;
        }
        auto path = tendril::http_file_path(request.path());
        if (!path) {
            throw tendril::http_error{400};
        }
        if (path->empty() || path->ends_with('/')) {
            path->append("index.html");
        }
        auto found = is_hidden(*path)
            ? std::nullopt
            : tendril::run_in_thread([&] { return find(root_, *path); });  // the disk may be slow
        if (!found) {
            throw tendril::http_error{404};
        }
        answer(request, response, *found, type_of(*path));
    }

private:
    static void answer(
        tendril::http_request& request, tendril::http_response& response, served_file& found,
        std::string_view type) {
        std::string const tag = tag_of(found);
        std::string const date = date_of(found);
        response.header("ETag", tag).header("Last-Modified", date).header("Accept-Ranges", "bytes");
        if (is_known(request, tag, date)) {
            response.status(304);
            return;
        }
        response.header("Content-Type", type).header("X-Content-Type-Options", "nosniff");
        std::string_view const only_if = request.header("If-Range");
        bool const in_parts = request.method() == "GET" && (only_if.empty() || only_if == tag);
        auto const part = range_of(in_parts ? request.header("Range") : "", found.size());
        std::string const all = std::to_string(found.size());
        if (!part) {
            response.status(416).header("Content-Range", "bytes */" + all);
            return;
        }
        if (part->end - part->first < found.size()) {
            response.status(206).header(
                "Content-Range",
                "bytes " + std::to_string(part->first) + '-' + std::to_string(part->end - 1) + '/' +
                    all);
        }
        response.content_length(part->end - part->first);
        if (request.method() == "GET") {
            send(found.bytes, *part, response);
        }
    }

    // Says whether the client has it already.
    static bool is_known(
        tendril::http_request const& request, std::string const& tag, std::string const& date) {
        std::string_view const tags = request.header("If-None-Match");
        return tags.empty() ? request.header("If-Modified-Since") == date
                            : tags == "*" || tendril::is_in_http_list(tags, tag) ||
                tendril::is_in_http_list(tags, "W/" + tag);
    }

    // Sends no more than was announced, if the file grows; if it shrinks, the server cuts the
    // connection.
    static void send(tendril::file& from, byte_range part, tendril::http_response& response) {
        char piece[32 * 1024];
        while (part.first < part.end) {
            auto const room = std::min<std::uint64_t>(sizeof piece, part.end - part.first);
            auto const size = from.read_at(part.first, boost::asio::buffer(piece, room));
            if (size == 0) {
                return;
            }
            response.write(boost::asio::buffer(piece, size));
            part.first += size;
        }
    }

    std::string root_;
};
// DOC-END: serve

void serve(std::string const& address, std::string const& folder) {
    tendril::http_server web{
        address, static_files{folder}, {.body_limit = 0}};  // nobody has anything to send
    tendril::signal_set quit{SIGINT, SIGTERM};
    web.start();
    std::cout << "listening on " << tendril::to_string(web.local_endpoint()) << std::endl;
    quit.wait();
    web.stop(std::chrono::seconds{10});
}

// Makes a folder, and asks for what is in it and for what is not.
void show() {
    namespace files = std::filesystem;
    files::path const folder = files::temp_directory_path() /
        ("tendril-static-" + std::to_string(::getpid()));
    tendril::scope_exit const remove{[&] { files::remove_all(folder); }};
    files::create_directories(folder / "pages");
    std::ofstream{folder / "pages/index.html"} << "<p>hello</p>\n";
    std::ofstream{folder / ".secret"} << "hidden\n";
    files::create_symlink("/etc/passwd", folder / "link.txt");

    tendril::http_server web{"127.0.0.1:0", static_files{folder}, {.body_limit = 0}};
    web.start();
    tendril::http_client client;
    auto const ask = [&](std::string const& path, tendril::http_client_fields fields = {}) {
        auto answer = client.get("http://" + web.local_address() + path, std::move(fields));
        std::cout << path << " → " << answer.status();
        for (char const* field : {"Content-Type", "Content-Range"}) {
            std::cout << (answer.header(field).empty() ? "" : ", ") << answer.header(field);
        }
        std::cout << '\n';
        return answer;
    };
    auto const page = ask("/pages/");
    std::cout << page.body();
    ask("/pages/", {{"If-None-Match", std::string{page.header("ETag")}}});
    std::cout << ask("/pages/index.html", {{"Range", "bytes=3-7"}}).body() << '\n';
    for (char const* path : {"/pages", "/.secret", "/link.txt", "/%2e%2e/", "/..%2fetc/passwd"}) {
        ask(path);
    }
    client.close();
}

}  // namespace

int main(int argc, char** argv) try {
    std::string const folder = option(argc, argv, "--folder", "");
    std::string const address = "127.0.0.1:" + port_option(argc, argv);
    tendril::run([&] { folder.empty() ? show() : serve(address, folder); });
    return 0;
} catch (std::exception const& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
