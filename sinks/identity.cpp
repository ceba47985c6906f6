#include "sinks/identity.h"

#include "sinks/session.h"
#include "sinks/sql_text.h"

namespace sluice {

std::string PipelineIdentity::own_table(const char* name) const {
    return quote_identifier(schema) + "." + name;
}

}  // namespace sluice
