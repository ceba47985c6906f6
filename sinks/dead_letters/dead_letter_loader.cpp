#include "sinks/dead_letters/dead_letter_loader.h"

#include "pipeline/errors.h"
#include "sinks/books/stored_json.h"
#include "sinks/load/key_turns.h"
#include "sinks/load/make_loader.h"
#include "sinks/session/server_family.h"

#include <utility>

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

void require_order(const config::Ingest& ingest) {
    if (ingest.mode == config::Mode::append || !ingest.order.empty()) return;
    throw WrongConfiguration(
        "ingest." + ingest.name +
        ": rows hold the last change of their key, and a dead letter that is retried now could "
        "overwrite what later records brought; say with order = \"column\" which change is newer, "
        "or send such records once more, or rewind the pipeline to before them (sluice progress "
        "set), and discard the dead letters");
}

std::shared_ptr<Targets> targets_for(const std::string& topic,
                                     std::vector<Targets::Target> targets) {
    for (Targets::Target& target : targets) {
        require_order(target.ingest);
        target.ingest = patient(std::move(target.ingest));
    }
    auto all = std::make_shared<Targets>();
    all->set(topic, std::move(targets));
    return all;
}

}  // namespace

DeadLetterLoader::DeadLetterLoader(Session& session, const config::Ingest& ingest,
                                   const Table& table, const std::string& schema,
                                   const std::shared_ptr<SchemaSource>& registry)
    : session_(session),
      several_rows_(ingest.explode.has_value()),
      router_(RowMapper(patient(ingest), table, registry)),
      loader_for_([=](TargetId) {
          return make_loader(ingest, table, RowMapper(patient(ingest), table, registry), schema);
      }) {
    require_order(ingest);
}

DeadLetterLoader::DeadLetterLoader(Session& session, const std::string& topic,
                                   std::vector<Targets::Target> targets, const std::string& schema,
                                   const std::shared_ptr<SchemaSource>& registry)
    : session_(session),
      targets_(targets_for(topic, std::move(targets))),
      several_rows_(true),
      router_(targets_, registry),
      loader_for_(loaders_of(targets_, registry, schema)) {}

std::vector<TargetId> DeadLetterLoader::filled_targets() const {
    if (targets_) return targets_->filled_by(batch_);
    return {0};
}

Loader& DeadLetterLoader::loader_of(TargetId target) {
    std::unique_ptr<Loader>& loader = loaders_[target];
    if (!loader) loader = loader_for_(target)(session_);
    return *loader;
}

void DeadLetterLoader::prepare(const std::vector<WholeDeadLetter>& letters) {
    batch_.clear();
    outcomes_.clear();
    for (const WholeDeadLetter& letter : letters) {
        // Nothing but letters goes into the log: a record's index is its letter's.
        const auto outcome = router_.map(
            append(batch_.records, partitions_.of(letter.topic, letter.partition), letter), batch_);
        outcomes_.push_back(
            {outcome == RowMapper::Outcome::filtered ? Kind::filtered : Kind::loaded, {}});
    }
    for (Reject& reject : batch_.rejects)
        outcomes_[reject.record] = {Kind::rejected, std::move(reject.reasons)};
}

/// Of those who wait for each other's keys, pipelines give up first.
void DeadLetterLoader::take_turns(const std::vector<TargetId>& targets) {
    for (const TargetId target : targets)
        if (const auto table = loader_of(target).waits_for_keys_of())
            session_.run(take_turn_with(*table));
}

std::vector<Reject> DeadLetterLoader::isolate(const std::vector<TargetId>& targets) {
    std::vector<Reject> refused;
    for (const TargetId target : targets)
        for (Reject& reject : loader_of(target).isolate(batch_.targets[target], Alike::refuse)) {
            if (targets_) (*targets_)[target].sign(reject.reasons);
            refused.push_back(std::move(reject));
        }
    return refused;
}

std::vector<DeadLetterOutcome> DeadLetterLoader::load() {
    const std::vector<TargetId> targets = filled_targets();
    take_turns(targets);
    std::vector<DeadLetterOutcome> outcomes = outcomes_;
    const bool whole = loses_rows_of_savepoints(session_.family());
    // Of a letter of several rows all are loaded, or none.
    for (bool again = true; again;) {
        session_.run("SAVEPOINT letters");
        std::vector<Reject> refused = isolate(targets);
        for (const Reject& reject : refused)
            outcomes[reject.record] = {Kind::rejected, reject.reasons};
        const bool takes_out = several_rows_ || whole;
        again = takes_out && batch_.refuse(std::move(refused)) && several_rows_;
        session_.run(again || whole ? "ROLLBACK TO SAVEPOINT letters;RELEASE SAVEPOINT letters"
                                    : "RELEASE SAVEPOINT letters");
        if (takes_out) outcomes_ = outcomes;
    }
    if (whole)
        for (const TargetId target : targets) loader_of(target).load(batch_.targets[target]);
    // What has no effect in any of its targets.
    std::vector<WithoutEffect> none(batch_.targets.size());
    for (const TargetId target : targets) none[target] = loader_of(target).without_effect();
    const WithoutEffect of_all = batch_.without_effect_in_all(none);
    for (const auto* of : {&of_all.superseded, &of_all.unmatched, &of_all.filtered})
        for (const RecordLog::Index index : *of) outcomes[index] = {Kind::filtered, {}};
    return outcomes;
}

}  // namespace sluice
