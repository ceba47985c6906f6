#include "daemon/process/service_manager.h"

#include "pipeline/log.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace sluice {
namespace {

std::string_view environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string_view() : value;
}

std::int64_t number_in(const char* name) {
    const std::string_view text = environment(name);
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

/// A socket that is connected to this one: a path, or '@' and a name in the abstract namespace.
int connected_to(std::string_view name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (name.empty() || name.size() >= sizeof address.sun_path) return -1;
    name.copy(address.sun_path, name.size());
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket == -1) return -1;
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0) return socket;
    log(LogLevel::warn, "sluice",
        "NOTIFY_SOCKET=" + std::string(name) + ": " + std::strerror(errno));
    ::close(socket);
    return -1;
}

}  // namespace

ServiceManager::ServiceManager() : socket_(connected_to(environment("NOTIFY_SOCKET"))) {
    // The time may be meant for a process that started this one.
    const std::int64_t meant_for = number_in("WATCHDOG_PID");
    if (meant_for == 0 || meant_for == ::getpid())
        watchdog_ = std::chrono::microseconds(number_in("WATCHDOG_USEC"));
}

ServiceManager::~ServiceManager() {
    if (socket_ != -1) ::close(socket_);
}

void ServiceManager::ready() {
    send("READY=1\n");
}

void ServiceManager::reloading() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const std::int64_t microseconds = now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
    send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds) + "\n");
}

void ServiceManager::stopping() {
    send("STOPPING=1\n");
}

void ServiceManager::status(const std::string& words) {
    if (words == status_) return;
    status_ = words;
    send("STATUS=" + words + "\n");
}

void ServiceManager::alive(Clock::time_point now) {
    if (watchdog_.count() <= 0 || now < next_sign_of_life_) return;
    next_sign_of_life_ = now + watchdog_ / 2;
    send("WATCHDOG=1\n");
}

void ServiceManager::send(const std::string& lines) const {
    if (socket_ != -1) static_cast<void>(::send(socket_, lines.data(), lines.size(), MSG_NOSIGNAL));
}

}  // namespace sluice
