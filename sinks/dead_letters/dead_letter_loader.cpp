#include "sinks/dead_letters/dead_letter_loader.h"

#include "sinks/books/schema.h"
#include "sinks/books/stored_json.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/sql_text.h"

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
    : session_(session),
      mapper_(ingest, table),
      judge_(session, qualified(table), mapper_.columns()),
      server_side_(session, qualified(table), mapper_.columns()),
      isolate_binary_(isolation(ingest, table, CopyForm::binary)),
      isolate_text_(isolation(ingest, table, CopyForm::text)) {}

RowIsolation DeadLetterLoader::isolation(const config::Ingest& ingest, const Table& table,
                                         CopyForm form) {
    return {session_, judge_, server_side_,
            isolation_options(copy_statement(qualified(table), mapper_.columns(), form), table,
                              mapper_.columns(), ingest.on_invalid)};
}

std::vector<DeadLetterOutcome> DeadLetterLoader::load(const std::vector<WholeDeadLetter>& letters) {
    if (!line_numbers_)
        line_numbers_ = is_mpp(family_of(session_)) ? LineNumbers::hint : LineNumbers::exact;
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
    judge_.begin();
    const TargetRows& rows = batch_.targets.front();
    refuse(rows.binary, isolate_binary_, outcomes);
    refuse(rows.text, isolate_text_, outcomes);
    if (!judge_.still_holds())
        throw DatabaseError({"40001", "the table's constraints have just changed", {}});
    return outcomes;
}

void DeadLetterLoader::refuse(const EncodedRows& rows, RowIsolation& isolation,
                              std::vector<DeadLetterOutcome>& outcomes) {
    Refused refused = isolation.load(rows, *line_numbers_, {});
    for (std::size_t i = 0; i < refused.rows.size(); ++i)
        outcomes[rows.rows[refused.rows[i]].record] = {Kind::rejected,
                                                       std::move(refused.reasons[i])};
}

}  // namespace sluice
