#pragma once

#include <chrono>
#include <string>

namespace sluice {

/// Tells systemd how this process is, as a unit of Type=notify wants it: sd_notify(3), datagrams of
/// NAME=VALUE lines to the socket that $NOTIFY_SOCKET names. A process that nobody asked tells
/// nobody. Used by one thread; what could not be sent is not sent again, but for being alive.
class ServiceManager {
public:
    using Clock = std::chrono::steady_clock;

    /// Takes what systemd says out of the environment.
    ServiceManager();
    ~ServiceManager();
    ServiceManager(const ServiceManager&) = delete;
    ServiceManager& operator=(const ServiceManager&) = delete;

    /// At work, for the first time or again after a reload.
    void ready();
    /// A reload was asked for; ready() ends it.
    void reloading();
    void stopping();
    /// In words, for `systemctl status`; sent when it changes.
    void status(const std::string& words);
    /// That the process is alive: call it a few times a second. Sent twice in the time after which
    /// systemd, where WatchdogSec says so, takes it for dead.
    void alive(Clock::time_point now);

private:
    void send(const std::string& lines) const;

    int socket_ = -1;  ///< -1: nobody wants to know
    std::chrono::microseconds watchdog_{0};
    Clock::time_point next_sign_of_life_;
    std::string status_;
};

}  // namespace sluice
