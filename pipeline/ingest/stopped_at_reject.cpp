#include "pipeline/ingest/stopped_at_reject.h"

namespace sluice {

std::string stopped_at_reject(const Record& record, const std::vector<Reason>& reasons) {
    return name_of(record) + ": " + describe(reasons) +
           "; on_reject = \"stop\" holds the pipeline here: change the mapping or the table, or "
           "set on_reject = \"dead_letter\"";
}

}  // namespace sluice
