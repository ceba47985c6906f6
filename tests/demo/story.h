#pragma once

#include "tests/demo/observer.h"
#include "tests/demo/screen.h"
#include "tests/demo/shop.h"
#include "tests/demo/signals.h"
#include "tests/demo/stage.h"
#include "tests/demo/traffic.h"
#include "tests/fixture/daemon.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace sluice::demo {

enum class Ending { finish, keep_running };

/// The demo from curtain to curtain. Throws Interrupted when the user has seen enough; what it has
/// started ends with it.
class Story {
public:
    Story(Signals& signals, Ending ending) : signals_(signals), ending_(ending) {}

    /// The exit code: 0 only when everything that was produced is where it belongs.
    int tell();

private:
    // The acts, in order.
    void set_the_stage();
    bool check();
    void start_loading();
    void crash_and_recover();
    void finish_producing();
    [[nodiscard]] bool verify();
    [[nodiscard]] bool count();
    [[nodiscard]] bool count_events();
    void show_dead_letters();
    void show_rows();
    void keep_running();

    /// Shows the live view for a while.
    void watch(std::chrono::milliseconds duration);
    /// Looks and shows when the last look is old enough.
    void refresh();
    void show();
    [[nodiscard]] std::vector<std::string> live_view() const;
    [[nodiscard]] std::string pulse() const;
    [[nodiscard]] std::string daemon_state() const;

    /// A line with the time in front.
    void note(const std::string& line);
    void say(const std::string& line);
    /// Runs `sluice COMMAND` and shows what it says; its exit code.
    int show_command(const std::string& command);
    [[nodiscard]] std::string command_line(const std::string& command) const;
    void show_query(const std::string& sql);
    void start_daemon();

    Signals& signals_;
    Ending ending_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point looked_{};
    std::chrono::steady_clock::time_point printed_{};
    std::chrono::steady_clock::time_point daemon_since_{};
    bool daemon_runs_ = false;
    // In this order, so that what uses another goes first.
    Screen screen_;
    std::unique_ptr<Stage> stage_;
    std::unique_ptr<Observer> observer_;
    std::unique_ptr<Traffic> traffic_;
    std::unique_ptr<Shop> shop_;
    std::optional<fixture::Daemon> daemon_;
};

}  // namespace sluice::demo
