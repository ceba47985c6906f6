#include "pipeline/decode/protobuf/protobuf_json.h"

#include "pipeline/decode/json_limit.h"
#include "pipeline/decode/protobuf/protobuf_json_scalars.h"
#include "pipeline/values/canonical_text.h"
#include "pipeline/values/json_text.h"

#include <algorithm>

namespace sluice::protobuf {

namespace {

using Count = ProtobufField::Count;
using Meaning = ProtobufMessage::Meaning;

std::uint32_t place_of(const ProtobufMessage& message, std::uint32_t number) {
    const auto found = std::lower_bound(
        message.fields.begin(), message.fields.end(), number,
        [](const ProtobufField& field, std::uint32_t wanted) { return field.number < wanted; });
    if (found == message.fields.end() || found->number != number) return UINT32_MAX;
    return static_cast<std::uint32_t>(found - message.fields.begin());
}

}  // namespace

bool JsonWriter::append(std::string& to, const ProtobufField& field, Count count,
                        std::span<const Piece> pieces) {
    const Range range = push(pieces);
    const bool written = append_field(to, field, count, range, 0);
    pop(range.from);
    return written;
}

bool JsonWriter::append_message(std::string& to, std::uint32_t message,
                                std::span<const Piece> pieces) {
    const Range range = push(pieces);
    const bool written = append_any_message(to, message, range, 0);
    pop(range.from);
    return written;
}

JsonWriter::Range JsonWriter::push(std::span<const Piece> pieces) {
    const std::size_t from = occurrences_.size();
    for (const Piece& piece : pieces) occurrences_.push_back({0, piece});
    return {from, occurrences_.size()};
}

void JsonWriter::pop(std::size_t size) {
    constexpr std::size_t worth_keeping = 1U << 16;
    occurrences_.resize(size);
    if (size == 0 && occurrences_.capacity() > worth_keeping) occurrences_.shrink_to_fit();
}

/// Pushes what the pieces have of the message's fields, ordered by field.
bool JsonWriter::gather(const ProtobufMessage& message, Range pieces, Range& found) {
    found.from = occurrences_.size();
    for (std::size_t i = pieces.from; i < pieces.to; ++i)
        if (!gather_piece(message, Piece(occurrences_[i].piece))) return false;
    if (message.oneofs > 0) keep_last_of_oneofs(message, found.from);
    const auto begin = occurrences_.begin() + static_cast<std::ptrdiff_t>(found.from);
    const auto by_field = [](const Occurrence& a, const Occurrence& b) {
        return a.field < b.field;
    };
    if (!std::is_sorted(begin, occurrences_.end(), by_field))
        std::stable_sort(begin, occurrences_.end(), by_field);
    found.to = occurrences_.size();
    return true;
}

bool JsonWriter::gather_piece(const ProtobufMessage& message, const Piece& piece) {
    WireReader reader(piece.bytes(), error_);
    while (!reader.at_end()) {
        std::uint32_t number = 0;
        WireType type{};
        Piece value;
        if (!reader.read_tag(number, type)) return false;
        const std::uint32_t place = place_of(message, number);
        if (!reader.read(number, type, value))
            return place != UINT32_MAX && error_.within(message.fields[place].name);
        if (place != UINT32_MAX && !gather_value(message, place, type, value))
            return error_.within(message.fields[place].name);
    }
    return true;
}

bool JsonWriter::gather_value(const ProtobufMessage& message, std::uint32_t place, WireType type,
                              const Piece& value) {
    const ProtobufField& field = message.fields[place];
    const WireType usual = wire_type_of(field.type);
    switch (form_of(field, usual, type)) {
        case Form::single:
            occurrences_.push_back({place, value});
            return true;
        case Form::packed:
            return unpack(value, usual, error_, [&](const Piece& each) {
                occurrences_.push_back({place, each});
                return true;
            });
        case Form::wrong:
            break;
    }
    return refuse_form(usual, type, value.at, error_);
}

/// A member of a oneof ends what another one of it was.
void JsonWriter::keep_last_of_oneofs(const ProtobufMessage& message, std::size_t from) {
    constexpr std::uint32_t none = UINT32_MAX;
    constexpr std::uint32_t ended = none - 1;
    std::vector<std::uint32_t> members(message.oneofs, none);
    std::size_t kept = occurrences_.size();
    for (std::size_t i = occurrences_.size(); i-- > from;) {
        const Occurrence each = occurrences_[i];
        const std::int32_t oneof = message.fields[each.field].oneof;
        if (oneof >= 0) {
            std::uint32_t& member = members[static_cast<std::size_t>(oneof)];
            if (member == none) member = each.field;
            if (member != each.field) member = ended;
            if (member == ended) continue;
        }
        occurrences_[--kept] = each;
    }
    const auto begin = occurrences_.begin() + static_cast<std::ptrdiff_t>(from);
    occurrences_.erase(begin, occurrences_.begin() + static_cast<std::ptrdiff_t>(kept));
}

JsonWriter::Range JsonWriter::of_field(Range found, std::uint32_t place) const {
    while (found.from < found.to && occurrences_[found.from].field < place) ++found.from;
    std::size_t end = found.from;
    while (end < found.to && occurrences_[end].field == place) ++end;
    return {found.from, end};
}

bool JsonWriter::append_any_message(std::string& to, std::uint32_t index, Range pieces, int depth) {
    if (depth > deepest) return error_.fail(too_deep, last(pieces).at);
    const ProtobufMessage& message = schema_.messages[index];
    if (message.meaning == Meaning::timestamp || message.meaning == Meaning::duration)
        return append_time(to, message, pieces);
    Range found;
    const bool written =
        gather(message, pieces, found) && append_meaning(to, message, pieces, found, depth);
    pop(found.from);
    return written;
}

bool JsonWriter::append_meaning(std::string& to, const ProtobufMessage& message, Range pieces,
                                Range found, int depth) {
    switch (message.meaning) {
        case Meaning::structure:
        case Meaning::list:
            return append_field(to, message.fields[0], message.fields[0].count, found, depth);
        case Meaning::value:
            return append_oneof(to, message, found, depth);
        case Meaning::wrapper:
            if (!found.empty())
                return append_value(to, message.fields[0], {found.to - 1, found.to}, depth);
            return append_scalar(to, schema_, message.fields[0], {last(pieces).at, 0}, error_);
        case Meaning::any:
            return append_any(to, message, found, depth);
        case Meaning::field_mask:
            return append_mask(to, found);
        default:
            to += '{';
            if (!append_fields(to, message, found, depth)) return false;
            to += '}';
            return true;
    }
}

bool JsonWriter::append_fields(std::string& to, const ProtobufMessage& message, Range found,
                               int depth) {
    std::size_t at = found.from;
    for (std::uint32_t place = 0; place < message.fields.size(); ++place) {
        const ProtobufField& field = message.fields[place];
        const Range own = of_field({at, found.to}, place);
        at = own.to;
        if (own.empty() && field.absent == ProtobufField::Absent::refused) {
            error_.fail("missing, and the schema requires it", nullptr);
            return error_.within(field.name);
        }
        if (own.empty() && field.absent == ProtobufField::Absent::null) continue;
        if (!to.ends_with('{')) to += ",";
        json::append_string(to, field.name);
        to += ':';
        if (!append_field(to, field, field.count, own, depth)) return error_.within(field.name);
    }
    return true;
}

bool JsonWriter::check_length(const std::string& to, Range pieces) {
    return to.size() <= limit_ ||
           error_.fail(json_limit::too_long, pieces.empty() ? nullptr : last(pieces).at);
}

bool JsonWriter::append_field(std::string& to, const ProtobufField& field, Count count,
                              Range pieces, int depth) {
    if (!check_length(to, pieces)) return false;
    if (count == Count::many) return append_list(to, field, pieces, depth);
    if (count == Count::map) return append_map(to, field, pieces, depth);
    if (!pieces.empty()) return append_value(to, field, pieces, depth);
    return append_scalar(to, schema_, field, preset_piece(field), error_);
}

bool JsonWriter::append_list(std::string& to, const ProtobufField& field, Range pieces, int depth) {
    to += '[';
    for (std::size_t i = pieces.from; i < pieces.to; ++i) {
        if (i > pieces.from) to += ",";
        const Range piece{i, i + 1};
        if (!check_length(to, piece) || !append_value(to, field, piece, depth)) return false;
    }
    to += ']';
    return true;
}

/// By ascending keys; of equal ones the last counts.
bool JsonWriter::append_map(std::string& to, const ProtobufField& field, Range pieces, int depth) {
    struct Entry {
        std::string key;
        Piece piece;
    };
    const ProtobufMessage& message = schema_.messages[field.content];
    std::vector<Entry> entries;
    for (std::size_t i = pieces.from; i < pieces.to; ++i) {
        Range found;
        Entry entry{{}, occurrences_[i].piece};
        const bool read = gather(message, {i, i + 1}, found);
        const Range key = read ? of_field(found, 0) : Range{};
        const bool has_key =
            read && append_map_key(entry.key, message.fields[0],
                                   key.empty() ? Piece{entry.piece.at, 0} : last(key), error_);
        pop(found.from);
        if (!has_key) return false;
        entries.push_back(std::move(entry));
    }
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& a, const Entry& b) { return a.key < b.key; });
    to += '{';
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (i + 1 < entries.size() && entries[i].key == entries[i + 1].key) continue;
        if (!to.ends_with('{')) to += ",";
        json::append_string(to, entries[i].key);
        to += ':';
        if (!append_map_value(to, message, entries[i].piece, depth))
            return error_.within(entries[i].key);
    }
    to += '}';
    return true;
}

