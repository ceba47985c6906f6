#include "sinks/load/isolation/field_trial.h"

#include "sinks/session/server_text.h"

#include <algorithm>
#include <map>
#include <utility>

namespace sluice {
namespace {

std::string with_nulls(std::string_view row, CopyForm form, const std::vector<std::size_t>& fields,
                       std::size_t except) {
    std::string changed(row);
    for (const std::size_t field : fields) {
        if (field == except) continue;
        if (auto without = with_null(changed, form, field)) changed = std::move(*without);
    }
    return changed;
}

bool contains(const std::vector<std::size_t>& fields, std::size_t field) {
    return std::ranges::find(fields, field) != fields.end();
}

}  // namespace

FieldTrial::Verdict FieldTrial::judge(std::string_view row, const std::string& suspect) {
    const std::vector<std::size_t> candidates = fields_in_question(row);
    if (suspect.empty() && !try_to_read(std::string(row))) return {};
    std::vector<std::size_t> nulls;
    std::map<std::string, DatabaseError> said;  // of each column, first
    std::string next = suspect;
    for (;;) {
        const auto at = std::ranges::find(copy_.columns, next);
        const auto field = static_cast<std::size_t>(at - copy_.columns.begin());
        if (contains(candidates, field) && !contains(nulls, field))
            nulls.push_back(field);
        else if (nulls.size() < candidates.size())
            nulls = candidates;
        else
            return {.besides = next == suspect ? std::nullopt : std::optional(said.at(next))};
        const auto refused = try_to_read(with_nulls(row, copy_.form, nulls, no_field));
        if (!refused) break;
        next = copy_hint(refused->details().context, copy_.relation, copy_.columns).column;
        said.try_emplace(next, *refused);
    }
    // Each alone, beside what is read: that it was named proves nothing.
    Verdict verdict;
    for (const std::size_t field : nulls)
        if (try_to_read(with_nulls(row, copy_.form, nulls, field)))
            verdict.unreadable.push_back(field);
    return verdict;
}

std::vector<std::size_t> FieldTrial::fields_in_question(std::string_view row) const {
    std::vector<std::size_t> fields;
    FieldWalker walker(row, copy_.form);
    for (std::size_t i = 0; i < copy_.columns.size(); ++i)
        if (!is_null(walker.next(), copy_.form) && nullable_.contains(copy_.columns[i]))
            fields.push_back(i);
    return fields;
}

/// Why it is not read; nullopt: it is.
std::optional<DatabaseError> FieldTrial::try_to_read(const std::string& row) {
    const bool binary = copy_.form == CopyForm::binary;
    session_.send("ROLLBACK TO SAVEPOINT r;" + copy_.sql + " WHERE false");
    try {
        session_.await_copy();
        if (binary) session_.put(copy_header());
        session_.put(row);
        if (binary) session_.put(copy_trailer());
        session_.end_copy();
        session_.finish();
    } catch (const DatabaseError& error) {
        if (!session_.is_open() || !may_be_the_datas(error.sqlstate())) throw;
        return error;
    }
    return std::nullopt;
}

}  // namespace sluice
