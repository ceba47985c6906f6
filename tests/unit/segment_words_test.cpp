#include "segments/answers.h"
#include "segments/request.h"
#include "segments/room.h"
#include "segments/table_path.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

/// What segments and their server say to each other.
namespace sluice::segments {
namespace {

using Fields = std::map<std::string, std::string>;

std::variant<Request, Refusal> read(const std::string& method, Fields fields) {
    for (const auto& [name, value] : Fields{{"X-GP-PROTO", method == "GET" ? "1" : "0"},
                                            {"X-GP-XID", "7-8"},
                                            {"X-GP-CID", "1"},
                                            {"X-GP-SN", "0"},
                                            {"X-GP-SEGMENT-ID", "2"},
                                            {"X-GP-SEGMENT-COUNT", "3"}})
        fields.emplace(name, value);
    return read_request(method, "/a/b?c=d", [&](const char* name) -> std::string_view {
        const auto found = fields.find(name);
        return found == fields.end() ? std::string_view() : std::string_view(found->second);
    });
}

std::string refusal(const std::string& method, const Fields& fields) {
    const auto said = read(method, fields);
    const auto* refused = std::get_if<Refusal>(&said);
    return refused == nullptr ? "" : refused->why;
}

TEST_CASE("segment request: who writes says which block it is, and whether it is the last") {
    const auto first = std::get<Request>(read("POST", {{"X-GP-SEQ", "1"}}));
    CHECK(first.kind == Request::Kind::write);
    CHECK(first.block == 1);
    CHECK(!first.is_last);
    CHECK(first.path == "/a/b");
    CHECK(first.query == "c=d");
    CHECK(first.scan == "7-8 1 0 ");
    const auto last =
        std::get<Request>(read("POST", {{"X-GP-SEQ", "18446744073709551615"}, {"X-GP-DONE", "1"}}));
    CHECK(last.block == 18446744073709551615u);
    CHECK(last.is_last);
    for (const char* const number : {"", "0", "-1", "1x", "18446744073709551616"})
        CHECK(refusal("POST", {{"X-GP-SEQ", number}}) == "a segment says X-GP-SEQ");
    CHECK(refusal("POST", {{"X-GP-SEQ", "1"}, {"X-GP-PROTO", "1"}}) ==
          "a segment says X-GP-PROTO: 0");
    CHECK(refusal("GET", {{"X-GP-PROTO", "0"}}) == "a segment says X-GP-PROTO: 1");
    CHECK(refusal("GET", {{"X-GP-SEGMENT-ID", "100001"}}) == "a segment says X-GP-SEGMENT-ID");
    CHECK(refusal("GET", {{"X-GP-SEGMENT-ID", "3"}}) ==
          "a segment says X-GP-SEGMENT-ID below X-GP-SEGMENT-COUNT");
    CHECK(std::get<Request>(read("GET", {})).kind == Request::Kind::read);
    CHECK(refusal("PUT", {}).find("by POST") != std::string::npos);
}

TEST_CASE("segment answer: the reason is in the first line, whatever is in it") {
    const std::string text = text_of({400, "a\r\nX-Evil: 1\tb"});
    CHECK(text.starts_with("HTTP/1.0 400 a  X-Evil: 1 b\r\nContent-Type: text/plain\r\n"));
    CHECK(text_of({400, std::string(5000, 'x')}).find("\r\n") < 1100);
}

TEST_CASE("table path: a token is of one table, to read or to write, and of nothing else") {
    const std::string to_read = table_path("secret", "orders", "public.a/b");
    const std::string to_write = writable_path("secret", "orders", "public.a/b");
    CHECK(pipeline_of(to_read, "secret") == "orders");
    CHECK(topic_of(to_write, "secret") == "orders");
    CHECK(!topic_of(to_read, "secret"));
    CHECK(!pipeline_of(to_write, "secret"));
    CHECK(!topic_of(to_write, "other"));
    CHECK(!topic_of(to_write, ""));
    // The one token under the other root.
    CHECK(!topic_of("/write" + to_read.substr(4), "secret"));
    CHECK(!pipeline_of("/sql" + to_write.substr(6), "secret"));
    CHECK(topic_of(writable_path("s", "a", "bc"), "s") == "a");
    CHECK(writable_path("s", "a", "bc").substr(12) != writable_path("s", "ab", "c").substr(12));
}

TEST_CASE("table path: what is behind it names the columns, whatever they are called") {
    const std::vector<std::string> columns{"id", "a,b", "50%", "ä b", "x=y&z"};
    const std::string query = writing_query("orders", columns);
    const auto read = read_writing_query(query.substr(1));
    REQUIRE(read);
    CHECK(read->pipeline == "orders");
    CHECK(read->columns == columns);
    CHECK(read_writing_query(writing_query("", {"one"}).substr(1))->pipeline.empty());
    for (const char* const wrong :
         {"", "pipeline=a", "columns=a&columns=b", "columns=a&x=1", "a", "columns=%2"})
        CHECK_MESSAGE(!read_writing_query(wrong), wrong);
}

TEST_CASE("room: who comes first is served first, and what is given back serves the next") {
    Room room(100);
    std::string served;
    const auto ask = [&](std::size_t bytes, char who) {
        if (room.take(bytes, [&served, who] { served += who; })) served += who;
    };
    ask(60, 'a');
    ask(60, 'b');
    ask(10, 'c');  // would fit, and waits behind b
    CHECK(served == "a");
    room.give_back(60);
    CHECK(served == "abc");
    ask(100, 'd');
    room.give_back(60);
    CHECK(served == "abc");
    room.give_back(10);
    CHECK(served == "abcd");
}

}  // namespace
}  // namespace sluice::segments
