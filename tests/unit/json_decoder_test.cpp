#include "pipeline/decode/json/json_decoder.h"

#include "pipeline/values/json_text.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sluice;
using Kind = Value::Kind;

namespace {

/// Decodes one document after another with the same wanted paths.
struct Decoding {
    explicit Decoding(const std::vector<std::vector<std::string>>& paths,
                      JsonDecoder::Root root = JsonDecoder::Root::object)
        : decoder(wanted(paths), root), values(paths.size()) {}

    static std::vector<WantedField> wanted(const std::vector<std::vector<std::string>>& paths) {
        std::vector<WantedField> all;
        for (const auto& path : paths) {
            const std::size_t slot = all.size();
            all.emplace_back().source.path = path;
            all.back().slot = slot;
        }
        return all;
    }
    bool decode(const std::string& text) {
        document = text;
        for (Value& value : values) value = {};
        extra.clear();
        return decoder.decode({document, {}}, values, &extra);
    }
    /// "-" when missing.
    std::string operator[](std::size_t slot) const {
        return values[slot].kind == Kind::missing ? "-" : std::string(values[slot].text);
    }

    JsonDecoder decoder;
    std::vector<Value> values;
    std::vector<Reason> extra;
    std::string document;
};

}  // namespace

TEST_CASE("json: fields arrive with their kinds") {
    Decoding json({{"s"}, {"n"}, {"b"}, {"z"}, {"o"}, {"a"}, {"none"}});
    REQUIRE(json.decode(R"({"s":"x","n":-1.50e3,"b":true,"z":null,"o":{"k":[1]},"a":[1, 2] })"));
    CHECK(json.values[0].kind == Kind::json_string);
    CHECK(json[0] == "x");
    CHECK(json.values[1].kind == Kind::json_scalar);
    CHECK(json[1] == "-1.50e3");
    CHECK(json.values[2].kind == Kind::json_scalar);
    CHECK(json.values[3].kind == Kind::null);
    CHECK(json.values[4].kind == Kind::json_object);
    CHECK(json[4] == R"({"k":[1]})");
    CHECK(json.values[5].kind == Kind::json_array);
    CHECK(json[5] == "[1, 2]");
    CHECK(json.values[6].kind == Kind::missing);
    CHECK(json.extra.empty());
}

TEST_CASE("json: any order of fields, in any document") {
    Decoding json({{"a"}, {"b"}, {"c"}});
    const char* documents[] = {R"({"a":1,"b":2,"c":3})", R"({"c":3,"b":2,"a":1})",
                               R"({"b":2,"a":1,"c":3})", R"({"x":0,"c":3,"a":1,"y":0,"b":2})"};
    for (int round = 0; round < 3; ++round) {
        for (const char* document : documents) {
            CAPTURE(std::string(document));
            REQUIRE(json.decode(document));
            CHECK(json[0] == "1");
            CHECK(json[1] == "2");
            CHECK(json[2] == "3");
        }
    }
}

TEST_CASE("json: pointers lead into objects and arrays, and one may contain another") {
    Decoding json({{"a", "b", "c"}, {"a"}, {"l", "1", "x"}, {"l", "0"}, {"l"}, {"", "m~/n"}, {}});
    REQUIRE(json.decode(R"({"a":{"z":0,"b":{"c":7}},"l":["p",{"x":"q"},9],"":{"m~/n":5}})"));
    CHECK(json[0] == "7");
    CHECK(json[1] == R"({"z":0,"b":{"c":7}})");
    CHECK(json[2] == "q");
    CHECK(json[3] == "p");
    CHECK(json[4] == R"(["p",{"x":"q"},9])");
    CHECK(json[5] == "5");
    CHECK(json[6] == json.document);
}

TEST_CASE("json: a pointer that leads nowhere is missing") {
    Decoding json({{"a", "b"}, {"l", "01"}, {"l", "5"}, {"l", "-"}});
    for (const char* document : {R"({})", R"({"a":1,"l":[1,2]})", R"({"a":[],"l":{}})",
                                 R"({"a":null,"l":null})", R"({"a":{},"l":[]})", R"({"a":"b"})"}) {
        REQUIRE(json.decode(document));
        for (std::size_t slot = 0; slot < 4; ++slot) CHECK(json[slot] == "-");
    }
    REQUIRE(json.decode(R"({"l":{"01":"as a key"}})"));
    CHECK(json[1] == "as a key");
}

TEST_CASE("json: one path may go to several columns") {
    Decoding json({{"a"}, {"a"}});
    REQUIRE(json.decode(R"({"a":1})"));
    CHECK(json[0] == "1");
    CHECK(json[1] == "1");
}

