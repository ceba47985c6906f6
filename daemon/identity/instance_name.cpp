#include "daemon/identity/instance_name.h"

#include "config/instance.h"
#include "config/text/hash.h"
#include "daemon/identity/host_name.h"
#include "pipeline/log.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>

namespace sluice {
namespace {

constexpr int most_slots = 1000;
/// Far more than two daemons need to join after one another, and less than lies between two outages
/// of a broker that anybody would put up with.
constexpr std::chrono::seconds twins_take_turns_within{30};
/// Of a host's name; Kafka takes 249 bytes for all.
constexpr std::size_t most_of_host = 150;

/// Kafka takes letters, digits, ".", "_" and "-".
std::string as_kafka_permits(std::string name) {
    name.resize(std::min(name.size(), most_of_host));
    std::ranges::replace_if(
        name,
        [](unsigned char c) { return std::isalnum(c) == 0 && c != '.' && c != '_' && c != '-'; },
        '_');
    return name;
}

/// The path as it was given: where a ConfigMap is mounted, what it leads to has another name after
/// each change.
std::string stem_of(const InstanceName::Identity& identity, const std::string& host) {
    config::Fnv1a hash;
    hash.text(host);
    hash.text(identity.schema);
    hash.text(std::filesystem::absolute(identity.config_file).lexically_normal().string());
    return hash.digits(12);
}

/// Abstract addresses (a name that begins with a zero byte) are the network namespace's: no file
/// stays behind, and containers do not see each other's.
bool bind_to(int socket, const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    return ::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0;
}

}  // namespace

InstanceName::InstanceName(const Identity& identity)
    : slot_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const std::string host = host_name();
    const std::string stem = stem_of(identity, host);
    for (int number = 0; slot_ >= 0 && number < most_slots; ++number) {
        const std::string slot = stem + "-" + std::to_string(number);
        if (bind_to(slot_, "sluice/" + slot)) {
            own_ = as_kafka_permits(host) + "-" + slot;
            return;
        }
        if (errno != EADDRINUSE) break;
    }
    log(LogLevel::warn, "sluice",
        std::string("no name for Kafka to know this daemon by: ") + std::strerror(errno) +
            "; after a kill its partitions stand still for session.timeout.ms; instance in "
            "[kafka] gives it one");
}

InstanceName::~InstanceName() {
    if (slot_ >= 0) ::close(slot_);
}

std::string InstanceName::of(const config::Kafka& kafka) const {
    const std::string& name = kafka.instance == config::of_the_host ? own_ : kafka.instance;
    const std::lock_guard lock{mutex_};
    return given_up_.contains(name) ? std::string() : name;
}

void InstanceName::on_fenced(const std::string& name, const std::string& group,
                             Clock::time_point now) {
    {
        const std::lock_guard lock{mutex_};
        const auto [before, is_first] = fenced_.try_emplace({name, group}, now);
        const bool again = !is_first && now - before->second < twins_take_turns_within;
        before->second = now;
        if (!again || !given_up_.insert(name).second) return;
    }
    log(LogLevel::warn, "sluice",
        "another daemon is known to Kafka as \"" + name +
            "\" too: a copy of this host, or the same instance in [kafka] twice; this one goes on "
            "without a name until it is restarted. Give each its own host name or instance");
}

}  // namespace sluice
