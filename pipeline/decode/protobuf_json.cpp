#include "pipeline/decode/protobuf_json.h"

#include "pipeline/decode/json_text.h"
#include "pipeline/values/civil_time.h"
#include "pipeline/values/hex.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace sluice::protobuf {

namespace {

using Count = ProtobufField::Count;
using Type = ProtobufField::Type;
using Meaning = ProtobufMessage::Meaning;

constexpr std::int32_t nanos_per_second = 1'000'000'000;

template <class Number>
void append_number(std::string& to, Number number) {
    std::array<char, 32> text;
    to.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
}

template <class Real>
void append_real(std::string& to, Real number) {
    if (std::isfinite(number)) return append_number(to, number);
    to += std::isnan(number) ? "\"NaN\"" : number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
}

void append_integer(std::string& to, Type type, std::uint64_t number) {
    if (is_unsigned_64(type)) return append_number(to, number);
    append_number(to, integer_of(type, number));
}

/// As bytea shows them, and as headers that are no text appear.
void append_bytes(std::string& to, std::string_view bytes) {
    to += "\"\\\\x";
    append_hex(to, bytes);
    to += '"';
}

/// ".5" as ".500", in groups of three digits; nothing of none.
void append_fraction(std::string& to, std::int32_t nanos) {
    if (nanos == 0) return;
    std::array<char, 10> digits{'.'};
    for (std::size_t i = 9; i > 0; --i, nanos /= 10)
        digits[i] = static_cast<char>('0' + nanos % 10);
    std::size_t size = digits.size();
    while (std::string_view(digits.data(), size).ends_with("000")) size -= 3;
    to.append(digits.data(), size);
}

std::uint32_t place_of(const ProtobufMessage& message, std::uint32_t number) {
    const auto found = std::lower_bound(
        message.fields.begin(), message.fields.end(), number,
        [](const ProtobufField& field, std::uint32_t wanted) { return field.number < wanted; });
    if (found == message.fields.end() || found->number != number) return UINT32_MAX;
    return static_cast<std::uint32_t>(found - message.fields.begin());
}

}  // namespace

bool append_map_key(std::string& to, const ProtobufField& key, const Piece& piece,
                    WireError& error) {
    if (key.type == Type::string) {
        if (!check_text(piece.bytes(), error)) return false;
        to += piece.bytes();
    } else if (key.type == Type::boolean) {
        to += piece.number != 0 ? "true" : "false";
    } else {
        append_integer(to, key.type, piece.number);
    }
    return true;
}

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
    if (to.size() > limit_)
        return error_.fail("more than " + std::to_string(limit_) + " bytes as JSON",
                           last(pieces).at);
    const ProtobufMessage& message = schema_.messages[index];
    if (message.meaning == Meaning::timestamp) return append_timestamp(to, message, pieces);
    if (message.meaning == Meaning::duration) return append_duration(to, message, pieces);
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
            return append_scalar(to, message.fields[0], {last(pieces).at, 0});
        case Meaning::any:
            return append_any(to, message, found, depth);
        case Meaning::field_mask:
            return append_mask(to, found);
        default:
            to += '{';
            if (!append_fields(to, message, found, depth, false)) return false;
            to += '}';
            return true;
    }
}

bool JsonWriter::append_fields(std::string& to, const ProtobufMessage& message, Range found,
                               int depth, bool comma) {
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
        if (comma) to += ",";
        comma = true;
        json::append_string(to, field.name);
        to += ':';
        if (!append_field(to, field, field.count, own, depth)) return error_.within(field.name);
    }
    return true;
}

bool JsonWriter::append_field(std::string& to, const ProtobufField& field, Count count,
                              Range pieces, int depth) {
    if (count == Count::many) return append_list(to, field, pieces, depth);
    if (count == Count::map) return append_map(to, field, pieces, depth);
    if (!pieces.empty()) return append_value(to, field, pieces, depth);
    return append_scalar(to, field, preset_piece(field));
}