TEST_CASE("json: of duplicate keys the last wins, with all that is in it") {
    Decoding json({{"a"}, {"o", "x"}, {"o", "y"}, {"o"}});
    REQUIRE(json.decode(R"({"a":1,"o":{"x":1,"y":2},"a":2,"o":{"y":3}})"));
    CHECK(json[0] == "2");
    CHECK(json[1] == "-");
    CHECK(json[2] == "3");
    CHECK(json[3] == R"({"y":3})");
    REQUIRE(json.decode(R"({"a":1,"a":null})"));
    CHECK(json.values[0].kind == Kind::null);
}

TEST_CASE("json: names of every length, told from those that differ in one character") {
    for (std::size_t size = 0; size <= 20; ++size) {
        const std::string name(size, 'n');
        CAPTURE(name);
        Decoding json({{name}});
        // At the end of a short text, where no whole word can be read, and before a long one.
        for (const std::string behind : {"}", R"(, "z": "........................"})"}) {
            for (int round = 0; round < 2; ++round) {  // the first one is not expected yet
                REQUIRE(json.decode("{\"" + name + "\":1" + behind));
                CHECK(json[0] == "1");
            }
            for (std::size_t at = 0; at < size; ++at) {
                std::string other = name;
                other[at] = 'm';
                REQUIRE(json.decode("{\"" + other + "\":1" + behind));
                CHECK(json[0] == "-");
                REQUIRE(json.decode("{\"" + name + "\":1" + behind));
            }
        }
    }
}

TEST_CASE("json: numbers of every length, at the end of a text and before more of it") {
    Decoding json({{"a"}});
    for (const std::string behind : {"}", R"(, "z": "........................"})"}) {
        for (std::size_t size = 1; size <= 20; ++size) {
            for (const std::string& number :
                 {std::string(size, '7'), "-" + std::string(size, '7'),
                  "0." + std::string(size, '0'), std::string(size, '1') + ".5",
                  std::string(size, '1') + "e5"}) {
                REQUIRE(json.decode("{\"a\":" + number + behind));
                CHECK(json[0] == number);
                REQUIRE(json.decode("{\"a\":" + number + " " + behind));
                CHECK(json[0] == number);
                CHECK(!json.decode("{\"a\":" + number + "x" + behind));
                CHECK(!json.decode("{\"a\":0" + number + "x" + behind));
            }
        }
    }
}

TEST_CASE("json: escaped keys are the keys that they mean") {
    Decoding json({{"a\"b"}, {"é"}});
    REQUIRE(json.decode(R"({"a\"b":1,"\u00e9":2,"\u0000":3,"\ud800":4})"));
    CHECK(json[0] == "1");
    CHECK(json[1] == "2");
    CHECK(json.extra.size() == 2);
}

TEST_CASE("json: fields that nobody wants are told, within wanted objects too") {
    Decoding json({{"a", "b"}, {"whole"}});
    REQUIRE(json.decode(R"({"a":{"b":1,"c":2},"d":3,"whole":{"e":4}})"));
    CHECK(json.extra == std::vector<Reason>{{"", "field \"c\" is not taken by any column"},
                                            {"", "field \"d\" is not taken by any column"}});
}

TEST_CASE("json: what is not one valid object is refused, wanted or not") {
    const std::vector<std::string> wrong = {"",
                                            " ",
                                            "[]",
                                            "1",
                                            "\"a\"",
                                            "null",
                                            "{",
                                            "}",
                                            "{]",
                                            R"({"a":1)",
                                            R"({"a":1}})",
                                            R"({"a":1} x)",
                                            R"({"a":1}{})",
                                            R"({"a" 1})",
                                            R"({"a":})",
                                            R"({"a":1,})",
                                            R"({,})",
                                            R"({a:1})",
                                            R"({"a":1 "b":2})",
                                            R"({"a":01})",
                                            R"({"a":1.})",
                                            R"({"a":.5})",
                                            R"({"a":+1})",
                                            R"({"a":1e})",
                                            R"({"a":-})",
                                            R"({"a":1x})",
                                            R"({"a":nul})",
                                            R"({"a":truee})",
                                            R"({"a":True})",
                                            R"({"a":[1,]})",
                                            R"({"a":[1 2]})",
                                            R"({"a":[1})",
                                            R"({"a":{"b"}})",
                                            R"({"a":"x)",
                                            R"({"a":"\x"})",
                                            R"({"a":"\u12g4"})",
                                            R"({"a":"\u12"})",
                                            "{\"a\":\"\n\"}",
                                            "{\"a\":\"\x01\"}",
                                            "{\"a\":\"\xff\"}",
                                            "{\"a\":\"\xc3\"}",
                                            "{\"a\":\"\xed\xa0\x80\"}",
                                            "{\"a\":\"\xc0\x80\"}",
                                            "\xef\xbb\xbf{}",
                                            R"({"a":"x"y})",
                                            R"({"a":x"y"})",
                                            R"({"a":1"y"})",
                                            "{\"a\":1}\x01",
                                            std::string("{\"a\":1}\0", 8),
                                            R"({"a":'x'})",
                                            R"({1:2})",
                                            R"({"a":1 /* c */})",
                                            R"({"a":NaN})",
                                            R"({:1})",
                                            R"(["a":1])"};
    for (const auto& paths : std::vector<std::vector<std::vector<std::string>>>{
             {{"a"}}, {{"z"}}, {{"a", "b"}}, {{"a", "0"}}, {}}) {
        Decoding json(paths);
        for (const std::string& text : wrong) {
            CAPTURE(text);
            CHECK_FALSE(json.decode(text));
            CHECK(json.decoder.json_error().what != nullptr);
            CHECK(json.decoder.json_error().position <= text.size());
        }
        CHECK(json.decode(R"( { "a" : [ 1 , { } , [ ] , "\"\\\/\b\f\n\r\t\u00e9" ] } )"));
    }
}

