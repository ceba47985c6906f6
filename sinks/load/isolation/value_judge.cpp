#include "sinks/load/isolation/value_judge.h"

#include "pipeline/values/copy_text.h"
#include "sinks/session/server_text.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace sluice {
namespace {

// A statement costs as much as some dozen values in it, and those of a refused one are offered
// again in smaller sets.
constexpr std::size_t largest_set = 32;
constexpr std::size_t parts_of_refused = 4;
constexpr double set_per_gap = 0.5;

struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// What has to be offered again, the value in question alone: its own answer is the proof.
void split(const Range& refused, const DatabaseError& error, std::vector<Range>& to) {
    const auto push = [&](std::size_t begin, std::size_t end) {
        if (begin < end) to.push_back({begin, end});
    };
    const std::size_t size = refused.end - refused.begin;
    const auto parameter = parameter_hint(error.details().context);
    if (parameter && *parameter < size) {
        // The server reads one after the other: what is before it is fine, or COPY will say so.
        const std::size_t at = refused.begin + *parameter;
        push(at, at + 1);
        push(at + 1, refused.end);
        return;
    }
    const std::size_t part = (size + parts_of_refused - 1) / parts_of_refused;
    for (std::size_t begin = refused.begin; begin < refused.end; begin += part)
        push(begin, std::min(begin + part, refused.end));
}

}  // namespace

void ValueJudge::note(const std::string& column) {
    // Where COPY names a column, it was reading a value.
    if (column.empty()) return;
    if (judged_.contains(column)) beyond_.insert(column);
    if (beyond_.contains(column)) return;
    suspects_.insert(column);
    stumbled_ = true;
}

std::vector<UnreadableValue> ValueJudge::judge(const EncodedRows& rows) {
    judged_.clear();
    std::vector<UnreadableValue> found;
    if (!expects_some(rows.rows.size())) return found;
    for (std::size_t i = 0; i < copy_.columns.size(); ++i) {
        const std::string& column = copy_.columns[i];
        if (!suspects_.contains(column)) continue;
        judged_.insert(column);
        const Values values = values_of(rows, i);
        const auto unreadable = refused(column, values);
        if (unreadable.empty()) suspects_.erase(column);
        for (std::size_t row = 0; !unreadable.empty() && row < values.of_row.size(); ++row) {
            if (!values.of_row[row]) continue;
            const auto at = unreadable.find(*values.of_row[row]);
            if (at != unreadable.end())
                found.push_back({row, {column, at->second.details().message}});
        }
    }
    stumbled_ = false;
    gap_ = found.empty()
               ? 0
               : static_cast<double>(rows.rows.size()) / static_cast<double>(found.size());
    return found;
}

/// Where a type reads no value at all, by errors that may be the world's, it is COPY that tells.
std::map<std::uint32_t, DatabaseError> ValueJudge::refused(const std::string& column,
                                                           const Values& values) {
    const std::int64_t type = type_of(column);
    if (type == 0) return {};
    auto unreadable = offer(type, values.distinct);
    const bool unclear = std::ranges::any_of(
        unreadable, [](const auto& value) { return value.second.trouble() != Trouble::data; });
    if (unclear && unreadable.size() == values.distinct.size()) unreadable.clear();
    return unreadable;
}

/// 0: one that reads a text as its modifier says (interval day to hour), which parameters lack.
std::int64_t ValueJudge::type_of(const std::string& column) {
    const Rows types = session_.exec(
        "SELECT CASE WHEN a.atttypmod <> -1 AND 'interval'::regtype IN (t.oid, t.typelem) THEN 0"
        " ELSE t.oid::bigint END FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
        " WHERE a.attrelid = $1::regclass AND a.attname = $2 AND NOT a.attisdropped",
        {copy_.table, column});
    return types.rows.empty() ? 0 : types.number(0, 0);
}

ValueJudge::Values ValueJudge::values_of(const EncodedRows& rows, std::size_t column) const {
    Values values;
    values.of_row.reserve(rows.rows.size());
    std::unordered_map<std::string_view, std::uint32_t> known;  // of fields as they stand there
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        FieldWalker fields(rows.bytes_of(row), copy_.form);
        for (std::size_t i = 0; i < column; ++i) static_cast<void>(fields.next());
        const std::string_view field = fields.next();
        if (is_null(field, copy_.form)) {
            values.of_row.emplace_back();
            continue;
        }
        const auto [at, is_new] =
            known.try_emplace(field, static_cast<std::uint32_t>(values.distinct.size()));
        if (is_new)
            values.distinct.push_back(copy_.form == CopyForm::text
                                          ? copy_text::unescaped(field)
                                          : std::string(field.substr(sizeof(std::int32_t))));
        values.of_row.emplace_back(at->second);
    }
    return values;
}

/// Those that the type refuses, and what it says.
std::map<std::uint32_t, DatabaseError> ValueJudge::offer(std::int64_t type,
                                                         const std::vector<std::string>& values) {
    std::map<std::uint32_t, DatabaseError> refused;
    const auto set = gap_ > 0 ? std::clamp(static_cast<std::size_t>(gap_ * set_per_gap),
                                           std::size_t{1}, largest_set)
                              : largest_set;
    std::vector<Range> open;
    for (std::size_t begin = 0; begin < values.size(); begin += set)
        open.push_back({begin, std::min(begin + set, values.size())});
    while (!open.empty()) {
        Session::Offer offer{.type = type, .binary = copy_.form == CopyForm::binary};
        for (const Range& range : open) {
            auto& parameters = offer.sets.emplace_back();
            for (std::size_t i = range.begin; i < range.end; ++i) parameters.push_back(&values[i]);
        }
        const auto answers = session_.offer(offer);
        std::vector<Range> again;
        for (std::size_t i = 0; i < open.size(); ++i) {
            if (!answers[i]) continue;
            if (!may_be_the_datas(answers[i]->sqlstate())) throw *answers[i];
            if (open[i].end - open[i].begin == 1)
                refused.emplace(open[i].begin, *answers[i]);
            else
                split(open[i], *answers[i], again);
        }
        open = std::move(again);
    }
    return refused;
}

}  // namespace sluice
