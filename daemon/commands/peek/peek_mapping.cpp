#include "daemon/commands/peek/peek_mapping.h"

#include "pipeline/errors.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/session.h"

#include <array>

namespace sluice {
namespace {

/// Whether the row that is shown, the latest, is one that goes.
bool removes(const TargetRows& rows) {
    const EncodedRows& latest = rows.text.rows.empty() ? rows.binary : rows.text;
    return !latest.rows.empty() && latest.rows.back().change == Change::remove;
}

}  // namespace

PeekMapping::PeekMapping(const config::Config& config, const config::Ingest& ingest,
                         const std::optional<std::string>& topic,
                         const std::shared_ptr<SchemaSource>& registry)
    : several_(!ingest.into.empty()) {
    Session session{config.cloudberry.dsn.text, "sluice peek"};
    if (topic) {
        auto targets = read_targets(session, ingest, *topic, config.cloudberry.schema);
        for (const Targets::Target& target : targets) add(target, registry);
        const auto all = std::make_shared<Targets>();
        all->set(*topic, std::move(targets));
        router_.emplace(all, registry);
    } else {
        const Targets::Target only{.ingest = ingest, .table = read_target(session, ingest)};
        add(only, registry);
        router_.emplace(RowMapper(only.ingest, only.table, registry));
    }
}

std::vector<std::string> PeekMapping::columns() const {
    if (several_) return {};
    return columns_.front();
}

std::string PeekMapping::notes() const {
    std::string text;
    for (std::size_t target = 0; target < shown_.size(); ++target) {
        std::string of_one = shown_[target].unfilled(columns_[target]);
        of_one += shown_[target].not_judged();
        if (several_ && !of_one.empty()) text += names_[target] + ": ";
        text += of_one;
    }
    return text;
}

void PeekMapping::show(const Record& record, PeekOutput& output) {
    batch_.clear();
    const RecordLog::Index index = batch_.records.append(record);
    try {
        show(router_->map(index, batch_), record, output);
    } catch (const WrongConfiguration& unknown) {  // its schema; those behind may be known
        const std::array reasons{
            Reason{"", std::string("the pipeline stops here: ") + unknown.what()}};
        output.show({.as = Peeked::As::rejected, .record = record, .reasons = reasons});
    }
}

void PeekMapping::show(RowMapper::Outcome outcome, const Record& record, PeekOutput& output) {
    switch (outcome) {
        case RowMapper::Outcome::row:
            for (TargetId target = 0; target < batch_.targets.size(); ++target)
                if (!batch_.targets[target].empty()) show_row(record, target, output);
            return;
        case RowMapper::Outcome::rejected:
            return output.show({.as = Peeked::As::rejected,
                                .record = record,
                                .reasons = batch_.rejects.front().reasons});
        case RowMapper::Outcome::filtered:
            return output.show({.as = Peeked::As::filtered, .record = record});
    }
}

void PeekMapping::add(const Targets::Target& target,
                      const std::shared_ptr<SchemaSource>& registry) {
    shown_.emplace_back(target.ingest);
    names_.push_back(target.name());
    columns_.push_back(RowMapper(target.ingest, target.table, registry).columns());
}

void PeekMapping::show_row(const Record& record, TargetId target, PeekOutput& output) {
    const TargetRows& rows = batch_.targets[target];
    Peeked peeked{.as = removes(rows) ? Peeked::As::removal : Peeked::As::row,
                  .record = record,
                  .columns = columns_[target]};
    if (several_) peeked.into = names_[target];
    if (!rows.truncations.empty()) {
        peeked.as = Peeked::As::truncation;
    } else {
        peeked.values = router_->mapper(target).values_as_text();
        shown_[target].note(peeked, rows.text.rows.empty());
    }
    output.show(peeked);
}

}  // namespace sluice
