#include "pipeline/batch.h"
#include "pipeline/decode/json/json_decoder.h"
#include "pipeline/decode/protobuf/protobuf_decoder.h"
#include "tests/unit/protobuf_bytes_setup.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::protobuf_bytes;
using Kind = Value::Kind;
using Path = std::vector<std::string>;

namespace {

const char* const file = R"(syntax = "proto3";
import "google/protobuf/struct.proto";
message N {
  int32 x = 1;
  optional string s = 2;
  map<string, N> m = 3;
  repeated N l = 4;
  oneof o { N a = 5; string b = 6; }
  google.protobuf.Struct t = 7;
  repeated int32 p = 8;
  map<int32, string> q = 9;
})";

/// Records and paths of N, which meet each other often: there are few names, keys and elements.
class Chance {
public:
    explicit Chance(std::uint32_t seed) : random_(seed) {}

    std::string record(int depth) {
        static const std::vector<std::uint32_t> often{1, 2, 3, 3, 3, 4, 5, 6, 7, 7, 7, 8, 9};
        std::string bytes;
        for (std::uint32_t fields = below(depth > 3 ? 2 : 6); fields > 0; --fields)
            bytes += field(often[below(often.size())], depth);
        return bytes;
    }
    Path path() {
        Path path;
        for (int steps = 0; steps < 4; ++steps) {
            const std::string name =
                one_of({"x", "s", "m", "m", "l", "a", "b", "t", "t", "p", "q"});
            path.push_back(name);
            if (name == "t") {
                for (std::uint32_t deeper = below(4); deeper > 0; --deeper)
                    path.push_back(one_of({"j", "j", "k", "k", "0"}));
                return path;
            }
            if (name == "m" || name == "q") path.push_back(one_of({"j", "k", "1"}));
            if (name == "l" || name == "p") path.push_back(one_of({"0", "1"}));
            if (std::string("mla").find(name) == std::string::npos || below(3) == 0) return path;
        }
        return path;
    }

private:
    std::uint32_t below(std::size_t end) { return static_cast<std::uint32_t>(random_() % end); }
    std::string one_of(const std::vector<const char*>& words) { return words[below(words.size())]; }
    std::string key() { return sized(1, one_of({"j", "k", "other"})); }
    std::string field(std::uint32_t number, int depth) {
        switch (number) {
            case 1:
                return protobuf_bytes::number(1, below(100));
            case 3:
                return sized(3, key() + sized(2, record(depth + 1)));
            case 4:
            case 5:
                return sized(number, record(depth + 1));
            case 7:
                return sized(7, structure(depth + 1));
            case 8:
                return sized(8, varint(below(9)) + varint(below(9)));
            case 9:
                return sized(9, protobuf_bytes::number(1, below(2)) + sized(2, one_of({"u", "v"})));
            default:
                return sized(number, one_of({"y", "z"}));
        }
    }
    std::string structure(int depth) {
        std::string bytes;
        for (std::uint32_t entries = below(5); entries > 0; --entries)
            bytes += sized(1, key() + sized(2, value(depth + 1)));
        return bytes;
    }
    std::string value(int depth) {
        switch (below(depth > 5 ? 3 : 5)) {
            case 0:
                return sized(3, one_of({"y", "z"}));
            case 1:
                return protobuf_bytes::number(4, below(2));
            case 2:
                return protobuf_bytes::number(1, 0);
            case 3:
                return sized(5, structure(depth + 1));
            default:
                return sized(6, sized(1, value(depth + 1)) + sized(1, value(depth + 1)));
        }
    }

    std::mt19937 random_;
};

std::vector<WantedField> wanted(const std::vector<Path>& paths) {
    std::vector<WantedField> all;
    for (const Path& path : paths) {
        WantedField& field = all.emplace_back();
        field.slot = all.size() - 1;
        field.source.path = path;
    }
    return all;
}

std::string shown(const Value& value) {
    if (value.kind == Kind::missing || value.kind == Kind::null) return "(none)";
    return value.kind == Kind::integer ? std::to_string(value.integer) : std::string(value.text);
}

std::vector<std::string> decoded(Decoder& decoder, const std::string& bytes, std::size_t count) {
    const std::string padded = bytes + std::string(RecordLog::padding, '\0');
    std::vector<Value> values(count);
    REQUIRE_MESSAGE(decoder.decode({{padded.data(), bytes.size()}, {}}, values, nullptr),
                    decoder.error().text);
    std::vector<std::string> texts;
    for (const Value& value : values) texts.push_back(shown(value));
    return texts;
}

}  // namespace

TEST_CASE("protobuf: what a path leads to is what the JSON of the whole record has there") {
    const auto schema =
        std::make_shared<const schemas::ProtobufSchema>(schemas::parse_protobuf({"n.proto", file}));
    std::size_t found = 0;
    for (std::uint32_t seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        Chance chance(seed);
        std::vector<Path> paths{{}};
        while (paths.size() < 16) paths.push_back(chance.path());
        ProtobufDecoder protobuf(schema, schema->message_called("N"), wanted(paths));
        paths.erase(paths.begin());
        JsonDecoder json(wanted(paths), JsonDecoder::Root::object);
        for (int record = 0; record < 20; ++record) {
            const auto texts = decoded(protobuf, chance.record(0), paths.size() + 1);
            CAPTURE(texts[0]);
            const auto expected = decoded(json, texts[0], paths.size());
            for (std::size_t i = 0; i < paths.size(); ++i) {
                std::string path;
                for (const std::string& step : paths[i]) path += "/" + step;
                CAPTURE(path);
                CHECK(texts[i + 1] == expected[i]);
                if (expected[i] != "(none)") ++found;
            }
        }
    }
    CHECK(found > 5'000);
}
