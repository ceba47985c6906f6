#include "config/load.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::config {
namespace {

const std::string head =
    "[kafka]\nbrokers = 'k:9092'\n[cloudberry]\ndsn = 'dbname=demo'\n[outbox.events]\n";

Loaded loaded(const std::string& section) {
    return parse(head + section, "sluice.toml");
}

/// All problems, without the file's name and where it is.
std::string problems(const std::string& section) {
    std::string all;
    for (const Problem& problem : loaded(section).problems) all += problem.text + "\n";
    return all;
}

Outbox outbox(const std::string& section) {
    const Loaded found = loaded(section);
    for (const Problem& problem : found.problems) FAIL_CHECK(to_string(problem));
    return found.config.outbox.at(0);
}

TEST_CASE("outbox config: the smallest one has the defaults") {
    Outbox expected;
    expected.name = "events";
    expected.table = "public.outbox";
    CHECK(outbox("table = 'public.outbox'\n") == expected);
}

TEST_CASE("outbox config: everything can be said") {
    const Outbox found = outbox(
        "table = 't'\ntopic = 'events'\norder = 'created_at'\n"
        "batch = { rows = 10, bytes = '1MiB' }\npoll = { busy = '1ms', idle = '2s' }\n"
        "sweep = '10s'\npurge_wait = '20ms'\nmarks_topic = 'marks'\non_refused = 'stop'\n"
        "on_mark_lost = 'resend'\n"
        "columns = { id = 'a', partition = 'b', key = '', value = 'c', headers = 'd', timestamp = "
        "'e' }\nheaders = { id = 'a', type = 'f' }\n");
    CHECK(found.topic == std::vector<TopicPiece>{{TopicPiece::Kind::text, "events"}});
    CHECK(found.order == "created_at");
    CHECK(found.batch_rows == 10);
    CHECK(found.batch_bytes == 1u << 20);
    CHECK(found.poll == Poll{std::chrono::milliseconds(1), std::chrono::seconds(2)});
    CHECK(found.sweep == std::chrono::seconds(10));
    CHECK(found.purge_wait == std::chrono::milliseconds(20));
    CHECK(found.marks_topic == "marks");
    CHECK(found.on_refused == OnRefused::stop);
    CHECK(found.on_mark_lost == OnMarkLost::resend);
    CHECK(found.columns == OutboxColumns{"a", std::nullopt, "b", "", "c", "d", "e"});
    CHECK(found.headers == std::vector<HeaderFromColumn>{{"id", "a"}, {"type", "f"}});
}

TEST_CASE("outbox config: values may be records by a registry's schema") {
    const std::string registry = "[registry]\nurl = 'http://r'\n";
    const Outbox found = outbox(
        "table = 't'\nvalue_format = 'protobuf'\nvalue_subject = '${topic}-shop.Order'\n"
        "value_message = 'shop.Order'\nvalue_columns = ['id', 'city']\n" +
        registry);
    CHECK(found.value_format == ValueFormat::protobuf);
    CHECK(found.value_subject == "${topic}-shop.Order");
    CHECK(found.value_message == "shop.Order");
    CHECK(found.value_columns == std::vector<std::string>{"id", "city"});

    CHECK(problems("table = 't'\nvalue_format = 'avro'\n") ==
          "[outbox.events] takes schemas from a registry, and none is configured; add [registry] "
          "with its url\n");
    CHECK(problems("table = 't'\nvalue_subject = 's'\nvalue_message = 'm'\n") ==
          "\"value_subject\" is for a value_format that has a schema; remove it\n"
          "\"value_message\" is for value_format = \"protobuf\", whose files hold several; remove "
          "it\n");
    CHECK(problems("table = 't'\nvalue_format = 'avro'\nvalue_subject = '${other}'\n" + registry) ==
          "\"value_subject\": \"${other}\" is no subject of a registry; write its name, in which "
          "only ${topic} stands for something else\n");
    CHECK(
        problems("table = 't'\nvalue_columns = ['a']\ncolumns = { value = 'b' }\n") ==
        "\"value_columns\" stands beside columns.value: one of the two is the value; remove it\n");
}

TEST_CASE("outbox config: a topic may be put together from columns") {
    using Kind = TopicPiece::Kind;
    CHECK(outbox("table = 't'\ntopic = 'outbox.event.${aggregatetype}'\n").topic ==
          std::vector<TopicPiece>{{Kind::text, "outbox.event."}, {Kind::column, "aggregatetype"}});
    CHECK(outbox("table = 't'\ntopic = '${a}.${b}'\n").topic ==
          std::vector<TopicPiece>{{Kind::column, "a"}, {Kind::text, "."}, {Kind::column, "b"}});
    for (const char* wrong : {"", "a b", "${}", "a${b", "Ã¤"}) {
        CAPTURE(wrong);
        CHECK(problems("table = 't'\ntopic = '" + std::string(wrong) + "'\n")
                  .find("is not a name that Kafka takes") != std::string::npos);
    }
}

TEST_CASE("outbox config: what does not fit is said, with what would") {
    CHECK(problems("topic = 'x'\n") ==
          "[outbox.events] has no \"table\"; add table = \"public.outbox\"\n");
    CHECK(problems("table = 'a b'\n").find("is not a table's name") != std::string::npos);
    CHECK(problems("table = 't'\ntabel = 1\n") ==
          "unknown key \"tabel\"; did you mean \"table\"?\n");
    CHECK(problems("table = 't'\ncolumns = { id = '' }\n") ==
          "\"id\" must be a column: claims are kept by it\n");
    CHECK(problems("table = 't'\npoll = { busy = '1s', idle = '5ms' }\n") ==
          "\"idle\" is shorter than \"busy\"; raise it\n");
    CHECK(problems("table = 't'\ntopic = 'x'\ncolumns = { topic = 'y' }\n")
              .find("remove one of the two") != std::string::npos);
    CHECK(problems("table = 't'\n[outbox.more]\ntable = 't'\n")
              .find("has the same table as [outbox.events]") != std::string::npos);
}

TEST_CASE("outbox config: where marks are, nothing else is written") {
    const auto complains = [](const std::string& section, const std::string& of) {
        return problems("table = 't'\n" + section)
                   .find("keeps its marks in topic \"m\", which is also " + of) !=
               std::string::npos;
    };
    CHECK(complains("marks_topic = 'm'\ntopic = 'm'\n", "the topic of [outbox.events]"));
    CHECK(complains("topic = 'm'\n[outbox.more]\ntable = 'u'\nmarks_topic = 'm'\n",
                    "the topic of [outbox.events]"));
    CHECK(
        complains("marks_topic = 'm'\n[ingest.orders]\ntopic = 'o'\ntable = 'o'\n"
                  "receipts = { table = 't', topic = 'm' }\n",
                  "that of receipts of [ingest.orders]"));
    CHECK(problems("table = 't'\ntopic = 'sluice.${kind}'\n").empty());
    CHECK(problems("table = 't'\ntopic = 'm'\nmarks_topic = 'n'\n[outbox.more]\ntable = 'u'\n"
                   "marks_topic = 'n'\n")
              .empty());
}

TEST_CASE("outbox config: every setting counts for the revision") {
    const std::string plain = loaded("table = 't'\n").config.revision;
    for (const char* more :
         {"topic = 'x'", "order = 'x'", "batch = { rows = 1 }", "batch = { bytes = '1MiB' }",
          "poll = { busy = '6ms' }", "poll = { idle = '6s' }", "sweep = '6s'", "purge_wait = '6ms'",
          "marks_topic = 'x'", "on_refused = 'stop'", "on_mark_lost = 'resend'",
          "columns = { id = 'x' }", "columns = { topic = 'x' }", "columns = { partition = 'x' }",
          "columns = { key = '' }", "columns = { value = 'x' }", "columns = { headers = 'x' }",
          "columns = { timestamp = 'x' }", "headers = { x = 'y' }"}) {
        CAPTURE(more);
        CHECK(loaded("table = 't'\n" + std::string(more) + "\n").config.revision != plain);
    }
}

}  // namespace
}  // namespace sluice::config
