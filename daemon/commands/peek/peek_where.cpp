#include "daemon/commands/peek/peek_where.h"

#include "config/condition/condition_tokens.h"
#include "config/condition/filter.h"
#include "config/text/units.h"
#include "config/text/words.h"
#include "pipeline/errors.h"
#include "pipeline/mapping/record_condition.h"
#include "pipeline/mapping/record_reader.h"
#include "query/record_filter.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <vector>

namespace sluice {
namespace {

using config::Comparison;
using config::Condition;
using config::Source;

/// As sources write the fields that records have of their own, in the order of record_fields().
constexpr std::array own_sources{"@topic", "@partition", "@offset", "@timestamp", "@key", "@value"};
constexpr auto fields_with_ranges = static_cast<std::ptrdiff_t>(query::RecordField::key);

std::vector<config::Field> own_fields() {
    const auto fields = query::record_fields();
    return {fields.begin(), fields.end()};
}

/// As its source is written; empty: it is none of theirs.
std::string own_source(const std::string& name) {
    const auto fields = own_fields();
    const auto own = std::ranges::find(fields, config::lower_case(name), &config::Field::name);
    return own == fields.end() ? "" : own_sources[static_cast<std::size_t>(own - fields.begin())];
}

bool is_own(const std::string& name) {
    return !own_source(name).empty();
}

/// A word that is nearly one of theirs is a slip sooner than a field.
bool is_slip(const std::string& name) {
    std::vector<std::string_view> known;
    for (const config::Field& field : own_fields()) known.push_back(field.name);
    return !is_own(name) && !name.starts_with('/') && !name.starts_with('@') &&
           !config::suggestion(name, known).empty();
}

/// As `filter` has operands, whose fields say by their values how they are compared.
Comparison::Operand untyped(const Comparison& comparison, config::FieldType type) {
    const auto* number = std::get_if<std::int64_t>(&comparison.operand);
    if (number == nullptr) return comparison.operand;
    if (type == config::FieldType::time) return config::format_time(*number);
    return config::Number{std::to_string(*number)};
}

void for_each_comparison(Condition& condition, const auto& visit) {
    if (condition.kind == Condition::Kind::comparison) return visit(condition.comparison);
    for (Condition& part : condition.parts) for_each_comparison(part, visit);
}

/// Of fields that ranges of offsets and times know nothing of.
constexpr auto any_field = static_cast<std::size_t>(query::RecordField::value);

config::Ingest reading(config::Ingest ingest, config::Filter everything) {
    ingest.filter = std::move(everything);
    ingest.explode.reset();
    ingest.deletes.reset();
    ingest.delete_when = config::DeleteWhen::tombstone;  // which are judged, without fields
    ingest.on_truncate = config::OnTruncate::ignore;
    ingest.on_extra = config::OnExtra::ignore;
    ingest.on_unknown_schema = config::OnUnknownSchema::dead_letter;
    return ingest;
}

config::Filter of_all_records(const config::Filter& filter) {
    config::Filter everything{.text = {}, .fields = filter.fields, .condition = {}};
    everything.condition.kind = Condition::Kind::all_of;
    return everything;
}

}  // namespace

struct PeekWhere::Fields {
    Fields(const config::Filter& filter, const config::Ingest& ingest,
           std::shared_ptr<SchemaSource> registry)
        : condition(filter, "--where", ingest),
          schemas(std::move(registry)),
          reader(reading(ingest, of_all_records(filter)), {}, schemas),
          values(reader.values()) {}

    RecordCondition condition;
    std::shared_ptr<SchemaSource> schemas;
    RecordReader reader;
    std::vector<Value> values;
    Scratch scratch;
};

PeekWhere::PeekWhere(const std::string& text, const config::Ingest& ingest,
                     std::shared_ptr<SchemaSource> registry) {
    const auto refuse = [](const std::string& why) { throw WrongConfiguration("--where, " + why); };
    std::vector<config::Field> fields = own_fields();
    const std::vector<std::string> names = config::fields_named_in(text);
    const bool slips = std::ranges::any_of(names, is_slip);
    std::vector<std::string> others;
    if (!slips) std::ranges::remove_copy_if(names, std::back_inserter(others), is_own);
    for (const std::string& name : others) {
        const auto own = std::ranges::find(own_sources, name);
        const bool has_ranges =
            own != own_sources.end() && own - own_sources.begin() < fields_with_ranges;
        const auto place = static_cast<std::size_t>(own - own_sources.begin());
        fields.push_back({name, has_ranges ? fields[place].type : config::FieldType::any});
    }
    auto parsed = config::parse_where(text, fields);
    if (const auto* wrong = std::get_if<std::string>(&parsed))
        refuse(*wrong + (slips ? " (a field of theirs that is called so is written with a slash: "
                                 "\"/name\")"
                               : ""));
    of_records_ = std::get<Condition>(std::move(parsed));
    const auto source_of = [&](const std::string& written) {
        auto source = config::parse_condition_field(written, {ingest.format, ingest.envelope});
        if (const auto* wrong = std::get_if<std::string>(&source)) refuse(*wrong);
        return std::get<Source>(std::move(source));
    };
    for (const std::string& name : names)
        asked_.push_back(source_of(is_own(name) ? own_source(name) : name));
    if (others.empty()) return;

    config::Filter filter{.text = text, .fields = {}, .condition = of_records_};
    const std::size_t own = own_sources.size();
    for (std::size_t i = 0; i < fields.size(); ++i)
        filter.fields.push_back(source_of(i < own ? own_sources[i] : others[i - own]));
    for_each_comparison(filter.condition, [&](Comparison& comparison) {
        comparison.operand = untyped(comparison, fields[comparison.field].type);
    });
    for_each_comparison(of_records_, [&](Comparison& comparison) {
        if (comparison.field < own) return;
        const auto same = std::ranges::find(own_sources, fields[comparison.field].name);
        comparison.field = fields[comparison.field].type == config::FieldType::any
                               ? any_field
                               : static_cast<std::size_t>(same - own_sources.begin());
    });
    fields_ = std::make_unique<Fields>(filter, ingest, std::move(registry));
}
PeekWhere::~PeekWhere() = default;
PeekWhere::PeekWhere(PeekWhere&&) noexcept = default;
PeekWhere& PeekWhere::operator=(PeekWhere&&) noexcept = default;

bool PeekWhere::matches(const Record& record) {
    if (!fields_) return query::matches(of_records_, record);
    using Outcome = RecordReader::Outcome;
    using Truth = RecordCondition::Truth;
    Rejection why;
    fields_->scratch.clear();
    const Outcome outcome = fields_->reader.read(record, fields_->values, why);
    if (outcome == Outcome::filtered) return false;  // of no row
    Truth truth = Truth::unclear;
    if (outcome == Outcome::values) {
        Reason reason;
        truth = fields_->condition.judge(fields_->values, fields_->scratch, reason);
        if (truth == Truth::unclear) why.add(RejectCause::invalid, std::move(reason));
    }
    if (truth == Truth::unclear && ++not_told_ == 1)
        first_not_told_ = name_of(record) + ": " + why.reasons.back().text;
    return truth == Truth::yes;
}

std::string PeekWhere::not_told() const {
    if (not_told_ == 0) return {};
    return "of " + std::to_string(not_told_) + (not_told_ == 1 ? " record" : " records") +
           " nobody can tell whether --where holds, so they are not shown; the first, " +
           first_not_told_ + "\n";
}

}  // namespace sluice
