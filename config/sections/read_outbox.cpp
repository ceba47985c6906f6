#include "config/sections/read_names.h"
#include "config/sections/read_schema.h"
#include "config/sections/sections.h"
#include "config/text/names.h"

#include <algorithm>

namespace sluice::config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_column = 63;

bool is_column_name(std::string_view name) {
    return !name.empty() && name.size() <= longest_column && !has_control_character(name);
}

/// "outbox.event.${aggregatetype}" in pieces; nothing where a "${" has no end or names no column.
std::optional<std::vector<TopicPiece>> split_topic(std::string_view text) {
    std::vector<TopicPiece> pieces;
    while (!text.empty()) {
        const auto open = text.find("${");
        if (open != 0)
            pieces.push_back({TopicPiece::Kind::text, std::string(text.substr(0, open))});
        if (open == std::string_view::npos) break;
        const auto close = text.find('}', open);
        if (close == std::string_view::npos) return std::nullopt;
        const std::string_view column = text.substr(open + 2, close - open - 2);
        if (!is_column_name(column)) return std::nullopt;
        pieces.push_back({TopicPiece::Kind::column, std::string(column)});
        text.remove_prefix(close + 1);
    }
    return pieces;
}

void read_topic(TableReader& section, Outbox& outbox) {
    const auto topic = section.text("topic", "\"events\"");
    if (!topic) return;
    const auto pieces = split_topic(topic->text);
    const bool fits =
        pieces && !pieces->empty() && std::ranges::all_of(*pieces, [](const TopicPiece& piece) {
            return piece.kind == TopicPiece::Kind::column || is_topic_name(piece.text) ||
                   piece.text.find_first_not_of('.') == std::string::npos;
        });
    if (!fits) {
        section.problem(topic->at, "\"topic\": " + topic->shown +
                                       " is not a name that Kafka takes; use up to 249 letters, "
                                       "digits, \".\", \"_\" and \"-\", and ${column} for what a "
                                       "column holds");
        return;
    }
    outbox.topic = *pieces;
}

void read_column(TableReader& columns, std::string_view key, std::optional<std::string>& target) {
    const auto column = columns.text(key, in_quotes(key));
    if (!column) return;
    if (!column->text.empty() && !is_column_name(column->text)) {
        columns.problem(column->at, in_quotes(key) + ": " + column->shown +
                                        " cannot be a column's name; write 1 to 63 printable "
                                        "characters, or \"\" for none");
        return;
    }
    target = column->text;
}

void read_columns_of(TableReader& section, Outbox& outbox) {
    auto columns = section.table("columns", "columns = { value = \"payload\" }");
    if (!columns) return;
    std::optional<std::string> id;
    read_column(*columns, "id", id);
    if (id && id->empty()) {
        columns->problem(columns->at("id"), "\"id\" must be a column: claims are kept by it");
    } else if (id) {
        outbox.columns.id = *id;
    }
    read_column(*columns, "topic", outbox.columns.topic);
    read_column(*columns, "partition", outbox.columns.partition);
    read_column(*columns, "key", outbox.columns.key);
    read_column(*columns, "value", outbox.columns.value);
    read_column(*columns, "headers", outbox.columns.headers);
    read_column(*columns, "timestamp", outbox.columns.timestamp);
    columns->finish();
    if (!outbox.topic.empty() && outbox.columns.topic && !outbox.columns.topic->empty()) {
        columns->problem(columns->at("topic"),
                         section.section() +
                             " has a \"topic\" for all rows, so no column is asked for it; remove "
                             "one of the two");
    }
}

/// Names of headers are the user's own: each key is one.
void read_headers(TableReader& section, Outbox& outbox, const Scope& scope) {
    const auto headers = section.table("headers", "headers = { id = \"id\" }");
    if (!headers) return;
    if (headers->notes_shapes()) static_cast<void>(headers->any_key(Shape::Kind::text));
    for (const Entry& entry : headers->content().entries) {
        const auto column = resolve_text(entry.value, entry.key, "\"id\"", scope);
        if (!column) continue;
        if (is_column_name(column->text)) {
            outbox.headers.push_back({entry.key, column->text});
        } else {
            headers->problem(column->at, "header " + in_quotes(entry.key) + ": " + column->shown +
                                             " cannot be a column's name; write 1 to 63 printable "
                                             "characters");
        }
    }
}

