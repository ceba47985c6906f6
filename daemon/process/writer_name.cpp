#include "daemon/process/writer_name.h"

#include "daemon/process/host_name.h"

#include <unistd.h>

namespace sluice {

std::string writer_name() {
    return host_name() + ":" + std::to_string(::getpid());
}

}  // namespace sluice
