#include "pipeline/mapping/record_reader.h"

#include "config/hidden_source.h"
#include "config/text/characters.h"
#include "pipeline/decode/make_decoder.h"
#include "pipeline/decode/metadata.h"
#include "pipeline/values/excerpt.h"
#include "pipeline/values/json_text.h"

#include <algorithm>
#include <functional>

namespace sluice {

namespace {

using SourceKind = config::Source::Kind;
using Kind = Value::Kind;

std::vector<config::Source> sources(const config::Ingest& ingest,
                                    std::span<const ColumnPlan> columns) {
    std::vector<config::Source> all;
    for (const ColumnPlan& plan : columns) all.push_back(plan.source);
    for (const auto* condition : {&ingest.filter, &ingest.deletes})
        if (*condition) std::ranges::copy((*condition)->fields, std::back_inserter(all));
    if (ingest.explode) all.push_back(*ingest.explode);
    return all;
}

std::vector<WantedField> wanted(std::span<const config::Source> sources,
                                std::span<const ColumnPlan> columns,
                                std::initializer_list<SourceKind> kinds) {
    std::vector<WantedField> fields;
    for (std::size_t i = 0; i < sources.size(); ++i) {
        if (std::ranges::find(kinds, sources[i].kind) != kinds.end()) {
            const bool converted = i < columns.size() &&
                                   columns[i].as != config::Conversion::none &&
                                   !config::hides(columns[i].as);
            fields.push_back({sources[i], i, converted});
        }
    }
    return fields;
}

/// Takes out what the elements of an array have, and hands it out; the array itself, which comes
/// last, is the record's.
std::vector<WantedField> take_elements(std::vector<WantedField>& wanted,
                                       const std::vector<std::string>& array) {
    std::vector<WantedField> of_elements;
    const auto last = wanted.empty() ? 0 : wanted.back().slot;
    std::erase_if(wanted, [&](const WantedField& field) {
        if (field.slot == last || !ElementReader::is_within(field.source.path, array)) return false;
        of_elements.push_back(field);
        return true;
    });
    return of_elements;
}

using IsField = std::function<bool(const config::Source&)>;

config::Condition without(const IsField& is_left_out, const config::Condition& condition,
                          const std::vector<config::Source>& sources) {
    config::Condition rest;
    if (condition.kind == config::Condition::Kind::comparison) {
        rest.kind = config::Condition::Kind::all_of;  // of nothing: it holds
        return is_left_out(sources[condition.comparison.field]) ? rest : condition;
    }
    rest.kind = condition.kind;
    for (const config::Condition& part : condition.parts)
        rest.parts.push_back(without(is_left_out, part, sources));
    return rest;
}

/// The filter without what it says of such fields.
config::Filter without(const IsField& is_left_out, config::Filter filter) {
    filter.condition = without(is_left_out, filter.condition, filter.fields);
    return filter;
}

/// A removal need not bring them, and often has but its key.
bool is_of_row(const config::Source& source) {
    return source.kind == SourceKind::field || source.kind == SourceKind::position;
}

/// What the record itself has.
std::vector<WantedField> of_record(std::vector<WantedField> wanted, const config::Ingest& ingest) {
    if (!ingest.explode) return wanted;
    const auto of_elements = take_elements(wanted, ingest.explode->path);
    // Columns that convert what its elements hold want that as it stands there.
    wanted.back().converted = std::ranges::any_of(of_elements, &WantedField::converted);
    return wanted;
}

}  // namespace

RecordReader::RecordReader(const config::Ingest& ingest, std::span<const ColumnPlan> columns,
                           const std::shared_ptr<SchemaSource>& registry)
    : ingest_(ingest),
      columns_(columns),
      sources_(sources(ingest, columns)),
      value_(make_value_decoder(
          ingest,
          of_record(wanted(sources_, columns,
                           {SourceKind::field, SourceKind::position, SourceKind::envelope}),
                    ingest),
          registry)),
      key_(make_key_decoder(ingest, wanted(sources_, columns, {SourceKind::key_field}), registry)) {
    if (ingest.filter) {
        filter_.emplace(*ingest.filter, "filter", ingest);
        filter_of_removals_.emplace(without(is_of_row, *ingest.filter), "filter", ingest);
        const IsField is_of_elements = [&](const config::Source& source) {
            return source.kind == SourceKind::field &&
                   ElementReader::is_within(source.path, ingest.explode->path);
        };
        if (ingest.explode)
            filter_of_record_.emplace(without(is_of_elements, *ingest.filter), "filter", ingest);
        if (ingest.choice) choice_.emplace(*ingest.choice, "filter", ingest);
        filters_first_ = std::ranges::all_of(ingest.filter->fields, [](const auto& source) {
            return is_metadata(source.kind) && source.kind != SourceKind::value;
        });
    }
    if (ingest.deletes) deletes_.emplace(*ingest.deletes, "delete_when", ingest);
    if (ingest.explode) {
        auto fields = wanted(sources_, columns, {SourceKind::field});
        elements_.emplace(ingest.explode->path, take_elements(fields, ingest.explode->path));
    }
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        if (is_metadata(sources_[i].kind)) of_metadata_.push_back(i);
    }
    const auto takes = [&columns](SourceKind kind) {
        return std::ranges::any_of(
            columns, [kind](const ColumnPlan& plan) { return plan.source.kind == kind; });
    };
    if (ingest.on_empty == config::OnEmpty::load || takes(SourceKind::value)) return;
    if (!takes(SourceKind::field) && !takes(SourceKind::position)) return;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const SourceKind kind = columns[i].source.kind;
        if (!is_metadata(kind) && kind != SourceKind::envelope) of_fields_.push_back(i);
    }
}

