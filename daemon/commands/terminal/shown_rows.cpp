#include "daemon/commands/terminal/shown_rows.h"

#include "config/text/words.h"

namespace sluice {
namespace {

std::string note_on_sql(const config::Ingest& ingest) {
    std::string text;
    for (const config::SqlColumn& computed : ingest.computed)
        text +=
            (text.empty() ? "not shown, since the database computes it: " : ", ") + computed.column;
    if (!text.empty()) text += "\n";
    if (!ingest.where.empty())
        text += "where is judged by the database, which may leave out any of these rows\n";
    return text;
}

}  // namespace

ShownRows::ShownRows(const config::Ingest& ingest) : sql_(note_on_sql(ingest)) {}

void ShownRows::note(const Peeked& peeked, bool is_judged) {
    if (!is_judged && ++not_judged_ == 1) first_not_judged_ = name_of(peeked.record);
    if (peeked.as != Peeked::As::row) return;
    ++rows_;
    filled_.resize(peeked.values.size());
    for (std::size_t i = 0; i < filled_.size(); ++i)
        if (peeked.values[i]) filled_[i] = true;
}

std::string ShownRows::unfilled(const std::vector<std::string>& columns) const {
    std::string names;
    for (std::size_t i = 0; i < filled_.size(); ++i)
        if (!filled_[i]) names += (names.empty() ? "" : ", ") + config::in_quotes(columns[i]);
    if (names.empty()) return {};
    return "of " + std::to_string(rows_) + (rows_ == 1 ? " row" : " rows") +
           " none has a value for " + names + "\n";
}

std::string ShownRows::not_judged() const {
    if (not_judged_ == 0) return sql_;
    return sql_ + first_not_judged_ +
           (not_judged_ == 1
                ? " holds"
                : " and " + std::to_string(not_judged_ - 1) + " more of these rows hold") +
           " a value that only the database can judge: it may become a dead letter\n";
}

}  // namespace sluice
