#include "sinks/session/server_family.h"

namespace sluice {

Family family_of(std::string_view version) {
    if (version.find("Cloudberry") != std::string_view::npos) return Family::cloudberry;
    if (version.find("Greenplum") != std::string_view::npos) return Family::greenplum;
    return Family::postgresql;
}

}  // namespace sluice