/// Whether it would become a row of nothing.
bool RecordReader::is_empty(std::span<const Value> values) const {
    return !of_fields_.empty() && std::ranges::all_of(of_fields_, [values](std::size_t i) {
        return values[i].kind == Kind::missing;
    });
}

/// "it has: "a", "b"", and what may have been meant.
std::string RecordReader::names_of_fields(const Payload& payload) {
    constexpr std::size_t most = 8;
    std::vector<std::string> names = value_->fields_of(payload, most + 1);
    if (names.empty()) return "it has none";
    std::string text = "it has: ";
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i) {
        if (i > 0) text += ", ";
        text += excerpt(names[i]);
    }
    if (names.size() > most) text += ", …";
    for (const std::size_t i : of_fields_) {
        const auto& path = columns_[i].source.path;
        if (path.empty()) continue;
        const auto meant = std::ranges::find_if(names, [&path](const std::string& name) {
            return name != path[0] && equal_ignoring_case(name, path[0]);
        });
        if (meant != names.end()) {
            return text + "; " + excerpt(*meant) + " is not " + excerpt(path[0]) +
                   ": write it so in [columns]";
        }
    }
    return text + "; see [columns] and on_empty";
}

RecordReader::Outcome RecordReader::read(const Record& record, std::span<Value> values,
                                         Rejection& why) {
    kept_out_ = false;
    scratch_.clear();
    const bool is_removal = !record.value && ingest_.delete_when == config::DeleteWhen::tombstone;
    if (!record.value && value_ && !is_removal &&
        ingest_.on_tombstone == config::OnTombstone::filter) {
        return Outcome::filtered;
    }
    change_ = is_removal ? Change::remove : Change::upsert;
    for (Value& value : values) value.kind = Kind::missing;
    if (filters_first_)
        if (const Truth keep = keeps_unread(record, values, why); keep != Truth::yes)
            return keep == Truth::no ? Outcome::filtered : Outcome::rejected;
    if (!decode(record, values, why)) return Outcome::rejected;
    if (change_ == Change::none) return Outcome::filtered;
    take_metadata(record, values);
    const bool has_row = change_ != Change::truncate;
    if (has_row && explodes()) return begin_elements(values, why);
    if (const Truth keep = keeps(values, why); keep != Truth::yes)
        return keep == Truth::no ? Outcome::filtered : Outcome::rejected;
    if (!has_row) return Outcome::values;
    if (const Truth remove = removes(values, why); remove != Truth::no) {
        if (remove == Truth::unclear) return Outcome::rejected;
        change_ = Change::remove;
    }
    const bool removes = change_ == Change::remove && ingest_.mode != config::Mode::append;
    if (removes || !is_empty(values)) return Outcome::values;
    why.add(RejectCause::missing, {"", "none of the mapped fields is in the record; " +
                                           names_of_fields({*record.value, record.headers})});
    return Outcome::rejected;
}

RecordReader::Outcome RecordReader::begin_elements(std::span<const Value> values, Rejection& why) {
    // What no element of it could change comes first: it is none of this table's.
    Rejection left_to_elements;
    if (filter_of_record_ && change_ != Change::remove &&
        keeps(*filter_of_record_, values, left_to_elements) == Truth::no)
        return Outcome::filtered;
    const Value& array = values.back();
    const auto reject = [&](RejectCause cause, const std::string& text) {
        why.add(cause, {"", ingest_.explode->text + text});
        return Outcome::rejected;
    };
    if (array.kind <= Kind::null) {
        if (ingest_.on_missing == config::OnMissing::reject)
            return reject(RejectCause::missing, " is missing");
        return Outcome::filtered;
    }
    if (array.kind != Kind::json_array) {
        const bool is_hidden = config::tells_hidden(ingest_, *ingest_.explode);
        return reject(RejectCause::invalid,
                      " is " + excerpt(is_hidden ? "…" : array.text) + ", not an array");
    }
    if (const auto error = elements_->begin(array.text))
        return reject(RejectCause::undecodable, " is not valid JSON: " + json::describe(*error));
    shared_.assign(values.begin(), values.end());
    return has_element() ? Outcome::values : Outcome::filtered;
}

