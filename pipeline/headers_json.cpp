#include "pipeline/headers_json.h"

#include "pipeline/json_cursor.h"
#include "pipeline/json_text.h"

namespace sluice {
namespace {

bool take_string(JsonCursor& cursor, Scratch& scratch, std::string_view& to) {
    std::string_view raw;
    if (cursor.peek() != '"' || !cursor.read_string(raw)) return false;
    const json::Unescaped content = json::unescape(raw, scratch);
    to = content.text;
    return content.complaint == nullptr;
}

bool take_header(JsonCursor& cursor, Scratch& scratch, Header& to) {
    if (!take_string(cursor, scratch, to.name) || cursor.peek() != ':') return false;
    cursor.pass();
    std::string_view value;
    const char first = cursor.peek();
    if (first == '{' || first == '[') return false;
    if (first == '"' ? !take_string(cursor, scratch, value) : !cursor.read_scalar(value)) {
        return false;
    }
    if (first == '"' || value != "null") to.value = value;
    return true;
}

}  // namespace

bool read_headers_json(std::string_view json, JsonIndex& index, Scratch& scratch,
                       std::vector<Header>& to) {
    if (index.read(json)) return false;
    JsonCursor cursor(json, index);
    if (cursor.peek() != '{') return false;
    cursor.pass();
    bool more = cursor.peek() != '}';
    if (!more) cursor.pass();
    while (more) {
        Header header;
        if (!take_header(cursor, scratch, header)) return false;
        to.push_back(header);
        more = cursor.peek() == ',';
        if (!more && cursor.peek() != '}') return false;
        cursor.pass();
    }
    return cursor.at_end();
}

}  // namespace sluice
