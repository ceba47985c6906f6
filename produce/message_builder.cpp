#include "produce/message_builder.h"

#include "config/text/characters.h"
#include "pipeline/decode/headers_json.h"
#include "pipeline/values/excerpt.h"
#include "pipeline/values/json_text.h"
#include "produce/field_text.h"
#include "produce/session_form.h"

#include <algorithm>
#include <charconv>

namespace sluice::produce {
namespace {

using Kind = Value::Kind;

std::vector<WantedField> wanted(const MessagePlan& plan) {
    std::vector<WantedField> all;
    if (plan.input != Input::json) return all;
    for (std::size_t i = 0; i < plan.fields.size(); ++i) {
        all.emplace_back().source.path = plan.fields[i].path;
        all.back().slot = i;
    }
    return all;
}

/// In the order given, save that the fields of one object stand together.
void arrange(const std::vector<std::size_t>& fields, std::size_t depth,
             const std::vector<Field>& all, std::vector<std::size_t>& arranged) {
    std::vector<std::vector<std::size_t>> groups;
    for (const std::size_t field : fields) {
        const std::string& token = all[field].path[depth];
        const auto found = std::ranges::find_if(
            groups, [&](const auto& group) { return all[group[0]].path[depth] == token; });
        if (found == groups.end()) {
            groups.push_back({field});
        } else {
            found->push_back(field);
        }
    }
    for (const auto& group : groups) {
        if (all[group[0]].path.size() == depth + 1) {
            arranged.push_back(group[0]);
        } else {
            arrange(group, depth + 1, all, arranged);
        }
    }
}

bool is_blank(std::string_view row) {
    return row.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

MessageBuilder::MessageBuilder(MessagePlan plan, int partitions,
                               std::unique_ptr<RecordEncoder> encoder)
    : plan_(std::move(plan)),
      partitions_(partitions),
      value_template_(make_template(plan_.value_fields, plan_.fields)),
      key_template_(make_template(plan_.key_fields, plan_.fields)),
      encoder_(std::move(encoder)),
      csv_(plan_.csv),
      json_(wanted(plan_),
            plan_.objects_only ? JsonDecoder::Root::object : JsonDecoder::Root::anything),
      slots_(plan_.fields.size()) {}

MessageBuilder::Template MessageBuilder::make_template(const std::vector<Index>& fields,
                                                       const std::vector<Field>& all) {
    Template shape;
    std::vector<Index> arranged;
    arrange(fields, 0, all, arranged);
    std::vector<std::string> open;  // the objects around the field, outermost first
    std::string before = "{";
    bool first = true;
    for (const Index field : arranged) {
        const std::vector<std::string>& path = all[field].path;
        const std::size_t depth = path.size() - 1;
        std::size_t shared = 0;
        while (shared < open.size() && shared < depth && open[shared] == path[shared]) ++shared;
        before.append(open.size() - shared, '}');
        if (!first) before += ',';
        first = false;
        open.resize(shared);
        for (; open.size() < depth; open.push_back(path[open.size()])) {
            json::append_string(before, path[open.size()]);
            before += ":{";
        }
        json::append_string(before, path.back());
        before += ':';
        shape.parts.push_back({std::move(before), field});
        before.clear();
    }
    shape.tail = before + std::string(open.size() + 1, '}');
    return shape;
}

bool MessageBuilder::fail(std::size_t position, std::string text) {
    problem_ = {position, std::move(text)};
    return false;
}

/// Where a field stands in the row, if it stands there as it is.
bool MessageBuilder::fail_at(Index field, std::string_view text) {
    const char* const at = slots_[field].text.data();
    const bool in_row = at >= row_.data() && at <= row_.data() + row_.size();
    return fail(in_row ? static_cast<std::size_t>(at - row_.data()) : 0,
                plan_.fields[field].name + ": " + std::string(text));
}

MessageBuilder::Outcome MessageBuilder::build(std::string_view row, Message& to) {
    row_ = row;
    scratch_.clear();
    headers_.clear();
    to = {};
    if (plan_.input == Input::json && is_blank(row)) return Outcome::nothing;
    const bool fine = decode(row) && take_key(to) && take_partition(to) && take_timestamp(to) &&
                      take_headers(to) && take_value(row, to) && encode_value(to);
    return fine ? Outcome::message : Outcome::problem;
}

bool MessageBuilder::decode(std::string_view row) {
    switch (plan_.input) {
        case Input::csv:
            return decode_csv(row);
        case Input::json:
            return decode_json(row);
        case Input::text:
            break;
    }
    return true;
}

bool MessageBuilder::decode_csv(std::string_view row) {
    if (!csv_.split(row, slots_, scratch_)) {
        return fail(csv_.error().position,
                    std::string("not valid CSV: ") + csv_.error().what + "; " + plan_.csv_remedy);
    }
    const std::size_t count = slots_.size();
    if (count == plan_.fields.size()) return true;
    return fail(0, "has " + std::to_string(count) + " fields, not " +
                       std::to_string(plan_.fields.size()) + "; " + plan_.csv_remedy);
}

bool MessageBuilder::decode_json(std::string_view row) {
    std::ranges::fill(slots_, Value{});
    if (json_.decode({row, {}}, slots_, nullptr)) return true;
    return fail(json_.json_error().position,
                "not valid JSON: " + std::string(json_.json_error().what) +
                    "; each line is one JSON value, or use --format text");
}

/// A field as text; nullopt: NULL.
bool MessageBuilder::text_of(Index field, Text& to) {
    const Value& value = slots_[field];
    to.reset();
    switch (value.kind) {
        case Kind::missing:
            return fail_at(field, "the line has no such field; NULL is written null");
        case Kind::null:
            return true;
        case Kind::json_string: {
            const json::Unescaped text = json::unescape(value.text, scratch_);
            if (text.complaint != nullptr) return fail_at(field, text.complaint);
            to = text.text;
            break;
        }
        default:
            to = value.text;
    }
    if (const char* const setting = set_otherwise(plan_.fields[field].written, *to))
        return fail_at(field, excerpt(*to) + " is not as " + setting + " writes it; SET " +
                                  setting + " in the session, or for the role");
    const config::Conversion as = plan_.fields[field].as;
    if (as == config::Conversion::none) return true;
    std::string problem;
    const auto reverted = revert(*to, as, problem);
    if (!reverted) return fail_at(field, excerpt(*to) + " " + problem);
    to = scratch_.keep(*reverted);
    return true;
}

/// The same, for a place that holds any bytes.
bool MessageBuilder::message_text_of(Index field, Text& to) {
    if (!text_of(field, to)) return false;
    if (!to || !plan_.fields[field].bytes) return true;
    if (const auto bytes = bytes_of(*to)) to = scratch_.keep(*bytes);
    return true;
}

bool MessageBuilder::take_key(Message& to) {
    if (plan_.key) return message_text_of(*plan_.key, to.key);
    if (plan_.key_fields.empty()) return true;
    if (!fill(key_template_, key_)) return false;
    to.key = key_;
    return true;
}

bool MessageBuilder::take_partition(Message& to) {
    Text text;
    if (!plan_.partition) return true;
    if (!text_of(*plan_.partition, text)) return false;
    if (!text) return true;
    PartitionNumber partition = -1;
    const std::string_view digits = trimmed(*text);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), partition);
    if (error == std::errc() && end == digits.data() + digits.size() && partition >= 0 &&
        partition < partitions_) {
        to.partition = partition;
        return true;
    }
    return fail_at(*plan_.partition,
                   excerpt(*text) + " is no partition of the topic; it has 0 to " +
                       std::to_string(partitions_ - 1) + ", and NULL lets Kafka choose");
}

bool MessageBuilder::take_timestamp(Message& to) {
    Text text;
    if (!plan_.timestamp) return true;
    if (!text_of(*plan_.timestamp, text)) return false;
    if (!text) return true;
    const auto time = milliseconds_of(*text);
    if (time && *time >= 0) {
        to.timestamp_ms = *time;
        return true;
    }
    return fail_at(*plan_.timestamp, excerpt(*text) +
                                         " is no time since 1970; write milliseconds, or "
                                         "2026-01-31T12:00:00Z");
}

bool MessageBuilder::take_headers(Message& to) {
    for (const auto& [name, field] : plan_.header) {
        if (slots_[field].kind == Kind::missing) continue;  // of JSON: this line has none
        Text value;
        if (!message_text_of(field, value)) return false;
        headers_.push_back({name, value});
    }
    if (plan_.headers && !take_all_headers(*plan_.headers)) return false;
    to.headers = headers_;
    return true;
}

bool MessageBuilder::take_all_headers(Index field) {
    Text text;
    if (!text_of(field, text)) return false;
    if (!text) return true;
    const std::string complaint = read_headers_json(*text, index_, scratch_, headers_);
    if (complaint.empty()) return true;
    return fail_at(field,
                   excerpt(*text) + " are no headers, such as {\"trace\": \"17\"}: " + complaint);
}

bool MessageBuilder::take_value(std::string_view row, Message& to) {
    switch (plan_.value) {
        case MessagePlan::Value::line:
            to.value = row;
            return true;
        case MessagePlan::Value::field:
            return message_text_of(plan_.value_field, to.value);
        case MessagePlan::Value::json:
            if (!fill(value_template_, value_)) return false;
            break;
        case MessagePlan::Value::csv:
            if (!fill_csv(value_)) return false;
            break;
    }
    to.value = value_;
    return true;
}

bool MessageBuilder::encode_value(Message& to) {
    if (encoder_ == nullptr || !to.value) return true;
    encoded_.clear();
    if (!encoder_->encode(*to.value, encoded_)) return fail(0, encoder_->error());
    to.value = encoded_;
    return true;
}

bool MessageBuilder::fill(const Template& shape, std::string& to) {
    to.clear();
    for (const Template::Part& part : shape.parts) {
        to += part.before;
        Text text;
        if (!text_of(part.field, text)) return false;
        if (!text) {
            to += "null";
        } else if (!append_json(to, *text, plan_.fields[part.field].style, index_)) {
            return fail_at(part.field, excerpt(*text) + " is not JSON");
        }
    }
    to += shape.tail;
    return true;
}

bool MessageBuilder::fill_csv(std::string& to) {
    to.clear();
    for (std::size_t i = 0; i < plan_.value_positions.size(); ++i) {
        if (i > 0) to += plan_.value_csv.delimiter;
        Text text;
        const auto& field = plan_.value_positions[i];
        if (field && !text_of(*field, text)) return false;
        append_csv(to, text, plan_.value_csv);
    }
    return true;
}

}  // namespace sluice::produce
