#include "daemon/identity/version.h"

namespace sluice {

std::string version() {
    return SLUICE_VERSION;
}

}  // namespace sluice