bool JsonWriter::append_list(std::string& to, const ProtobufField& field, Range pieces, int depth) {
    to += '[';
    for (std::size_t i = pieces.from; i < pieces.to; ++i) {
        if (i > pieces.from) to += ",";
        if (!append_value(to, field, {i, i + 1}, depth)) return false;
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
    return append_scalar(to, field, last(pieces));
}

bool JsonWriter::append_scalar(std::string& to, const ProtobufField& field, const Piece& piece) {
    switch (field.type) {
        case Type::string:
            return append_text(to, piece.bytes());
        case Type::bytes:
            append_bytes(to, piece.bytes());
            return true;
        case Type::float64:
            append_real(to, std::bit_cast<double>(piece.number));
            return true;
        case Type::float32:
            append_real(to, std::bit_cast<float>(static_cast<std::uint32_t>(piece.number)));
            return true;
        case Type::boolean:
            to += piece.number != 0 ? "true" : "false";
            return true;
        case Type::enumeration: {
            const auto number = static_cast<std::int32_t>(integer_of(field.type, piece.number));
            const std::string_view label = schema_.enumerations[field.content].label_of(number);
            if (!label.empty()) return append_text(to, label);
            append_number(to, number);
            return true;
        }
        default:
            append_integer(to, field.type, piece.number);
            return true;
    }
}

bool JsonWriter::append_text(std::string& to, std::string_view text) {
    if (!check_text(text, error_)) return false;
    json::append_string(to, text);
    return true;
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
        paths += occurrences_[i].piece.bytes();
    }
    return append_text(to, paths);
}

/// As its own fields where the schema has its type, else its bytes.
bool JsonWriter::append_any(std::string& to, const ProtobufMessage& message, Range found,
                            int depth) {
    const Range type = of_field(found, 0);
    const Range value = of_field(found, 1);
    const std::string_view url = type.empty() ? std::string_view() : last(type).bytes();
    to += "{\"@type\":";
    if (!append_text(to, url)) return error_.within(message.fields[0].name);
    const auto known = schema_.find(url.substr(url.rfind('/') + 1));
    const Piece bytes = value.empty() ? Piece::of(url.substr(url.size())) : last(value);
    if (!known) {
        to += ",\"value\":";
        append_bytes(to, bytes.bytes());
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
                             append_fields(to, schema_.messages[*known], fields, depth + 1, true);
        pop(content.from);
        if (!written) return error_.within(message.fields[1].name);
    }
    to += '}';
    return true;
}

bool JsonWriter::read_seconds_of(const ProtobufMessage& message, Range pieces, Seconds& read) {
    pieces_.clear();
    for (std::size_t i = pieces.from; i < pieces.to; ++i) pieces_.push_back(occurrences_[i].piece);
    return read_seconds(message, pieces_, error_, read);
}

bool JsonWriter::append_timestamp(std::string& to, const ProtobufMessage& message, Range pieces) {
    constexpr std::int64_t first = -62'135'596'800;  // of the year 1
    constexpr std::int64_t end = 253'402'300'800;    // of the year 9999
    constexpr std::size_t size = std::string_view("2024-01-15T10:30:00").size();
    Seconds read;
    if (!read_seconds_of(message, pieces, read)) return false;
    const std::int32_t nanos =
        (read.nanos % nanos_per_second + nanos_per_second) % nanos_per_second;
    const std::int64_t carry = (std::int64_t{read.nanos} - nanos) / nanos_per_second;
    if (read.seconds < first - carry || read.seconds >= end - carry)
        return error_.fail("a time outside of the years 1 to 9999", last(pieces).at);
    std::array<char, civil_time::longest> text;
    civil_time::write_timestamp(text.data(),
                                (read.seconds + carry) * civil_time::microseconds_per_second,
                                civil_time::Zone::none);
    text[10] = 'T';
    to += '"';
    to.append(text.data(), size);
    append_fraction(to, nanos);
    to += "Z\"";
    return true;
}

bool JsonWriter::append_duration(std::string& to, const ProtobufMessage& message, Range pieces) {
    constexpr std::int64_t longest = 315'576'000'000;  // seconds: 10,000 years, as Protobuf has it
    Seconds read;
    if (!read_seconds_of(message, pieces, read)) return false;
    if (read.seconds < -longest || read.seconds > longest)
        return error_.fail("a duration of more than 10,000 years", last(pieces).at);
    std::int64_t seconds = read.seconds + read.nanos / nanos_per_second;
    std::int32_t nanos = read.nanos % nanos_per_second;
    if (seconds > 0 && nanos < 0) {
        --seconds;
        nanos += nanos_per_second;
    } else if (seconds < 0 && nanos > 0) {
        ++seconds;
        nanos -= nanos_per_second;
    }
    to += seconds < 0 || nanos < 0 ? "\"-" : "\"";
    append_number(to, std::abs(seconds));
    append_fraction(to, std::abs(nanos));
    to += "s\"";
    return true;
}

}  // namespace sluice::protobuf
