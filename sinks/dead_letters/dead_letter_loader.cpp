#include "sinks/dead_letters/dead_letter_loader.h"

#include "sinks/books/stored_json.h"
#include "sinks/load/copy_loader.h"

namespace sluice {
namespace {

using Kind = DeadLetterOutcome::Kind;

RecordLog::Index append(RecordLog& log, const WholeDeadLetter& letter) {
    const std::vector<StoredHeader> stored = parse_headers(letter.headers);
    std::vector<Header> headers;
    for (const StoredHeader& header : stored) headers.push_back({header.name, header.value});
    return log.append({.partition = letter.partition,
                       .offset = letter.offset,
                       .timestamp_ms = letter.timestamp_ms,
                       .key = letter.key,
                       .value = letter.value,
                       .headers = headers});
}

}  // namespace

DeadLetterLoader::DeadLetterLoader(Session& session, const config::Ingest& ingest,
                                   const Table& table)
    : mapper_(ingest, table),
      loader_(copy_loader(table, mapper_.columns(), ingest.on_invalid)(session)) {}

std::vector<DeadLetterOutcome> DeadLetterLoader::load(const std::vector<WholeDeadLetter>& letters) {
    batch_.clear();
    std::vector<DeadLetterOutcome> outcomes;
    for (const WholeDeadLetter& letter : letters) {
        // Nothing but letters goes into the log: a record's index is its letter's.
        const auto outcome = mapper_.map(append(batch_.records, letter), batch_);
        outcomes.push_back(
            {outcome == RowMapper::Outcome::filtered ? Kind::filtered : Kind::loaded, {}});
    }
    for (Reject& reject : batch_.rejects)
        outcomes[reject.record] = {Kind::rejected, std::move(reject.reasons)};
    for (Reject& reject : loader_->isolate(batch_.targets.front(), Alike::refuse))
        outcomes[reject.record] = {Kind::rejected, std::move(reject.reasons)};
    return outcomes;
}

}  // namespace sluice
