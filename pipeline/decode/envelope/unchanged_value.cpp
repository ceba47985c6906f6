#include "pipeline/decode/envelope/unchanged_value.h"

#include "config/text/characters.h"
#include "pipeline/values/canonical_text.h"
#include "pipeline/values/hex.h"
#include "schemas/base64.h"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>

namespace sluice {
namespace {

using Kind = Value::Kind;

std::string hex_of(std::string_view bytes) {
    std::string hex;
    append_hex(hex, bytes);
    return hex;
}

/// The UUID that Java makes of a name.
std::string uuid_of(std::string_view name) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    static_cast<void>(
        EVP_Digest(name.data(), name.size(), digest.data(), &size, EVP_md5(), nullptr));
    digest[6] = static_cast<unsigned char>((digest[6] & 0x0f) | 0x30);
    digest[8] = static_cast<unsigned char>((digest[8] & 0x3f) | 0x80);
    std::string text;
    append_canonical_text(text, {Kind::uuid, {reinterpret_cast<const char*>(digest.data()), 16}});
    return text;
}

std::string map_of(const std::string& mark, const std::string& quote) {
    const std::string quoted = quote + mark + quote;
    return "{" + quoted + ":" + quoted + "}";
}

}  // namespace

UnchangedMark::UnchangedMark(std::string_view mark)
    : mark_(mark),
      in_base64_(schemas::base64_of(mark)),
      in_hex_(hex_of(mark)),
      map_(map_of(mark_, "\"")),
      escaped_map_(map_of(mark_, "\\\"")),
      elements_{mark_ + '"', in_base64_ + '"', in_hex_ + '"',
                "\\\\x" + in_hex_ + '"',  // as Avro's bytes are written here
                uuid_of(mark) + '"'} {}

bool UnchangedMark::stands_in(const Value& value) const {
    const std::string_view text = value.text;
    switch (value.kind) {
        case Kind::text:
        case Kind::bytes:
        case Kind::json_string:
            return text == mark_ || text == in_base64_ || text == in_hex_ || text == map_ ||
                   text == escaped_map_;
        case Kind::json_object:
            return text == map_;
        case Kind::json_array:
            return is_bytes(text) || is_element(text);
        default:
            return false;
    }
}

bool UnchangedMark::is_element(std::string_view array) const {
    for (std::size_t at = array.find('"'); at != std::string_view::npos;
         at = array.find('"', at + 1)) {
        const std::string_view rest = array.substr(at + 1);
        if (array[at - 1] != '\\' && std::ranges::any_of(elements_, [rest](const auto& each) {
                return rest.starts_with(each);
            }))
            return true;
    }
    return false;
}

/// Arrays of numbers have a number for each of its bytes: 95, or 95.0.
bool UnchangedMark::is_bytes(std::string_view array) const {
    const char* at = array.data();
    const char* const end = at + array.size();
    const auto pass = [&](char expected) {
        while (at != end && is_space(*at)) ++at;
        return at != end && *at++ == expected;
    };
    char before = '[';
    for (const char byte : mark_) {
        if (!pass(before)) return false;
        before = ',';
        while (at != end && is_space(*at)) ++at;
        double number = 0;
        const auto [after, error] = std::from_chars(at, end, number);
        if (error != std::errc() || number != byte) return false;
        at = after;
    }
    return pass(']');
}

}  // namespace sluice
