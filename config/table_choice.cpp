#include "config/table_choice.h"

#include "config/text/words.h"

namespace sluice::config {
namespace {

/// In this kind of quotes, within which it is doubled.
std::string between(std::string_view text, char quote) {
    std::string all(1, quote);
    for (const char c : text) {
        if (c == quote) all += c;
        all += c;
    }
    return all + quote;
}

}  // namespace

std::variant<TableChoice, std::string> TableChoice::parse(const std::string& text,
                                                          RecordShape shape) {
    constexpr std::string_view remedy =
        "; with \"tables\", write one place for what a record says, such as "
        "\"public.{@headers/type}\" or \"public.{/kind}\"";
    const std::size_t open = text.find('{');
    const std::size_t close = text.find('}', open);
    if (open == std::string::npos || close == std::string::npos)
        return "has no place" + std::string(remedy);
    if (text.find('{', open + 1) != std::string::npos)
        return "has more than one place" + std::string(remedy);
    TableChoice choice;
    choice.before_ = text.substr(0, open);
    choice.place_ = text.substr(open + 1, close - open - 1);
    choice.behind_ = text.substr(close + 1);
    const bool is_of_record = choice.place_.starts_with('/') || choice.place_.starts_with('@');
    if (!is_of_record)
        return in_quotes("{" + choice.place_ + "}") + " is no place that a record fills" +
               std::string(remedy);
    if (choice.place_.starts_with('/') && shape.envelope != Envelope::none)
        return "names a field of the row, which a deletion often does not bring, so it would reach "
               "all tables; write what every event says, such as {@source/table}, {@key/kind} or "
               "{@headers/type}";
    const auto source = parse_condition_field(choice.place_, shape);
    if (const auto* wrong = std::get_if<std::string>(&source)) return *wrong;
    return choice;
}

std::variant<Filter, std::string> TableChoice::filter_of(const std::string& table,
                                                         RecordShape shape) const {
    const std::size_t around = before_.size() + behind_.size();
    if (table.size() <= around || !table.starts_with(before_) || !table.ends_with(behind_))
        return "no record could name table " + table + ": it is not " +
               in_quotes(before_ + "{" + place_ + "}" + behind_);
    const std::string says = table.substr(before_.size(), table.size() - around);
    return parse_filter(between(place_, '"') + " = " + between(says, '\''), shape);
}

}  // namespace sluice::config
