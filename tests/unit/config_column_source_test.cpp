#include "config/column_source.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::config {
namespace {

using Kind = Source::Kind;
using Path = std::vector<std::string>;

Source parsed(std::string_view text, Format format = Format::json) {
    auto result = parse_source(text, format);
    if (auto* problem = std::get_if<std::string>(&result)) FAIL(*problem);
    return std::get<Source>(result);
}

template <typename Text>
std::string refused(Text text, Format format = Format::json) {
    auto result = parse_source(text, format);
    const auto* problem = std::get_if<std::string>(&result);
    return problem == nullptr ? "accepted" : *problem;
}

TEST_CASE("column source: a plain string is a top-level field, dots and blanks included") {
    CHECK(parsed("id").kind == Kind::field);
    CHECK(parsed("id").path == Path{"id"});
    CHECK(parsed("a.b c").path == Path{"a.b c"});
    CHECK(parsed("id").text == "id");
}

TEST_CASE("column source: a slash begins a JSON Pointer") {
    CHECK(parsed("/customer/address/0").path == Path{"customer", "address", "0"});
    CHECK(parsed("/").path == Path{""});
    CHECK(parsed("/a/").path == Path{"a", ""});
    CHECK(parsed("/a~1b/~0~01").path == Path{"a/b", "~~1"});
    CHECK(parsed("/@type").kind == Kind::field);
    CHECK(parsed("/@type").path == Path{"@type"});
    CHECK(refused("/a~2") ==
          "\"/a~2\": in a JSON Pointer, write \"~0\" for \"~\" and \"~1\" for \"/\"");
    CHECK(refused("/a~").find("~0") != std::string::npos);
}

TEST_CASE("column source: what looks like a path of another notation") {
    const auto meant = [](const char* text) { return pointer_meant(parsed(text)); };
    CHECK(meant("customer.address.city") == "/customer/address/city");
    CHECK(meant("$.customer.address.city") == "/customer/address/city");
    CHECK(meant("$.items[0].id") == "/items/0/id");
    CHECK(meant("$.a/b") == "/a~1b");
    for (const char* fine : {"city", "/customer.city", "@key/a.b", "@value", "$city"}) {
        CAPTURE(std::string(fine));
        CHECK(meant(fine).empty());
    }
}

TEST_CASE("column source: a pointer alone") {
    CHECK(std::get<Path>(parse_pointer("")).empty());
    CHECK(std::get<std::string>(parse_pointer("a")) == "\"a\": a JSON Pointer begins with \"/\"");
}

TEST_CASE("column source: metadata is there in every format") {
    for (const Format format : {Format::json, Format::csv, Format::text, Format::binary}) {
        CHECK(parsed("@value", format).kind == Kind::value);
        CHECK(parsed("@key", format).kind == Kind::key);
        CHECK(parsed("@topic", format).kind == Kind::topic);
        CHECK(parsed("@partition", format).kind == Kind::partition);
        CHECK(parsed("@offset", format).kind == Kind::offset);
        CHECK(parsed("@timestamp", format).kind == Kind::timestamp);
        CHECK(parsed("@headers", format).kind == Kind::headers);
    }
}

TEST_CASE("column source: parts of key and headers") {
    CHECK(parsed("@key/id", Format::binary).kind == Kind::key_field);
    CHECK(parsed("@key/a~1b/c").path == Path{"a/b", "c"});
    CHECK(parsed("@headers/trace-id").kind == Kind::header);
    CHECK(parsed("@headers/trace-id").name == "trace-id");
    CHECK(parsed("@headers/a/b~1").name == "a/b~1");
    CHECK(parsed("@headers/a").text == "@headers/a");
    CHECK(refused("@headers/") ==
          "\"@headers/\" names no header; write \"@headers/NAME\", or \"@headers\" for all of "
          "them");
    CHECK(refused("@key/a~").find("JSON Pointer") != std::string::npos);
}

TEST_CASE("column source: what is wrong is said with what to write") {
    CHECK(refused("") == "an empty source; write \"@value\" for the whole record");
    CHECK(refused("@ofset") ==
          "unknown source \"@ofset\"; did you mean \"@offset\"? A field of that name is "
          "\"/@ofset\"");
    CHECK(refused("@@x") ==
          "unknown source \"@@x\"; there are @value, @key, @topic, @partition, @offset, "
          "@timestamp, @headers, @op, @ts_ms, @before, @source. A field of that name is \"/@@x\"");
    CHECK(refused("@odd/na~me").ends_with("A field of that name is \"/@odd~1na~0me\""));
    CHECK(refused("@value/a") ==
          "\"@value/a\" looks into the value; write the pointer alone: \"/a\"");
    CHECK(refused("@topic/a") == "\"@topic/a\" has no parts; write \"@topic\"");
}

TEST_CASE("column source: fields are JSON's, positions are CSV's") {
    const auto position = std::get<Source>(parse_source(3, Format::csv));
    CHECK(position.kind == Kind::position);
    CHECK(position.position == 3);
    CHECK(position.text == "3");
    CHECK(refused("id", Format::csv) ==
          "\"id\" is a field's name, but CSV fields have numbers; write an integer, such as 1");
    CHECK(refused("/id", Format::text) ==
          "\"/id\" is a field, but a record of format \"text\" has none; write \"@value\" for the "
          "whole record");
    CHECK(refused(3, Format::json) ==
          "3 is a CSV field number, but the format is \"json\"; write a field's name or a JSON "
          "Pointer");
    CHECK(refused(3, Format::binary) ==
          "3 is a CSV field number, but the format is \"binary\"; write \"@value\" for the whole "
          "record");
    CHECK(refused(0, Format::csv) ==
          "there is no CSV field 0; fields are numbered from 1 to 65535");
    CHECK(refused(-1, Format::csv).starts_with("there is no CSV field -1"));
    CHECK(refused(65536, Format::csv).starts_with("there is no CSV field 65536"));
}

}  // namespace
}  // namespace sluice::config
