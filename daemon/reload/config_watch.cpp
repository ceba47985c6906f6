#include "daemon/reload/config_watch.h"

#include "pipeline/log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <set>

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// Editors and Kubernetes take several steps for one change.
constexpr std::chrono::milliseconds quiet = 100ms;
constexpr std::chrono::milliseconds look_anyway = 30s;
constexpr std::chrono::milliseconds look_without_inotify = 2s;

/// Where links on the way to a file can be turned, and where it lies itself.
std::set<std::filesystem::path> folders_of(const std::filesystem::path& file) {
    std::error_code ignored;
    std::set<std::filesystem::path> folders{std::filesystem::absolute(file, ignored).parent_path()};
    const auto real = std::filesystem::canonical(file, ignored);
    if (!real.empty()) folders.insert(real.parent_path());
    return folders;
}

}  // namespace

ConfigWatch::ConfigWatch(std::function<void()> changed)
    : changed_(std::move(changed)),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (inotify_ < 0) {
        log(LogLevel::warn, "sluice",
            std::string("the configuration's folder cannot be watched: ") + std::strerror(errno) +
                "; looking every two seconds instead");
    }
    thread_ = std::thread([this] { loop(); });
}

ConfigWatch::~ConfigWatch() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = true;
    }
    ::eventfd_write(wake_, 1);
    thread_.join();
    ::close(wake_);
    if (inotify_ >= 0) ::close(inotify_);
}

void ConfigWatch::set_files(std::vector<std::filesystem::path> files) {
    const std::lock_guard lock{mutex_};
    std::map<std::filesystem::path, Identity> known;
    for (std::filesystem::path& file : files) {
        const auto old = known_.find(file);
        Identity identity = old != known_.end() ? old->second : identity_of(file);
        known.emplace(std::move(file), std::move(identity));
    }
    known_ = std::move(known);
    watch_folders();
}

/// The caller holds the mutex. A folder that is watched already stays so; one that nobody needs any
/// more costs a look at the files now and then.
void ConfigWatch::watch_folders() {
    if (inotify_ < 0) return;
    for (const auto& [file, identity] : known_) {
        for (const std::filesystem::path& folder : folders_of(file)) {
            ::inotify_add_watch(inotify_, folder.c_str(),
                                IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM |
                                    IN_DELETE | IN_ATTRIB | IN_ONLYDIR);
        }
    }
}

ConfigWatch::Identity ConfigWatch::identity_of(const std::filesystem::path& file) {
    struct stat about {};
    if (::stat(file.c_str(), &about) != 0) return {};
    return std::to_string(about.st_dev) + ":" + std::to_string(about.st_ino) + ":" +
           std::to_string(about.st_size) + ":" + std::to_string(about.st_mtim.tv_sec) + "." +
           std::to_string(about.st_mtim.tv_nsec);
}

bool ConfigWatch::differ() {
    const std::lock_guard lock{mutex_};
    bool any = false;
    for (auto& [file, known] : known_) {
        Identity now = identity_of(file);
        any |= now != known;
        known = std::move(now);
    }
    if (any) watch_folders();  // links lead elsewhere, perhaps
    return any;
}

ConfigWatch::Woken ConfigWatch::wait(std::chrono::milliseconds time) {
    std::array<pollfd, 2> watched{pollfd{wake_, POLLIN, 0}, pollfd{inotify_, POLLIN, 0}};
    ::poll(watched.data(), inotify_ < 0 ? 1 : 2, static_cast<int>(time.count()));
    {
        const std::lock_guard lock{mutex_};
        if (ending_) return Woken::to_end;
    }
    if (watched[1].revents == 0) return Woken::by_time;
    // Which file it was does not matter: all are looked at.
    alignas(inotify_event) std::array<char, 4096> events;
    while (::read(inotify_, events.data(), events.size()) > 0) {
    }
    return Woken::by_event;
}

void ConfigWatch::loop() {
    for (;;) {
        Woken woken = wait(inotify_ < 0 ? look_without_inotify : look_anyway);
        while (woken == Woken::by_event) woken = wait(quiet);
        if (woken == Woken::to_end) return;
        try {
            if (differ()) changed_();
        } catch (const std::exception& error) {
            log(LogLevel::error, "sluice",
                std::string("the configuration's files cannot be looked at: ") + error.what());
        }
    }
}

}  // namespace sluice