bool JsonWriter::append_map_value(std::string& to, const ProtobufMessage& message,
                                  const Piece& entry, int depth) {
    const ProtobufField& field = message.fields[1];
    const Range pieces = push({&entry, 1});
    Range found;
    bool written = gather(message, pieces, found);
    if (written) {
        Range value = of_field(found, 1);
        const Piece empty{entry.at, 0};
        if (value.empty() && is_message(field.type)) value = push({&empty, 1});
        written = append_field(to, field, Count::one, value, depth);
    }
    pop(pieces.from);
    return written;
}

bool JsonWriter::append_value(std::string& to, const ProtobufField& field, Range pieces,
                              int depth) {
    if (is_message(field.type)) return append_any_message(to, field.content, pieces, depth + 1);
    return append_scalar(to, schema_, field, last(pieces), error_);
}

/// google.protobuf.Value.
bool JsonWriter::append_oneof(std::string& to, const ProtobufMessage& message, Range found,
                              int depth) {
    const std::uint32_t place = found.empty() ? 0 : occurrences_[found.from].field;
    if (place == 0) {  // null_value, or none at all
        to += "null";
        return true;
    }
    return append_value(to, message.fields[place], found, depth);
}

bool JsonWriter::append_mask(std::string& to, Range found) {
    std::string paths;
    for (std::size_t i = found.from; i < found.to; ++i) {
        if (i > found.from) paths += ',';
        append_path(paths, occurrences_[i].piece.bytes());
    }
    return append_text(to, paths, error_);
}

