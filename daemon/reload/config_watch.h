#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice {

/// Watches files and tells when one of them is another: written, renamed over, or reached through a
/// symbolic link that was turned, as Kubernetes does it with a mounted ConfigMap. It watches their
/// folders by inotify and looks now and then besides, for file systems that tell nothing. Changes
/// that follow each other closely are told once.
///
/// A thread of its own, on which `changed` is called. Methods from any thread.
class ConfigWatch {
public:
    /// Watches nothing yet.
    explicit ConfigWatch(std::function<void()> changed);
    ~ConfigWatch();
    ConfigWatch(const ConfigWatch&) = delete;
    ConfigWatch& operator=(const ConfigWatch&) = delete;

    /// From now on these. Those that are new are taken as they are now.
    void set_files(std::vector<std::filesystem::path> files);

private:
    /// What tells a file from another one; empty: there is none.
    using Identity = std::string;
    static Identity identity_of(const std::filesystem::path& file);

    void loop();
    /// Waits for something to happen in the folders, or for a while.
    enum class Woken { by_event, by_time, to_end };
    Woken wait(std::chrono::milliseconds time);
    void watch_folders();
    [[nodiscard]] bool differ();

    const std::function<void()> changed_;
    int inotify_ = -1;  ///< none: only looking now and then is left
    int wake_ = -1;     ///< an eventfd, to end wait()

    std::mutex mutex_;  // guards what follows
    std::map<std::filesystem::path, Identity> known_;
    bool ending_ = false;

    std::thread thread_;
};

}  // namespace sluice