/// What messages' values are written as, behind its columns.
void read_value(TableReader& section, Outbox& outbox) {
    section.choice<ValueFormat>("value_format",
                                {{"plain", ValueFormat::plain},
                                 {"avro", ValueFormat::avro},
                                 {"protobuf", ValueFormat::protobuf},
                                 {"json_schema", ValueFormat::json_schema}},
                                outbox.value_format);
    read_subject(section, "value_subject", outbox.value_subject);
    if (const auto message = section.text("value_message", "\"shop.Order\""))
        outbox.value_message = message->text;
    const auto refuse = [&](const char* key, const char* why) {
        if (section.has(key))
            section.problem(section.at(key), in_quotes(key) + " " + why + "; remove it");
    };
    if (outbox.value_format == ValueFormat::plain)
        refuse("value_subject", "is for a value_format that has a schema");
    if (outbox.value_format != ValueFormat::protobuf)
        refuse("value_message", "is for value_format = \"protobuf\", whose files hold several");
    for (const Text& column : section.texts("value_columns", R"(["order_id", "amount"])")) {
        if (!is_column_name(column.text))
            section.problem(column.at, "\"value_columns\": " + column.shown +
                                           " cannot be a column's name; write 1 to 63 printable "
                                           "characters");
        outbox.value_columns.push_back(column.text);
    }
    // json_build_object() takes a hundred arguments.
    constexpr std::size_t most_columns = 50;
    if (outbox.value_columns.size() > most_columns)
        section.problem(section.at("value_columns"),
                        "\"value_columns\" has more than 50 columns; let a generated column, or "
                        "a column's default, make the JSON");
    if (!outbox.value_columns.empty() && outbox.columns.value)
        refuse("value_columns", "stands beside columns.value: one of the two is the value");
}

void read_limits(TableReader& section, Outbox& outbox) {
    if (auto batch = section.table("batch", "batch = { rows = 50000, bytes = \"16MiB\" }")) {
        auto rows = static_cast<std::int64_t>(outbox.batch_rows);
        batch->integer("rows", "50000", {1, 500'000}, rows);
        outbox.batch_rows = static_cast<std::size_t>(rows);
        batch->size("bytes", "\"16MiB\"", {1024, std::size_t{1} << 30}, outbox.batch_bytes);
        batch->finish();
    }
    if (auto poll = section.table("poll", "poll = { busy = \"5ms\", idle = \"250ms\" }")) {
        poll->duration("busy", "\"5ms\"", {1ms, 1min}, outbox.poll.busy);
        poll->duration("idle", "\"250ms\"", {1ms, 1h}, outbox.poll.idle);
        poll->finish();
        if (outbox.poll.idle < outbox.poll.busy) {
            poll->problem(poll->at("idle"), "\"idle\" is shorter than \"busy\"; raise it");
        }
    }
    section.duration("sweep", "\"60s\"", {1s, 1h}, outbox.sweep);
    section.duration("purge_wait", "\"30ms\"", {1ms, 10s}, outbox.purge_wait);
}

}  // namespace

Outbox read_outbox(TableReader section, const std::string& name, Place name_at,
                   const Scope& scope) {
    Outbox outbox;
    outbox.name = name;
    check_pipeline_name(section, name, name_at);
    read_table_name(section, "\"public.outbox\"", "public.\"Out Box\"", outbox.table);
    read_topic(section, outbox);
    std::optional<std::string> order;
    read_column(section, "order", order);
    outbox.order = order.value_or("");
    read_limits(section, outbox);
    if (const auto marks = section.text("marks_topic", "\"sluice.outbox_marks\"")) {
        outbox.marks_topic = marks->text;
        if (!is_topic_name(marks->text)) {
            section.problem(marks->at,
                            "\"marks_topic\": " + marks->shown + " is not a name that Kafka takes");
        }
    }
    section.choice<OnRefused>("on_refused",
                              {{"dead_letter", OnRefused::dead_letter}, {"stop", OnRefused::stop}},
                              outbox.on_refused);
    section.choice<OnMarkLost>("on_mark_lost",
                               {{"stop", OnMarkLost::stop}, {"resend", OnMarkLost::resend}},
                               outbox.on_mark_lost);
    read_columns_of(section, outbox);
    read_value(section, outbox);
    read_headers(section, outbox, scope);
    section.finish();
    return outbox;
}

}  // namespace sluice::config
