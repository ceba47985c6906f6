#include "tests/crash/records.h"

namespace sluice::crash {
namespace {

enum class Kind { good, no_number, no_json, refused_by_database, tombstone };

Kind kind_of(std::int64_t number) {
    if (number % 89 == 13) return Kind::no_number;
    if (number % 211 == 5) return Kind::no_json;
    if (number % 101 == 17) return Kind::refused_by_database;
    if (number % 53 == 7) return Kind::tombstone;
    return Kind::good;
}

std::string text_of(std::int64_t number) {
    return "row " + std::to_string(number) + " \xc3\xa9" +
           std::string(static_cast<std::size_t>(number % 90), 'x');
}

std::string amount_of(std::int64_t number) {
    return std::to_string(number % 100000) + ".25";
}

std::string json(const std::string& id, std::int64_t number, const std::string& amount) {
    return R"({"id":)" + id + R"(,"text":")" + text_of(number) + R"(","amount":)" + amount + "}";
}

}  // namespace

Fate fate_of(std::int64_t number) {
    switch (kind_of(number)) {
        case Kind::good:
            return Fate::row;
        case Kind::tombstone:
            return Fate::filtered;
        default:
            return Fate::rejected;
    }
}

bool is_refused_by_database(std::int64_t number) {
    return kind_of(number) == Kind::refused_by_database;
}

std::optional<std::string> value_of(std::int64_t number) {
    const std::string id = std::to_string(number);
    switch (kind_of(number)) {
        case Kind::good:
            break;
        case Kind::no_number:
            return json("\"number " + id + "\"", number, amount_of(number));
        case Kind::no_json:
            return "{\"id\":" + id + ",\xff\"text";
        case Kind::refused_by_database:
            return json(id, number, "-" + amount_of(number));
        case Kind::tombstone:
            return std::nullopt;
    }
    return json(id, number, amount_of(number));
}

std::string row_of(std::int64_t number) {
    return std::to_string(number) + " " + text_of(number) + " " + amount_of(number);
}

}  // namespace sluice::crash
