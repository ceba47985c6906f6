#include "sinks/load/sql/sql_loader.h"

#include "sinks/catalogue/catalogue.h"
#include "sinks/load/key_turns.h"

#include <map>
#include <utility>

namespace sluice {
namespace {

/// In binary first: their numbers count the rows of both forms.
RecordLog::Index record_of(const TargetRows& rows, std::size_t number) {
    const std::size_t binary = rows.binary.rows.size();
    return number < binary ? rows.binary.rows[number].record
                           : rows.text.rows[number - binary].record;
}

NumberedRows numbered(const TargetRows& rows) {
    NumberedRows all;
    std::size_t number = 0;
    for (std::size_t row = 0; row < rows.binary.rows.size(); ++row)
        all.append(CopyForm::binary, number++, rows.binary.rows[row].record,
                   rows.binary.bytes_of(row));
    for (std::size_t row = 0; row < rows.text.rows.size(); ++row)
        all.append(CopyForm::text, number++, rows.text.rows[row].record, rows.text.bytes_of(row));
    return all;
}

}  // namespace

SqlLoader::SqlLoader(Session& session, const SqlTarget& target, const StagingWay& way)
    : Loader(session), load_(session, target, {.relation = qualified(target.table)}, way) {}

std::string SqlLoader::target() const {
    return "table " + qualified(load_.target().table);
}

std::optional<std::string> SqlLoader::waits_for_keys_of() const {
    return name_if_it_has_keys(load_.target().table);
}

void SqlLoader::put(const TargetRows& rows, const TakenAway&, std::unique_ptr<PreparedRows>) {
    without_effect_ = {};
    if (rows.size() == 0) return;
    if (load_.target().where.empty()) return load_.load(rows);
    load_.fill(numbered(rows));
    tell_filtered(rows, load_.filter(rows.size()));
    load_.insert(0, rows.size());
}

std::vector<Reject> SqlLoader::separate(const TargetRows& rows, Alike alike, const TakenAway&) {
    without_effect_ = {};
    refused_lately_ = false;
    std::vector<Reject> rejects;
    if (rows.size() == 0) return rejects;
    const auto refuse = [&](std::vector<RefusedNumber> refused) {
        for (RefusedNumber& each : refused)
            rejects.push_back(
                {record_of(rows, each.number), std::move(each.reasons), RejectCause::refused});
    };
    load_.begin_load(alike);
    refuse(load_.fill_isolated(numbered(rows)));
    std::set<std::size_t> filtered;
    if (!load_.target().where.empty()) refuse(load_.filter_isolated(rows.size(), filtered));
    refuse(load_.insert_isolated(0, rows.size(), rows.size()));
    load_.end_load();
    tell_filtered(rows, filtered);
    refused_lately_ = !rejects.empty();
    return rejects;
}

/// A record of several rows is filtered with the last of them.
void SqlLoader::tell_filtered(const TargetRows& rows, const std::set<std::size_t>& filtered) {
    without_effect_.rows = filtered.size();
    std::map<RecordLog::Index, std::size_t> left;
    for (const std::size_t number : filtered) left.try_emplace(record_of(rows, number));
    if (left.empty()) return;
    for (std::size_t number = 0; number < rows.size(); ++number) {
        const auto of = left.find(record_of(rows, number));
        if (of != left.end() && !filtered.contains(number)) ++of->second;
    }
    for (const auto& [record, rows_left] : left)
        if (rows_left == 0) without_effect_.filtered.push_back(record);
}

}  // namespace sluice
