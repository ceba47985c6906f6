#include "sinks/dead_letters/dead_letter_loader.h"

#include "pipeline/errors.h"
#include "sinks/books/stored_json.h"
#include "sinks/load/make_loader.h"

namespace sluice {
namespace {

using Kind = DeadLetterOutcome::Kind;

RecordLog::Index append(RecordLog& log, const TopicPartition& from, const WholeDeadLetter& letter) {
    const std::vector<StoredHeader> stored = parse_headers(letter.headers);
    std::vector<Header> headers;
    for (const StoredHeader& header : stored) headers.push_back({header.name, header.value});
    return log.append({.from = &from,
                       .offset = letter.offset,
                       .timestamp_ms = letter.timestamp_ms,
                       .key = letter.key,
                       .value = letter.value,
                       .headers = headers});
}

/// A letter whose schema nobody knows stays one, and holds up no other.
config::Ingest patient(config::Ingest ingest) {
    ingest.on_unknown_schema = config::OnUnknownSchema::dead_letter;
    return ingest;
}

}  // namespace

DeadLetterLoader::DeadLetterLoader(Session& session, const config::Ingest& ingest,
                                   const Table& table, const std::string& schema,
                                   const std::shared_ptr<SchemaSource>& registry)
    : session_(session),
      explodes_(ingest.explode.has_value()),
      mapper_(patient(ingest), table, registry),
      loader_(make_loader(ingest, table, mapper_, schema)(session)) {
    if (ingest.mode == config::Mode::append || !ingest.order.empty()) return;
    throw WrongConfiguration(
        "ingest." + ingest.name +
        ": rows hold the last change of their key, and a dead letter that is retried now could "
        "overwrite what later records brought; say with order = \"column\" which change is newer, "
        "or send such records once more, or rewind the pipeline to before them (sluice progress "
        "set), and discard the dead letters");
}

void DeadLetterLoader::prepare(const std::vector<WholeDeadLetter>& letters) {
    batch_.clear();
    outcomes_.clear();
    for (const WholeDeadLetter& letter : letters) {
        // Nothing but letters goes into the log: a record's index is its letter's.
        const auto outcome = mapper_.map(
            append(batch_.records, partitions_.of(letter.topic, letter.partition), letter), batch_);
        outcomes_.push_back(
            {outcome == RowMapper::Outcome::filtered ? Kind::filtered : Kind::loaded, {}});
    }
    for (Reject& reject : batch_.rejects)
        outcomes_[reject.record] = {Kind::rejected, std::move(reject.reasons)};
}

std::vector<DeadLetterOutcome> DeadLetterLoader::load() {
    std::vector<DeadLetterOutcome> outcomes = outcomes_;
    // Of a letter of several rows all are loaded, or none.
    for (bool again = true; again;) {
        session_.run("SAVEPOINT letters");
        std::vector<Reject> refused = loader_->isolate(batch_.targets.front(), Alike::refuse);
        for (const Reject& reject : refused)
            outcomes[reject.record] = {Kind::rejected, reject.reasons};
        again = explodes_ && batch_.refuse(std::move(refused));
        session_.run(again ? "ROLLBACK TO SAVEPOINT letters;RELEASE SAVEPOINT letters"
                           : "RELEASE SAVEPOINT letters");
        if (explodes_) outcomes_ = outcomes;
    }
    const WithoutEffect& none = loader_->without_effect();
    for (const auto* of : {&none.superseded, &none.unmatched, &none.filtered})
        for (const RecordLog::Index index : *of) outcomes[index] = {Kind::filtered, {}};
    return outcomes;
}

}  // namespace sluice
