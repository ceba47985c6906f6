#include "daemon/process/writer_name.h"

#include <unistd.h>

#include <array>

namespace sluice {

std::string writer_name() {
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    return std::string(host.data()) + ":" + std::to_string(::getpid());
}

}  // namespace sluice
