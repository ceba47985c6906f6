#include "pipeline/outbox/value_encoding.h"

#include "pipeline/errors.h"
#include "tests/unit/avro_bytes_setup.h"

#include <doctest/doctest.h>

#include <map>

using namespace sluice;
using namespace sluice::avro;
using namespace std::chrono_literals;

namespace {

struct FakeSubjects : SubjectSource {
    std::map<std::string, SubjectSchema> subjects;
    bool is_away = false;
    int asked = 0;

    std::optional<SubjectSchema> latest(const std::string& subject) override {
        ++asked;
        if (is_away) throw TroubleOfTheWorld("the registry is away");
        const auto found = subjects.find(subject);
        if (found == subjects.end()) return std::nullopt;
        return found->second;
    }
};

/// An outbox of Avro, and a batch of events for topics.
struct Stage {
    explicit Stage(ValueEncoding::Patience patience = {}) : encoding(outbox(), registry, patience) {
        registry->subjects["t-value"] = {
            7, 1, {schemas::SchemaType::avro, one_field(R"("int")"), {}}};
    }
    static config::Outbox outbox() {
        config::Outbox outbox;
        outbox.value_format = config::ValueFormat::avro;
        return outbox;
    }
    OutboxEvent& add(std::optional<std::string_view> value, std::string_view topic = "t") {
        OutboxEvent& event = batch.add();
        event.topic = topic;
        event.value = value;
        return event;
    }
    std::string refusals() {
        std::string all;
        for (const Refusal& refusal : encoding.encode(batch)) {
            CHECK(refusal.reason == RefusalReason::bad_value);
            CHECK(batch.events()[refusal.event].refused);
            all += std::to_string(refusal.event) + " " + refusal.detail + "\n";
        }
        return all;
    }
    std::string sent(std::size_t event) {
        return std::string(batch.events()[event].message().value.value_or("NULL"));
    }

    std::shared_ptr<FakeSubjects> registry = std::make_shared<FakeSubjects>();
    ValueEncoding encoding;
    EventBatch batch;
};

}  // namespace

TEST_CASE(
    "value encoding: what fits is sent by its schema, what does not is refused as the row has it") {
    Stage stage;
    stage.add(R"({"f":3})");
    stage.add(R"({"f":"x"})");
    stage.add(std::nullopt);
    stage.add(R"({"f":"y"})").refused = true;
    CHECK(stage.refusals() ==
          "1 value: field \"/f\": \"x\" is not a number (int); by t-value, version 1\n");
    CHECK(stage.sent(0) == raw("\0\0\0\0\7\6"));
    CHECK(stage.batch.events()[0].value == R"({"f":3})");
    CHECK(stage.sent(1) == R"({"f":"x"})");
    CHECK(stage.sent(2) == "NULL");
    CHECK(stage.registry->asked == 1);
}

TEST_CASE("value encoding: before an event is refused, a newer version is looked for") {
    Stage stage({1h, -1ms});
    stage.add(R"({"f":3})");
    CHECK(stage.refusals().empty());
    stage.registry->subjects["t-value"] = {
        8, 2, {schemas::SchemaType::avro, one_field(R"(["int","string"])"), {}}};
    stage.add(R"({"f":"x"})");
    CHECK(stage.refusals().empty());
    CHECK(stage.sent(1) == raw("\0\0\0\0\x8\2\2x"));
    stage.registry->is_away = true;
    stage.add(R"({"f":true})");
    CHECK_THROWS_AS(static_cast<void>(stage.encoding.encode(stage.batch)), TroubleOfTheWorld);
}

TEST_CASE("value encoding: a registry that goes away later holds nothing up") {
    Stage stage({-1ms, 1h});
    stage.add(R"({"f":3})");
    CHECK(stage.refusals().empty());
    stage.registry->is_away = true;
    CHECK(stage.refusals().empty());
    CHECK(stage.registry->asked == 2);
}

TEST_CASE("value encoding: a registry that does not answer is asked once, not for each subject") {
    Stage stage({-1ms, 1h, 1h});
    for (const char* topic : {"t", "u", "v"}) {
        stage.registry->subjects[std::string(topic) + "-value"] =
            stage.registry->subjects["t-value"];
        stage.add(R"({"f":3})", topic);
    }
    CHECK(stage.refusals().empty());
    stage.registry->is_away = true;
    stage.registry->asked = 0;
    for (int round = 0; round < 3; ++round) CHECK(stage.refusals().empty());
    CHECK(stage.registry->asked == 1);
}

TEST_CASE("value encoding: without the schema nothing is refused, and a wrong one is told") {
    Stage stage;
    stage.add(R"({"f":3})", "other");
    CHECK_THROWS_WITH_AS(static_cast<void>(stage.encoding.encode(stage.batch)),
                         "the registry has no subject \"other-value\", whose schema values are to "
                         "be written by; register one, or name another with value_subject",
                         TroubleOfTheWorld);
    CHECK_FALSE(stage.batch.events()[0].refused);
    stage.registry->subjects["other-value"] = {9, 3, {schemas::SchemaType::json, "{}", {}}};
    CHECK_THROWS_WITH_AS(static_cast<void>(stage.encoding.encode(stage.batch)),
                         "other-value, version 3 of the registry is no schema of value_format = "
                         "\"avro\"",
                         WrongConfiguration);
}
