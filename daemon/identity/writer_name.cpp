#include "daemon/identity/writer_name.h"

#include "daemon/identity/host_name.h"

#include <unistd.h>

namespace sluice {

std::string writer_name() {
    return host_name() + ":" + std::to_string(::getpid());
}

}  // namespace sluice
