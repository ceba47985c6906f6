#include "sinks/books/identity.h"

#include "sinks/session/session.h"
#include "sinks/session/sql_text.h"

namespace sluice {

std::string PipelineIdentity::own_table(const char* name) const {
    return quote_identifier(schema) + "." + name;
}

}  // namespace sluice
