#include "daemon/report/progress_line.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <unistd.h>

#include <chrono>
#include <string>

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// Both ends of a terminal of 40 columns, or of a pipe.
struct Ends {
    int near = -1;
    int far = -1;
    ~Ends() {
        ::close(near);
        ::close(far);
    }
    /// What has arrived by now.
    [[nodiscard]] std::string read() const {
        std::string text;
        char buffer[512];
        pollfd ready{far, POLLIN, 0};
        while (::poll(&ready, 1, 0) == 1 && (ready.revents & POLLIN) != 0)
            text.append(buffer, static_cast<std::size_t>(::read(far, buffer, sizeof buffer)));
        return text;
    }
};

TEST_CASE("progress line: says how far, how fast and how long still") {
    CHECK(progress_text("verify orders", "rows", 1200000, 4000000, 3s) ==
          "verify orders: 1,200,000 of 4,000,000 rows (30%), 400,000/s, 8 s left");
    CHECK(progress_text("retry", "dead letters", 999, std::nullopt, 10s) ==
          "retry: 999 dead letters, 99/s");
    CHECK(progress_text("retry", "dead letters", 0, 5000, 10s) ==
          "retry: 0 of 5,000 dead letters (0%)");
    CHECK(progress_text("produce", "records", 10, 100000, 1s) ==
          "produce: 10 of 100,000 records (0%), 10/s, 2 h 46 min left");
    CHECK(progress_text("verify", "rows", 10, 10, 1s) == "verify: 10 of 10 rows (100%), 10/s");
}

TEST_CASE("progress line: one line on a terminal, cut to its width, gone at the end") {
    Ends ends;
    winsize size{.ws_row = 24, .ws_col = 40, .ws_xpixel = 0, .ws_ypixel = 0};
    REQUIRE(::openpty(&ends.far, &ends.near, nullptr, nullptr, &size) == 0);
    ::setenv("TERM", "xterm", 1);
    {
        ProgressLine line{"verify of a pipeline with a long name", "rows", ends.near};
        const auto deadline = ProgressLine::Clock::now() + 5s;
        std::int64_t done = 0;
        std::string drawn;
        while (drawn.empty() && ProgressLine::Clock::now() < deadline) {
            line.at(++done);
            drawn = ends.read();
        }
        CHECK(drawn == "\r\x1b[Kverify of a pipeline with a long name: ");
        line.at(++done);
        CHECK(ends.read() == "");  // not more often than a person can read
    }
    CHECK(ends.read() == "\r\x1b[K");
}

TEST_CASE("progress line: quiet in a pipe and on a dumb terminal") {
    Ends pipe;
    Ends dumb;
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    pipe.far = ends[0];
    pipe.near = ends[1];
    REQUIRE(::openpty(&dumb.far, &dumb.near, nullptr, nullptr, nullptr) == 0);
    ::setenv("TERM", "dumb", 1);
    ProgressLine in_pipe{"verify", "rows", pipe.near};
    ProgressLine on_dumb{"verify", "rows", dumb.near};
    const auto end = ProgressLine::Clock::now() + 600ms;
    while (ProgressLine::Clock::now() < end) {
        in_pipe.at(1);
        on_dumb.at(1);
    }
    CHECK(pipe.read() == "");
    CHECK(dumb.read() == "");
    ::unsetenv("TERM");
}

}  // namespace
}  // namespace sluice
