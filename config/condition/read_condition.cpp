#include "config/column_source.h"
#include "config/sections/sections.h"
#include "config/text/words.h"

namespace sluice::config {

std::variant<Source, std::string> parse_condition_field(const std::string& name,
                                                        RecordShape shape) {
    const bool is_position =
        shape.format == Format::csv && name.find_first_not_of("0123456789") == std::string::npos;
    constexpr std::size_t longest = 5;
    if (is_position && !name.empty() && name.size() <= longest)
        return parse_source(std::int64_t{std::stoi(name)}, shape.format);
    auto source = parse_source(name, shape.format);
    const auto* parsed = std::get_if<Source>(&source);
    if (parsed != nullptr && parsed->kind == Source::Kind::envelope &&
        shape.envelope == Envelope::none)
        return in_quotes(name) + " is of a change event; add envelope = \"debezium\"";
    return source;
}

std::variant<Filter, std::string> parse_filter(const std::string& text, RecordShape shape) {
    Filter filter{.text = text, .fields = {}, .condition = {}};
    const std::vector<std::string> names = fields_named_in(text);
    std::vector<Field> fields;
    for (const std::string& name : names) fields.push_back({name, FieldType::any});
    auto condition = parse_where(text, fields);
    if (auto* problem = std::get_if<std::string>(&condition)) return std::move(*problem);
    filter.condition = std::get<Condition>(std::move(condition));
    for (const std::string& name : names) {
        auto source = parse_condition_field(name, shape);
        if (auto* problem = std::get_if<std::string>(&source)) return std::move(*problem);
        filter.fields.push_back(std::get<Source>(std::move(source)));
    }
    return filter;
}

void read_condition(TableReader& section, std::string_view key, const Text& text, RecordShape shape,
                    std::optional<Filter>& target) {
    auto parsed = parse_filter(text.text, shape);
    if (const auto* problem = std::get_if<std::string>(&parsed))
        section.problem(text.at, in_quotes(key) + ": " + *problem);
    else
        target = std::get<Filter>(std::move(parsed));
}

}  // namespace sluice::config