TEST_CASE("json: an error says where") {
    Decoding json({{"a"}});
    const auto error = [&json](const std::string& text) {
        REQUIRE_FALSE(json.decode(text));
        return json::describe(json.decoder.json_error());
    };
    CHECK(error(R"({"a":1 "b":2})") == "\",\" or \"}\" is expected at byte 8");
    CHECK(error(R"({"a":01})") == "a value is expected at byte 6");
    CHECK(error("{\"a\":\"x\xff\"}") == "invalid UTF-8 at byte 8");
    CHECK(error("{\"\xc3\xa9\":\"\xc3\xa9\xc3\"}") == "invalid UTF-8 at byte 10");
    CHECK(error("{\"a\":\"\\\"\t\"}") == "a control character in a string at byte 9");
    CHECK(error("[1]") == "not an object: \"{\" is expected at byte 1");
    CHECK(error("{} 1") == "something follows the value at byte 4");
    CHECK(error("") == "nothing there at byte 1");
}

TEST_CASE("json: deep nesting is refused, not followed") {
    Decoding json({{"a"}, {"b", "c"}});
    const auto nested = [](std::size_t depth, const char* open, const char* close) {
        std::string text = "{\"a\":";
        for (std::size_t i = 0; i < depth; ++i) text += open;
        text += '1';
        for (std::size_t i = 0; i < depth; ++i) text += close;
        return text + "}";
    };
    CHECK(json.decode(nested(900, "[", "]")));
    CHECK(json.decode(nested(900, "{\"x\":", "}")));
    CHECK_FALSE(json.decode(nested(100000, "[", "]")));
    CHECK_FALSE(json.decode(nested(100000, "{\"x\":", "}")));
}

TEST_CASE("json: a root that need not be an object") {
    Decoding json({{}, {"0"}}, JsonDecoder::Root::anything);
    REQUIRE(json.decode("[7]"));
    CHECK(json[0] == "[7]");
    CHECK(json[1] == "7");
    REQUIRE(json.decode(" \"x\" "));
    CHECK(json[0] == "x");
    CHECK_FALSE(json.decode("[7"));
}

TEST_CASE("json: unescaping") {
    Scratch scratch;
    CHECK(json::unescape("plain", scratch).text == "plain");
    CHECK(json::unescape("", scratch).text == "");
    CHECK(json::unescape(R"(\"\\\/\b\f\n\r\t)", scratch).text == "\"\\/\b\f\n\r\t");
    CHECK(json::unescape(R"(a\u0041\u00e9\u20ac\ud83e\udd86z)", scratch).text == "aAé€🦆z");
    for (const char* wrong : {R"(\u0000)", R"(\ud800)", R"(\ud800x)", R"(\udc00)", R"(\ud800\n)",
                              R"(\ud800\ud800)", R"(x\u0000y)"}) {
        CAPTURE(std::string(wrong));
        CHECK(json::unescape(wrong, scratch).complaint != nullptr);
        CHECK(json::complaint_of_jsonb(wrong) != nullptr);
    }
    CHECK(json::complaint_of_jsonb(R"("\\u0000 \ud83e\udd86")") == nullptr);
}

TEST_CASE("json: array literals") {
    Scratch scratch;
    std::string buffer;
    const auto literal = [&](std::string_view array, json::Elements elements) {
        return std::string(json::array_literal(array, elements, scratch, buffer).text);
    };
    using enum json::Elements;
    CHECK(literal("[]", as_text) == "{}");
    CHECK(literal("[ 1 , -2.5e3 ,null, true ]", as_text) == "{1,-2.5e3,NULL,true}");
    CHECK(literal(R"([[1,2],[3,4]])", as_text) == "{{1,2},{3,4}}");
    CHECK(literal(R"(["a", "", "NULL", "a\"b\\c,{}"])", as_text) ==
          R"({"a","","NULL","a\"b\\c,{}"})");
    CHECK(literal(R"([{"k":"}\""}])", as_text) == R"({"{\"k\":\"}\\\"\"}"})");
    CHECK(literal(R"(["a",1])", as_json) == R"({"\"a\"",1})");
    CHECK(json::array_literal(R"(["\u0000"])", as_text, scratch, buffer).complaint != nullptr);
}
