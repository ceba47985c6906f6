#include "pipeline/encode/avro_encoder.h"

#include "pipeline/encode/read_values.h"
#include "pipeline/encode/write_bytes.h"

#include <algorithm>
#include <array>
#include <limits>

namespace sluice {

namespace {

using encode::Complaint;
using NodeKind = JsonNode::Kind;
using AvroMeaning = schemas::AvroType::Meaning;
using AvroTypeKind = schemas::AvroType::Kind;
using AvroUnit = schemas::AvroType::Unit;

/// As deep as decoders go. Defaults may contain themselves.
constexpr int deepest_record = 1000;

std::string described(const schemas::AvroType& type) {
    switch (type.meaning) {
        case AvroMeaning::decimal:
            return "decimal(" + std::to_string(type.precision) + "," + std::to_string(type.scale) +
                   ")";
        case AvroMeaning::scaled_decimal:
            return "decimal";
        case AvroMeaning::date:
            return "date";
        case AvroMeaning::time:
            return "time";
        case AvroMeaning::timestamp:
        case AvroMeaning::instant:
            return "timestamp";
        case AvroMeaning::interval:
        case AvroMeaning::duration:
            return "interval";
        case AvroMeaning::uuid:
            return "uuid";
        case AvroMeaning::plain:
            break;
    }
    return std::string(name_of(type));
}

/// Defaults have a decimal's bytes.
bool is_written_as_number(const JsonNode& node, const schemas::AvroType& type) {
    return type.meaning == AvroMeaning::decimal && !node.text.starts_with("\\x");
}

/// From microseconds to what the schema counts in; what is finer is cut off.
bool in_unit(std::int64_t microseconds, AvroUnit unit, std::int64_t& to) {
    constexpr std::int64_t thousand = 1000;
    to = microseconds;
    if (unit == AvroUnit::milliseconds)
        to = microseconds / thousand - (microseconds % thousand < 0 ? 1 : 0);
    return unit != AvroUnit::nanoseconds || !__builtin_mul_overflow(microseconds, thousand, &to);
}

}  // namespace

bool AvroEncoder::encode(std::string_view json, std::string& to) {
    if (!record_.read(json)) return fail("not JSON: " + record_.error());
    const std::size_t size = to.size();
    tree_ = &record_;
    to_ = &to;
    depth_ = 0;
    memory_.clear();
    fields_.clear();
    if (value(record_.root(), schema_->root)) return true;
    to.resize(size);
    say_where();
    return false;
}

bool AvroEncoder::is_container(const Type& type) {
    return type.kind == AvroTypeKind::array || type.kind == AvroTypeKind::map ||
           (type.kind == AvroTypeKind::record && type.meaning == AvroMeaning::plain);
}

bool AvroEncoder::value(const JsonNode& node, std::uint32_t index) {
    const Type& type = schema_->of(index);
    if (++depth_ > deepest_record) return fail("nested too deeply");
    bool fine = false;
    if (type.kind == AvroTypeKind::choice) {
        fine = choice(node, type);
    } else if (!is_container(type)) {
        fine = scalar(node, type);
    } else if (type.kind == AvroTypeKind::record) {
        fine = record(node, index);
    } else {
        fine = type.kind == AvroTypeKind::map ? map(node, type) : array(node, type);
    }
    --depth_;
    return fine;
}

bool AvroEncoder::scalar(const JsonNode& node, const Type& type) {
    Complaint wrong = nullptr;
    switch (type.kind) {
        case AvroTypeKind::null:
            return node.kind == NodeKind::null || refuse(node, type, "is not null");
        case AvroTypeKind::boolean: {
            bool yes = false;
            wrong = encode::read_boolean(node, yes);
            if (wrong == nullptr) *to_ += yes ? '\1' : '\0';
            break;
        }
        case AvroTypeKind::int32:
        case AvroTypeKind::int64:
            return number(node, type);
        case AvroTypeKind::float32: {
            float real = 0;
            wrong = encode::read_real(node, real);
            if (wrong == nullptr) encode::append_little_endian(*to_, real);
            break;
        }
        case AvroTypeKind::float64: {
            double real = 0;
            wrong = encode::read_real(node, real);
            if (wrong == nullptr) encode::append_little_endian(*to_, real);
            break;
        }
        case AvroTypeKind::bytes:
            return bytes(node, type);
        case AvroTypeKind::string:
            if (node.kind != NodeKind::string) return refuse(node, type, "is not a string");
            put_sized(node.text);
            break;
        case AvroTypeKind::fixed:
            return fixed(node, type);
        case AvroTypeKind::enumeration:
            return enumeration(node, type);
        default:
            return scaled_decimal(node, type);
    }
    return wrong == nullptr || refuse(node, type, wrong);
}

bool AvroEncoder::number(const JsonNode& node, const Type& type) {
    std::int64_t number = 0;
    Complaint wrong = nullptr;
    encode::Moment moment{true, 0};
    if (type.meaning == AvroMeaning::date) {
        wrong = encode::read_date(node, number);
    } else if (type.meaning == AvroMeaning::time) {
        wrong = encode::read_clock(node, moment);
        number = moment.value;
    } else if (type.meaning == AvroMeaning::timestamp || type.meaning == AvroMeaning::instant) {
        wrong = encode::read_instant(node, moment);
        number = moment.value;
    } else if (type.meaning == AvroMeaning::interval && node.kind == NodeKind::string) {
        encode::Interval interval;
        wrong = encode::read_interval(node, interval);
        if (wrong == nullptr && (interval.months != 0 || interval.days != 0))
            wrong = "has days or months, which are no number of seconds";
        moment = {false, interval.microseconds};
        number = moment.value;
    } else {
        wrong = encode::read_integer(node, number);
    }
    const bool is_int = type.kind == AvroTypeKind::int32;
    const bool fits = (moment.is_number || in_unit(moment.value, type.unit, number)) &&
                      (!is_int || number == static_cast<std::int32_t>(number));
    if (wrong == nullptr && !fits) wrong = "is out of range";
    if (wrong != nullptr) return refuse(node, type, wrong);
    put(number);
    return true;
}

bool AvroEncoder::bytes(const JsonNode& node, const Type& type) {
    std::string_view read;
    Complaint wrong = nullptr;
    if (is_written_as_number(node, type)) {
        digits_.clear();
        wrong = encode::read_decimal(node, type.scale, type.precision, digits_);
        read = digits_;
    } else {
        wrong = encode::read_bytes(node, encode::OtherBytes::its_own, memory_, read);
    }
    if (wrong != nullptr) return refuse(node, type, wrong);
    put_sized(read);
    return true;
}

bool AvroEncoder::fixed(const JsonNode& node, const Type& type) {
    std::string_view read;
    Complaint wrong = nullptr;
    std::array<char, 16> uuid{};
    if (type.meaning == AvroMeaning::duration) return duration(node) || refuse(node, type, nullptr);
    if (type.meaning == AvroMeaning::uuid) {
        wrong = encode::read_uuid(node, uuid);
        read = {uuid.data(), uuid.size()};
    } else if (is_written_as_number(node, type)) {
        digits_.clear();
        wrong = encode::read_decimal(node, type.scale, type.precision, digits_);
        if (wrong == nullptr && digits_.size() < type.size)
            digits_.insert(0, type.size - digits_.size(), (digits_[0] & 0x80) != 0 ? '\xff' : '\0');
        read = digits_;
    } else {
        wrong = encode::read_bytes(node, encode::OtherBytes::its_own, memory_, read);
    }
    if (wrong == nullptr && read.size() != type.size)
        wrong = "does not have the schema's number of bytes";
    if (wrong != nullptr) return refuse(node, type, wrong);
    *to_ += read;
    return true;
}

/// Months, days and milliseconds, none of them below zero.
bool AvroEncoder::duration(const JsonNode& node) {
    constexpr std::int64_t thousand = 1000;
    constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
    encode::Interval interval;
    if (encode::read_interval(node, interval) != nullptr) return false;
    const std::int64_t parts[] = {interval.months, interval.days, interval.microseconds / thousand};
    if (interval.microseconds < 0) return false;
    for (const std::int64_t part : parts)
        if (part < 0 || part > most) return false;
    for (const std::int64_t part : parts)
        encode::append_little_endian(*to_, static_cast<std::uint32_t>(part));
    return true;
}

bool AvroEncoder::enumeration(const JsonNode& node, const Type& type) {
    const auto symbol =
        node.kind == NodeKind::string ? std::ranges::find(type.names, node.text) : type.names.end();
    if (symbol == type.names.end()) return refuse(node, type, "is none of the enum's symbols");
    put(symbol - type.names.begin());
    return true;
}

bool AvroEncoder::scaled_decimal(const JsonNode& node, const Type& type) {
    std::int32_t scale = 0;
    digits_.clear();
    if (const Complaint wrong = encode::read_scaled_decimal(node, scale, digits_))
        return refuse(node, type, wrong);
    put(scale);
    put_sized(digits_);
    return true;
}

bool AvroEncoder::array(const JsonNode& node, const Type& type) {
    if (node.kind != NodeKind::array) return refuse(node, type, "is not an array");
    if (const std::int64_t count = tree_->count(node); count > 0) put(count);
    std::size_t at = 0;
    for (auto* each = tree_->first_of(node); each != nullptr; each = tree_->behind(*each), ++at)
        if (!value(*each, type.contents[0])) return fail_in(std::to_string(at));
    put(0);
    return true;
}

bool AvroEncoder::map(const JsonNode& node, const Type& type) {
    if (node.kind != NodeKind::object) return refuse(node, type, "is not an object");
    if (const std::int64_t count = tree_->count(node); count > 0) put(count);
    for (auto* each = tree_->first_of(node); each != nullptr; each = tree_->behind(*each)) {
        put_sized(each->name);
        if (!value(*each, type.contents[0])) return fail_in(each->name);
    }
    put(0);
    return true;
}

bool AvroEncoder::record(const JsonNode& node, std::uint32_t index) {
    const Type& type = schema_->of(index);
    if (node.kind != NodeKind::object) return refuse(node, type, "is not an object");
    const std::size_t first = fields_.size();
    if (!find_fields(node, type)) return false;
    for (std::size_t i = 0; i < type.names.size(); ++i) {
        const JsonNode* const field = fields_[first + i];
        const bool fine = field == nullptr ? absent(index, i) : value(*field, type.contents[i]);
        if (!fine) return fail_in(type.names[i]);
    }
    fields_.resize(first);
    return true;
}

/// Appends the object's member for each field of the record.
bool AvroEncoder::find_fields(const JsonNode& node, const Type& type) {
    const std::size_t first = fields_.size();
    // Rows mostly have their fields in the schema's order.
    const JsonNode* next = tree_->first_of(node);
    std::int64_t found = 0;
    for (const std::string& name : type.names) {
        const bool in_order = next != nullptr && next->name == name;
        const JsonNode* const field = in_order ? next : tree_->member(node, name);
        fields_.push_back(field);
        if (field == nullptr) continue;
        ++found;
        next = tree_->behind(*field);
    }
    if (tree_->count(node) == found) return true;
    if (unknown_member(node, type)) return false;
    // Some are there twice: the last one counts.
    for (std::size_t i = 0; i < type.names.size(); ++i)
        fields_[first + i] = tree_->member(node, type.names[i]);
    return true;
}

/// What stands for a field that the JSON lacks: its default, or null.
bool AvroEncoder::absent(std::uint32_t record, std::size_t field) {
    const Type& type = schema_->of(record);
    if (!type.defaults[field].empty()) return preset(record, field);
    const Type& wanted = schema_->of(type.contents[field]);
    if (wanted.kind == AvroTypeKind::null) return true;
    const auto null = null_branch(wanted);
    if (!null)
        return fail("missing, and the schema has no default for it (" + described(wanted) + ")");
    put(static_cast<std::int64_t>(*null));
    return true;
}

bool AvroEncoder::preset(std::uint32_t record, std::size_t field) {
    const std::pair key{record, field};
    if (const auto known = presets_.find(key); known != presets_.end()) {
        *to_ += known->second;
        return true;
    }
    const Type& type = schema_->of(record);
    const JsonTree* const tree = tree_;
    const std::size_t begin = to_->size();
    JsonTree read;
    if (!read.read(type.defaults[field])) return fail("its default is not JSON: " + read.error());
    tree_ = &read;
    const bool fine = value(read.root(), type.contents[field]);
    tree_ = tree;
    if (fine) presets_[key] = to_->substr(begin);
    return fine;
}

/// Whether there is a member that the record lacks; one that is there twice is none.
bool AvroEncoder::unknown_member(const JsonNode& node, const Type& type) {
    for (auto* each = tree_->first_of(node); each != nullptr; each = tree_->behind(*each)) {
        if (std::ranges::find(type.names, each->name) != type.names.end()) continue;
        fail("the schema has no such field");
        fail_in(each->name);
        return true;
    }
    return false;
}

bool AvroEncoder::refuse(const JsonNode& node, const Type& type, const char* complaint) {
    return fail(shown(node) + " " +
                (complaint != nullptr ? complaint : "is not one that the schema can hold") + " (" +
                described(type) + ")");
}

void AvroEncoder::put(std::int64_t number) {
    encode::append_varint(*to_, encode::zigzag(number));
}

void AvroEncoder::put_sized(std::string_view bytes) {
    put(static_cast<std::int64_t>(bytes.size()));
    *to_ += bytes;
}

}  // namespace sluice