/// As its own fields where the schema has its type, else its bytes.
bool JsonWriter::append_any(std::string& to, const ProtobufMessage& message, Range found,
                            int depth) {
    const Range type = of_field(found, 0);
    const Range value = of_field(found, 1);
    const std::string_view url = type.empty() ? std::string_view() : last(type).bytes();
    to += "{\"@type\":";
    if (!append_text(to, url, error_)) return error_.within(message.fields[0].name);
    const auto known = schema_.find(url.substr(url.rfind('/') + 1));
    const Piece bytes = value.empty() ? Piece::of(url.substr(url.size())) : last(value);
    if (!known) {
        to += ",\"value\":";
        if (!append_scalar(to, schema_, message.fields[1], bytes, error_)) return false;
    } else if (schema_.messages[*known].meaning != Meaning::plain) {
        to += ",\"value\":";
        const Range content = push({&bytes, 1});
        const bool written = append_any_message(to, *known, content, depth + 1);
        pop(content.from);
        if (!written) return error_.within(message.fields[1].name);
    } else {
        if (depth >= deepest) return error_.fail(too_deep, bytes.at);
        const Range content = push({&bytes, 1});
        Range fields;
        const bool written = gather(schema_.messages[*known], content, fields) &&
                             append_fields(to, schema_.messages[*known], fields, depth + 1);
        pop(content.from);
        if (!written) return error_.within(message.fields[1].name);
    }
    to += '}';
    return true;
}

bool JsonWriter::append_time(std::string& to, const ProtobufMessage& message, Range pieces) {
    pieces_.clear();
    for (std::size_t i = pieces.from; i < pieces.to; ++i) pieces_.push_back(occurrences_[i].piece);
    Value value;
    scratch_.clear();
    const bool read = message.meaning == Meaning::timestamp
                          ? read_instant(message, pieces_, error_, value)
                          : read_interval(message, pieces_, scratch_, error_, value);
    if (read) append_canonical_json(to, value);
    return read;
}

}  // namespace sluice::protobuf