RecordReader::Outcome RecordReader::read_element(std::span<Value> values, Rejection& why) {
    const std::string name = ingest_.explode->text + "/" + std::to_string(elements_->number());
    std::ranges::copy(shared_, values.begin());
    if (!elements_->read(values)) {
        why.add(RejectCause::undecodable, {"", name + " is " + elements_->error()});
        return Outcome::rejected;
    }
    if (const Truth keep = keeps(values, why); keep != Truth::yes) {
        if (keep == Truth::no) return Outcome::filtered;
        why.reasons.back().text = name + ": " + why.reasons.back().text;
        return Outcome::rejected;
    }
    if (!is_empty(values)) return Outcome::values;
    why.add(RejectCause::missing, {"", name + " has none of the mapped fields; see on_empty"});
    return Outcome::rejected;
}

/// By what is around the record.
RecordReader::Truth RecordReader::keeps_unread(const Record& record, std::span<Value> values,
                                               Rejection& why) {
    for (std::size_t i = columns_.size(); i < columns_.size() + filter_->fields(); ++i)
        values[i] = metadata_of(record, sources_[i], scratch_, buffer_);
    return keeps(values, why);
}

RecordReader::Truth RecordReader::keeps(std::span<const Value> values, Rejection& why) {
    if (!filter_) return Truth::yes;
    const bool event_removes =
        change_ == Change::truncate ||
        (change_ == Change::remove && ingest_.envelope != config::Envelope::none);
    return keeps(event_removes ? *filter_of_removals_ : *filter_, values, why);
}

RecordReader::Truth RecordReader::keeps(const RecordCondition& filter,
                                        std::span<const Value> values, Rejection& why) {
    const std::span<const Value> of_filter = values.subspan(columns_.size());
    const Truth verdict = judge(filter, of_filter, why);
    if (verdict == Truth::no) kept_out_ = !choice_ || names_another(of_filter);
    return verdict;
}

bool RecordReader::names_another(std::span<const Value> of_filter) {
    Reason unclear;
    return choice_->judge(of_filter, scratch_, unclear) == Truth::no;
}

/// What removes a row already need not say so twice.
inline RecordReader::Truth RecordReader::removes(std::span<const Value> values, Rejection& why) {
    if (!deletes_ || change_ == Change::remove) return Truth::no;
    return judge(*deletes_, values.last(deletes_->fields()), why);
}

RecordReader::Truth RecordReader::judge(const RecordCondition& condition,
                                        std::span<const Value> fields, Rejection& why) {
    Reason reason;
    const Truth verdict = condition.judge(fields, scratch_, reason);
    if (verdict == Truth::unclear) why.add(RejectCause::invalid, std::move(reason));
    return verdict;
}

/// Fills the values that come from within the record's value and key. False: it cannot be read.
bool RecordReader::decode(const Record& record, std::span<Value> values, Rejection& why) {
    const auto undecodable = [&why](const char* part, const Decoder& decoder) {
        const Undecodable error = decoder.error();
        why.reasons.clear();  // of what seemed to be there
        why.add(error.cause, {"", part + error.text});
        return false;
    };
    const bool removes = change_ == Change::remove;
    if (value_ && !removes) {
        if (!record.value) {
            why.add(RejectCause::tombstone, {"", "the value is NULL; see on_tombstone"});
            return false;
        }
        const bool extra_is_wrong = ingest_.on_extra == config::OnExtra::reject;
        if (!value_->decode({*record.value, record.headers}, values,
                            extra_is_wrong ? &why.reasons : nullptr)) {
            return undecodable("the value is ", *value_);
        }
        if (!why.reasons.empty()) why.cause = RejectCause::extra;
        change_ = value_->change();
    }
    if (change_ == Change::none || change_ == Change::truncate) return true;
    if (key_ && record.key && !key_->decode({*record.key, record.headers}, values, nullptr)) {
        return undecodable("the key is ", *key_);
    }
    return true;
}

inline void RecordReader::take_metadata(const Record& record, std::span<Value> values) {
    for (const std::size_t i : of_metadata_) {
        values[i] = metadata_of(record, sources_[i], scratch_, buffer_);
        const bool as_bytes = i < columns_.size() && columns_[i].column.type == ColumnType::bytea;
        if (sources_[i].kind == SourceKind::value && values[i].kind == Kind::bytes && value_ &&
            !as_bytes) {
            if (const auto json = value_->as_json()) values[i] = {Kind::json, *json};
        }
    }
}

}  // namespace sluice
